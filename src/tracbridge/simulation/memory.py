"""Our memory, in memory: what the database would hold, and the stores as one process sees them."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import FatalError, OccupiedError
from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import (
    PERSON,
    Conflict,
    Entry,
    Good,
    QuarantineCase,
    Resolution,
    next_id,
)
from tracbridge.simulation.processes import Process

TTL, RENEW = 30.0, 10.0


class State(Struct):
    """Everything that we remember of one connection. Its values are never changed in place."""

    links: dict[str, Link] = {}
    counter: int = 0
    complete: int = 0
    cursors: dict[str, Any] = {}
    cases: dict[str, QuarantineCase] = {}
    conflicts: dict[str, Conflict] = {}
    entries: dict[str, Entry] = {}
    superseded: set[str] = set()
    marker: tuple[str, bool] | None = None
    owner: Process | None = None
    fence: int = 0
    expires: float = 0.0

    def copy(self) -> "State":
        """As a backup would hold it."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        kept: dict[str, Any] = {
            n: v.copy() if isinstance(v, dict | set) else v for n, v in values.items()
        }
        return State(**kept)

    def numbered_twice(self) -> list[tuple[str, int]]:
        """Orders and numbers under which two changes of TracOS stand in the history."""
        ours = [e for i, e in self.entries.items() if i not in self.superseded]
        numbers = Counter((e.ref, e.number) for e in ours if e.side is Side.TRACOS)
        return [one for one, times in numbers.items() if times > 1]


class Store(Struct, eq=False):
    """A view of the memory by one process."""

    state: State
    process: Process


class MemoryLedger(Store, eq=False):
    """`Ledger`. ``lease``: under whose fence is written."""

    lease: "MemoryLease"

    async def find(self, refs: Sequence[str]) -> dict[str, Link]:
        links = self.state.links
        found = await self.process.ask(lambda: {ref: links[ref] for ref in refs if ref in links})
        self.process.links.update(found)
        return found

    async def save(self, links: Sequence[Link]) -> set[str]:
        if not links:
            return set()
        return await self.process.ask(lambda: self._save(links))

    def _save(self, links: Sequence[Link]) -> set[str]:
        lost = {link.ref for link in links if not self._save_one(link)}
        stored = (self.state.links.get(ref) for ref in lost)
        if any(one.fence > self.lease.fence for one in stored if one):
            raise FatalError("another process has taken over this connection.")
        return lost

    def _save_one(self, link: Link) -> bool:
        now = self.state.links.get(link.ref)
        made = replace(link, rev=link.rev + 1, fence=self.lease.fence)
        if (now.rev if now else 0) != link.rev or (now and now.fence > self.lease.fence):
            return now == made
        self.state.links[link.ref] = made
        self.process.remembered(link.ref)
        return True

    async def linked(self) -> int:
        return await self.process.ask(lambda: len(self.state.links))

    async def on_their_way(self, *phases: Phase) -> AsyncIterator[list[str]]:
        for page in await self._refs(lambda link: link.out and link.out.phase in phases):
            yield page

    async def repushes(self) -> AsyncIterator[list[str]]:
        for page in await self._refs(lambda link: link.repush):
            yield page

    async def _refs(self, wanted: Any) -> list[list[str]]:
        links = self.state.links
        found = await self.process.ask(lambda: [ref for ref, k in links.items() if wanted(k)])
        return [found] if found else []

    async def rotation(
        self, after: str, limit: int, lately: tuple[datetime, datetime] | None = None
    ) -> tuple[list[str], str]:
        links = self.state.links
        rows = await self.process.ask(lambda: sorted(r for r in links if r > after)[:limit])
        since, until = lately or (None, None)
        given = {ref: at for ref in rows if (at := links[ref].given) and since and until}
        refs = [r for r in rows if r not in given or not since <= given[r] <= until]  # type: ignore[operator]
        return refs, rows[-1] if len(rows) == limit else ""


class MemoryPasses(Store, eq=False):
    """`Passes`."""

    async def begin(self, complete: int = 0, ahead: int = 0) -> Claim:
        return await self.process.ask(lambda: self._begin(complete, ahead))

    def _begin(self, complete: int, ahead: int) -> Claim:
        self._complete(complete)
        first = self.state.counter + 1
        self.state.counter += 1 + ahead
        return Claim(first, self.state.complete)

    async def counter(self) -> int:
        return await self.process.ask(lambda: self.state.counter)

    async def completed(self) -> int:
        return await self.process.ask(lambda: self.state.complete)

    async def complete(self, pass_: int) -> None:
        await self.process.ask(lambda: self._complete(pass_))

    def _complete(self, pass_: int) -> None:
        self.state.complete = max(self.state.complete, pass_)

    async def cursor(self, name: str) -> Any:
        return await self.process.ask(lambda: self.state.cursors.get(name))

    async def keep_cursor(self, name: str, value: Any) -> None:
        await self.process.ask(lambda: self.state.cursors.update({name: value}))


