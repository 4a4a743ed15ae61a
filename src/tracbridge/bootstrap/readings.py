"""How all connections of a serving process stand, read now and then and never for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from tracbridge.adapters.mongo.pulse import Pulse, pulses, unsent_of
from tracbridge.adapters.mongo.views import Unsent, earlier
from tracbridge.adapters.observe.metrics import Reading
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.bootstrap.inventory import breakers
from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine import controls, pace
from tracbridge.runtime.vitals import Vitals

FRESH = 15.0
"""Seconds for which a reading counts as new."""

BOUND = 2.0
"""Seconds that reading anew may take for one who asks; what is left has its turn the next time."""

PORTION = 100
"""Connections that are read together."""

TOGETHER = 8
"""Questions to the server at one time."""


class Readings:
    """The latest reading of each connection. ``reachable``: our memory was, the last time."""

    def __init__(self, hosted: Hosted, vitals: Vitals) -> None:
        self._hosted, self._vitals = hosted, vitals
        self._lock = asyncio.Lock()
        self._each: dict[str, Reading] = {}
        self._at: dict[str, float] = {}
        self.reachable = True
        self._asked = self._read = 0

    async def of(self, tenants: Collection[str] | None = None) -> list[Reading]:
        """Of the connections of these tenants, None is of all.

        Reads those anew that are older than `FRESH`, the oldest first, for `BOUND` seconds at most.
        Where our memory is away, the readings are those of before.
        """
        wanted = self._hosted.connections(tenants)
        async with self._lock:
            self._forget(self._hosted.connections())
            await self._refresh(self._due(wanted))
        return [self._reading(name, one.tenant) for name, one in wanted.items()]

    def _forget(self, known: Mapping[str, object]) -> None:
        """Connections that are gone from the configuration."""
        for name in self._each.keys() - known.keys():
            del self._each[name], self._at[name]
        self._vitals.keep(frozenset(known))

    def _due(self, wanted: Iterable[str]) -> list[str]:
        now = time.monotonic()
        old = [n for n in wanted if n not in self._at or now - self._at[n] >= FRESH]
        return sorted(old, key=lambda name: self._at.get(name, 0.0))

    def _reading(self, name: str, tenant: str) -> Reading:
        vital = self._vitals.of(name)
        known = self._each.get(name) or Reading(tenant, name)
        return replace(
            known, succeeded=vital.succeeded, failing=vital.failing, why=vital.why, tenant=tenant
        )

    async def _refresh(self, due: Sequence[str]) -> None:
        self._asked = self._read = 0
        try:
            async with asyncio.timeout(BOUND):
                for start in range(0, len(due), PORTION):
                    await self._portion(due[start : start + PORTION])
        except TimeoutError:
            # An answer that never came is no answer; to wire very many takes long, too.
            self.reachable = self._read > 0 or not self._asked

    async def _portion(self, names: Iterable[str]) -> None:
        """These connections, grouped by where their memory is."""
        for services in _by_memory([one async for one in self._services(names)]):
            try:
                await self._group(services)
                self.reachable = True
            except TracbridgeError:
                self.reachable = False

    async def _services(self, names: Iterable[str]) -> AsyncIterator[Service]:
        """Those that can be wired; to wire one takes some time, so others have their turn."""
        for name in names:
            await asyncio.sleep(0)
            try:
                service = await self._hosted.service(name)
            except TracbridgeError:
                continue
            if service:
                yield service

    async def _group(self, services: Sequence[Service]) -> None:
        first, gate = services[0], asyncio.Semaphore(TOGETHER)
        names = [one.name for one in services]
        self._asked += 1
        kept = (pace.KEPT, controls.KEPT)
        found = await pulses(first.state.database, first.host, names, kept)

        async def read(service: Service) -> None:
            creates = Side.TRACOS in service.connection.policies.creators
            async with gate:
                unsent = await unsent_of(service.views, service.orders, creates=creates)
            self._keep(service, found[service.name], unsent)

        tasks = [asyncio.ensure_future(read(one)) for one in services]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, service: Service, pulse: Pulse, unsent: Unsent) -> None:
        now = self._hosted.now()
        people = ("held", "refused", "missing", "unreachable")
        paused = pulse.cursors.get(controls.KEPT) or {}
        self._at[service.name] = time.monotonic()
        self._read += 1
        self._each[service.name] = Reading(
            tenant=service.settings.tenant,
            connection=service.name,
            at=now,
            backlog=pulse.moving + unsent.new + unsent.linked,
            oldest=earlier(unsent.oldest, pulse.oldest),
            people={name: getattr(pulse, name) for name in people},
            conflicts=pulse.conflicts,
            cases=pulse.cases,
            breakers=breakers(pulse.cursors.get(pace.KEPT), now),
            paused=frozenset(side for side in ("customer", "tracos") if side in paused),
            leased=pulse.leased,
        )


def _by_memory(services: Iterable[Service]) -> Iterator[list[Service]]:
    groups: dict[tuple[int, str], list[Service]] = {}
    for one in services:
        groups.setdefault((id(one.client), one.state.database.name), []).append(one)
    yield from groups.values()
