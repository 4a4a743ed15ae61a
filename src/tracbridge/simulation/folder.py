"""The customer's folders in memory, as a process of ours sees them: the twin of the real ones."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import count
from typing import Any

import orjson
from msgspec import Struct, field

from tracbridge.domain.errors import FatalError, OccupiedError, RecordError, RetryableError
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
from tracbridge.simulation.disk import Disk, File
from tracbridge.simulation.processes import Process

IN, OUT, CLAIMED, TEMPORARY, ASIDE = "in/", "out/", "claimed/", "tmp/", "aside/"
MARKER = "out/.tracbridge"


class Folder(Struct, eq=False):
    """`Connector` over a `Disk`. ``told``: called with key, ref and body when a version is shown.

    ``shared``: whether a lock is seen by processes of other machines.
    """

    disk: Disk
    process: Process
    told: Callable[[str, str, Any], None] = lambda *_: None
    aside: Callable[[Any], None] = lambda _: None
    shared: bool = True
    batches: Any = field(default_factory=lambda: count(1))

    @property
    def traits(self) -> Traits:
        return Traits(reads_back=False, supersedes=True, resend=True, answers=False)

    async def check(self) -> None:
        await self.process.turn()

    async def aclose(self) -> None:
        await self.unlock()

    # -- in ------------------------------------------------------------------------------------

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """One page ahead of whoever reads, as the real one claims in a thread of its own."""
        del since
        ahead: Page | None = None
        async for page in self._pages(claim):
            if ahead is not None:
                yield ahead
            ahead = page
        if ahead is not None:
            yield ahead

    async def _pages(self, claim: Claim) -> AsyncIterator[Page]:
        await self.process.turn()
        left = {path.rpartition("/")[0] for path in self.disk.below(CLAIMED)}
        for folder in sorted(left):
            yield self._page(folder)
        waiting = 0
        for path in self._listing():
            number = f"{next(self.batches):06x}"
            folder = f"{CLAIMED}{claim.pass_:08d}-{claim.complete:08d}-{number}"
            taken = await self._take(path, folder)
            waiting += taken is False
            if taken:
                yield self._page(folder)
        yield Page((), Cursor(""), complete=True, waiting=waiting)

    def _listing(self) -> list[str]:
        paths = self.disk.below(IN)
        return sorted(paths, key=lambda path: (self.disk.files[path].at, path))

    async def _take(self, path: str, folder: str) -> bool | None:
        """Read, then claim, then compare; False: left where it is, None: it is not there."""
        read = self.disk.files.get(path)
        await self.process.turn()
        if read is None:
            return None
        if not read.whole:
            return False
        return self.disk.rename(path, f"{folder}/{path.removeprefix(IN)}") or None

    def _page(self, folder: str) -> Page:
        paths = sorted(self.disk.below(f"{folder}/"))
        return Page(tuple(self._record(folder, path) for path in paths), Cursor(folder))

    def _record(self, folder: str, path: str) -> Record:
        file, name = self.disk.files[path], path.rpartition("/")[2]
        pass_, complete, number = folder.removeprefix(CLAIMED).split("-")
        position = f"{number}{int(file.at * 1000):016x}{name}/{0:08d}"
        claim = Claim(int(pass_), int(complete), position)
        batch = folder.removeprefix(CLAIMED)
        aside = f"{ASIDE}{batch}/{name}"
        return Record(file.content, source=name, version=aside, claim=claim, aside=aside)

    async def commit(self, cursor: Cursor) -> None:
        await self.process.turn()
        self.process.remembered(*self.process.compared)
        if cursor:
            self.disk.remove(*self.disk.below(f"{cursor}/"))

    async def set_aside(self, records: Sequence[Record]) -> None:
        for record in records:
            await self.process.turn()
            source = f"{CLAIMED}{record.aside.removeprefix(ASIDE)}"
            if self.disk.rename(source, record.aside):
                self.aside(record.body)

    # -- out -----------------------------------------------------------------------------------

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        good = [write for write in writes if write.body is not None]
        await self.stage(good)
        done = iter(await self.publish([(write.key, write.ref or "") for write in good]))
        return [next(done) if w.body is not None else _undeletable(w) for w in writes]

    async def stage(self, writes: Sequence[Write]) -> Sequence[Staged | RecordError]:
        answers: list[Staged | RecordError] = []
        for write in writes:
            await self.process.turn()
            self._present()
            body = {**(write.body or {}), **orjson.loads(write.extra or "{}")}
            file = File((write.key, body), self.process.time.since, synced=False)
            self.disk.put(f"{TEMPORARY}{write.key}", file)
            answers.append(Staged(write.key, self._there(f"{OUT}{write.ref}")))
        await self.process.turn()
        paths = [f"{TEMPORARY}{write.key}" for write in writes]
        if not self.disk.files.keys() >= set(paths):
            raise RetryableError("the outbound folder is not the one that was written to.")
        self.disk.sync(*paths)
        return answers

    def _there(self, target: str) -> bool:
        return target in self.disk.files

    async def publish(self, staged: Sequence[tuple[str, str]]) -> Sequence[Receipt | RecordError]:
        for key, ref in staged:
            await self.process.turn()
            self._present()
            target = f"{OUT}{ref}"
            self.disk.remove(f"{target}.ack")
            self.disk.remove(f"{target}.err")
            if self.disk.rename(f"{TEMPORARY}{key}", target):
                self.told(key, ref, self.disk.files[target].content)
        await self.process.turn()
        self.disk.sync()
        return [Receipt(ref) for _, ref in staged]

    async def sweep(self) -> int:
        await self.process.turn()
        orphans = self.disk.below(TEMPORARY)
        self.disk.remove(*orphans)
        return len(orphans)

    async def fates(self, refs: Sequence[str]) -> Mapping[str, tuple[Fate, str]]:
        await self.process.turn()
        self._present()
        return {ref: self._fate(f"{OUT}{ref}") for ref in refs}

    def _fate(self, target: str) -> tuple[Fate, str]:
        files = self.disk.files
        if refusal := files.get(f"{target}.err"):
            return Fate.REFUSED, str(refusal.content)
        if target not in files:
            return Fate.TAKEN, ""
        return (Fate.ACKNOWLEDGED if f"{target}.ack" in files else Fate.WAITING), ""

    def _present(self) -> None:
        if MARKER not in self.disk.files:
            raise FatalError("the outbound folder has lost its marker while we worked.")

    # -- who may work --------------------------------------------------------------------------

    async def lock(self) -> None:
        await self.process.turn()
        holder = self.disk.locks.setdefault(self._lock(), self.process)
        if holder is not self.process and holder.alive:
            raise OccupiedError("another process of ours works in the outbound folder.")
        self.disk.locks[self._lock()] = self.process

    def _lock(self) -> int:
        return 0 if self.shared else self.process.host

    async def unlock(self) -> None:
        if self.disk.locks.get(self._lock()) is self.process:
            del self.disk.locks[self._lock()]

    async def marker(self) -> str | None:
        await self.process.turn()
        there = self.disk.files.get(MARKER)
        return there.content if there else None

    async def place_marker(self, marker: str) -> None:
        await self.process.turn()
        self.disk.put(MARKER, File(marker, 0))
        self.disk.sync(MARKER)


def _undeletable(write: Write) -> RecordError:
    return RecordError("undeletable", "this customer takes no deletions.", value=write.ref or "")
