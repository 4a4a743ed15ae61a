"""Answers to what people ask of one connection."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tracbridge.ports.connector import Record


class LastRun(Struct, frozen=True):
    """The last run on record. ``ended`` None: it runs, or was ended from outside."""

    run: str
    started: datetime
    ended: datetime | None
    seconds: float | None
    exit: int | None
    error: str = ""


class Open(Struct, frozen=True):
    """What waits for a person, by kind."""

    held: int
    quarantined: int
    refused: int
    missing: int
    unreachable: int = 0

    def __bool__(self) -> bool:
        waits = (self.held, self.quarantined, self.refused, self.missing, self.unreachable)
        return any(waits)


class Standing(Struct, frozen=True):
    """Where the orders of one connection stand.

    ``worker``: who works on it just now, or "". ``oldest``: since when the oldest change that the
    customer is not known to have has waited.
    """

    connection: str
    last_run: LastRun | None
    worker: str
    in_sync: int
    on_their_way: int
    open: Open
    oldest: datetime | None


class Orders(Protocol):
    """All of TracOS's orders."""

    def by_number(self) -> AsyncIterator[Mapping[str, Sequence[Record]]]:
        """Each order's documents by its ref, in pages and in the order of the numbers.

        More than one is a double. Documents without a number are left out.
        """

    async def present(self, refs: Sequence[str]) -> set[str]:
        """Those of these orders that TracOS has a document of."""
