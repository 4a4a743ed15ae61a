"""The suites for what our memory keeps for people: quarantine, conflicts, history.

They are used as those in `tracbridge.testing.ports`.
"""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tracbridge.domain.errors import Reason
from tracbridge.domain.link import Claim
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import (
    AGREED,
    PERSON,
    Conflict,
    Entry,
    Good,
    QuarantineCase,
    Resolution,
    next_id,
)
from tracbridge.testing.ports import AT, FIELDS, TEXT, Memory, OnMemory, Stores


def case(
    stores: Stores, id_: str = "q1", ref: str | None = "1", **changes: object
) -> QuarantineCase:
    """A refused record."""
    why = Reason("type", "/summary", "7", "is not a text.", "Send it in quotes.")
    made = QuarantineCase(
        id_, stores.connection, Side.CUSTOMER, f"{id_}.json", why, "v1", AT, ref, raw=b"\xff{"
    )
    return replace(made, **changes)


class QuarantineContract(OnMemory):
    """Refused records with their bytes."""

    async def test_a_case_is_kept_with_its_bytes(self, kept: Memory) -> None:
        one = case(kept.mine, claim=Claim(3, 2))
        two = case(
            kept.mine, "q2", ref=None, file="/q/2026-03-20/x.json", raw=b"", side=Side.TRACOS
        )
        await kept.mine.quarantine.put([one, two])
        assert [await kept.eyes.case("q1"), await kept.eyes.case("q2")] == [one, two]

    async def test_a_case_that_is_there_stays_as_it_is(self, kept: Memory) -> None:
        first = case(kept.mine)
        await kept.mine.quarantine.put([first])
        later = replace(first, at=AT + timedelta(days=1), raw=b"other")
        await kept.mine.quarantine.put([later, case(kept.mine, "q2")])
        assert await kept.eyes.case("q1") == first
        assert await kept.eyes.case("q2") is not None

    async def test_nothing_to_put_is_nothing(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([])
        assert await kept.mine.quarantine.known([]) == set()

    async def test_open_cases_are_known(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([case(kept.mine)])
        assert await kept.mine.quarantine.known(["q1", "q2"]) == {"q1"}

    async def test_whether_anything_is_open_is_known(self, kept: Memory) -> None:
        assert await kept.mine.quarantine.waiting() == 0
        await kept.mine.quarantine.put([case(kept.mine)])
        assert await kept.mine.quarantine.waiting() > 0
        assert await kept.other.quarantine.waiting() == 0

    async def test_a_closed_case_is_not_known_as_open(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([case(kept.mine)])
        await kept.mine.quarantine.settle(Good({"1": None}), Side.CUSTOMER, AT)
        assert await kept.mine.quarantine.known(["q1"]) == set()
        assert await kept.mine.quarantine.waiting() == 0

    async def test_a_good_version_closes_the_cases_of_its_order(self, kept: Memory) -> None:
        cases = [case(kept.mine), case(kept.mine, "q2", "1"), case(kept.mine, "q3", "2")]
        await kept.mine.quarantine.put(cases)
        assert await kept.mine.quarantine.settle(Good({"1": None}), Side.CUSTOMER, AT) == 2
        assert [await self.state(kept, c.id) for c in cases] == ["closed", "closed", "open"]

    async def test_a_good_version_closes_the_cases_of_its_source(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([case(kept.mine, ref=None), case(kept.mine, "q2", None)])
        assert (
            await kept.mine.quarantine.settle(Good({}, {"q1.json": None}), Side.CUSTOMER, AT) == 1
        )
        assert [await self.state(kept, i) for i in ("q1", "q2")] == ["closed", "open"]

    async def test_closing_twice_counts_once(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([case(kept.mine)])
        await kept.mine.quarantine.settle(Good({"1": None}, {"q1.json": None}), Side.CUSTOMER, AT)
        assert (
            await kept.mine.quarantine.settle(
                Good({"1": None}, {"q1.json": None}), Side.CUSTOMER, AT
            )
            == 0
        )

    async def test_cases_of_the_other_side_and_connection_stay_open(self, kept: Memory) -> None:
        await kept.mine.quarantine.put([case(kept.mine, side=Side.TRACOS)])
        await kept.other.quarantine.put([case(kept.other, "q2")])
        assert (
            await kept.mine.quarantine.settle(
                Good({"1": None}, {"q2.json": None}), Side.CUSTOMER, AT
            )
            == 0
        )

    async def state(self, kept: Memory, id_: str) -> str:
        found = await kept.eyes.case(id_)
        return found.state if found else "absent"


def conflict(stores: Stores, id_: str = "c1", ref: str = "1", **changes: object) -> Conflict:
    """Two fields that wait for a person."""
    made = Conflict(
        id=id_,
        connection=stores.connection,
        ref=ref,
        kind=Kind.CLASH,
        at=AT,
        base={"status": "pending", "description": None},
        tracos={"status": "completed", "description": TEXT},
        customer={"status": "cancelled", "description": "Pump"},
        taken={"status": None, "description": None},
        decided=None,
        source="1.json",
        tracos_at=AT,
        customer_at=AT + timedelta(minutes=1),
        created_at=AT - timedelta(days=9),
    )
    return replace(made, **changes)


BOTH = Resolution(AT, {"status": "cancelled", "description": "Pump"}, Side.CUSTOMER, "ana", TEXT)
STATUS = Resolution(AT, {"status": "completed"}, Side.TRACOS, "ben")


class ConflictsContract(OnMemory):
    """Disagreements, decided or waiting."""

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_a_conflict_is_kept_with_all_values(self, kept: Memory, kind: Kind) -> None:
        taken = {"status": Side.TRACOS, "description": Side.CUSTOMER}
        one = conflict(kept.mine, kind=kind, taken=taken, decided="newest")
        await kept.mine.conflicts.put([one, conflict(kept.mine, "c2")])
        assert await kept.eyes.conflict("c1") == one
        assert await kept.eyes.conflict("c2") == conflict(kept.mine, "c2")

    async def test_a_conflict_that_is_there_stays_as_it_is(self, kept: Memory) -> None:
        decided = conflict(
            kept.mine, decided="newest", taken=dict.fromkeys(("status",), Side.TRACOS)
        )
        await kept.mine.conflicts.put([decided])
        await kept.mine.conflicts.put([replace(decided, decided="tracos")])
        assert await self.decided(kept, "c1") == ["newest"]

    async def test_a_conflict_that_comes_back_is_stored_beside_the_decided_one(
        self, kept: Memory
    ) -> None:
        await kept.mine.conflicts.put([conflict(kept.mine)])
        await kept.mine.conflicts.decide(conflict(kept.mine), BOTH)
        for _ in range(2):
            await kept.mine.conflicts.put([conflict(kept.mine)])
        assert await self.decided(kept, "c1", next_id("c1", BOTH.at)) == [PERSON, None]

    async def test_nothing_to_put_is_nothing(self, kept: Memory) -> None:
        await kept.mine.conflicts.put([])

    async def test_a_release_decides_what_waits_for_these_fields(self, kept: Memory) -> None:
        waiting = conflict(kept.mine, "c2", taken={"description": None})
        await kept.mine.conflicts.put([conflict(kept.mine, taken={"status": None}), waiting])
        await kept.mine.conflicts.release("1", replace(STATUS, by=AGREED))
        assert await self.decided(kept, "c1", "c2") == [AGREED, None]

    async def test_the_other_fields_of_a_conflict_go_on_waiting(self, kept: Memory) -> None:
        await kept.mine.conflicts.put([conflict(kept.mine), conflict(kept.mine, "c2", "2")])
        await kept.mine.conflicts.decide(conflict(kept.mine), STATUS)
        await kept.mine.conflicts.release("2", replace(STATUS, by=AGREED))
        for id_ in ("c1", "c2"):
            found = await kept.eyes.conflict(id_)
            assert found is not None
            assert (found.decided, found.waiting) == (None, ["description"])
        await kept.mine.conflicts.decide(
            conflict(kept.mine), replace(BOTH, values={"description": "Pump"})
        )
        assert await self.decided(kept, "c1", "c2") == [PERSON, None]

    async def test_a_decision_holds_for_all_that_waits_about_its_fields(self, kept: Memory) -> None:
        decided = conflict(kept.mine, taken={"status": Side.TRACOS}, decided="newest")
        others = [conflict(kept.mine, "c2", taken={"status": None}), conflict(kept.mine, "c3")]
        await kept.mine.conflicts.put([decided, *others])
        await kept.mine.conflicts.decide(decided, STATUS)
        assert await self.decided(kept, "c1", "c2", "c3") == [PERSON, PERSON, None]

    async def test_each_resolution_is_kept_and_the_last_one_stands(self, kept: Memory) -> None:
        await kept.mine.conflicts.put([conflict(kept.mine), conflict(kept.mine, "c2", "2")])
        for resolution in (BOTH, STATUS):
            await kept.mine.conflicts.decide(conflict(kept.mine), resolution)
        found = await kept.eyes.conflict("c1")
        assert found is not None
        assert found.resolutions == (BOTH, STATUS)
        assert found.taken == {"status": Side.TRACOS, "description": Side.CUSTOMER}
        assert found.resolution("status") == STATUS
        assert found.resolution("description") == BOTH
        assert await self.decided(kept, "c1", "c2") == [PERSON, None]

    async def test_a_release_touches_no_other_order(self, kept: Memory) -> None:
        await kept.mine.conflicts.put([conflict(kept.mine), conflict(kept.mine, "c2", "2")])
        await kept.other.conflicts.put([conflict(kept.other, "c3")])
        await kept.mine.conflicts.release("1", replace(BOTH, by=AGREED))
        assert await self.decided(kept, "c1", "c2", "c3") == [AGREED, None, None]

    async def test_what_a_policy_decided_stays_decided_by_it(self, kept: Memory) -> None:
        taken = dict.fromkeys(("status", "description"), Side.TRACOS)
        await kept.mine.conflicts.put([conflict(kept.mine, taken=taken, decided="newest")])
        await kept.mine.conflicts.release("1", replace(STATUS, by=AGREED))
        assert await self.decided(kept, "c1") == ["newest"]

    async def decided(self, kept: Memory, *ids: str) -> list[str | None]:
        found = [await kept.eyes.conflict(id_) for id_ in ids]
        return [one.decided if one else "absent" for one in found]


def entry(stores: Stores, id_: str = "h1", ref: str = "1", **changes: object) -> Entry:
    """One change in TracOS."""
    before, after = {"status": "pending"}, {"status": "completed"}
    made = Entry(
        id_, stores.connection, ref, 1, Side.TRACOS, AT, "run-1", before, after, {"by": "x"}
    )
    return replace(made, **changes)


class HistoryContract(OnMemory):
    """What was done to each order, and why."""

    async def test_an_entry_without_known_effect_is_found_by_its_number(self, kept: Memory) -> None:
        made = entry(kept.mine, number=3, before=None, after=FIELDS, why={"by": {"due": "new"}})
        await kept.mine.history.put([made, entry(kept.mine, "h2", "2", number=9)])
        assert await kept.mine.history.pending({"1": 3, "2": 8, "5": 1}) == {"1": made}

    async def test_the_last_of_several_entries_counts(self, kept: Memory) -> None:
        later = entry(kept.mine, "h0", at=AT + timedelta(seconds=1), after={"status": "on_hold"})
        await kept.mine.history.put([later, entry(kept.mine)])
        assert await kept.mine.history.pending({"1": 1}) == {"1": later}

    async def test_entries_of_the_other_side_and_connection_do_not_count(
        self, kept: Memory
    ) -> None:
        await kept.mine.history.put([entry(kept.mine, side=Side.CUSTOMER)])
        await kept.other.history.put([entry(kept.other, "h2")])
        assert await kept.mine.history.pending({"1": 1}) == {}

    async def test_an_entry_that_is_there_stays_as_it_is(self, kept: Memory) -> None:
        first = entry(kept.mine)
        await kept.mine.history.put([first])
        await kept.mine.history.put([replace(first, run="run-2"), entry(kept.mine, "h2", "2")])
        assert await kept.mine.history.pending({"1": 1}) == {"1": first}
        assert "2" in await kept.mine.history.pending({"2": 1})

    async def test_another_change_in_the_place_of_one_that_perhaps_happened_is_not_stored(
        self, kept: Memory
    ) -> None:
        first, other = entry(kept.mine), entry(kept.mine, after={"status": "on_hold"})
        assert await kept.mine.history.put([first]) == set()
        assert await kept.mine.history.put([other, entry(kept.mine, "h2", "2")]) == {"h1"}
        assert await kept.mine.history.pending({"1": 1}) == {"1": first}
        assert "2" in await kept.mine.history.pending({"2": 1})

    async def test_another_change_takes_the_place_of_one_that_did_not_happen(
        self, kept: Memory
    ) -> None:
        other = entry(kept.mine, before=None, after={"status": "on_hold"}, run="run-2")
        await kept.mine.history.put([entry(kept.mine)])
        await kept.mine.history.supersede(["h1"])
        assert await kept.mine.history.put([other]) == set()
        assert await kept.mine.history.pending({"1": 1}) == {"1": other}

    async def test_tried_once_more_it_is_known_what_it_was_tried_on(self, kept: Memory) -> None:
        await kept.mine.history.put([entry(kept.mine, before_at=AT)])
        again = entry(kept.mine, before_at=AT + timedelta(seconds=5))
        await kept.mine.history.put([again])
        assert await kept.mine.history.pending({"1": 1}) == {"1": again}

    async def test_an_effect_that_did_not_happen_is_marked(self, kept: Memory) -> None:
        await kept.mine.history.put([entry(kept.mine), entry(kept.mine, "h2", "2")])
        await kept.mine.history.supersede(["h1", "unknown"])
        assert [await kept.eyes.is_superseded(i) for i in ("h1", "h2")] == [True, False]
        assert await kept.mine.history.pending({"1": 1}) == {}

    async def test_an_effect_that_is_tried_once_more_counts_again(self, kept: Memory) -> None:
        await kept.mine.history.put([entry(kept.mine), entry(kept.mine, "h2", "2")])
        await kept.mine.history.supersede(["h1", "h2"])
        await kept.mine.history.put([entry(kept.mine)])
        assert [await kept.eyes.is_superseded(i) for i in ("h1", "h2")] == [False, True]

    async def test_nothing_to_do_is_nothing(self, kept: Memory) -> None:
        await kept.mine.history.put([])
        await kept.mine.history.supersede([])
        assert await kept.mine.history.pending({}) == {}
