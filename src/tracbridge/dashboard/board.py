"""The figures of all connections, kept in memory, so that a page of hundreds of them is there at
once.

They are read again soon after something happened, and now and then, as long as somebody looks.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from msgspec import Struct, field

from tracbridge.bootstrap.hosting import Hosted
from tracbridge.dashboard.figures import Figures, figures_of
from tracbridge.domain.errors import TracbridgeError
from tracbridge.runtime.hub import Event

SIDE_BY_SIDE = 4
"""Connections that are read at one time: the work itself has the same processor."""

FRESH = timedelta(minutes=2)
"""After this the figures are read again although nothing was heard."""

OFTEN = timedelta(seconds=2)
"""Figures of one connection are not read again before, however much is heard of it."""

PATIENCE = 0.3
"""Seconds that a page waits for figures; what is not there by then follows."""

GATHER = 0.5
"""Seconds in which changes are gathered before they are shown."""

MINUTES = 60
EFFECTS = ("created", "updated", "delivered")
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


class Board:
    """Of one process. `watching` has to run while pages are shown."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._figures: dict[str, Figures] = {}
        self._flows: dict[str, Flow] = {}
        self._heard: set[str] = set()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(SIDE_BY_SIDE)
        self._watchers: set[Watcher] = set()
        self._ended = False

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Listens to what happens while the block runs; then every live page ends."""
        listener = asyncio.create_task(self._listen())
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._ended = True
            self._tell("")
            tasks = [listener, keeper, *self._reading.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- asked by pages --------------------------------------------------------------------

    async def all(self, tenants: Collection[str] | None) -> list[Figures]:
        """Of the connections of these tenants, None is of all: worst first. Waits only shortly:
        what could not be read in time has no standing yet.
        """
        names = list(self._hosted.connections(tenants))
        tasks = [task for name in names if (task := self._read_again(name))]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        return sorted(map(self.known, names), key=lambda one: (one.rank, one.name))

    async def of(self, name: str) -> Figures:
        """Those of one connection as they are now."""
        await asyncio.wait([self._reading.get(name) or self._begin(name)])
        return self.known(name)

    def known(self, name: str) -> Figures:
        """What is known of it now."""
        found = self._figures.get(name)
        return found or Figures(name, self._hosted.tenant_of(name), self._hosted.now())

    def flow(self, name: str) -> list[int]:
        """Orders per minute that got something new on the other side, of the last hour."""
        minute = int(self._hosted.now().timestamp() // 60)
        return self._flows.get(name, Flow()).until(minute)

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

    def _read_again(self, name: str) -> asyncio.Task[None] | None:
        """The reading of its figures, where they are not fresh."""
        if name in self._reading:
            return self._reading[name]
        known = self._figures.get(name)
        if known:
            kept = OFTEN if name in self._heard else FRESH
            if self._hosted.now() - known.at < kept:
                return None
        return self._begin(name)

    def _begin(self, name: str) -> asyncio.Task[None]:
        self._heard.discard(name)
        task = asyncio.create_task(self._read(name))
        self._reading[name] = task
        task.add_done_callback(lambda _: self._reading.pop(name, None))
        return task

    async def _read(self, name: str) -> None:
        async with self._turns:
            service = await self._hosted.service(name)
            if service is None:
                self._figures.pop(name, None)
                return
            before = self._figures.get(name)
            try:
                found = await figures_of(service)
            except (TracbridgeError, OSError) as error:
                found = Figures(name, service.settings.tenant, self._hosted.now(), error=str(error))
            self._figures[name] = found
            if before is None or not before.same(found):
                self._tell(name)

    async def _keep(self) -> None:
        """Reads again what was heard of, and what is old, while somebody looks."""
        while True:
            await asyncio.sleep(GATHER)
            if self._watchers:
                for name in self._hosted.connections():
                    self._read_again(name)

    async def _listen(self) -> None:
        while True:
            async for event in self._hosted.hub.listen(None):
                self._hear(event)

    def _hear(self, event: Event) -> None:
        if not event.connection:
            return
        self._heard.add(event.connection)
        if event.kind == "batch":
            count = sum(effects(event.data.get("counts", {})))
            minute = int(event.at.timestamp() // 60)
            self._flows.setdefault(event.connection, Flow()).add(minute, count)
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
