"""The part of the connector contract about going on where we were: cursors, borders of pages, late
commits, deletions.
"""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

import pytest

from tracbridge.sdk import Body, Connector, Fetches
from tracbridge.testing.hands import CommitsLate, PlantsTogether, Removes, handy
from tracbridge.testing.rig import SECOND, Bench, OnRig, drain, records, resumed

MANY = 7
"""More records than there are in a small page."""


class ResumingContract(OnRig):
    """`Traits.resumes`, and what holds for every cursor."""

    def resuming(self, bench: Bench) -> Connector:
        """The connector, where it goes on from our cursor."""
        if not bench.connector.traits.resumes:
            pytest.skip("keeps for itself what was committed")
        return bench.connector

    async def test_a_new_process_goes_on_from_a_committed_cursor(self, bench: Bench) -> None:
        connector = self.resuming(bench)
        await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        pages = await drain(connector)
        await self.settle(connector, pages)
        await bench.hands.plant(self.body(3))
        await bench.hands.plant(self.body(1, "newer"))
        after = await self.seen_after(await bench.restarted(), pages, self.body(2))
        assert after == [self.body(3), self.body(1, "newer")]

    async def test_the_cursor_of_each_page_loses_nothing_behind_it(self, bench: Bench) -> None:
        connector = self.resuming(bench)
        bodies = [self.body(n) for n in range(MANY)]
        for body in bodies:
            await bench.hands.plant(body)
        pages = await drain(connector)
        assert self.bodies(pages) == bodies
        for taken in range(1, len(pages) + 1):
            before = self.bodies(pages[:taken])
            after = await self.seen_after(await bench.restarted(), pages[:taken], *before)
            assert after == bodies[len(before) :]

    async def test_a_cursor_may_be_used_again(self, bench: Bench) -> None:
        connector = self.resuming(bench)
        await bench.hands.plant(self.body(1))
        pages = await drain(connector)
        await bench.hands.plant(self.body(2))
        for _ in range(2):
            assert await self.seen_after(connector, pages, self.body(1)) == [self.body(2)]
        assert await self.seen(connector) == [self.body(1), self.body(2)]

    async def test_where_nothing_happened_reading_goes_on_from_the_same_place(
        self, bench: Bench
    ) -> None:
        connector = self.resuming(bench)
        await bench.hands.plant(self.body(1))
        pages = await drain(connector)
        again = await drain(await bench.restarted(), SECOND, resumed(pages))
        await bench.hands.plant(self.body(2))
        assert await self.seen_after(connector, again, self.body(1)) == [self.body(2)]

    async def all_of(self, bench: Bench, bodies: list[Body]) -> None:
        """Every record is read, and none is lost behind the cursor of any page."""
        pages = await drain(bench.connector)
        assert self.sorted(*self.bodies(pages)) == self.sorted(*bodies)
        if not bench.connector.traits.resumes:
            return
        for taken in range(1, len(pages)):
            before = self.bodies(pages[:taken])
            after = await self.seen_after(await bench.restarted(), pages[:taken], *before)
            assert self.sorted(*before, *after) == self.sorted(*bodies)

    async def test_records_of_the_same_time_on_both_sides_of_a_pages_border_are_all_read(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, PlantsTogether)
        bodies = [self.body(n) for n in range(MANY)]
        await bench.hands.plant(bodies[0])
        await hands.plant_together(bodies[1:])
        await self.all_of(bench, bodies)

    async def test_a_record_of_the_same_time_as_the_last_one_is_not_lost(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, PlantsTogether)
        before = [self.body(n) for n in (1, 2, 3)]
        for body in before:
            await bench.hands.plant(body)
        pages = await drain(bench.connector)
        await self.settle(bench.connector, pages)
        await hands.plant_together([self.body(0)])
        assert await self.seen_after(bench.connector, pages, *before) == [self.body(0)]

    async def test_a_record_that_was_committed_late_is_read(self, bench: Bench) -> None:
        hands = handy(bench.hands, CommitsLate)
        await bench.hands.plant(self.body(1))
        pages = await drain(bench.connector)
        await self.settle(bench.connector, pages)
        await hands.plant_late(self.body(2))
        restarted = await bench.restarted()
        assert await self.seen_after(restarted, pages, self.body(1)) == [self.body(2)]

    async def test_a_record_that_came_late_twice_running_is_read(self, bench: Bench) -> None:
        hands = handy(bench.hands, CommitsLate)
        await bench.hands.plant(self.body(1))
        pages = await drain(bench.connector)
        await hands.plant_late(self.body(2))
        since = resumed(pages) if bench.connector.traits.resumes else None
        again = await drain(bench.connector, SECOND, since)
        await self.settle(bench.connector, again)
        await hands.plant_late(self.body(3))
        before = (self.body(1), self.body(2))
        assert await self.seen_after(bench.connector, again, *before) == [self.body(3)]

    async def test_a_deletion_is_read_as_a_tombstone(self, bench: Bench) -> None:
        hands = handy(bench.hands, Removes)
        ref = await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        pages = await drain(bench.connector)
        await self.settle(bench.connector, pages)
        await hands.remove(ref)
        since = resumed(pages) if bench.connector.traits.resumes else None
        found = records(await drain(await bench.restarted(), SECOND, since))
        assert [record.ref for record in found if record.body is None] == [ref]
        assert [record.error for record in found if record.error] == []

    async def test_a_record_that_was_removed_is_not_fetched(self, bench: Bench) -> None:
        hands = handy(bench.hands, Removes)
        ref = await bench.hands.plant(self.body(1))
        await hands.remove(ref)
        if not isinstance(bench.connector, Fetches):
            pytest.skip("does not implement Fetches")
        assert dict(await bench.connector.fetch([ref])) == {}
