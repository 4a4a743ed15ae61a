"""The parts of the connector contract about single records: `Rereads`, `Probes`, locked ones."""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

from collections.abc import Sequence

import pytest

from tracbridge.sdk import Body, BusyError, Probes, Receipt, Record, Rereads, Write
from tracbridge.testing.hands import OpensRecords, Removes, handy
from tracbridge.testing.rig import FIRST, Bench, OnRig, capable, drain, land, records


class RereadingContract(OnRig):
    """`Rereads`: records once more, as they are now."""

    async def again(self, bench: Bench, *known: Record) -> Sequence[Body | None]:
        """What reading these records once more shows."""
        found = await capable(bench.connector, Rereads).reread(known)
        assert len(found) == len(known)
        return [None if record is None else self.plain(record.body or {}) for record in found]

    async def test_records_are_read_again_as_they_are_now(self, bench: Bench) -> None:
        capable(bench.connector, Rereads)
        await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        one, two = records(await drain(bench.connector))
        await bench.hands.plant(self.body(1, "newer"))
        assert await self.again(bench, two, one) == [self.body(2), self.body(1, "newer")]

    async def test_a_record_read_again_is_the_one_that_reading_shows(self, bench: Bench) -> None:
        rereads = capable(bench.connector, Rereads)
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        (again,) = await rereads.reread([read])
        assert again is not None
        assert (again.ref, again.version) == (read.ref, read.version)

    async def test_what_we_wrote_can_be_read_again_by_its_receipt(self, bench: Bench) -> None:
        rereads = capable(bench.connector, Rereads)
        (receipt,) = await land(bench.connector, self.write_of(1))
        (again,) = await rereads.reread([Record(self.body(1), receipt.ref)])
        assert again is not None
        assert self.plain(again.body or {}) == self.body(1)
        assert again.version == receipt.version or not receipt.version

    async def test_what_is_not_there_is_none_and_the_others_are_read(self, bench: Bench) -> None:
        capable(bench.connector, Rereads)
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        missing = Record(self.body(777), self.ref(777))
        assert await self.again(bench, missing, read, missing) == [None, self.body(1), None]
        assert await self.again(bench) == []

    async def test_a_removed_record_is_none(self, bench: Bench) -> None:
        capable(bench.connector, Rereads)
        hands = handy(bench.hands, Removes)
        await hands.remove(await bench.hands.plant(self.body(1)))
        assert await self.again(bench, Record(self.body(1), self.ref(1))) == [None]

    async def test_reading_again_takes_nothing(self, bench: Bench) -> None:
        capable(bench.connector, Rereads)
        await bench.hands.plant(self.body(1))
        await self.again(bench, *records(await drain(bench.connector)))
        assert await self.seen(bench.connector) == [self.body(1)]


class ProbingContract(OnRig):
    """`Probes`: what became of a write."""

    async def found(self, bench: Bench, *writes: Write) -> list[bool]:
        """Whether a process that remembers nothing finds the effect of each write."""
        receipts = await capable(await bench.restarted(), Probes).probe(writes)
        assert len(receipts) == len(writes)
        return [isinstance(receipt, Receipt) for receipt in receipts]

    async def update_of(self, bench: Bench, n: int) -> Write:
        """A write that changes ``body(n)``, which is there."""
        read = [r for r in records(await drain(bench.connector, FIRST)) if r.body is not None]
        (record,) = [r for r in read if self.plain(r.body or {}) == self.body(n)]
        return Write(f"update-{n}", self.body(n, "ours"), self.ref(n), record)

    async def test_a_write_that_took_effect_is_found(self, bench: Bench) -> None:
        capable(bench.connector, Probes)
        (receipt,) = await land(bench.connector, self.write_of(1))
        (found,) = await capable(await bench.restarted(), Probes).probe([self.write_of(1)])
        assert found is not None
        assert found.ref == receipt.ref

    async def test_each_write_is_looked_for_by_itself(self, bench: Bench) -> None:
        capable(bench.connector, Probes)
        await land(bench.connector, self.write_of(2))
        writes = [self.write_of(n) for n in (3, 2, 1)]
        assert await self.found(bench, *writes) == [False, True, False]
        assert await self.found(bench) == []

    async def test_an_update_is_found_only_once_it_took_effect(self, bench: Bench) -> None:
        capable(bench.connector, Probes)
        await bench.hands.plant(self.body(1))
        update = await self.update_of(bench, 1)
        assert await self.found(bench, update) == [False]
        await land(bench.connector, update)
        assert await self.found(bench, update) == [True]

    async def test_a_refused_write_is_not_found(self, bench: Bench) -> None:
        capable(bench.connector, Probes)
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        update = await self.update_of(bench, 1)
        await bench.hands.plant(self.body(1, "theirs"))
        (answer,) = await bench.connector.write([update])
        assert isinstance(answer, Exception)
        assert await self.found(bench, update) == [False]

    async def test_looking_changes_nothing(self, bench: Bench) -> None:
        capable(bench.connector, Probes)
        await bench.hands.plant(self.body(1))
        await self.found(bench, await self.update_of(bench, 1), self.write_of(2))
        assert await self.held(bench) == [self.body(1)]


class BusyContract(OnRig):
    """A record that somebody there has open waits, and only that one."""

    async def test_a_record_that_is_open_there_is_busy_and_the_others_are_written(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, OpensRecords)
        ref = await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        update = Write("key-1", self.body(1, "ours"), self.ref(1), read)
        await hands.open_record(ref)
        answers = await bench.connector.write([self.write_of(2), update, self.write_of(3)])
        assert [type(answer) for answer in answers] == [Receipt, BusyError, Receipt]
        assert await self.held(bench) == self.sorted(*(self.body(n) for n in (1, 2, 3)))
        await hands.close_record(ref)
        await land(bench.connector, update)
        assert self.body(1, "ours") in await self.held(bench)
