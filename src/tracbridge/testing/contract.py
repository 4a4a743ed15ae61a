"""The suite that every connector passes, TracOS's included.

Subclass `ConnectorContract` in a test file, give it a *rig* (a connector on an empty system, hands
to act as the other company, a way to restart) and a *body*, and pytest does the rest. Tests of a
capability that the connector does not implement, of a trait that it does not declare, or of what
the rig's *hands* cannot do (`tracbridge.testing.hands`) are skipped.
"""

import asyncio
import json
from contextlib import suppress

import pytest

from tracbridge.sdk import Receipt, RecordError, StaleWriteError, Write
from tracbridge.testing.capabilities import (
    AcknowledgingContract,
    AsideContract,
    ExclusiveContract,
    FetchingContract,
    MarkingContract,
    ShowingContract,
    StagingContract,
    StampingContract,
)
from tracbridge.testing.conversing import ConversingContract
from tracbridge.testing.hands import Hands, Reader
from tracbridge.testing.network import (
    AwayContract,
    HangingContract,
    LoginContract,
    LostReplyContract,
    PacingContract,
    SecrecyContract,
    ThrottlingContract,
)
from tracbridge.testing.resuming import ResumingContract
from tracbridge.testing.rig import (
    FIRST,
    SECOND,
    Bench,
    OnRig,
    Rig,
    asked,
    drain,
    land,
    place,
    records,
    resumed,
)
from tracbridge.testing.singly import BusyContract, ProbingContract, RereadingContract

__all__ = ["ConnectorContract", "Hands", "Reader", "Rig", "place"]

UNICODE = 'Grüße — ポンプ 🔧 "quoted" \\ back, \ttab,\r\nline, \u2028, e\u0301'
LARGE = "0123456789abcdef" * 65_536
"""One MB."""


