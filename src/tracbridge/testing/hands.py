"""What the other company does on its own, behind our back.

`Hands` is all that a rig needs. The others are offered where a system can do such a thing: a rig's
hands simply have the methods, and the tests about them run.
"""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

import pytest

from tracbridge.sdk import Body

T = TypeVar("T")


class Hands(Protocol):
    """What every company can do."""

    async def plant(self, body: Body) -> str:
        """Put a record there, or a newer version; returns the ref under which we would write it."""

    async def holdings(self) -> list[Body]:
        """All records that the other company can see now, whoever wrote them."""


@runtime_checkable
class Reader(Protocol):
    """A company whose handling of our versions can be seen; for `Acknowledges`."""

    async def take(self, ref: str) -> None:
        """Import the version of that ref, as the company's importer does."""

    async def refuse(self, ref: str, words: str) -> None:
        """Look at the version of that ref and refuse it with these words."""


@runtime_checkable
class Removes(Protocol):
    """A company whose deletions are seen when we read."""

    async def remove(self, ref: str) -> None:
        """Delete the record."""


@runtime_checkable
class PlantsTogether(Protocol):
    """A system that stamps records with a time of change, coarse enough to be the same for many."""

    async def plant_together(self, bodies: Sequence[Body]) -> None:
        """Put these records there, all with the time of change of the newest one that is there."""


@runtime_checkable
class CommitsLate(Protocol):
    """A system whose records can become visible later than their time of change says."""

    async def plant_late(self, body: Body) -> str:
        """As `Hands.plant`, with a time before that of the newest record: as long before as the
        connector promises to bear.
        """


@runtime_checkable
class Throttles(Protocol):
    """A system that refuses requests that come too fast."""

    async def throttle(self, seconds: int) -> None:
        """Refuse each request from now on, and say that it may come again in so many seconds."""

    async def relent(self) -> None:
        """Take requests again."""

    async def refused(self) -> int:
        """How many requests were refused so."""


@runtime_checkable
class LosesReplies(Protocol):
    """A system that is reached through a network."""

    async def lose_reply(self, *, done: bool) -> None:
        """Cut the connection in the next write: before it is answered, and after it took effect if
        ``done``, else before. What follows is taken as ever.
        """


@runtime_checkable
class GoesAway(Protocol):
    """A system that can be away."""

    async def go_away(self) -> None:
        """Take no connection any more."""

    async def come_back(self) -> None:
        """Be there again."""


@runtime_checkable
class ExpiresLogin(Protocol):
    """A system that gives a session or a token for a login."""

    async def expire_login(self) -> None:
        """Know none of the sessions and tokens any more that were given so far."""


@runtime_checkable
class Hangs(Protocol):
    """A system whose answers can be kept back."""

    async def hang(self) -> None:
        """Do what the next request asks, and do not answer it."""

    async def reached(self) -> None:
        """Returns when such a request is there."""


@runtime_checkable
class OpensRecords(Protocol):
    """A company whose people lock a record while they have it open."""

    async def open_record(self, ref: str) -> None:
        """Open it, and leave it open."""

    async def close_record(self, ref: str) -> None:
        """Close it unchanged."""


@runtime_checkable
class Talks(Protocol):
    """A company whose people comment on records."""

    async def say(self, ref: str, text: str) -> str:
        """Add a comment to that record; returns its key."""

    async def remarks(self, ref: str) -> list[tuple[str, str]]:
        """Key and text of all comments on that record, oldest first."""


@runtime_checkable
class HoldsSecret(Protocol):
    """A system that we may use by something that nobody else may see."""

    secrets: Sequence[str]
    """The password or token that the connector was given, in each spelling that gives it away (the
    ``Authorization`` header of a user and a password, say)."""

    async def blurt(self) -> None:
        """Answer each request with an error that repeats everything we sent."""


def handy(hands: Hands, kind: type[T]) -> T:
    """The hands as those that can do this; else the test is skipped."""
    if not isinstance(hands, kind):
        pytest.skip(f"the rig's hands are not of the kind {kind.__name__}")
    return hands
