"""The parts of the connector contract that hold where a capability is implemented."""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracbridge.ports.connector import Marks
from tracbridge.sdk import (
    Acknowledges,
    ConfigError,
    Exclusive,
    Fate,
    Fetches,
    Receipt,
    SetsAside,
    Shows,
    Staged,
    Stages,
    Stamps,
)
from tracbridge.testing.hands import Reader
from tracbridge.testing.rig import SECOND, Bench, OnRig, capable, drain, records


class FetchingContract(OnRig):
    """`Fetches`: single records."""

    async def test_a_record_can_be_fetched_by_its_ref(self, bench: Bench) -> None:
        fetches = capable(bench.connector, Fetches)
        ref = await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        found = await fetches.fetch([ref, self.ref(777)])
        assert list(found) == [ref]
        assert [self.plain(record.body or {}) for record in found[ref]] == [self.body(1)]

    async def test_a_fetched_record_is_as_it_is_now(self, bench: Bench) -> None:
        fetches = capable(bench.connector, Fetches)
        ref = await bench.hands.plant(self.body(1))
        await self.settle(bench.connector, await drain(bench.connector))
        await bench.hands.plant(self.body(1, "newer"))
        (record,) = (await fetches.fetch([ref]))[ref]
        assert self.plain(record.body or {}) == self.body(1, "newer")

    async def test_fetching_nothing_finds_nothing(self, bench: Bench) -> None:
        assert dict(await capable(bench.connector, Fetches).fetch([])) == {}


