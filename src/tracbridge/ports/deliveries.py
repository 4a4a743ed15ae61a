"""Events for others, on their way, as a port; and where they come from."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class State(StrEnum):
    """How far a delivery has come."""

    OPEN = "open"
    """Nobody knows yet whether what it tells has happened."""
    WAITING = "waiting"
    """To be sent at its time."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """A day long nobody took it."""


class Happening(Struct, frozen=True):
    """Something that happened. ``id``: of what it is about (a history entry, a case, a conflict);
    ``kind``: of the event; ``ref``: the order's number, "" where none is known; ``at``: when it was
    put on record. ``sure``: it has happened; else it was begun, and may still turn out to be void.
    """

    id: str
    kind: str
    ref: str
    at: datetime
    sure: bool = True


class News(Protocol):
    """What happened on one connection, out of what is on record there."""

    def since(self, at: datetime, kinds: Collection[str]) -> AsyncIterator[Sequence[Happening]]:
        """In pages, each kind oldest first; what was put on record late may be older than others
        that were seen.
        """

    async def sure(self, entries: Collection[str]) -> set[str]:
        """Those of these history entries whose effect has happened by now."""

    async def ran(self, since: datetime) -> bool:
        """Whether a run has come to its end in order since then."""


class Attempt(Struct, frozen=True):
    """One try to deliver. ``status``: what was answered, None where nothing was; ``error``: what
    went wrong, "" where nothing did.
    """

    at: datetime
    status: int | None
    error: str = ""

    @property
    def taken(self) -> bool:
        """The receiver has it."""
        return not self.error


class Delivery(Struct, frozen=True):
    """One event for one receiver. ``event``: its id, the same for all receivers and all attempts.

    ``target``: who is to get it, by name; ``url``: where that is. ``subject``: what it is about, as
    `Happening.id`. ``next``: when it is tried, ``until``: when it is given up.
    """

    id: str
    event: str
    kind: str
    ref: str
    subject: str
    at: datetime
    target: str
    url: str
    next: datetime
    until: datetime
    state: State = State.WAITING
    attempts: int = 0
    last: Attempt | None = None


class Deliveries(Protocol):
    """The deliveries of one connection, each under an id that is the same for the same event and
    receiver. Ended ones are forgotten after two weeks.
    """

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        """Store each; one that is there already stays as it is."""

    async def open(self, limit: int) -> Sequence[Delivery]:
        """Those of which nobody knows yet whether they have happened, oldest first."""

    async def settle(self, sure: Collection[str], void: Collection[str], now: datetime) -> None:
        """Those of these history entries are to be sent now; those will never be."""

    async def claim(
        self, targets: Collection[str], now: datetime, again: datetime
    ) -> Delivery | None:
        """One that is due for one of these receivers, the oldest first; nobody else gets it before
        ``again``. None where none is.
        """

    async def book(self, id_: str, attempt: Attempt, state: State, next_: datetime) -> None:
        """What became of the attempt; ``next_``: of the next one, where it waits on."""

    async def abandon(self, targets: Collection[str], attempt: Attempt) -> None:
        """Give up what waits for receivers that are not among these any more."""

    async def next_due(self) -> datetime | None:
        """When the next one is to be tried; None where none waits."""

    async def retry(self, id_: str, now: datetime, until: datetime) -> bool:
        """To be sent again now, whatever became of it. False where there is none of that id, or it
        has not happened yet.
        """

    async def find(self, id_: str) -> Delivery | None:
        """As it is now."""

    async def listed(
        self, state: State | None, after: str, limit: int
    ) -> Sequence[Delivery] | None:
        """Newest first, after that one; None where there is none of that id."""
