"""The figures of all connections, kept in memory, so that a page of hundreds of them is there at
once.

They are read again soon after something happened, and now and then, as long as somebody looks.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from msgspec import Struct, field

from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.dashboard.figures import Figures, figures_of
from tracbridge.domain.errors import TracbridgeError
from tracbridge.runtime.hub import Event

PORTION = 100
"""Connections that are read together; in between, the work itself has its turn."""

FRESH = timedelta(minutes=2)
"""After this the figures are read again although nothing was heard."""

OFTEN = timedelta(seconds=2)
"""Figures of one connection are not read again before, however much is heard of it."""

PATIENCE = 0.6
"""Seconds that a page waits for figures; what is not there by then follows."""

GATHER = 0.5
"""Seconds in which changes are gathered before they are shown."""

MINUTES = 60
LATELY = 10
"""Minutes whose orders tell how long the next ones will take."""

GIVEN = "delivered"
EFFECTS = ("created", "updated", GIVEN)
"""What counts as throughput: orders that got something new on the other side."""


class Flow(Struct):
    """Effects per minute of the last hour. ``last``: the minute of the last value."""

    last: int = 0
    values: list[int] = field(default_factory=lambda: [0] * MINUTES)

    def add(self, minute: int, count: int) -> None:
        """So many more in that minute."""
        self.values = self.until(minute)
        self.last = max(self.last, minute)
        if (ago := self.last - minute) < MINUTES:
            self.values[-1 - ago] += count

    def until(self, minute: int) -> list[int]:
        """The hour that ends with that minute, oldest first."""
        gone = min(max(minute - self.last, 0), MINUTES)
        return [*self.values[gone:], *([0] * gone)]

    def rate(self, now: float) -> float:
        """Orders a second since the first of the last minutes that had any; 0 where none had.
        ``now``: seconds since 1970.
        """
        minute = int(now // 60)
        late = self.until(minute)[-LATELY:]
        first = next((n for n, count in enumerate(late) if count), None)
        if first is None:
            return 0.0
        begun = 60 * (minute - len(late) + 1 + first)
        return sum(late) / max(now - begun, 1.0)


class Board:
    """Of one process. `watching` has to run while pages are shown."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._figures: dict[str, Figures] = {}
        self._flows: dict[str, Flow] = {}
        self._given: dict[str, Flow] = {}
        self._heard: set[str] = set()
        self._due: dict[str, None] = {}
        self._reader: asyncio.Task[None] | None = None
        self._watchers: set[Watcher] = set()
        self._ended = False

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Listens to what happens while the block runs; then every live page ends. All is read once
        at the beginning, so that the first one who looks need not wait for it.
        """
        self._read_again(self._hosted.connections())
        listener = asyncio.create_task(self._listen())
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._ended = True
            self._tell("")
            tasks = [listener, keeper, *([self._reader] if self._reader else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- asked by pages --------------------------------------------------------------------

    async def all(self, tenants: Collection[str] | None) -> list[Figures]:
        """Of the connections of these tenants, None is of all: worst first. Waits only shortly:
        what could not be read in time has no standing yet.
        """
        names = list(self._hosted.connections(tenants))
        if reader := self._read_again(names):
            await asyncio.wait([reader], timeout=PATIENCE)
        return sorted(map(self.known, names), key=lambda one: (one.rank, one.name))

    async def of(self, name: str) -> Figures:
        """Those of one connection as they are now, with how many orders are in sync."""
        service = await self._service(name)
        async for found in figures_of([service] if service else [], sums=True):
            self._keep_found(found)
        return self.known(name)

    def known(self, name: str) -> Figures:
        """What is known of it now."""
        found = self._figures.get(name)
        return found or Figures(name, self._hosted.tenant_of(name), self._hosted.now())

    def flow(self, name: str) -> list[int]:
        """Orders per minute that got something new on the other side, of the last hour."""
        minute = int(self._hosted.now().timestamp() // 60)
        return self._flows.get(name, Flow()).until(minute)

    def rate(self, name: str) -> float:
        """Orders a second that the customer was given of late, 0 where none was."""
        return self._given.get(name, Flow()).rate(self._hosted.now().timestamp())

    async def changes(self, tenants: Collection[str] | None) -> AsyncIterator[set[str]]:
        """The names of connections whose figures changed, gathered; the empty set now and then."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            while not self._ended:
                names = await watcher.wait()
                ours = self._hosted.connections(tenants).keys()
                yield names & ours
        finally:
            self._watchers.discard(watcher)

    # -- reading ---------------------------------------------------------------------------

    def _read_again(self, names: Collection[str]) -> asyncio.Task[None] | None:
        """The reading of those whose figures are not fresh, None where all are."""
        self._due |= dict.fromkeys(name for name in names if self._is_old(name))
        if self._due and (self._reader is None or self._reader.done()):
            self._reader = asyncio.create_task(self._read_due())
        busy = self._reader is not None and not self._reader.done()
        return self._reader if busy else None

    def _is_old(self, name: str) -> bool:
        known = self._figures.get(name)
        kept = OFTEN if name in self._heard else FRESH
        return known is None or self._hosted.now() - known.at >= kept

    async def _read_due(self) -> None:
        """Until nothing is due, some at a time."""
        while self._due:
            names = list(self._due)[:PORTION]
            await self._read(names)
            for name in names:
                self._due.pop(name, None)

    async def _read(self, names: Sequence[str]) -> None:
        """These together; whoever shows one that differs now is told."""
        services = []
        for name in names:
            self._heard.discard(name)
            service = await self._service(name)
            if service is not None:
                services.append(service)
        async for found in figures_of(services):
            self._keep_found(found)

    def _keep_found(self, found: Figures) -> None:
        before = self._figures.get(found.name)
        self._figures[found.name] = found
        if before is None or not before.same(found):
            self._tell(found.name)

    async def _service(self, name: str) -> Service | None:
        """To wire one takes some time, so others have their turn."""
        await asyncio.sleep(0)
        try:
            service = await self._hosted.service(name)
        except (TracbridgeError, OSError) as error:
            tenant = self._hosted.tenant_of(name)
            self._figures[name] = Figures(name, tenant, self._hosted.now(), error=str(error))
            self._tell(name)
            return None
        if service is None:
            self._figures.pop(name, None)
        return service

    async def _keep(self) -> None:
        """Reads again what was heard of, and what is old, while somebody looks."""
        while True:
            await asyncio.sleep(GATHER)
            if self._watchers:
                self._read_again(self._hosted.connections())

    async def _listen(self) -> None:
        while True:
            async for event in self._hosted.hub.listen(None):
                self._hear(event)

    def _hear(self, event: Event) -> None:
        if not event.connection:
            return
        self._heard.add(event.connection)
        if event.kind == "batch":
            counts = event.data.get("counts", {})
            count, minute = sum(effects(counts)), int(event.at.timestamp() // 60)
            self._flows.setdefault(event.connection, Flow()).add(minute, count)
            self._given.setdefault(event.connection, Flow()).add(minute, counts.get(GIVEN, 0))
            if count:
                self._tell(event.connection)

    def _tell(self, name: str) -> None:
        for watcher in self._watchers:
            watcher.tell(name)


def effects(counts: Mapping[str, int]) -> Iterator[int]:
    """What of a batch counts as throughput."""
    return (counts.get(name, 0) for name in EFFECTS)


class Watcher:
    """One live page: which connections it has to show anew. A slow one sees them together."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._told = asyncio.Event()

    def tell(self, name: str) -> None:
        """That one changed."""
        self._names.add(name)
        self._told.set()

    async def wait(self, seconds: float = 15.0) -> set[str]:
        """What changed since, at the latest after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), seconds)
            await asyncio.sleep(GATHER)
        names, self._names = self._names, set()
        self._told.clear()
        return names
