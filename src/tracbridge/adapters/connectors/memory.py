"""A customer's system kept in memory: answers writes, checks versions, shows what we wrote.

The smallest whole connector there is: read it before you write your own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Literal, Self

import orjson
from msgspec import Struct
from pydantic import Field

from tracbridge.sdk import (
    Body,
    Claim,
    ConnectorSettings,
    Cursor,
    Page,
    Place,
    Receipt,
    Record,
    RecordError,
    Refusal,
    StaleWriteError,
    Traits,
    Write,
)


class MemorySettings(ConnectorSettings):
    """What a connection to memory is told."""

    connector: Literal["memory"] = "memory"
    deletes: bool = Field(False, description="He takes deletions.")
    resumes: bool = Field(True, description="We keep the cursor; else he knows what was committed.")
    page: int = Field(1_000, ge=1, description="Records in a page.")


class MemorySystem(Struct):
    """The other company's database: every version of every record, oldest first.

    ``answers``: what each idempotency key was answered. ``committed``: versions that we need not
    be shown again, where the system remembers that for us.
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
    """A connection to a `MemorySystem` of its own, or to one that others use too: `over`."""

    Settings: ClassVar[type[ConnectorSettings]] = MemorySettings

    def __init__(self, settings: MemorySettings, place: Place) -> None:
        del place  # memory has no paths, times or zones
        self.settings = settings
        self.system = MemorySystem()
        self.traits = Traits(
            deletes=settings.deletes, checks_versions=True, resumes=settings.resumes
        )

    @classmethod
    def over(cls, system: MemorySystem, settings: MemorySettings, place: Place) -> Self:
        """A connection to this system; one made anew over the same system is a restart."""
        made = cls(settings, place)
        made.system = system
        return made

    async def check(self) -> None:
        """Memory is always there."""

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """Each record that changed, in its last version; the last page ends the listing."""
        del claim  # nothing is kept back: what is read now is of the pass that reads
        after, end = max(int(since or 0), self.system.committed), len(self.system.versions)
        changed = tuple(self.system.newest(after).values())
        while len(changed) > (size := self.settings.page):
            page, changed = changed[:size], changed[size:]
            yield Page(page, Cursor(page[-1].version))
        yield Page(changed, Cursor(str(end)), complete=True)

    async def commit(self, cursor: Cursor) -> None:
        if not self.settings.resumes:  # else the cursor comes back with the next `read`
            self.system.committed = max(self.system.committed, int(cursor))

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        found = {ref: self.system.get(ref) for ref in refs}
        return {ref: (record,) for ref, record in found.items() if record}

    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        return [self.system.get(record.ref) for record in records]

    async def ours(self, numbers: Sequence[str]) -> Sequence[Record | None]:
        return [self.system.get(number) for number in numbers]

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return [self._write(write) for write in writes]

    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        return [self.system.answers.get(write.key) for write in writes]

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
        read = write.replaces
        if read is None:
            return None
        now = self.system.get(read.ref)
        if now is None or read.version not in ("", now.version):
            return StaleWriteError(f"record {read.ref} was changed since it was read.")
        return None

    def _take(self, write: Write) -> Receipt:
        read = write.replaces
        ref = write.ref if read is None else read.ref
        now = self.system.get(ref)
        if write.body is None and now is None:
            return Receipt(ref or "")
        body = write.body
        if body is not None and read is not None and now is not None:
            # Only what is new: the rest may have become another one since.
            known = read.body or {}
            body = {**(now.body or {}), **{k: v for k, v in body.items() if known.get(k) != v}}
        made = self.system.put(ref, body, write.extra)
        return Receipt(made.ref or "", made.version, made.body)
