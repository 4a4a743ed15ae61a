"""TracOS in memory: documents with a unique number, guarded writes, the view ``isSynced``."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import RecordError, StaleWriteError
from tracbridge.domain.link import Claim
from tracbridge.mapping.synced import is_synced
from tracbridge.ports.connector import Cursor, Page, Receipt, Record, Refusal, Traits, Write
from tracbridge.simulation.processes import Process

Document = dict[str, Any]

GUARDED = ("status", "title", "description", "deleted", "deletedAt", "updatedAt")


class Collection(Struct):
    """Documents by number; each is replaced whole, never changed in place."""

    documents: dict[int, Document] = {}

    def set(self, number: int, values: Mapping[str, Any]) -> None:
        """Values of a document that is there, or a new document."""
        before = self.documents.get(number) or {"_id": number, "number": number}
        self.documents[number] = {**before, **values}


class MemoryTracos(Struct, eq=False):
    """`Tracos` over a `Collection`. ``told`` sees what we wrote; ``page``: documents in a page."""

    collection: Collection
    process: Process
    told: Callable[[Document | None, Document], None] = lambda *_: None
    page: int = 1

    @property
    def traits(self) -> Traits:
        return Traits(checks_versions=True, reads_back=True, supersedes=True, answers=True)

    async def check(self) -> None:
        await self.process.turn()

    async def aclose(self) -> None:
        """Nothing was opened."""

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        del since, claim
        found = await self.process.ask(lambda: self._found(lambda one: not is_synced(one)))
        for page in self._pages(found):
            yield page

    async def news(self) -> AsyncIterator[Page]:
        async for page in self.read(None, Claim(0, 0)):
            yield page

    async def freshest(self, since: datetime, limit: int) -> Sequence[Record]:
        del since, limit
        return ()  # asked by those only who call the customer at a pace

    async def made(self, ids: Sequence[object]) -> Mapping[object, str]:
        del ids
        return {}  # asked by those only whose keys are no numbers

    async def changed(self, since: Any, lately: Any) -> AsyncIterator[Page]:
        found = await self.process.ask(
            lambda: self._found(lambda one: is_synced(one) and one["updatedAt"] >= since)
        )
        found = [
            one
            for one in found
            if one["updatedAt"] >= min(lately, one["syncedAt"] or one["updatedAt"])
        ]
        for page in self._pages(found):
            yield page

    def _found(self, wanted: Any) -> list[Document]:
        return [one for one in self.collection.documents.values() if wanted(one)]

    def _pages(self, found: list[Document]) -> list[Page]:
        portions = [found[at : at + self.page] for at in range(0, len(found), self.page)]
        return [Page(tuple(map(record_of, some)), Cursor("")) for some in portions]

    async def commit(self, cursor: Cursor) -> None:
        """What was read is marked one by one."""

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        return await self.process.ask(lambda: self._fetch(refs))

    def _fetch(self, refs: Sequence[str]) -> dict[str, Sequence[Record]]:
        documents = self.collection.documents
        numbers = {ref: int(ref) for ref in refs if ref.isdecimal()}
        return {r: (record_of(documents[n]),) for r, n in numbers.items() if n in documents}

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        if not writes:
            return []
        return await self.process.ask(lambda: [self._write(write) for write in writes])

    def _write(self, write: Write) -> Receipt | Refusal:
        if write.body is None:
            return RecordError("undeletable", "documents are never removed.", value=write.ref or "")
        if write.replaces is None:
            if int(write.body["number"]) in self.collection.documents:
                return StaleWriteError(f"order {write.ref} exists in TracOS by now.")
            self._set(int(write.body["number"]), write.body)
            return Receipt(str(write.body["number"]))
        now = self._current(write.replaces)
        if now is None or not as_read(now, write.replaces):
            if now and all(now.get(n) == v for n, v in write.body.items()):
                return Receipt(write.ref or "")
            return StaleWriteError(f"order {write.ref} was changed in TracOS since it was read.")
        self._set(now["number"], write.body)
        return Receipt(write.ref or "")

    def _current(self, record: Record) -> Document | None:
        return self.collection.documents.get((record.body or {})["number"])

    async def mark(self, marks: Sequence[tuple[Record, Any]]) -> int:
        return await self.process.ask(lambda: sum(self._mark(*one) for one in marks))

    def _mark(self, record: Record, values: Mapping[str, Any]) -> bool:
        now = self._current(record)
        if now is None or not as_read(now, record):
            return False
        self._set(now["number"], values)
        return True

    def _set(self, number: int, values: Mapping[str, Any]) -> None:
        before = self.collection.documents.get(number)
        self.collection.set(number, values)
        self.told(before, self.collection.documents[number])


def as_read(now: Document, record: Record) -> bool:
    """The document is still as it was read, in what matters."""
    read = record.body or {}
    return all(now.get(name) == read.get(name) for name in GUARDED)


def record_of(document: Document) -> Record:
    """A document as a record."""
    return Record(document, source=f"tracos:{document['_id']}")
