"""Connectors that are broken on purpose, each in one way that has happened to somebody."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tests.contract.erp import Answer, CutError, ErpConnector, Row
from tracbridge.adapters.connectors.memory import MemoryConnector
from tracbridge.sdk import (
    Body,
    BusyError,
    Claim,
    ConfigError,
    Cursor,
    Page,
    Receipt,
    Record,
    RecordError,
    Refusal,
    RetryableError,
    StaleWriteError,
    Write,
)

# -- reading ---------------------------------------------------------------------------------


class CommitsNothing(MemoryConnector):
    async def commit(self, cursor: Cursor) -> None:
        """Forgotten."""


class CommitsWhatWasNotRead(MemoryConnector):
    async def commit(self, cursor: Cursor) -> None:
        self.system.committed = len(self.system.versions)


class CommitsBackwards(MemoryConnector):
    async def commit(self, cursor: Cursor) -> None:
        self.system.committed = int(cursor)


class CommitsByReading(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            await self.commit(page.cursor)
            yield page


class RunsAhead(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        end = Cursor(str(len(self.system.versions)))
        async for page in super().read(since, claim):
            yield replace(page, cursor=end)


class NewestFirst(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            yield replace(page, records=page.records[::-1])


class EndsTwice(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            yield replace(page, complete=True)


class ShowsOldVersionsAgain(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        after = max(int(since or 0) - 2, 0)
        versions = tuple(self.system.versions[after:])
        yield Page(versions, Cursor(str(len(self.system.versions))), complete=True)


class ForgetsItsPlace(MemoryConnector):
    """The cursor means something to the process that made it only."""

    places: Mapping[str, int] = {}

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        known = self.places.get(since or "", len(self.system.versions) if since else 0)
        async for page in super().read(Cursor(str(known)), claim):
            token = Cursor(f"token-{page.cursor}")
            self.places = {**self.places, token: int(page.cursor)}
            yield replace(page, cursor=token)


class DropsTombstones(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            yield replace(page, records=tuple(r for r in page.records if r.body is not None))


class CutsLongTexts(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            yield replace(page, records=tuple(map(self.cut, page.records)))

    def cut(self, record: Record) -> Record:
        body = record.body or {}
        return replace(record, body={**body, "summary": str(body.get("summary", ""))[:65_536]})


class KeepsTheEnvelopeToo(MemoryConnector):
    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async for page in super().read(since, claim):
            whole = [replace(r, raw=b'{"record": ' + r.raw + b"}") for r in page.records]
            yield replace(page, records=tuple(whole))


# -- writing ---------------------------------------------------------------------------------


class WritesAscii(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return await super().write([replace(w, body=self.plain(w.body)) for w in writes])

    def plain(self, body: Body | None) -> Body | None:
        if body is None:
            return None
        plain = {
            k: v.encode("ascii", "replace").decode() for k, v in body.items() if k != "orderNo"
        }
        return {**body, **plain}


class ForgetsKeys(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        self.system.answers.clear()
        return await super().write(writes)


class TellsTheVersionBefore(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        found = await super().write(writes)
        return [replace(a, version="0") if isinstance(a, Receipt) else a for a in found]


class AnswersInAnotherOrder(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        found = await super().write(writes)
        return sorted(found, key=lambda a: a.ref if isinstance(a, Receipt) else "")


class OverwritesWhatIsNewer(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return await super().write([replace(write, replaces=None) for write in writes])


class LooksAndThenWrites(MemoryConnector):
    """Between the look and the write somebody else may come."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        looked = [self._refusal(write) for write in writes]
        await asyncio.sleep(0)
        pairs = zip(writes, looked, strict=True)
        return [no or self._write(replace(write, replaces=None)) for write, no in pairs]


