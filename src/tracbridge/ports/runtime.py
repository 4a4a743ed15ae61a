"""Clock, durable steps and events, as ports."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from msgspec import Struct

A = TypeVar("A")
B = TypeVar("B")


class Step(StrEnum):
    """Each durable step of a pass. A crash right after any of them is safe; see
    ``docs/explanation/engine.md``.
    """

    LEASE = "I0"
    ACKNOWLEDGED = "I1"
    CLAIMED = "I2"
    QUARANTINED = "I3"
    RECORDED = "I4"
    TRACOS = "I5"
    LINKED = "I6"
    COMMITTED = "I7"
    STAGED = "O2"
    EFFECT = "O3"
    PUBLISHED = "O4"
    MARKED = "O5"
    PAGE = "P"
    """A page is settled and counted, nothing is half done: the place to stop."""


class Steps(Protocol):
    """Where crash tests and the simulation attach: called after each durable step."""

    async def passed(self, step: str) -> None:
        """This step is durable by now."""


class Together(Protocol):
    """Waits for two things at once; the simulation does one after the other."""

    async def __call__(self, one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
        """Both answers; raises an error of either, when both have ended."""


class Pause(Protocol):
    """Lets others of the same process have their turn in the middle of long work; the simulation
    has none.
    """

    async def __call__(self) -> None:
        """Returns when it is our turn again."""


class Clock(Protocol):
    """The only source of time for the engine."""

    def now(self) -> datetime:
        """Aware, UTC, cut to milliseconds."""


class Observer(Protocol):
    """One event per batch and per incident; never a payload."""

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """What became of a batch of records."""

    def incident(self, code: str, where: str, message: str) -> None:
        """Something that a person may want to know."""


class Finding(Struct, frozen=True):
    """One thing that ``check`` looked at: in order, or what to do.

    ``connection``: "" where there is one only.
    """

    name: str
    ok: bool
    text: str
    connection: str = ""
