"""What people ask of whoever works on a connection, as a port: a small durable queue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct


class Wish(Struct, frozen=True):
    """One thing to be done by the worker that holds the lease, once, at the beginning of its pass.

    ``what``: retry, edit or undo. ``given``: what is needed for it; gone once it has ended.
    ``state``: open, done or failed. ``outcome``: what came of it, for programs; of a failed one
    ``error`` says why. ``attempts``: how often it was begun.
    """

    id: str
    connection: str
    what: str
    given: Mapping[str, Any]
    at: datetime
    by: str
    why: str = ""
    state: str = "open"
    outcome: Any = None
    error: str = ""
    ended: datetime | None = None
    attempts: int = 0


class Wishes(Protocol):
    """The wishes of one connection."""

    async def put(self, wish: Wish) -> None:
        """Remember it; one that is there already (same id) stays as it is."""

    async def find(self, id_: str) -> Wish | None:
        """The wish of that id, in any state."""

    async def open(self) -> Sequence[Wish]:
        """Those that have not ended, oldest first."""

    async def begin(self, id_: str) -> None:
        """Count one more attempt."""

    async def end(
        self, id_: str, state: str, at: datetime, outcome: Any = None, error: str = ""
    ) -> None:
        """It is done, or has failed; what was given for it is forgotten."""
