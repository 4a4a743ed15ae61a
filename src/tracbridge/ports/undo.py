"""What was done run by run, as a port: to list runs, and to take one back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tracbridge.domain.workorder import Side
from tracbridge.ports.state import Entry


class Run(Struct, frozen=True):
    """One run on record. ``did``: what it counted; ``undoes``: the run that it took back, or ""."""

    run: str
    started: datetime
    ended: datetime | None
    exit: int | None
    error: str
    did: Mapping[str, int]
    undoes: str


class RunHistory(Protocol):
    """The history of one connection, by run."""

    async def runs(self, limit: int | None) -> list[Run]:
        """The latest runs, newest first."""

    async def since(self, run: str) -> datetime | None:
        """When the run began, None if nothing is on record of it."""

    async def begin_undo(self, of: str, ref: str | None, run: str, at: datetime) -> str:
        """A run that takes another one back has begun.

        Its name: ``run``, or that of an earlier one of the same kind that came to no end.
        """

    def orders(self, run: str, ref: str | None) -> AsyncIterator[dict[str, list[Entry]]]:
        """The run's entries in pages of orders; those of an order by their numbers."""

    async def latest(self, refs: Sequence[str]) -> Mapping[tuple[str, Side, int], str]:
        """Per order, side and number the entry that was recorded last and not superseded."""

    def changes(self, since: datetime, side: Side | None = None) -> AsyncIterator[Entry]:
        """All changes recorded at or after that time, oldest first: of one side, or both."""
