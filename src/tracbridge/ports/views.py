"""Answers to what people ask of one connection."""

from datetime import datetime

from msgspec import Struct


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

    def __bool__(self) -> bool:
        return bool(self.held or self.quarantined or self.refused or self.missing)


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
