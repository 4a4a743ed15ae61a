"""A text of a test order is changed at the customer's as a pass would do it, and put back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.mappings import mapping
from tracbridge.adapters.connectors.memory import MemoryConnector, MemorySettings, MemorySystem
from tracbridge.domain.errors import (
    BusyError,
    RecordError,
    RetryableError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.trial import LOOKS, MARK, Trial, changed
from tracbridge.ports.connector import Receipt, Record, Refusal, Write
from tracbridge.ports.place import Place
from tracbridge.ports.runtime import Finding
from tracbridge.simulation import memory
from tracbridge.simulation.processes import Process, Silence, Time, Trouble, in_turn
from tracbridge.simulation.tracos import Collection, MemoryTracos
from tracbridge.sync.fields import Rule
from tracbridge.sync.policy import Policies

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
LINES: dict[str, Any] = {
    "mapping": "plant",
    "key": {"path": "id"},
    "updated": {"path": "changed", "only": "read"},
    "fields": {
        "title": {"path": "name"},
        "description": {"path": "text", "html": True},
        "status": {
            "path": "state",
            "values": {
                "N": "pending",
                "A": "in_progress",
                "H": "on_hold",
                "C": "completed",
                "X": "cancelled",
            },
        },
        "ext.crew": {"path": "crew", "tracos": "crew"},
    },
}
RECORD: dict[str, Any] = {
    "id": 7,
    "name": "Grease the bearing of pump P-101",
    "text": "Noisy &amp; <b>hot</b>",
    "state": "N",
    "crew": "night",
    "changed": AT.isoformat(),
    "etag": "e1",
}
BETWEEN = f"Grease the bearing {MARK}"


class Alone(Process):
    """The only process: it never waits for another."""

    async def turn(self) -> Trouble | None:
        return None


@dataclass
class Habits:
    """What the customer's system does."""

    answers: list[Refusal | None] = field(default_factory=list)
    """What it says to the next writes instead of taking them, None to take one."""
    late: int = 0
    """How many looks show the record as it was before."""
    trims: int = 1_000
    """It keeps so many characters of a name, and says nothing."""
    also: Mapping[str, Any] = field(default_factory=dict)
    """What else changes with each write."""
    pads: int = 0
    """It fills names up with blanks when they are written."""
    deaf: bool = False
    """It says that it has taken a write, and has not, from the second one on."""


class Erp(MemoryConnector):
    """A customer's system with habits."""

    habits = Habits()
    writes = 0

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        self.writes += 1
        answer = self.habits.answers.pop(0) if self.habits.answers else None
        if answer is not None:
            if isinstance(answer, UnknownOutcomeError):
                await super().write(writes)
            return [answer]
        if self.habits.deaf and self.writes > 1:
            return [Receipt("7", str(len(self.system.versions)))]
        said = await super().write([self._kept(write) for write in writes])
        if self.habits.also:
            self.system.put("7", {**(self.shown.body or {}), **self.habits.also})
        return said

    def _kept(self, write: Write) -> Write:
        body = dict(write.body or {})
        kept = str(body.get("name", ""))[: self.habits.trims].rstrip().ljust(self.habits.pads)
        return replace(write, body={**body, "name": kept} if "name" in body else body)

    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        if self.habits.late and self.writes:
            self.habits.late -= 1
            return [self.system.versions[0]]
        return await super().reread(records)

    @property
    def shown(self) -> Record:
        found = self.system.get("7")
        assert found is not None
        return found


@dataclass
class World:
    """Both sides and what we remember."""

    erp: Erp
    collection: Collection
    state: memory.State
    connection: Connection
    waits: int = 0

    async def run(self) -> Tally:
        await self.connection.lease.take()
        tally = Tally("run")
        await cycle(self.connection, tally, list(Side))
        await self.connection.lease.release()
        return tally

    async def tried(self, ref: str = "7") -> dict[str, Finding]:
        await self.connection.lease.take()
        self.trial = Trial(self.connection, ref, "trial", "Ana", self.wait)
        found = [finding async for finding in self.trial()]
        await self.connection.lease.release()
        return {one.name: one for one in found}

    async def wait(self) -> None:
        self.waits += 1

    @property
    def link(self) -> Link:
        return self.state.links["7"]

    @property
    def document(self) -> Mapping[str, Any]:
        return self.collection.documents[7]

    async def rests(self) -> None:
        """A pass writes nothing on either side."""
        versions, document = len(self.erp.system.versions), dict(self.document)
        await self.run()
        assert len(self.erp.system.versions) == versions
        assert self.document == document