class StagingContract(OnRig):
    """`Stages`: prepared durably, shown by one step each."""

    async def test_a_staged_version_is_invisible(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        assert await stages.stage([self.write_of(1)]) == [Staged("key-1", over=False)]
        assert await self.held(bench) == []

    async def test_a_published_version_is_there_whole(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        await stages.stage([self.write_of(1), self.write_of(2)])
        answers = await stages.publish([self.shown_of(2), self.shown_of(1)])
        assert [type(answer) for answer in answers] == [Receipt, Receipt]
        assert await self.held(bench) == self.sorted(self.body(1), self.body(2))

    async def test_staging_twice_is_harmless(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        await stages.stage([self.write_of(1)])
        await stages.stage([self.write_of(1)])
        await stages.publish([self.shown_of(1)])
        assert await self.held(bench) == [self.body(1)]

    async def test_what_was_staged_can_be_published_after_a_restart(self, bench: Bench) -> None:
        await capable(bench.connector, Stages).stage([self.write_of(1)])
        after = capable(await bench.restarted(), Stages)
        (answer,) = await after.publish([self.shown_of(1)])
        assert isinstance(answer, Receipt)
        assert await self.held(bench) == [self.body(1)]

    async def test_a_version_that_is_not_staged_any_more_was_published(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        await stages.stage([self.write_of(1)])
        first = await stages.publish([self.shown_of(1)])
        again = await capable(await bench.restarted(), Stages).publish([self.shown_of(1)])
        assert list(again) == list(first)
        assert await self.held(bench) == [self.body(1)]

    async def test_what_the_other_company_took_does_not_come_back(self, bench: Bench) -> None:
        stages, reader = capable(bench.connector, Stages), reader_of(bench)
        await stages.stage([self.write_of(1)])
        await stages.publish([self.shown_of(1)])
        await reader.take(self.ref(1))
        await capable(await bench.restarted(), Stages).publish([self.shown_of(1)])
        assert await self.held(bench) == []

    async def test_a_version_over_an_unread_one_says_so(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        if not bench.connector.traits.supersedes:
            pytest.skip("one version at a time")
        await stages.stage([self.write_of(1)])
        await stages.publish([self.shown_of(1)])
        newer = [self.write_of(1, "newer", key="key-9")]
        assert await stages.stage(newer) == [Staged("key-9", over=True)]
        await stages.publish([self.shown_of(1, "newer", key="key-9")])
        assert await self.held(bench) == [self.body(1, "newer")]

    async def test_sweeping_removes_only_what_was_never_announced(self, bench: Bench) -> None:
        stages = capable(bench.connector, Stages)
        await stages.stage([self.write_of(1), self.write_of(2)])
        await stages.publish([self.shown_of(1)])
        assert await capable(await bench.restarted(), Stages).sweep() == 1
        assert await stages.sweep() == 0
        assert await self.held(bench) == [self.body(1)]


class AcknowledgingContract(OnRig):
    """`Acknowledges`: what became of our versions."""

    async def test_an_unread_version_is_waiting(self, bench: Bench) -> None:
        acknowledges = capable(bench.connector, Acknowledges)
        await bench.connector.write([self.write_of(1)])
        fates = await acknowledges.fates([self.ref(1)])
        assert dict(fates) == {self.ref(1): (Fate.WAITING, "")}

    async def test_a_taken_version_is_known_as_taken(self, bench: Bench) -> None:
        acknowledges, reader = capable(bench.connector, Acknowledges), reader_of(bench)
        await bench.connector.write([self.write_of(1), self.write_of(2)])
        await reader.take(self.ref(2))
        fates = await acknowledges.fates([self.ref(1), self.ref(2)])
        assert fates[self.ref(1)][0] is Fate.WAITING
        assert fates[self.ref(2)][0] in (Fate.TAKEN, Fate.ACKNOWLEDGED)

    async def test_a_refusal_carries_the_words(self, bench: Bench) -> None:
        acknowledges, reader = capable(bench.connector, Acknowledges), reader_of(bench)
        await bench.connector.write([self.write_of(1)])
        await reader.refuse(self.ref(1), "unknown asset")
        fates = await acknowledges.fates([self.ref(1)])
        assert fates[self.ref(1)] == (Fate.REFUSED, "unknown asset")

    async def test_a_new_version_forgets_an_older_refusal(self, bench: Bench) -> None:
        acknowledges, reader = capable(bench.connector, Acknowledges), reader_of(bench)
        await bench.connector.write([self.write_of(1)])
        await reader.refuse(self.ref(1), "unknown asset")
        await bench.connector.write([self.write_of(1, "mended", key="key-9")])
        fates = await acknowledges.fates([self.ref(1)])
        assert fates[self.ref(1)] == (Fate.WAITING, "")


class ShowingContract(OnRig):
    """`Shows`: our versions as the customer can see them."""

    async def test_a_version_can_be_read_back_and_its_place_has_a_name(self, bench: Bench) -> None:
        shows = capable(bench.connector, Shows)
        await bench.connector.write([self.write_of(1), self.write_of(2)])
        shown = await shows.shown([self.ref(1), self.ref(2), self.ref(3)])
        assert {ref: self.plain(record.body or {}) for ref, record in shown.items()} == {
            self.ref(n): self.body(n) for n in (1, 2)
        }
        assert shows.named(self.ref(1)) != shows.named(self.ref(2))

    async def test_of_two_versions_the_newer_one_is_read_back(self, bench: Bench) -> None:
        shows = capable(bench.connector, Shows)
        await bench.connector.write([self.write_of(1)])
        await bench.connector.write([self.write_of(1, "newer", key="key-9")])
        (record,) = (await shows.shown([self.ref(1)])).values()
        assert self.plain(record.body or {}) == self.body(1, "newer")

    async def test_a_version_that_was_taken_is_not_read_back(self, bench: Bench) -> None:
        shows, reader = capable(bench.connector, Shows), reader_of(bench)
        await bench.connector.write([self.write_of(1)])
        await reader.take(self.ref(1))
        assert dict(await shows.shown([self.ref(1)])) == {}


class MarkingContract(OnRig):
    """`Marks`: the view ``isSynced``, set only on what is still as it was read."""

    def mark(self) -> Any:
        """What is set on a document whose content the customer was given."""
        return {"isSynced": True, "syncedAt": datetime(2026, 3, 20, 12, tzinfo=UTC)}

    async def test_a_marked_record_is_not_read_again(self, bench: Bench) -> None:
        marks = capable(bench.connector, Marks)
        await bench.hands.plant(self.body(1))
        read = records(await drain(bench.connector))
        assert await marks.mark([(record, self.mark()) for record in read]) == 1
        assert await self.seen(bench.connector, SECOND) == []

    async def test_a_record_that_was_edited_is_not_marked(self, bench: Bench) -> None:
        marks = capable(bench.connector, Marks)
        await bench.hands.plant(self.body(1))
        read = records(await drain(bench.connector))
        await bench.hands.plant(self.body(1, "edited"))
        assert await marks.mark([(record, self.mark()) for record in read]) == 0
        assert await self.seen(bench.connector, SECOND) == [self.body(1, "edited")]

    async def test_marking_changes_no_content(self, bench: Bench) -> None:
        marks = capable(bench.connector, Marks)
        await bench.hands.plant(self.body(1))
        read = records(await drain(bench.connector))
        await marks.mark([(record, self.mark()) for record in read])
        assert await self.held(bench) == [self.body(1)]


class AsideContract(OnRig):
    """`SetsAside`: originals of refused records."""

    async def test_what_was_set_aside_is_not_read_again(self, bench: Bench) -> None:
        sets_aside = capable(bench.connector, SetsAside)
        await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        pages = await drain(bench.connector)
        first = [record for record in records(pages)[:1] if record.aside]
        await sets_aside.set_aside(first)
        await sets_aside.set_aside(first)  # there already: success
        await self.settle(bench.connector, pages)
        assert await self.seen(await bench.restarted(), SECOND) == []

    async def test_setting_aside_before_a_crash_keeps_the_others(self, bench: Bench) -> None:
        sets_aside = capable(bench.connector, SetsAside)
        await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        first = records(await drain(bench.connector))[:1]
        await sets_aside.set_aside([record for record in first if record.aside])
        assert self.body(2) in await self.seen(await bench.restarted(), SECOND)


class ExclusiveContract(OnRig):
    """`Exclusive`: one process at a time, and a mark that ties the system to our memory."""

    async def test_a_second_process_is_kept_out(self, bench: Bench) -> None:
        first = capable(bench.connector, Exclusive)
        await first.lock()
        await first.lock()  # ours already
        second = capable(await bench.restarted(), Exclusive)
        with pytest.raises(ConfigError):
            await second.lock()
        await first.unlock()
        await first.unlock()  # not ours any more
        await second.lock()
        await second.unlock()

    async def test_closing_gives_the_lock_back(self, bench: Bench) -> None:
        first = capable(bench.connector, Exclusive)
        await first.lock()
        await bench.connector.aclose()
        second = capable(await bench.restarted(), Exclusive)
        await second.lock()
        await second.unlock()

    async def test_the_marker_is_kept(self, bench: Bench) -> None:
        first = capable(bench.connector, Exclusive)
        await first.place_marker("one")
        await first.place_marker("two")
        assert await capable(await bench.restarted(), Exclusive).marker() == "two"


class StampingContract(OnRig):
    """`Stamps`: whether anything has happened, told without a pass."""

    async def stamp(self, bench: Bench) -> str:
        """The stamp of now, taken by a process that remembers nothing."""
        stamps = capable(await bench.restarted(), Stamps)
        stamp = await stamps.stamp(datetime.now(UTC) - timedelta(minutes=5))
        assert stamp is not None
        return stamp

    async def test_where_nothing_happens_the_stamp_stays(self, bench: Bench) -> None:
        assert await self.stamp(bench) == await self.stamp(bench)
        await bench.hands.plant(self.body(1))
        assert await self.stamp(bench) == await self.stamp(bench)

    async def test_something_new_shows(self, bench: Bench) -> None:
        before = await self.stamp(bench)
        await bench.hands.plant(self.body(1))
        one = await self.stamp(bench)
        await bench.hands.plant(self.body(1, "newer"))
        assert len({before, one, await self.stamp(bench)}) == 3

    async def test_asking_takes_nothing(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        await self.stamp(bench)
        assert await self.seen(bench.connector) == [self.body(1)]

    async def test_what_the_other_company_does_with_our_version_shows(self, bench: Bench) -> None:
        capable(bench.connector, Stamps)
        stages, reader = capable(bench.connector, Stages), reader_of(bench)
        await stages.stage([self.write_of(1)])
        await stages.publish([self.shown_of(1)])
        before = await self.stamp(bench)
        await reader.take(self.ref(1))
        assert await self.stamp(bench) != before


def reader_of(bench: Bench) -> Reader:
    """The hands as those of a company that reads what we publish."""
    if not isinstance(bench.hands, Reader):
        pytest.fail(
            "this connector's hands need `take` and `refuse`: see tracbridge.testing.hands.Reader"
        )
    return bench.hands
