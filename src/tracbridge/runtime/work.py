"""The passes of one connection: one, or again and again, each on record."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RetryableError, TracbridgeError
from tracbridge.domain.schedule import Blackout, blackout_until
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.controls import Paused, paused
from tracbridge.engine.cycle import cycle
from tracbridge.engine.known import knowing, settle
from tracbridge.engine.quiet import Quiet
from tracbridge.engine.session import session
from tracbridge.engine.wishes import Fulfilment
from tracbridge.ports.hints import Watches
from tracbridge.ports.state import Runs
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.bell import BOTH, Bell
from tracbridge.runtime.counts import connection_json, total_of
from tracbridge.runtime.hints import hinted
from tracbridge.runtime.runner import Stop, Stopped, persist

TROUBLED = 3
"""It ran, and something was quarantined, held or not delivered."""

RENEWAL = 10.0
"""Seconds: how often the lease is renewed between two passes."""

LINGER = 5.0
"""Seconds that a session is kept open for a next hint."""

STEP = 30.0
"""Seconds after which the clock is looked at again in long rests."""

BREATH = 0.05
"""Seconds without a hint after which what hints made us do is put on record with its run."""

RECORDED = 1.0
"""Seconds after which what hints made us do is on record with its run at the latest."""

PAUSED = 1.0
"""Seconds after which a pass that a hint causes looks again whether a direction is paused."""

HELD = 30.0
"""Seconds: where passes are further apart, the right to work is given back between them."""


class Options(Struct, frozen=True):
    """What was asked for. ``every``: seconds between two passes; None is one pass.

    ``persistent``: outages are waited out within a pass; else whoever started the work does that.
    ``due``: seconds until the next whole pass, where that is at set times. ``blackouts``: hours in
    which nothing is done, and what happens waits.
    ``hints``: it also works whenever one of the systems tells that something happened.
    """

    sides: frozenset[Side] = frozenset(Side)
    every: float | None = None
    strict: bool = False
    rebind: bool = False
    allow_mass_change: bool = False
    persistent: bool = True
    hints: bool = False
    due: Callable[[datetime], float] | None = None
    blackouts: tuple[Blackout, ...] = ()


class Workplace(Protocol):
    """One wired connection, as far as its passes need it."""

    @property
    def connection(self) -> Connection:
        """What the engine works with."""

    @property
    def runs(self) -> Runs:
        """Where passes are put on record."""

    @property
    def backoff(self) -> Backoff:
        """How an outage is waited out."""

    @property
    def wishing(self) -> Fulfilment:
        """Does what people ask of whoever works on the connection."""

    async def prepare(self) -> list[str]:
        """Everything that the first pass needs is there; may be repeated."""

    async def tidy(self) -> None:
        """Forget what is old."""

    async def troubled(self) -> bool:
        """Something waits for a person, also from before."""


Turn = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
"""Lets a pass take place, when it is its turn."""


async def at_once(work: Callable[[], Awaitable[None]]) -> None:
    """It is always its turn."""
    await work()


class Work:
    """The passes of one connection in one process, and what they did.

    ``name``: the run's; ``cut``: the last pass was left at a safe point; ``code``: how it ended.
    """

    def __init__(
        self,
        place: Workplace,
        options: Options,
        stop: Stop,
        name: str,
        turn: Turn = at_once,
        *,
        bell: Bell | None = None,
    ) -> None:
        self.place, self.options, self.stop, self.name = place, options, stop, name
        self.turn, self.bell = turn, bell or Bell()
        self._whole: float | None = None
        self.total, self.passes, self.code, self.cut = Tally(name), 0, 0, False
        self.begun, self.seconds = time.monotonic(), 0.0
        self.connection = replace(knowing(place.connection), pressing=lambda: self.bell.rung)
        if options.allow_mass_change:
            self.connection = replace(self.connection, guards={})
        self._run, self._spent = Tally(""), 0.0
        self._unrecorded, self._recorded = False, 0.0
        self._sound, self._fence = False, 0
        self._paused: Mapping[Side, Paused] = {}
        self._asked = 0.0
        self._rebind, self._idle = options.rebind, False
        self.quiet = Quiet(self.connection)

    async def __call__(self) -> None:
        """Until all is done, or until told to stop."""
        every = self.options.every
        try:
            if every is None:
                await self.turn(self._session)
            else:
                async with hinted(self._sources(), self.bell, self.connection.observer):
                    await self._serve(every)
        except RetryableError:
            # Told to stop while waiting for a server: what was done is whole.
            if every is None or not self.stop.asked:
                raise
        finally:
            self.seconds = time.monotonic() - self.begun

    async def _serve(self, every: float) -> None:
        """Pass after pass, for as long as nobody asks to stop."""
        while not self.stop.asked:
            if (until := self._closed()) is not None:
                # In steps: the clock may be set meanwhile.
                left = (until - self.connection.clock.now()).total_seconds()
                await self.stop.sleep(min(left, STEP))
            elif every < HELD and self.options.due is None:
                await self._session(every)
            else:
                await self._apart(every)

    def _closed(self) -> datetime | None:
        """When the blackout of this moment is over, None where there is none."""
        return blackout_until(self.options.blackouts, self.connection.clock.now())

    def _open(self) -> bool:
        """Whether we go on: nobody asks to stop, and no blackout has begun."""
        return not self.stop.asked and self._closed() is None

    def _sources(self) -> dict[Side, Watches]:
        """Who tells that something happened, where hints are wanted."""
        if not self.options.hints:
            return {}
        systems = {Side.CUSTOMER: self.connection.customer, Side.TRACOS: self.connection.tracos}
        return {side: one for side, one in systems.items() if isinstance(one, Watches)}

    async def _session(self, every: float | None = None, linger: float = 0.0) -> None:
        """One session: one pass, or one after the other with little time between them, or for as
        long as it rings again within ``linger`` seconds.
        """
        async with AsyncExitStack() as stack:
            await self._persist(lambda: self._enter(stack))
            stack.push_async_callback(self._put_down)
            await (self._pass() if every is None and not linger else self.turn(self._pass))
            while every is not None and self._open():
                await self._rest(every)
                if self._open():
                    await self.turn(self._pass)
            while linger and self._open():
                await self._breath()
                await self.bell.rest(linger, self.stop)
                if not self.bell.rung or not self._open():
                    return
                await self.turn(self._pass)

    async def _apart(self, every: float) -> None:
        """A session for each pass: who works seldom holds nothing in between."""
        while self._open():
            if self.bell.rung:
                await self._session(linger=LINGER)
            else:
                await self.turn(self._if_needed)
            due = self.options.due
            await self._rests(due(self.connection.clock.now()) if due else every)

    async def _rests(self, seconds: float) -> None:
        """Until then, or until it rings; a blackout that begins meanwhile is noticed."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and self._open() and not self.bell.rung:
            await self.bell.rest(min(left, STEP) if self.options.blackouts else left, self.stop)

    async def _if_needed(self) -> None:
        """One session, unless a look shows that there is nothing to do."""
        with suppress(RetryableError):  # the pass says it, and waits
            if await self.quiet() and not await self.place.wishing.waits():
                return
        await self._session()
        self.quiet.passed(idle=self._idle)

    async def _enter(self, stack: AsyncExitStack) -> None:
        await self.place.prepare()
        entered = session(self.place.connection, self.place.runs, self.name, rebind=self._rebind)
        await stack.enter_async_context(entered)
        self._rebind = False
        fence, self._fence = self._fence, self.connection.lease.fence
        if self._fence != fence + 1:
            self._sound = False  # somebody else was at work since our last pass

    async def _persist(self, work: Any, tally: Tally | None = None) -> None:
        """Outages are waited out: for ever if we run for ever."""
        patient = self.options.persistent
        await persist(
            work,
            self.place.backoff if patient else Backoff(0),
            self.place.connection.observer,
            self.stop,
            for_ever=patient and self.options.every is not None,
            progress=(lambda: self._reached(tally)) if tally else (lambda: 0),
        )

    def _reached(self, tally: Tally) -> int:
        """How far a pass got that is repeated; what is only read again is no progress."""
        again = tally.outbound["read"] + tally.outbound["unchanged"] + tally.outbound["failed"]
        if self.connection.customer.traits.resumes:
            again += tally.inbound["read"] + tally.inbound["unchanged"]
        return total_of(tally) - again

    async def _pass(self) -> None:
        """One pass, on record: of a run are a whole pass and those that hints cause before the
        next one; whole passes in which nothing happened share a run.
        """
        begun, clock = time.monotonic(), self.connection.clock
        self.passes += 1
        rung = self._rung()
        await self._open_run(whole=rung is None)
        tally = Tally(self._run.run, grave=self._run.grave)
        try:
            await self._persist(lambda: self._cycle(tally, rung), tally)
        except Stopped:
            self.cut = True
        except RetryableError:
            raise
        except TracbridgeError as error:
            with suppress(TracbridgeError):
                failed = {"exit": 1, "error": str(error)}
                await self.place.runs.end(tally.run, clock.now(), failed)
            raise
        self._add(tally)
        self.code = await self._judged(self._run)
        waits = tally.inbound["waiting"] or tally.withheld
        self._idle = not (self.cut or self.code or waits or total_of(tally))
        self._spent += time.monotonic() - begun
        self._unrecorded = True
        if rung is None or time.monotonic() - self._recorded >= RECORDED:
            await self._persist(self._record)
        if rung is None and not self.cut:
            await self._persist(self.place.tidy)

    async def _open_run(self, *, whole: bool) -> None:
        """The next pass is one of a run that is on record."""
        if not whole and self._run.run:
            return
        if self._unrecorded:
            await self._persist(self._record)
        if total_of(self._run) or not self._run.run:
            self._run = Tally(f"{self.name}-{self.passes}".removesuffix("-1"))
            self._spent = 0.0
        run, now = self._run.run, self.connection.clock.now()
        await self._persist(lambda: self.place.runs.begin(run, now))

    async def _record(self) -> None:
        """What the run has done so far."""
        told = connection_json(self.connection.name, self._run, self._spent)
        counts = {"run": self._run.run, "connections": [told], "exit": self.code}
        ended = {"counts": counts, "exit": self.code, "error": None}
        await settle(self.connection)
        await self.place.runs.end(self._run.run, self.connection.clock.now(), ended)
        self._unrecorded, self._recorded = False, time.monotonic()

    def _add(self, tally: Tally) -> None:
        """To the sums; what waits or was withheld is that of the last pass."""
        for total in (self._run, self.total):
            total.inbound["waiting"] = 0
            total.withheld = tally.withheld
            total.inbound += tally.inbound
            total.outbound += tally.outbound

    async def _cycle(self, tally: Tally, rung: frozenset[Side] | None) -> None:
        """The pass; after one that has not ended well, a whole one."""
        await self.connection.lease.hold()
        # What waits is counted anew, not added, when a pass is repeated.
        tally.inbound["waiting"] = 0
        tally.withheld = []
        whole = rung is None or not self._sound
        sides, self._sound = BOTH if whole or rung is None else rung, False
        if whole:
            await self.place.wishing()
        if whole or time.monotonic() - self._asked >= PAUSED:
            self._paused, self._asked = await paused(self.connection.passes), time.monotonic()
        sides = self.options.sides & sides - self._paused.keys()
        await cycle(self.connection, tally, sides, whole=whole)
        self._sound = True

    def _rung(self) -> frozenset[Side] | None:
        """The sides that rang; None where a whole pass is due, as it is now and then."""
        rung, now = self.bell.heard(), time.monotonic()
        every = self.options.every or 0.0
        if rung and self._sound and self._whole is not None and now - self._whole < every:
            return rung
        self._whole = now
        return None

    async def _judged(self, tally: Tally) -> int:
        if tally.troubled:
            return TROUBLED
        if not self.options.strict:
            return 0
        return TROUBLED if await self.place.troubled() else 0

    @property
    def recorded(self) -> bool:
        """At least one of its passes came to its end."""
        return self._recorded > 0

    async def failed(self, words: str) -> None:
        """On record that it could not go on, and why; also where that let no pass begin."""
        run, now = self._run.run or self.name, self.connection.clock.now()
        await self.place.runs.begin(run, now)
        await self.place.runs.end(run, now, {"exit": 1, "error": words})

    async def _breath(self) -> None:
        """As soon as no hint waits, what the last passes did is put on record with their run."""
        if self._unrecorded and await self.bell.silent(BREATH, self.stop):
            await self._put_down()

    async def _put_down(self) -> None:
        """What is not on record with its run yet; what stands in the history counts anyway."""
        if self._unrecorded:
            with suppress(RetryableError):
                await self._record()

    async def _rest(self, seconds: float) -> None:
        """Until the next pass, until it rings, or until told to stop; the lease stays ours."""
        until = time.monotonic() + seconds
        await self._breath()
        while not self.stop.asked and (left := until - time.monotonic()) > 0:
            await self.bell.rest(min(left, RENEWAL), self.stop)
            if self.bell.rung:
                return
            with suppress(RetryableError):
                await self.connection.lease.hold()
