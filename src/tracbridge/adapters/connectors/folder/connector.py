"""The folder connector: reads JSON files from one folder, writes a file per order into another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from tracbridge.adapters.connectors.folder import retry
from tracbridge.adapters.connectors.folder.files import repeated_later
from tracbridge.adapters.connectors.folder.glance import Glance, UntouchedFiles
from tracbridge.adapters.connectors.folder.inbox import Inbox
from tracbridge.adapters.connectors.folder.keeping import KeepingInbox
from tracbridge.adapters.connectors.folder.outbox import Outbox, name_of
from tracbridge.adapters.connectors.folder.places import verify
from tracbridge.adapters.connectors.folder.reading import SEPARATOR, Ahead, reading
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.adapters.connectors.folder.stamp import stamp_of
from tracbridge.adapters.connectors.folder.watch import watched
from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import (
    Cursor,
    Fate,
    Page,
    Receipt,
    Record,
    Refusal,
    Staged,
    Traits,
    Write,
)
from tracbridge.ports.hints import Hint
from tracbridge.ports.state import QuarantineCase, TakenFiles

T = TypeVar("T")


class FolderConnector:
    """A mailbox customer: versions may be superseded before they are read, nothing is answered.

    ``taken``, the memory of files that stay where they are, is needed in mode ``keep`` only.
    """

    traits = Traits(reads_back=False, supersedes=True, resend=True, answers=False)

    def __init__(self, settings: FolderSettings, taken: TakenFiles | None = None) -> None:
        self.settings = settings
        self.outbox = Outbox(settings)
        self.inbox = self._inbox(taken)
        self._ahead: Ahead | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def look(self) -> None:
        """The folders are there and usable; nothing is made."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(verify, self.settings)

    async def peek(self, claim: Claim, since: Cursor | None = None) -> AsyncIterator[Page]:
        """What `read` would give now; everything stays where it is."""
        del since
        inbox: Inbox = Glance(self.settings)
        if isinstance(self.inbox, KeepingInbox):
            taken = UntouchedFiles(self.inbox.taken)
            inbox = KeepingInbox(self.settings, taken, self._ask)
        async for page in self._reading(inbox, claim):
            yield page

    async def stamp(self, since: datetime) -> str | None:
        """What lies in our folders, whatever its age."""
        del since
        return await _in_thread(stamp_of, self.settings)

    def watch(self) -> AsyncIterator[Hint]:
        """Hints from the operating system; none where it has none."""
        return watched(self.settings)

    def _inbox(self, taken: TakenFiles | None) -> Inbox:
        if self.settings.mode is not InboundMode.KEEP:
            return Inbox(self.settings)
        if taken is None:
            raise ConfigError("mode `keep` needs a memory of the files that were taken.")
        return KeepingInbox(self.settings, taken, self._ask)

    def _ask(self, question: Awaitable[Any]) -> Any:
        """For the inbox, which works in threads: the answer of something on the event loop."""
        if self._loop is None:
            raise ConfigError("check() comes before anything else.")
        return asyncio.run_coroutine_threadsafe(_whole(question), self._loop).result()

    async def check(self) -> None:
        """Both folders are there and usable; our own subfolders are made."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        try:
            verify(self.settings)
            self.inbox.prepare()
            self.outbox.prepare()
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}.") from error

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """First what earlier passes left, then what lies there now, oldest first."""
        del since
        async for page in self._reading(self.inbox, claim):
            yield page

    async def _reading(self, inbox: Inbox, claim: Claim) -> AsyncIterator[Page]:
        await self._rest()
        self._ahead = Ahead(reading(inbox, claim))
        with repeated_later():
            async for page in self._ahead.pages():
                yield page

    async def _rest(self) -> None:
        """No thread claims anything any more."""
        if self._ahead is not None:
            await self._ahead.rest()
            self._ahead = None

    async def commit(self, cursor: Cursor) -> None:
        """The files of the page go to the archive (or are deleted, or booked as done)."""
        paths = [path for path in cursor.split(SEPARATOR) if path]
        if paths:
            await _in_thread(self.inbox.finish, paths)

    async def set_aside(self, records: Sequence[Record]) -> None:
        await _in_thread(self.inbox.set_aside, records)

    def named(self, ref: str) -> str:
        """What the customer sees of an order: the name of its file."""
        return name_of(ref)

    async def original(self, case: QuarantineCase) -> bytes | None:
        return await _in_thread(retry.original, self.settings, case)

    async def finished(self, cases: Sequence[QuarantineCase]) -> Sequence[QuarantineCase]:
        return await _in_thread(retry.finished, self.settings, cases)

    async def put_back(self, case: QuarantineCase) -> bool:
        return await _in_thread(retry.put_back, self.inbox, case)

    async def read_again(self, case: QuarantineCase) -> Sequence[Page]:
        return await _in_thread(retry.read_again, self.inbox, case)

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        """Stage and publish at once; for callers that keep no memory of versions."""
        good = [write for write in writes if write.body is not None]
        await self.stage(good)
        done = iter(await self.publish([(write.key, write.ref or "") for write in good]))
        return [next(done) if w.body is not None else _undeletable(w) for w in writes]

    async def stage(self, writes: Sequence[Write]) -> Sequence[Staged | RecordError]:
        return await _in_thread(self.outbox.stage, writes)

    async def publish(self, staged: Sequence[tuple[str, str]]) -> Sequence[Receipt | RecordError]:
        return await _in_thread(self.outbox.publish, staged)

    async def sweep(self) -> int:
        return await _in_thread(self.outbox.sweep)

    async def fates(self, refs: Sequence[str]) -> Mapping[str, tuple[Fate, str]]:
        return await _in_thread(self.outbox.fates, refs)

    async def shown(self, refs: Sequence[str]) -> Mapping[str, Record]:
        return await asyncio.to_thread(self.outbox.shown, refs)

    async def lock(self) -> None:
        with repeated_later():
            self.outbox.lock()

    async def unlock(self) -> None:
        """When nothing is read any more."""
        await self._rest()
        self.outbox.unlock()

    async def marker(self) -> str | None:
        with repeated_later():
            return self.outbox.marker()

    async def place_marker(self, marker: str) -> None:
        with repeated_later():
            self.outbox.place_marker(marker)

    async def aclose(self) -> None:
        await self.unlock()


def _undeletable(write: Write) -> RecordError:
    return RecordError("undeletable", "this customer takes no deletions.", value=write.ref or "")


async def _in_thread(work: Callable[..., T], *args: Any) -> T:
    with repeated_later():
        return await asyncio.to_thread(work, *args)


async def _whole(question: Awaitable[Any]) -> Any:
    return await question