async def world(
    record: Mapping[str, Any] = RECORD,
    lines: Mapping[str, Any] = LINES,
    rules: Mapping[str, Rule] | None = None,
) -> World:
    """An order that both sides hold."""
    time = Time(AT)
    process, state, collection, silence = Alone(time), memory.State(), Collection(), Silence()
    lease = memory.MemoryLease(state, process)
    place = Place("plant", Path(), None, time.now)
    erp = Erp.over(MemorySystem(), MemorySettings(), place)
    erp.habits = Habits()
    erp.system.put("7", dict(record))
    translation = mapping(dict(lines))
    folds = {name: Rule(fold=fold) for name, fold in translation.lossy.items()}
    connection = Connection(
        name="plant",
        customer=erp,
        tracos=MemoryTracos(collection, process),
        translation=translation,
        policies=Policies(receipts=False, rules={**folds, **(rules or {})}),
        ledger=memory.MemoryLedger(state, process, lease),
        passes=memory.MemoryPasses(state, process),
        quarantine=memory.MemoryQuarantine(state, process),
        conflicts=memory.MemoryConflicts(state, process),
        history=memory.MemoryHistory(state, process),
        lease=lease,
        clock=time,
        steps=silence,
        observer=silence,
        together=in_turn,
    )
    made = World(erp, collection, state, connection)
    await made.run()
    await made.rests()
    return made


def wrong(found: Mapping[str, Finding]) -> list[str]:
    return [name for name, one in found.items() if not one.ok]


STEPS = ["order", "write", "read back", "restore", "as before"]


async def test_each_step_is_told_and_everything_is_as_before() -> None:
    plant = await world()
    link, document = plant.link, plant.document
    found = await plant.tried()
    assert list(found) == STEPS
    assert wrong(found) == []
    assert plant.erp.shown.body == RECORD
    assert len(plant.erp.system.versions) == 3
    assert plant.document == document
    version = plant.erp.shown.version
    moved = {name: getattr(plant.link, name) for name in ("rev", "seq", "fence", "theirs")}
    assert plant.link == replace(link, **moved)
    assert plant.link.theirs is not None
    assert plant.link.theirs.version == version
    assert plant.trial.left == ""
    await plant.rests()


async def test_the_text_in_between_carries_our_mark_and_is_not_longer() -> None:
    plant = await world()
    await plant.tried()
    between = plant.erp.system.versions[1].body or {}
    assert between["name"] == BETWEEN
    assert {n for n in RECORD if RECORD[n] != between[n]} == {"name"}


async def test_a_text_that_could_not_be_put_back_exactly_is_left_alone() -> None:
    lines = {**LINES, "fields": {**LINES["fields"], "title": None}}
    lines["fields"] = {n: line for n, line in lines["fields"].items() if line}
    plant = await world(lines=lines)
    found = await plant.tried()
    assert found["write"].text.startswith("ext.crew"), "not the HTML with its bold word"
    assert plant.erp.shown.body == RECORD


async def test_a_field_that_is_the_customers_alone_is_left_alone() -> None:
    plant = await world(rules={"title": Rule(into=frozenset({Side.TRACOS}))})
    found = await plant.tried()
    assert found["write"].text.startswith("ext.crew")


async def test_without_any_such_text_nothing_is_written() -> None:
    lines = {**LINES, "fields": {n: LINES["fields"][n] for n in ("status", "description")}}
    plant = await world(lines=lines)
    found = await plant.tried()
    assert wrong(found) == ["order"]
    assert "no text that we may change and put back exactly" in found["order"].text
    assert plant.erp.writes == 0


async def test_of_a_text_that_he_cuts_the_whole_stays_with_us() -> None:
    fields = {**LINES["fields"], "title": {"path": "name", "limit": 40}}
    plant = await world(lines={**LINES, "fields": fields})
    long = "Grease the bearing of pump P-101 at the north gate, and look at the seal"
    plant.collection.set(7, {"title": long, "updatedAt": AT, "isSynced": False})
    await plant.run()
    before = plant.erp.shown.body
    assert (before or {})["name"] == long[:40].rstrip()
    assert wrong(await plant.tried()) == []
    assert plant.erp.shown.body == before
    assert (plant.link.base or {})["title"] == long
    await plant.rests()


async def test_a_record_that_shows_the_write_later_is_looked_at_again() -> None:
    plant = await world()
    plant.erp.habits = Habits(late=LOOKS - 1)
    assert wrong(await plant.tried()) == []
    assert plant.waits == LOOKS - 1


async def test_a_write_that_never_shows_is_told_with_both_values_and_still_put_back() -> None:
    plant = await world()
    plant.erp.habits = Habits(late=LOOKS)
    found = await plant.tried()
    assert wrong(found) == ["read back"]
    assert f'not "{BETWEEN}"' in found["read back"].text
    assert plant.erp.shown.body == RECORD
    await plant.rests()


async def test_what_his_system_makes_of_a_text_is_told() -> None:
    plant = await world()
    plant.erp.habits = Habits(trims=30)
    found = await plant.tried()
    assert wrong(found) == ["read back", "as before"]
    assert "name" not in found["read back"].text
    assert '"Grease the bearing of pump P-1", not' in found["as before"].text


async def test_what_else_changes_with_the_write_is_named() -> None:
    plant = await world()
    plant.erp.habits = Habits(also={"crew": "day"})
    found = await plant.tried()
    assert wrong(found) == ["read back", "as before"]
    assert found["read back"].text.startswith("ext.crew changed with it")
    assert found["as before"].text == "ext.crew changed with title, which is as before"
    await plant.run()
    assert plant.document["crew"] == "day", "an edit of his, whatever made it"
    assert plant.document["title"] == RECORD["name"]