class MemoryQuarantine(Store, eq=False):
    """`Quarantine`."""

    async def put(self, cases: Sequence[QuarantineCase]) -> None:
        await self.process.ask(lambda: self._put(cases))

    def _put(self, cases: Sequence[QuarantineCase]) -> None:
        for case in cases:
            there = self.state.cases.get(case.id)
            if there is None or there.state in ("closed", "retried"):
                self.state.cases[case.id] = case

    async def known(self, ids: Sequence[str]) -> set[str]:
        cases = self.state.cases
        return {i for i in ids if i in cases and cases[i].state in ("open", "discarded")}

    async def waiting(self, side: Side | None = None) -> int:
        return await self.process.ask(lambda: len(self._open(side)))

    def _open(self, side: Side | None) -> list[QuarantineCase]:
        cases = self.state.cases.values()
        return [one for one in cases if one.state == "open" and side in (None, one.side)]

    async def settle(self, good: Good, side: Side, at: datetime) -> int:
        del at
        return await self.process.ask(lambda: self._settle(good, side))

    def _settle(self, good: Good, side: Side) -> int:
        old = [c for c in self._open(side) if good.outdates(c.ref, c.source, c.claim)]
        self.state.cases.update({case.id: replace(case, state="closed") for case in old})
        return len(old)


class MemoryConflicts(Store, eq=False):
    """`Conflicts`. ``told`` sees what is put on record, also what is there already."""

    told: Callable[[Conflict], None] = lambda _: None

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        if conflicts:
            await self.process.ask(lambda: self._put(conflicts))

    def _put(self, conflicts: Sequence[Conflict]) -> None:
        for conflict in conflicts:
            known = self._fresh(conflict)
            self.state.conflicts.setdefault(known.id, known)
            self.told(conflict)

    def _fresh(self, conflict: Conflict) -> Conflict:
        """As the real store: what comes back after it was decided is stored beside it."""
        there = self.state.conflicts.get(conflict.id)
        if conflict.decided is not None or there is None or there.decided is None:
            return conflict
        ended = there.resolutions[-1].at if there.resolutions else None
        return self._fresh(replace(conflict, id=next_id(conflict.id, ended)))

    async def decide(self, conflict: Conflict, resolution: Resolution) -> None:
        ids = {conflict.id, *self._waiting(conflict.ref, resolution)}
        await self.process.ask(lambda: self._book(ids, resolution, PERSON))

    async def release(self, ref: str, resolution: Resolution) -> None:
        ids = self._waiting(ref, resolution)
        await self.process.ask(lambda: self._book(ids, resolution, resolution.by))

    def _waiting(self, ref: str, resolution: Resolution) -> set[str]:
        found = (one for one in self.state.conflicts.values() if one.ref == ref)
        names = resolution.values.keys()
        return {c.id for c in found if c.decided is None and not names.isdisjoint(c.taken)}

    def _book(self, ids: Collection[str], resolution: Resolution, decided: str) -> None:
        for id_ in ids:
            made = self.state.conflicts[id_].resolved(resolution)
            self.state.conflicts[id_] = made if made.waiting else replace(made, decided=decided)


class MemoryHistory(Store, eq=False):
    """`History`."""

    async def put(self, entries: Sequence[Entry]) -> set[str]:
        if not entries:
            return set()
        return await self.process.ask(lambda: {e.id for e in entries if not self._put(e)})

    def _put(self, entry: Entry) -> bool:
        first = self.state.entries.get(entry.id, entry)
        if (first.before, first.after) != (entry.before, entry.after):
            if entry.id not in self.state.superseded:
                return False
            first = entry
        self.state.entries[entry.id] = replace(first, before_at=entry.before_at)
        self.state.superseded.discard(entry.id)
        return True

    async def supersede(self, ids: Sequence[str]) -> None:
        if ids:
            await self.process.ask(lambda: self.state.superseded.update(ids))

    async def pending(self, numbers: Mapping[str, int]) -> dict[str, Entry]:
        return await self.process.ask(lambda: self._pending(numbers))

    def _pending(self, numbers: Mapping[str, int]) -> dict[str, Entry]:
        entries = sorted(self.state.entries.values(), key=lambda entry: entry.at)
        gone = self.state.superseded
        ours = (e for e in entries if e.side is Side.TRACOS and e.id not in gone)
        return {e.ref: e for e in ours if numbers.get(e.ref) == e.number}


class MemoryLease(Store, eq=False):
    """`Lease`."""

    fence: int = 0
    renewed: float = 0.0

    async def join(self) -> int:
        self.fence = await self.process.ask(lambda: self.state.fence)
        return self.fence

    async def take(self) -> int:
        self.fence = await self.process.ask(self._take)
        return self.fence

    def _take(self) -> int:
        state, me, now = self.state, self.process, self.process.time.since
        owner = state.owner
        other = owner is not None and owner is not me and state.expires > now
        if other and owner and (owner.alive or owner.host != me.host):
            raise OccupiedError("another process of ours works on the connection.")
        state.fence += owner is not me
        state.owner, state.expires, self.renewed = me, now + TTL, now
        return state.fence

    async def hold(self) -> None:
        if self.process.time.since - self.renewed >= RENEW:
            await self.process.ask(self._hold)

    def _hold(self) -> None:
        state, now = self.state, self.process.time.since
        if state.owner is not self.process or state.fence != self.fence:
            raise FatalError("the lease of the connection is lost; nothing more is written.")
        state.expires, self.renewed = now + TTL, now

    async def release(self) -> None:
        await self.process.ask(self._release)

    def _release(self) -> None:
        if self.state.owner is self.process:
            self.state.owner, self.state.expires = None, 0.0


class MemoryRuns(Store, eq=False):
    """`Runs`."""

    async def begin(self, run: str, at: datetime) -> None:
        """Nobody reads them."""

    async def end(self, run: str, at: datetime, counts: Mapping[str, Any]) -> None:
        """Nobody reads them."""

    async def marker(self) -> tuple[str, bool] | None:
        return await self.process.ask(lambda: self.state.marker)

    async def keep_marker(self, marker: str, *, placed: bool) -> None:
        await self.process.ask(lambda: setattr(self.state, "marker", (marker, placed)))
