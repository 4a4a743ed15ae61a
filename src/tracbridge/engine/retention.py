"""What is old is forgotten, once a day: archived files, history, and cases that are over."""

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct

from tracbridge.domain.errors import ConfigError
from tracbridge.engine.connection import Connection
from tracbridge.ports.retention import OldEntries, OldFiles

CURSOR = "retention"
OFTEN = timedelta(days=1)

PORTION = 10_000
"""Files or entries between two renewals of the lease."""

PORTIONS = 20
"""Portions in one pass; what is left after them is for the next pass."""


class Retention(Struct, frozen=True):
    """Days to keep; 0 is for ever."""

    archive: int
    history: int


def is_due(last: datetime | None, now: datetime) -> bool:
    """Whether a day has gone by; a time in the future, of a wrong clock, counts as none."""
    return last is None or not timedelta(0) <= now - last < OFTEN


def limit_of(days: int, now: datetime) -> datetime | None:
    """What is before it is old; None if nothing ever is."""
    return now - timedelta(days=days) if days else None


async def tidy(
    connection: Connection, files: OldFiles, entries: OldEntries, retention: Retention
) -> None:
    """Forget what is old, after a pass that went well, if this was not done today.

    What an open case or a waiting conflict needs stays. That something cannot be removed is told
    and stops nothing.
    """
    now = connection.clock.now()
    if not is_due(await connection.passes.cursor(CURSOR), now):
        return
    tidying = _Tidying(connection, files, entries, Counter())
    whole = True
    try:
        whole = await tidying(limit_of(retention.archive, now), limit_of(retention.history, now))
    except (ConfigError, OSError) as error:
        connection.observer.incident(CURSOR, "", f"what is old could not be removed: {error}")
    if +tidying.counts:
        connection.observer.batch(CURSOR, tidying.counts)
    if whole:
        await connection.passes.keep_cursor(CURSOR, now)


class _Tidying(Struct, frozen=True):
    connection: Connection
    files: OldFiles
    entries: OldEntries
    counts: Counter[str]

    async def __call__(self, archive: datetime | None, history: datetime | None) -> bool:
        """Whether nothing old is left."""
        for _ in range(PORTIONS):
            await self.connection.lease.hold()
            rest = await self._archive(archive) if archive else False
            rest |= await self._history(history) if history else False
            if not rest:
                return True
        return False

    async def _archive(self, before: datetime) -> bool:
        needed = await self.entries.needed()
        count = await self.files.forget_days(before.date(), needed, PORTION)
        self.counts["files"] += count
        return count >= PORTION

    async def _history(self, before: datetime) -> bool:
        """Files go before the cases that name them: a crash between leaves nothing unnamed."""
        needed = await self.entries.needed()
        cases = await self.entries.ended_cases(before, PORTION)
        await self.files.forget_files([f for f in cases.values() if f and f not in needed.files])
        await self.entries.forget_cases(list(cases))
        removed = await self.entries.forget(before, needed, PORTION)
        self.counts.update(cases=len(cases), **removed)
        return max(len(cases), *removed.values()) >= PORTION
