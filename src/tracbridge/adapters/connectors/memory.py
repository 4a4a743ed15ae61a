"""A customer's system kept in memory: answers writes, checks versions, shows what we wrote.

The smallest whole connector there is: read it before you write your own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
from msgspec import Struct

from tracbridge.sdk import (
    Body,
    Claim,
    Cursor,
    Page,
    Receipt,
    Record,
    RecordError,
    Refusal,
    StaleWriteError,
    Traits,
    Write,
)

PAGE = 1_000


class MemorySystem(Struct):
    """The other company's database: every version of every record, oldest first.

    ``answers``: what each idempotency key was answered. ``committed``: versions that we need not
    be shown again.
    """

    versions: list[Record] = []
    answers: dict[str, Receipt] = {}
    committed: int = 0

    def put(self, ref: str | None, body: Body | None, extra: str = "") -> Record:
        """A new version of a record, None for its deletion; a record without ``ref`` gets one."""
        number = len(self.versions) + 1
        whole = None if body is None else {**body, **orjson.loads(extra or b"{}")}
        raw = b"" if whole is None else orjson.dumps(whole)
        copy = None if whole is None else orjson.loads(raw)
        name = ref or f"m{number}"
        record = Record(copy, name, str(number), source=f"memory:{name}", raw=raw)
        self.versions.append(record)
        return record

    def newest(self, since: int = 0) -> dict[str, Record]:
        """The last version of each record that has one after ``since``, oldest version first."""
        found: dict[str, Record] = {}
        for record in self.versions[since:]:
            found.pop(record.ref or "", None)
            found[record.ref or ""] = record
        return found

    def get(self, ref: str | None) -> Record | None:
        """The record as it is now, None if there is none (any more)."""
        record = self.newest().get(ref or "")
        return record if record and record.body is not None else None


class MemoryConnector:
    """A connection to a `MemorySystem`; one made anew over the same system is a restart."""

    def __init__(
        self, system: MemorySystem | None = None, *, deletes: bool = False, page: int = PAGE
    ) -> None:
        self.system = system or MemorySystem()
        self.traits = Traits(deletes=deletes, checks_versions=True, reads_back=True, answers=True)
        self._page = page

    async def check(self) -> None:
        """Memory is always there."""

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """Each record that changed, in its last version; the last page ends the listing."""
        del claim  # nothing is kept back: what is read now is of the pass that reads
        after, end = max(int(since or 0), self.system.committed), len(self.system.versions)
        changed = tuple(self.system.newest(after).values())
        while len(changed) > self._page:
            page, changed = changed[: self._page], changed[self._page :]
            yield Page(page, Cursor(page[-1].version))
        yield Page(changed, Cursor(str(end)), complete=True)

    async def commit(self, cursor: Cursor) -> None:
        self.system.committed = max(self.system.committed, int(cursor))

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        found = {ref: self.system.get(ref) for ref in refs}
        return {ref: (record,) for ref, record in found.items() if record}

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return [self._write(write) for write in writes]

    async def aclose(self) -> None:
        """Nothing to give back."""

    def _write(self, write: Write) -> Receipt | Refusal:
        if write.key not in self.system.answers:
            if refusal := self._refusal(write):
                return refusal
            self.system.answers[write.key] = self._take(write)
        return self.system.answers[write.key]

    def _refusal(self, write: Write) -> Refusal | None:
        if write.body is None and not self.traits.deletes:
            reason = "this customer takes no deletions."
            return RecordError("undeletable", reason, value=write.ref or "")
        if write.replaces is None:
            return None
        now = self.system.get(write.replaces.ref)
        if now is None or now.version != write.replaces.version:
            return StaleWriteError(f"record {write.replaces.ref} was changed since it was read.")
        return None

    def _take(self, write: Write) -> Receipt:
        ref = write.ref or (write.replaces.ref if write.replaces else None)
        if write.body is None and self.system.get(ref) is None:
            return Receipt(ref or "")
        made = self.system.put(ref, write.body, write.extra)
        return Receipt(made.ref or "", made.version)