async def test_another_spelling_of_the_same_text_is_told() -> None:
    fields = {**LINES["fields"], "title": {"path": "name", "pad": 0}}
    plant = await world(lines={**LINES, "fields": fields})
    plant.erp.habits = Habits(pads=60)
    found = await plant.tried()
    assert wrong(found) == ["as before"]
    assert found["as before"].text == "name changed with title, which is as before"


async def test_a_record_that_moves_on_after_each_write_is_put_back_in_one_more() -> None:
    plant = await world()
    plant.erp.habits = Habits(also={"etag": "e2"})
    assert wrong(await plant.tried()) == []
    assert plant.erp.writes == 2
    assert '"etag":"e2"' in plant.link.extra
    await plant.rests()


async def test_it_may_be_tried_again_and_again() -> None:
    plant = await world()
    for _ in range(3):
        assert wrong(await plant.tried()) == []
    assert len(plant.erp.system.versions) == 7


@pytest.mark.parametrize(
    "answer",
    [
        RecordError("business", "is closed."),
        StaleWriteError("was changed."),
        BusyError("is open at Ana's."),
        RetryableError("is away."),
    ],
)
async def test_a_write_that_is_not_taken_leaves_nothing(answer: Refusal) -> None:
    plant = await world()
    link = plant.link
    plant.erp.habits = Habits(answers=[answer])
    found = await plant.tried()
    assert wrong(found) == ["write"]
    assert str(answer) in found["write"].text
    assert "instead of" not in found["write"].text
    assert (plant.link.base, plant.link.out, plant.link.repush) == (link.base, None, False)
    assert plant.link.refused is None
    (entry,) = [one for one in plant.state.entries.values() if one.run == "trial"]
    assert entry.id in plant.state.superseded, "on record as without effect"
    await plant.rests()
    assert wrong(await plant.tried()) == []


@pytest.mark.parametrize("nth", [1, 2])
async def test_an_unknown_outcome_is_owed_until_the_next_pass_has_put_it_right(nth: int) -> None:
    plant = await world()
    lost: list[Any] = [None] * (nth - 1) + [UnknownOutcomeError("no answer came.")]
    plant.erp.habits = Habits(answers=lost)
    found = await plant.tried()
    assert wrong(found) == [["write"], ["restore"]][nth - 1]
    assert f'"{BETWEEN}" instead of "{RECORD["name"]}"' in plant.trial.left
    document = {n: v for n, v in plant.document.items() if n != "syncedAt"}
    await plant.run()
    assert plant.erp.shown.body == RECORD
    assert {n: v for n, v in plant.document.items() if n != "syncedAt"} == document
    await plant.rests()


@pytest.mark.parametrize("answer", [BusyError("is open at Ana's."), RetryableError("is away.")])
async def test_what_cannot_be_put_back_is_said_and_put_back_by_the_next_pass(
    answer: Refusal,
) -> None:
    plant = await world()
    plant.erp.habits = Habits(answers=[None, answer])
    found = await plant.tried()
    assert wrong(found) == ["restore"]
    assert f'"{BETWEEN}" instead of "{RECORD["name"]}"' in found["restore"].text
    assert plant.link.repush
    await plant.run()
    assert plant.erp.shown.body == RECORD
    assert plant.document["title"] == RECORD["name"]
    await plant.rests()


async def test_a_system_that_only_says_that_it_has_put_it_back_is_found_out() -> None:
    plant = await world()
    plant.erp.habits = Habits(deaf=True)
    found = await plant.tried()
    assert wrong(found) == ["as before"]
    assert f'"{BETWEEN}" instead of' in found["as before"].text
    plant.erp.habits = Habits()
    await plant.run()
    assert plant.erp.shown.body == RECORD
    assert plant.document["title"] == RECORD["name"]


async def test_an_order_on_its_way_or_waiting_for_a_person_is_left_alone() -> None:
    plant = await world()
    link = plant.link
    for changes, words in (
        ({"repush": True}, "is on its way"),
        ({"missing": True}, "waits for a person"),
    ):
        plant.state.links["7"] = replace(link, **changes)
        found = await plant.tried()
        assert words in found["order"].text
    assert plant.erp.writes == 0


async def test_a_record_of_another_order_is_never_written() -> None:
    plant = await world()
    plant.erp.system.put("7", {**RECORD, "id": 8})
    found = await plant.tried()
    assert found["order"].text == "his system shows 8 where order 7 was expected."
    assert plant.erp.writes == 0


@given(st.text(max_size=80))
def test_a_changed_text_is_another_one_and_hardly_longer(old: str) -> None:
    for new in changed(old):
        assert new != old
        assert MARK in new
        assert len(new) <= max(len(old), len(MARK))


def test_a_text_with_our_mark_in_it_is_left_alone() -> None:
    assert list(changed(f"Grease {MARK}")) == []