class ReadingContract(OnRig):
    """What reading and committing promise."""

    async def test_an_empty_system_reads_nothing(self, bench: Bench) -> None:
        assert await self.seen(bench.connector) == []

    async def test_a_planted_record_is_read(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        assert await self.seen(bench.connector) == [self.body(1)]

    @pytest.mark.parametrize("text", [UNICODE, LARGE, ""], ids=["unicode", "1 MB", "empty"])
    async def test_any_text_is_read_whole(self, bench: Bench, text: str) -> None:
        await bench.hands.plant(self.body(1, text))
        assert await self.seen(bench.connector) == [self.body(1, text)]

    async def test_original_bytes_are_the_records_own_and_nothing_around_it(
        self, bench: Bench
    ) -> None:
        await bench.hands.plant(self.body(1, UNICODE))
        (record,) = records(await drain(bench.connector))
        if record.raw:
            assert self.plain(json.loads(record.raw)) == self.body(1, UNICODE)

    async def test_records_are_read_oldest_first(self, bench: Bench) -> None:
        for n in range(1, 6):
            await bench.hands.plant(self.body(n))
        assert await self.seen(bench.connector) == [self.body(n) for n in range(1, 6)]

    async def test_the_newest_version_of_a_record_is_read_last(self, bench: Bench) -> None:
        for text in ("one", "two", "three"):
            await bench.hands.plant(self.body(1, text))
        assert (await self.seen(bench.connector))[-1] == self.body(1, "three")

    async def test_of_a_record_twice_in_a_page_the_last_one_is_the_newest(
        self, bench: Bench
    ) -> None:
        await bench.hands.plant(self.body(1))
        await bench.hands.plant(self.body(2))
        await bench.hands.plant(self.body(1, "newer"))
        pages = await drain(bench.connector)
        found = self.bodies(pages)
        assert self.body(2) in found
        assert self.body(1) not in found[found.index(self.body(1, "newer")) :]
        await self.settle(bench.connector, pages)
        now = (self.body(1, "newer"), self.body(2))
        assert await self.seen_after(bench.connector, pages, *now) == []

    async def test_the_listing_ends_once_and_last(self, bench: Bench) -> None:
        for n in range(1, 8):
            await bench.hands.plant(self.body(n))
        ends = [page.complete for page in await drain(bench.connector)]
        assert not any(ends[:-1])

    async def test_reading_is_repeatable_until_committed(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        first = await self.seen(bench.connector)
        assert await self.seen(bench.connector, SECOND) == first == [self.body(1)]

    async def test_reading_is_repeatable_after_a_restart(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        await drain(bench.connector)
        assert await self.seen(await bench.restarted(), SECOND) == [self.body(1)]

    async def test_records_keep_their_older_claim_after_a_restart(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        (before,) = records(await drain(bench.connector, FIRST))
        await bench.hands.plant(self.body(2))
        old, new = records(await drain(await bench.restarted(), SECOND))
        if before.claim is None or old.claim is None or new.claim is None:
            assert (before.claim, old.claim, new.claim) == (None, None, None)  # keeps no backlog
            return
        assert (before.claim, before.claim.pass_, new.claim.pass_) == (old.claim, 1, 2)
        assert old.claim.order < new.claim.order

    async def test_a_reader_may_stop_early(self, bench: Bench) -> None:
        for n in range(1, 4):
            await bench.hands.plant(self.body(n))
        async for _ in bench.connector.read(None, FIRST):
            break
        assert len(await self.seen(bench.connector, SECOND)) == 3

    async def test_committed_records_are_not_read_again(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        pages = await drain(bench.connector)
        await self.settle(bench.connector, pages)
        assert await self.seen_after(bench.connector, pages, self.body(1)) == []
        assert await self.seen_after(await bench.restarted(), pages, self.body(1)) == []

    async def test_committing_twice_is_harmless(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        pages = await drain(bench.connector)
        await self.settle(bench.connector, pages)
        await self.settle(bench.connector, pages)
        await self.settle(await bench.restarted(), pages)
        await bench.hands.plant(self.body(1, "newer"))
        assert await self.seen_after(bench.connector, pages) == [self.body(1, "newer")]

    async def test_an_older_commit_takes_nothing_back(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        older = await drain(bench.connector)
        await self.settle(bench.connector, older)
        await bench.hands.plant(self.body(2))
        since = resumed(older) if bench.connector.traits.resumes else None
        newer = await drain(bench.connector, SECOND, since)
        await self.settle(bench.connector, newer)
        for page in older:
            await bench.connector.commit(page.cursor)
        both = (self.body(1), self.body(2))
        assert await self.seen_after(bench.connector, newer, *both) == []

    async def test_nothing_planted_after_a_read_is_skipped(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        pages = await drain(bench.connector)
        await bench.hands.plant(self.body(2))
        await bench.hands.plant(self.body(1, "newer"))
        await self.settle(bench.connector, pages)
        late = await self.seen_after(bench.connector, pages)
        assert self.sorted(*late) == self.sorted(self.body(2), self.body(1, "newer"))

    async def test_closing_twice_is_allowed(self, bench: Bench) -> None:
        await bench.connector.aclose()
        await bench.connector.aclose()


class WritingContract(OnRig):
    """What writing promises."""

    async def test_a_write_lands_whole(self, bench: Bench) -> None:
        await land(bench.connector, self.write_of(1))
        assert await self.held(bench) == [self.body(1)]

    @pytest.mark.parametrize("text", [UNICODE, LARGE, ""], ids=["unicode", "1 MB", "empty"])
    async def test_any_text_lands_whole(self, bench: Bench, text: str) -> None:
        await land(bench.connector, self.write_of(1, text))
        assert await self.held(bench) == [self.body(1, text)]

    async def test_a_batch_is_answered_one_by_one_in_order(self, bench: Bench) -> None:
        numbers = (3, 1, 2)
        receipts = await land(bench.connector, *[self.write_of(n) for n in numbers])
        assert len({receipt.ref for receipt in receipts}) == 3
        again = await bench.connector.write([self.write_of(n) for n in reversed(numbers)])
        if all(isinstance(answer, Receipt) for answer in again):
            assert list(again) == receipts[::-1]
        assert await self.held(bench) == self.sorted(*map(self.body, numbers))

    async def test_an_empty_batch_is_nothing(self, bench: Bench) -> None:
        assert list(await bench.connector.write([])) == []
        assert await self.held(bench) == []

    async def test_the_same_key_lands_once_even_after_a_restart(self, bench: Bench) -> None:
        (first,) = await land(bench.connector, self.write_of(1))
        (again,) = await (await bench.restarted()).write([self.write_of(1)])
        # A system without memory of keys may say "there already" instead: look again, then decide.
        assert again == first or isinstance(again, StaleWriteError)
        assert await self.held(bench) == [self.body(1)]

    async def test_our_own_write_is_recognised_when_it_comes_back(self, bench: Bench) -> None:
        (receipt,) = await land(bench.connector, self.write_of(1))
        back = records(await drain(bench.connector))
        if not bench.connector.traits.reads_back:
            assert back == []
            return
        assert [self.plain(record.body or {}) for record in back] == [self.body(1)]
        assert [record.version for record in back] == [receipt.version]

    async def test_a_write_planned_on_the_newest_record_lands(self, bench: Bench) -> None:
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        await land(bench.connector, Write("key-2", self.body(1, "ours"), self.ref(1), read))
        assert await self.held(bench) == [self.body(1, "ours")]

    async def test_a_stale_write_is_refused(self, bench: Bench) -> None:
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        await bench.hands.plant(self.body(1, "theirs"))
        stale = Write("key-2", self.body(1, "ours"), self.ref(1), read)
        (answer,) = await bench.connector.write([stale])
        assert isinstance(answer, StaleWriteError)
        assert await self.held(bench) == [self.body(1, "theirs")]

    async def test_a_stale_write_does_not_stop_the_others(self, bench: Bench) -> None:
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        await bench.hands.plant(self.body(1, "theirs"))
        stale = Write("key-1", self.body(1, "ours"), self.ref(1), read)
        answers = await bench.connector.write([self.write_of(2), stale, self.write_of(3)])
        kinds = [type(answer) for answer in answers]
        assert kinds == [Receipt, StaleWriteError, Receipt]
        expected = self.sorted(self.body(1, "theirs"), self.body(2), self.body(3))
        assert await self.held(bench) == expected

    async def test_a_refused_write_can_be_planned_again(self, bench: Bench) -> None:
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        await bench.hands.plant(self.body(1, "theirs"))
        await bench.connector.write([Write("key-1", self.body(1, "ours"), self.ref(1), read)])
        *_, now = records(await drain(bench.connector))
        await land(bench.connector, Write("key-1", self.body(1, "both"), self.ref(1), now))
        assert await self.held(bench) == [self.body(1, "both")]

    async def test_a_delete_does_what_is_declared(self, bench: Bench) -> None:
        await land(bench.connector, self.write_of(1))
        (answer,) = await bench.connector.write([Write("key-2", None, self.ref(1))])
        if bench.connector.traits.deletes:
            assert isinstance(answer, Receipt)
            assert await self.held(bench) == []
        else:
            assert isinstance(answer, RecordError)
            assert await self.held(bench) == [self.body(1)]

    async def test_an_undeclared_delete_does_not_stop_the_others(self, bench: Bench) -> None:
        if bench.connector.traits.deletes:
            pytest.skip("takes deletions")
        gone = Write("key-2", None, self.ref(2))
        answers = await bench.connector.write([self.write_of(1), gone, self.write_of(3)])
        assert [type(answer) for answer in answers] == [Receipt, RecordError, Receipt]
        assert await self.held(bench) == self.sorted(self.body(1), self.body(3))

    async def test_unknown_keys_are_passed_through(self, bench: Bench) -> None:
        if not self.passes_extra:
            pytest.skip("takes mapped fields only")
        write = self.write_of(1)
        extra = '{"costCentre": "7-A", "parts": [1.50, {"no": 2}]}'
        await land(bench.connector, Write(write.key, write.body, write.ref, extra=extra))
        (body,) = await bench.hands.holdings()
        assert (body["costCentre"], body["parts"]) == ("7-A", [1.5, {"no": 2}])

    async def test_of_two_racing_writers_exactly_one_wins(self, bench: Bench) -> None:
        if not bench.connector.traits.checks_versions:
            pytest.skip("declares no version checks")
        await bench.hands.plant(self.body(1))
        (read,) = records(await drain(bench.connector))
        other = await bench.restarted()
        writers = {"ours": bench.connector, "theirs": other}
        races = [
            asked(writer, Write(f"key-{text}", self.body(1, text), self.ref(1), read))
            for text, writer in writers.items()
        ]
        answers = [answer for (answer,) in await asyncio.gather(*races)]
        assert {type(answer) for answer in answers} == {Receipt, StaleWriteError}, answers
        won = [text for text, a in zip(writers, answers, strict=True) if isinstance(a, Receipt)]
        assert await self.held(bench) == [self.body(1, text) for text in won]

    @pytest.mark.parametrize("text", [UNICODE, LARGE], ids=["unicode", "1 MB"])
    async def test_what_we_wrote_reads_back_whole(self, bench: Bench, text: str) -> None:
        if not bench.connector.traits.reads_back:
            pytest.skip("our writes do not come back")
        await land(bench.connector, self.write_of(1, text))
        assert await self.seen(bench.connector) == [self.body(1, text)]

    @pytest.mark.parametrize("turns", [0, 1, 3, 10, 40])
    async def test_a_cancelled_write_can_be_repeated(self, bench: Bench, turns: int) -> None:
        writes = [self.write_of(n) for n in range(1, 9)]
        task = asyncio.ensure_future(bench.connector.write(writes))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self.made_good(await bench.restarted(), writes)
        assert await self.held(bench) == self.sorted(*(write.body or {} for write in writes))

    async def test_a_cancelled_read_can_be_repeated(self, bench: Bench) -> None:
        bodies = [self.body(n) for n in range(1, 8)]
        for body in bodies:
            await bench.hands.plant(body)
        for turns in (0, 1, 3, 10):
            task = asyncio.ensure_future(drain(bench.connector))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert await self.seen(bench.connector, SECOND) == bodies

    async def test_a_cancelled_write_leaves_nothing_half_visible(self, bench: Bench) -> None:
        writes = [self.write_of(n, LARGE) for n in range(1, 9)]
        task = asyncio.ensure_future(bench.connector.write(writes))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        whole = [self.body(n, LARGE) for n in range(1, 9)]
        assert all(body in whole for body in await self.held(bench))


class ConnectorContract(
    ReadingContract,
    WritingContract,
    FetchingContract,
    StagingContract,
    AcknowledgingContract,
    ShowingContract,
    MarkingContract,
    AsideContract,
    ExclusiveContract,
    StampingContract,
    RereadingContract,
    ProbingContract,
    BusyContract,
    ConversingContract,
    ResumingContract,
    ThrottlingContract,
    PacingContract,
    LostReplyContract,
    AwayContract,
    LoginContract,
    HangingContract,
    SecrecyContract,
):
    """Everything that the engine relies on; two methods to write, ``rig`` and ``body``. Where there
    are comments, two more: ``remark`` and ``key_and_text``.
    """
