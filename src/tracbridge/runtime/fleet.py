"""All connections of one process: each works by itself, and what one suffers stops no other."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from msgspec import Struct, field

from tracbridge.config.settings import Settings, Tenant
from tracbridge.domain.errors import OccupiedError, RetryableError, TracbridgeError
from tracbridge.engine.connection import Tally
from tracbridge.ports.runtime import Observer
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.runner import Stop, asked
from tracbridge.runtime.work import Turn, Work

PASSES = 64
"""Passes of all connections together at one time; more would only wait for the same processor."""

AMISS = Backoff(delay=15.0)
"""After an error that no waiting heals, somebody may have mended it by then."""

Launch = Callable[[Settings, Stop, Turn], Awaitable[Work]]
"""Makes the work of one connection, wired; does not begin it."""


class Turns:
    """Whose pass it is: a tenant has so many at one time, and so have all of them together."""

    def __init__(self, tenants: Mapping[str, Tenant], passes: int = PASSES) -> None:
        self._tenants, self._all = tenants, asyncio.Semaphore(passes)
        self._each: dict[str, asyncio.Semaphore] = {}

    def of(self, tenant: str) -> Turn:
        """The turns of one tenant's connections."""
        known = self._tenants.get(tenant, Tenant(id=tenant))
        own = self._each.setdefault(tenant, asyncio.Semaphore(known.passes))

        async def turn(work: Callable[[], Awaitable[None]]) -> None:
            async with own, self._all:
                await work()

        return turn


class Result(Struct):
    """What one connection's passes did so far. ``error``: why its last one could not run.
    ``turns``: how often its work ended after it had done something: then its runs are named anew.
    """

    total: Tally
    passes: int = 0
    code: int = 0
    cut: bool = False
    error: str = ""
    turns: int = 0


class Member(Struct):
    """One connection at work. ``said``: the last error that is on record."""

    settings: Settings
    stop: Stop
    task: asyncio.Task[None] | None = None
    failures: int = field(default=0)
    said: str = ""


class Fleet:
    """The connections of one process.

    ``observer``: of one connection, by its name.
    """

    def __init__(
        self, launch: Launch, observer: Callable[[str], Observer], turns: Turns, run: str
    ) -> None:
        self.launch, self.observer, self.turns, self.run = launch, observer, turns, run
        self.results: dict[str, Result] = {}
        self.members: dict[str, Member] = {}

    async def once(self, wanted: Mapping[str, Settings], stop: Stop) -> None:
        """One pass of each; an error of one is in its result, and the others go on."""
        members = [Member(settings, stop) for settings in wanted.values()]
        await asyncio.gather(*(self._attempt(member) for member in members))

    def adjust(self, wanted: Mapping[str, Settings]) -> dict[str, str]:
        """Let exactly these work: what is new begins, what is gone or has changed ends at a safe
        point, and what has changed begins again after it. Returns what became of which.
        """
        told: dict[str, str] = {}
        for name in self.members.keys() - wanted.keys():
            self.members.pop(name).stop.set()
            told[name] = "ended"
        for name, settings in wanted.items():
            before = self.members.get(name)
            if before and before.settings == settings:
                continue
            told[name] = "changed" if before else "begun"
            if before:
                before.stop.set()
            member = Member(settings, Stop())
            member.task = asyncio.create_task(self._serve(member, before))
            self.members[name] = member
        return told

    async def end(self) -> None:
        """All of them at their next safe points; returns when all have ended."""
        members = list(self.members.values())
        for member in members:
            member.stop.set()
        await asyncio.gather(*(member.task for member in members if member.task))

    async def _serve(self, member: Member, before: Member | None) -> None:
        """Passes until told to stop; what cannot run is tried again, ever more seldom."""
        if before and before.task:
            await before.task
        while not member.stop.asked:
            error = await self._attempt(member)
            if error is None:
                return
            backoff = Backoff() if isinstance(error, RetryableError) else AMISS
            pause = backoff.pause(member.failures, random.random(), asked(error))  # noqa: S311
            member.failures += 1
            told = f"{self._words(error)} Next attempt in {pause:.0f} s."
            self.observer(member.settings.name).incident("connection_waits", "", told)
            await member.stop.sleep(pause)

    async def _attempt(self, member: Member) -> Exception | None:
        """Its passes; the error that ended them, if one did."""
        settings = member.settings
        result = self.results.setdefault(settings.name, Result(Tally(self.run)))
        work: Work | None = None
        done = 0
        try:
            work = await self.launch(settings, member.stop, self.turns.of(settings.tenant))
            work.name += f".{result.turns}" if result.turns else ""
            work.total, done = result.total, work.passes
            await work()
        except Exception as error:
            result.error, result.code = self._words(error), 1
            member.said = "" if work and work.recorded else member.said
            await self._on_record(member, work, error)
            if not isinstance(error, TracbridgeError):
                self.observer(settings.name).incident("unexpected", "", self._words(error))
            return error
        else:
            result.error, result.code, member.said = "", work.code, ""
            return None
        finally:
            if work:
                member.failures = 0 if work.passes > done + 1 else member.failures
                result.turns += work.recorded
                result.passes += work.passes
                result.cut = work.cut

    async def _on_record(self, member: Member, work: Work | None, error: Exception) -> None:
        """Once for each error: attempts follow on each other. That another process works on it is
        none.
        """
        words = self._words(error)
        if work is None or isinstance(error, OccupiedError) or words == member.said:
            return
        with suppress(TracbridgeError):  # the server itself may be away
            await work.failed(words)
            member.said = words

    @staticmethod
    def _words(error: Exception) -> str:
        known = isinstance(error, TracbridgeError)
        return str(error) if known else f"{type(error).__name__}: {error}"
