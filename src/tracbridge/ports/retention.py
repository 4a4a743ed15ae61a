"""Forgetting what is old, as ports. Each call does a bounded piece of work and may be repeated."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct


class Needed(Struct, frozen=True):
    """What must stay, however old it is.

    ``files``: originals of open cases. ``days``: those whose records wait for a person. ``refs``:
    orders with an open case or a waiting conflict.
    """

    files: Collection[str]
    days: Collection[date]
    refs: Collection[str]


class OldFiles(Protocol):
    """The customer's originals that we keep."""

    async def forget_days(self, before: date, needed: Needed, limit: int) -> int:
        """Remove archived files of earlier days; how many, below ``limit`` if none is left."""

    async def forget_files(self, files: Sequence[str]) -> None:
        """Remove refused originals, unless they lie outside the quarantine folder or are gone."""


class OldEntries(Protocol):
    """What we remember."""

    async def needed(self) -> Needed:
        """What open cases and waiting conflicts refer to."""

    async def ended_cases(self, before: datetime, limit: int) -> Mapping[str, str]:
        """Cases that ended before that: id to file ("" for none)."""

    async def forget_cases(self, ids: Collection[str]) -> None:
        """Remove these cases."""

    async def forget(self, before: datetime, needed: Needed, limit: int) -> Mapping[str, int]:
        """Remove older history, decided conflicts and runs; how many of each, up to ``limit``."""
