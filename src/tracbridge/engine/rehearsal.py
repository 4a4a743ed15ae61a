"""Ports that read the truth and keep what would be written to themselves.

The engine runs on them unchanged, so that a preview is the plan of the run and nothing else. They
hold what would change, one entry per order, and are thrown away afterwards.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.workorder import Side
from tracbridge.mapping.synced import is_synced
from tracbridge.mapping.translation import Translation
from tracbridge.ports.connector import (
    Acknowledges,
    Connector,
    Cursor,
    Fate,
    Page,
    Peeks,
    Receipt,
    Record,
    Refusal,
    Staged,
    Tracos,
    Traits,
    Write,
)
from tracbridge.ports.numbers import Key, Numbered, Numbers
from tracbridge.ports.state import Conflict, Entry, History, Ledger, Passes, QuarantineCase


class RehearsedTracos:
    """TracOS as it would be."""

    def __init__(self, real: Tracos, translation: Translation) -> None:
        self.real, self.translation = real, translation
        self.documents: dict[str, Record] = {}

    @property
    def traits(self) -> Traits:
        return self.real.traits

    async def check(self) -> None:
        await self.real.check()

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        shown: set[str] = set()
        async for page in self.real.read(since, claim):
            records = [self._now(record) for record in page.records]
            shown |= {record.source for record in records}
            yield replace(page, records=tuple(r for r in records if not is_synced(r.body or {})))
        fresh = [r for r in self.documents.values() if r.source not in shown]
        yield Page(tuple(r for r in fresh if not is_synced(r.body or {})), Cursor(""))

    async def changed(self, since: Any, lately: Any) -> AsyncIterator[Page]:
        async for page in self.real.changed(since, lately):
            yield replace(page, records=tuple(self._now(record) for record in page.records))

    def news(self) -> AsyncIterator[Page]:
        return self.read(None, Claim(0, 0))  # nobody rehearses a pass that a hint causes

    async def freshest(self, since: datetime, limit: int) -> Sequence[Record]:
        del since, limit
        return ()  # they come with all the others

    async def made(self, ids: Sequence[object]) -> Mapping[object, str]:
        return await self.real.made(ids)

    def _now(self, record: Record) -> Record:
        ref = self.translation.tracos_ref(record.body or {})
        return self.documents.get(ref, record) if ref else record

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        found = dict(await self.real.fetch(refs))
        found |= {ref: (self.documents[ref],) for ref in refs if ref in self.documents}
        return found

    async def commit(self, cursor: Cursor) -> None:
        """Nobody is told."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        for write in writes:
            ref = write.ref or ""
            before = write.replaces or Record({"_id": None}, source=f"new:{ref}")
            self._set(ref, before, write.body or {})
        return [Receipt(write.ref or "") for write in writes]

    async def mark(self, marks: Sequence[tuple[Record, Any]]) -> int:
        for record, values in marks:
            ref = self.translation.tracos_ref(record.body or {})
            self._set(ref or "", record, values)
        return len(marks)

    def _set(self, ref: str, before: Record, values: Mapping[str, Any]) -> None:
        self.documents[ref] = replace(before, body={**(before.body or {}), **values})

    async def aclose(self) -> None:
        """Nothing was opened."""


