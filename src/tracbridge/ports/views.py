"""Answers to what people ask of one connection."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run on record. ``ended`` None: it runs, or was ended from outside."""

    run: str
    started: datetime
    ended: datetime | None
    seconds: float | None
    exit: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """What waits for a person, by kind."""

    held: int
    quarantined: int
    refused: int
    missing: int

    def __bool__(self) -> bool:
        return bool(self.held or self.quarantined or self.refused or self.missing)


@dataclass(frozen=True, slots=True)
class Standing:
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
