"""Processes of ours that take turns: each waits at every port, and somebody else says who goes on.

There is no event loop: a port awaits `Process.turn`, and whoever drives the coroutine sends in what
happens there. So one seed decides who acts, who dies, and which answers never arrive.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import coroutine
from typing import Any, TypeVar

from msgspec import Struct

from tracbridge.domain.errors import RetryableError
from tracbridge.domain.link import Link

A = TypeVar("A")
B = TypeVar("B")


class Trouble(StrEnum):
    """What may happen to one request to a database."""

    UNSENT = "unsent"
    """It never arrived."""
    UNANSWERED = "unanswered"
    """It was done, and the answer never arrived."""


class Killed(BaseException):
    """The process does not exist any more; nothing that it still calls has an effect."""


class Time(Struct):
    """The wall clock, which may jump, and the seconds since the beginning, which do not."""

    wall: datetime
    since: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def pass_by(self, seconds: float) -> None:
        """Time goes on."""
        self.wall += timedelta(seconds=seconds)
        self.since += seconds


@coroutine
def _pause() -> Generator[None, Trouble | None, Trouble | None]:
    return (yield)


class Process(Struct, eq=False):
    """One process of ours on one machine.

    For the oracle: ``links``, what it last read; ``compared``, what it has compared for each order
    and not yet remembered.
    """

    time: Time
    host: int = 0
    alive: bool = True
    links: dict[str, Link] = {}
    suspects: set[str] = set()
    compared: dict[str, Callable[[], None]] = {}

    async def turn(self) -> Trouble | None:
        """Let others act; raises `Killed` if this is where we die."""
        if not self.alive:
            raise Killed
        return await _pause()

    async def ask(self, effect: Callable[[], A]) -> A:
        """One request to a database: done or not, answered or not."""
        trouble = await self.turn()
        if trouble is Trouble.UNSENT:
            raise RetryableError("the database cannot be reached.")
        answer = effect()
        if trouble is Trouble.UNANSWERED:
            raise RetryableError("the database did not answer.")
        return answer

    def remembered(self, *refs: str) -> None:
        """What was compared counts from now on."""
        for ref in refs:
            self.compared.pop(ref, lambda: None)()

    def die(self, work: Coroutine[Any, Any, None]) -> None:
        """At once, wherever it waits; what it still wants to tidy up does not happen."""
        self.alive = False
        try:
            work.throw(Killed())
        except Killed:
            return


async def in_turn(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """`Together`: one after the other; where one fails, the other has ended too."""
    try:
        first = await one
    except Killed:
        if isinstance(other, Coroutine):
            other.close()
        raise
    except Exception:
        await other
        raise
    return first, await other


class Silence:
    """An observer and steps that nobody looks at."""

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """Nobody counts."""

    def incident(self, code: str, where: str, message: str) -> None:
        """Nobody listens."""

    async def passed(self, step: str) -> None:
        """Every port waits by itself, so that each step can be died at without this."""