class RehearsedCustomer:
    """The customer's system: looked at without being touched; what would be sent goes nowhere."""

    def __init__(self, real: Connector) -> None:
        self.real = real

    @property
    def traits(self) -> Traits:
        return self.real.traits

    async def check(self) -> None:
        if isinstance(self.real, Peeks):
            await self.real.look()

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        pages = (
            self.real.peek(claim, since)
            if isinstance(self.real, Peeks)
            else self.real.read(since, claim)
        )
        async for page in pages:
            yield page

    async def commit(self, cursor: Cursor) -> None:
        """Nothing is safe anywhere."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        return [Receipt(write.ref or "") for write in writes]

    async def stage(self, writes: Sequence[Write]) -> Sequence[Staged]:
        return [Staged(write.key, over=False) for write in writes]

    async def publish(self, staged: Sequence[tuple[str, str]]) -> Sequence[Receipt]:
        return [Receipt(ref) for _, ref in staged]

    async def sweep(self) -> int:
        return 0

    async def fates(self, refs: Sequence[str]) -> Mapping[str, tuple[Fate, str]]:
        if isinstance(self.real, Acknowledges):
            return await self.real.fates(refs)
        return dict.fromkeys(refs, (Fate.WAITING, ""))

    async def aclose(self) -> None:
        """Nothing was opened."""


class RehearsedLedger:
    """The links as they would be."""

    def __init__(self, real: Ledger) -> None:
        self.real = real
        self.links: dict[str, Link] = {}

    async def find(self, refs: Sequence[str]) -> dict[str, Link]:
        found = await self.real.find([ref for ref in refs if ref not in self.links])
        return found | {ref: self.links[ref] for ref in refs if ref in self.links}

    async def save(self, links: Sequence[Link]) -> set[str]:
        self.links |= {link.ref: replace(link, rev=link.rev + 1) for link in links}
        return set()

    async def linked(self) -> int:
        return await self.real.linked()

    async def on_their_way(self, *phases: Phase) -> AsyncIterator[list[str]]:
        async for refs in self.real.on_their_way(*phases):
            if left := [ref for ref in refs if ref not in self.links]:
                yield left
        if ours := [ref for ref, k in self.links.items() if k.out and k.out.phase in phases]:
            yield ours

    async def repushes(self) -> AsyncIterator[list[str]]:
        async for refs in self.real.repushes():
            if left := [ref for ref in refs if ref not in self.links]:
                yield left
        if ours := [ref for ref, link in self.links.items() if link.repush]:
            yield ours

    async def rotation(
        self, after: str, limit: int, lately: tuple[datetime, datetime] | None = None
    ) -> tuple[list[str], str]:
        refs, position = await self.real.rotation(after, limit, lately)
        return [ref for ref in refs if not self._given(ref, lately)], position

    def _given(self, ref: str, span: tuple[datetime, datetime] | None) -> bool:
        link = self.links.get(ref)
        given = link.given if link else None
        return given is not None and span is not None and span[0] <= given <= span[1]


class RehearsedPasses:
    """A pass that is not counted."""

    def __init__(self, real: Passes) -> None:
        self.real = real
        self.began = 0

    async def begin(self, complete: int = 0, ahead: int = 0) -> Claim:
        del ahead
        self.began += 1
        complete = max(complete, await self.real.completed())
        return Claim(await self.counter(), complete)

    async def counter(self) -> int:
        return await self.real.counter() + self.began

    async def completed(self) -> int:
        return await self.real.completed()

    async def complete(self, pass_: int) -> None:
        """It was none."""

    async def cursor(self, name: str) -> Any:
        return await self.real.cursor(name)

    async def keep_cursor(self, name: str, value: Any) -> None:
        """It will start there again."""


class Notes(Struct):
    """Quarantine, conflicts and history of a rehearsal: what would be put on record."""

    real: History
    known_cases: Any
    cases: list[QuarantineCase] = []
    conflicts: list[Conflict] = []
    entries: list[Entry] = []

    async def put(self, facts: Iterable[QuarantineCase | Conflict | Entry]) -> Any:
        for fact in facts:
            match fact:
                case QuarantineCase():
                    self.cases.append(fact)
                case Conflict():
                    self.conflicts.append(fact)
                case Entry():
                    self.entries.append(fact)
        return set()

    async def known(self, ids: Sequence[str]) -> set[str]:
        found: set[str] = await self.known_cases(ids)
        return found

    async def waiting(self, side: Side | None = None) -> int:
        del side
        return 0

    async def settle(self, *_: Any, **__: Any) -> int:
        return 0

    async def decide(self, *_: Any, **__: Any) -> None:
        """Nobody decides anything."""

    async def release(self, *_: Any, **__: Any) -> None:
        """Nobody decides anything."""

    async def supersede(self, ids: Sequence[str]) -> None:
        self.entries = [entry for entry in self.entries if entry.id not in ids]

    async def pending(self, numbers: Mapping[str, int]) -> dict[str, Entry]:
        return await self.real.pending(numbers)


class RehearsedNumbers(Struct):
    """What is new gets a number that lasts as long as the rehearsal; ``new``: keys by these."""

    real: Numbers
    new: dict[str, Key] = {}

    async def of(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        found = dict(await self.real.known(keys))
        given = {key: number for number, key in self.new.items()}
        for key in keys:
            if key not in found:
                number = given.get(key) or str(_LAST - len(self.new))
                self.new[number] = key
                found[key] = Numbered(number)
        return found

    async def known(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        return await self.real.known(keys)

    def document(self, key: Key) -> object:
        return self.real.document(key)

    async def keys(self, numbers: Sequence[str]) -> Mapping[str, Key]:
        fresh = {number: self.new[number] for number in numbers if number in self.new}
        return {**await self.real.keys(numbers), **fresh}

    async def pair(self, pairs: Mapping[Key, str]) -> set[Key]:
        self.new |= {number: key for key, number in pairs.items()}
        return set()

    async def again(self, keys: Sequence[Key]) -> None:
        """Nothing was given."""


_LAST = 2**63 - 1
"""Numbers that no order has: they are given from the end."""


class NoLease:
    """A rehearsal excludes nobody."""

    fence = 0

    async def join(self) -> int:
        return 0

    async def take(self) -> int:
        return 0

    async def hold(self) -> None:
        """There is nothing to lose."""

    async def release(self) -> None:
        """There is nothing to give back."""