class StopsAtARefusal(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for write in writes:
            if answers and isinstance(answers[-1], Exception):
                answers.append(answers[-1])
            else:
                answers += await super().write([write])
        return answers


class DeclaresDeletions(MemoryConnector):
    def _take(self, write: Write) -> Receipt:
        return Receipt(write.ref or "") if write.body is None else super()._take(write)


class DropsUnknownKeys(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return await super().write([replace(write, extra="") for write in writes])


class NotesKeysTooEarly(MemoryConnector):
    """A write that is cancelled is answered next time, and was never done."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for write in writes:
            known = self.system.answers.get(write.key)
            self.system.answers[write.key] = known or Receipt(write.ref or "")
            await asyncio.sleep(0)
            if known is None:
                del self.system.answers[write.key]
                answers.append(self._write(write))
        return answers


class WritesInParts(MemoryConnector):
    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        for write in writes:
            self.system.put(write.ref, {**(write.body or {}), "summary": ""})
            await asyncio.sleep(0)
        return await super().write(writes)


# -- single records --------------------------------------------------------------------------


class RereadsFromMemory(MemoryConnector):
    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        return list(records)


class RereadsOnlyWhatIsThere(MemoryConnector):
    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        return [found for found in await super().reread(records) if found]


class ProbesByNumber(MemoryConnector):
    """A record of that number is there, so the write took effect."""

    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        found = [self.system.get(write.ref) for write in writes]
        return [Receipt(r.ref or "", r.version) if r else None for r in found]


class ProbesByWriting(MemoryConnector):
    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        return [a if isinstance(a, Receipt) else None for a in await self.write(writes)]


class ProbesNothing(MemoryConnector):
    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        return [None for _ in writes]


# -- through a network -----------------------------------------------------------------------


class TellsNoWait(ErpConnector):
    def wait(self) -> None:
        try:
            super().wait()
        except RetryableError as error:
            raise RetryableError(str(error)) from None


class TakesSecondsForMilliseconds(ErpConnector):
    async def sent(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        try:
            return await super().sent(method, path, writes=writes, **sent)
        except RetryableError as error:
            wait = error.retry_after and error.retry_after / 1_000
            raise RetryableError(str(error), retry_after=wait) from None


class ComesBackAtOnce(ErpConnector):
    def wait(self) -> None:
        """Not at the door, only when refused."""

    async def sent(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        for _ in range(3):
            answer = await super().sent(method, path, writes=writes, **sent)
            if answer.status != 429:
                return answer
        super().wait()
        return answer


class ForgetsThePause(ErpConnector):
    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        """A new process begins anew."""


class PausesAgainInFull(ErpConnector):
    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        super().resume_pace(kept, 0.0)


class ThrottledIsEmpty(ErpConnector):
    async def listed(self, since: int, after: tuple[int, str]) -> list[Row]:
        try:
            return await super().listed(since, after)
        except RetryableError:
            return []


class CallsItUndone(ErpConnector):
    async def written(self, write: Write) -> Receipt | Refusal:
        try:
            return await super().written(write)
        except RetryableError as error:
            raise RetryableError(str(error), retry_after=error.retry_after) from None


class CallsItDone(ErpConnector):
    async def written(self, write: Write) -> Receipt | Refusal:
        try:
            return await super().written(write)
        except RetryableError:
            return Receipt(write.ref or "")


class SendsAgainAsNew(ErpConnector):
    async def written(self, write: Write) -> Receipt | Refusal:
        try:
            return await super().written(write)
        except RetryableError:
            answer = await self.call("POST", f"orders/{write.ref}", body=write.body)
            return self.answered(answer, write)


class GuessesAfterwards(ErpConnector):
    async def probed(self, write: Write) -> Receipt | None:
        return Receipt(write.ref or "")


class BlamesTheRecord(ErpConnector):
    async def sent(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        try:
            return await super().sent(method, path, writes=writes, **sent)
        except RetryableError as error:
            raise RecordError("unreachable", str(error)) from None


class ExpiredIsForbidden(ErpConnector):
    async def call(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        answer = await self.sent(method, path, writes=writes, **sent)
        if answer.status == 401 and self.token:
            raise ConfigError("the login is not accepted.")
        return await super().call(method, path, writes=writes, **sent)


class ExpiredIsTheEnd(ErpConnector):
    """What is behind the place where the login ran out is passed over."""

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        end = Cursor(str(self.erp.newest + 60))
        async for page in super().read(since, claim):
            yield page
            if self.token not in self.erp.tokens:
                yield Page((), end, complete=True)
                return


class SwallowsCancelling(ErpConnector):
    async def sent(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        try:
            return await super().sent(method, path, writes=writes, **sent)
        except asyncio.CancelledError:
            raise RetryableError("cancelled.") from None


class RepeatsWhenCancelled(ErpConnector):
    """Whoever cancels it does not know that it tries once more."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        try:
            return await super().write(writes)
        except asyncio.CancelledError:
            await self.call("POST", f"orders/{writes[0].ref}", body=writes[0].body)
            raise


class NoOverlap(ErpConnector):
    def overlap(self, since: Cursor | None) -> int:
        return int(since or 0)


class StrictlyAfter(ErpConnector):
    def overlap(self, since: Cursor | None) -> int:
        return int(since or 0) + 1


class PagesByTimeAlone(ErpConnector):
    def place_of(self, row: Row) -> tuple[int, str]:
        return row.at, "\U0010ffff"


class QuotesTheAnswer(ErpConnector):
    def usable(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            raise RetryableError(f"the system answered {answer.status}: {answer.body}")
        return answer


class QuotesTheAnswerInTheCause(ErpConnector):
    def usable(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            raise RetryableError("the system answered an error.") from CutError(str(answer.body))
        return answer


class KeepsAPlainPassword(ErpConnector):
    def __repr__(self) -> str:
        return f"ErpConnector(password={self.settings.password.get_secret_value()!r})"


class BusyIsRefused(ErpConnector):
    def answered(self, answer: Answer, write: Write) -> Receipt | Refusal:
        found = super().answered(answer, write)
        return RecordError("open", str(found)) if isinstance(found, BusyError) else found


class ConflictIsRefused(ErpConnector):
    def answered(self, answer: Answer, write: Write) -> Receipt | Refusal:
        found = super().answered(answer, write)
        return RecordError("412", str(found)) if isinstance(found, StaleWriteError) else found
