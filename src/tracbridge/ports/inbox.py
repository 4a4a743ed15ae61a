"""What reached us over HTTP and is not yet where it belongs, as a port."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Arrival(Struct, frozen=True):
    """One request that we took. ``id``: the same for the same request.

    ``digest``: of its bytes; ``raw``: these, empty once they have served. ``event``: by which
    another request may be known as the same, "" for none. ``records``: the bytes are the customer's
    records; else they were a hint. ``counter``: the passes begun before. ``state``: ``stored``,
    and ``done`` when they lie in the folder, or the bell has rung.
    """

    id: str
    connection: str
    at: datetime
    digest: str
    raw: bytes = b""
    event: str = ""
    records: bool = False
    counter: int = 0
    state: str = "stored"

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.id}.json"


class Inbox(Protocol):
    """The arrivals of one connection; forgotten a week after they are done."""

    async def put(self, arrival: Arrival) -> Arrival | None:
        """Store it durably: it is the caller's to finish then, and the answer is None. Where one of
        the same id or event is there already, that one.
        """

    async def take_over(self, id_: str, before: datetime, now: datetime) -> Arrival | None:
        """One that is not done and that nobody has worked on since ``before``: the caller's now.
        None where there is none.
        """

    async def done(self, id_: str, at: datetime) -> None:
        """It is where it belongs; its bytes are forgotten. Repeatable."""

    async def find(self, id_: str) -> Arrival | None:
        """As it is now, without its bytes."""

    async def unfinished(self, before: datetime) -> Sequence[str]:
        """The ids of those that nobody has worked on since then, oldest first, a few at a time."""

    async def left(self, before: datetime) -> set[str]:
        """The connections of this database that have any of those; not of this one alone."""

    async def cases(self, source: str, since: datetime) -> Sequence[str]:
        """The ids of open cases of that file, opened since then."""
