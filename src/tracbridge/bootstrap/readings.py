"""How all connections of a serving process stand, read now and then and never for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.adapters.mongo.pulse import Pulse, last_runs, linked, pulses
from tracbridge.adapters.mongo.unsent import Asked, unsent_of_many
from tracbridge.adapters.mongo.views import Unsent, earlier
from tracbridge.adapters.observe.metrics import Reading
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.bootstrap.inflow import Inflow
from tracbridge.bootstrap.inventory import breakers
from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine import controls, pace
from tracbridge.ports.views import Open, Standing
from tracbridge.runtime.vitals import Vitals

FRESH = 15.0
"""Seconds for which a reading counts as new."""

BOUND = 2.0
"""Seconds that reading anew may take for one who asks; what is left has its turn the next time."""

PORTION = 100
"""Connections that are read together."""

KEPT = (pace.KEPT, controls.KEPT)
"""Cursors that tell what is paused, and how calls fare."""


class Readings:
    """The latest reading of each connection. ``reachable``: our memory was, the last time."""

    def __init__(self, hosted: Hosted, vitals: Vitals) -> None:
        self._hosted, self._vitals = hosted, vitals
        self._lock = asyncio.Lock()
        self._each: dict[str, Reading] = {}
        self._at: dict[str, float] = {}
        self._inflow = Inflow(hosted)
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
        self._inflow.keep(known)
        self._vitals.keep(frozenset(known))

    def _due(self, wanted: Iterable[str]) -> list[str]:
        now = time.monotonic()
        old = [n for n in wanted if n not in self._at or now - self._at[n] >= FRESH]
        return sorted(old, key=lambda name: self._at.get(name, 0.0))

    def _reading(self, name: str, tenant: str) -> Reading:
        vital = self._vitals.of(name)
        known = self._each.get(name) or Reading(tenant, name)
        return replace(
            known,
            succeeded=vital.succeeded,
            failing=vital.failing,
            why=vital.why,
            tenant=tenant,
            inbound=self._inflow.age(name, vital.succeeded, paused="customer" in known.paused),
            latency=self._inflow.latency(name),
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
        first, found = services[0], {one.name: one for one in services}
        self._asked += 1
        each = await pulses(first.state.database, first.host, list(found), KEPT)
        async for name, unsent, _ in unsent_of_many(
            first.state.database, first.host, _asked(services)
        ):
            self._keep(found[name], each[name], unsent)
        await self._inflow.read(services)

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


class Stand(Struct, frozen=True):
    """Where one connection stands, read together with others.

    ``standing.in_sync`` is 0 where it was not asked for. Not ``exact``: very many documents are not
    sent yet; then ``standing.on_their_way`` is an upper bound, and ``in_sync`` a lower one.
    ``to_send``: those on their way that nobody has begun to give the customer. ``breakers``: the
    state of each kind of call; ``paused``: sides whose changes wait.
    """

    standing: Standing
    exact: bool
    to_send: int
    not_created: int
    to_approve: int
    paused: Mapping[Side, controls.Paused]
    breakers: Mapping[str, str]


async def stands(
    services: Collection[Service], *, sums: bool = False
) -> AsyncIterator[tuple[str, Stand | TracbridgeError]]:
    """Where each of these connections stands, or why it cannot be told, in a few questions for all
    of them. ``sums``: also how many orders are in sync, which takes longer the more there are.
    """
    for some in _by_memory(services):
        told = set()
        try:
            async for name, stand in _stands(some, sums=sums):
                told.add(name)
                yield name, stand
        except TracbridgeError as error:
            for one in some:
                if one.name not in told:
                    yield one.name, error


async def _stands(services: Sequence[Service], *, sums: bool) -> AsyncIterator[tuple[str, Stand]]:
    """Of connections with one memory."""
    names, first = [one.name for one in services], services[0]
    database, host = first.state.database, first.host
    each = await pulses(database, host, names, KEPT)
    runs = await last_runs(database, host, names)
    counted = await linked(database, host, names) if sums else {}
    now = services[0].connection.clock.now()
    async for name, unsent, exact in unsent_of_many(database, host, _asked(services)):
        pulse, (whole, restless) = each[name], counted.get(name, (0, 0))
        paused = pulse.cursors.get(controls.KEPT) or {}
        standing = Standing(
            connection=name,
            last_run=runs.get(name),
            worker=pulse.worker,
            in_sync=max(whole - restless - unsent.linked - (0 if exact else unsent.new), 0),
            on_their_way=pulse.moving + unsent.linked + unsent.new,
            open=Open(
                held=pulse.held,
                quarantined=sum(pulse.cases.values()),
                refused=pulse.refused,
                missing=pulse.missing,
                unreachable=pulse.unreachable,
            ),
            oldest=earlier(unsent.oldest, pulse.oldest),
        )
        yield (
            name,
            Stand(
                standing,
                exact,
                unsent.linked + unsent.new,
                unsent.kept,
                pulse.to_approve,
                {Side(side): controls.Paused(**one) for side, one in paused.items()},
                breakers(pulse.cursors.get(pace.KEPT), now),
            ),
        )


def _asked(services: Iterable[Service]) -> list[Asked]:
    return [
        Asked(one.name, one.views, one.orders, Side.TRACOS in one.connection.policies.creators)
        for one in services
    ]


def _by_memory(services: Iterable[Service]) -> Iterator[list[Service]]:
    groups: dict[tuple[int, str], list[Service]] = {}
    for one in services:
        groups.setdefault((id(one.client), one.state.database.name), []).append(one)
    yield from groups.values()
