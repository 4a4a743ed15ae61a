"""Comments of orders: in TracOS's documents, at the customer's, and what we remember of them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from tracbridge.domain.comment import Comment
from tracbridge.ports.connector import Body, Cursor, Page, Receipt, Record, Refusal


class Sent(Struct, frozen=True):
    """A comment of TracOS's on its way to the customer, or there by now.

    ``ref``: its order. ``id``: in TracOS's document. ``key``: the customer's own, "" while nobody
    knows whether he has it. ``at``: when we began to give it to him (UTC).
    """

    ref: str
    id: str
    at: datetime
    key: str = ""
    text: str = ""


class CommentMemory(Protocol):
    """Which comments both sides have; of one connection."""

    async def known(self, ref: str, keys: Collection[str]) -> set[str]:
        """Those of these keys of the customer's that TracOS has got, or had from the first."""

    async def sent(self, ref: str) -> Mapping[str, Sent]:
        """The comments of TracOS's that were given to him or are on their way, by id."""

    def unsettled(self) -> AsyncIterator[list[Sent]]:
        """Those of which nobody knows whether he has them, in portions."""

    async def begin(self, sent: Sent) -> None:
        """On record before it leaves us. Beginning one again changes nothing."""

    async def settle(self, sent: Sent, key: str) -> None:
        """He has it, under that key."""

    async def forget(self, sent: Sent) -> None:
        """It has surely not arrived: it may be begun anew."""

    async def took(self, ref: str, keys: Sequence[str]) -> None:
        """TracOS has these comments of his. Repeatable."""


class TracosComments(Protocol):
    """The list of comments in TracOS's documents."""

    async def prepare(self) -> None:
        """What makes looking for them cheap is there."""

    def unsent(self) -> AsyncIterator[list[tuple[str, Sequence[Comment]]]]:
        """Orders, by number, with their comments that carry no key of the customer's; in portions.

        A comment without an id of its own is given one first, durably.
        """

    async def append(self, ref: str, comments: Sequence[Comment]) -> bool:
        """Each at the end of its order's list, once, however often it is said; False: no such
        order.
        """

    async def name(self, ref: str, id_: str, key: str) -> None:
        """The comment's key at the customer's. Repeatable."""


class Comments(Struct, frozen=True):
    """Where the comments of one connection are, and are remembered."""

    tracos: TracosComments
    memory: CommentMemory


@runtime_checkable
class Converses(Protocol):
    """The system has comments on its records, and takes ours."""

    @property
    def converses(self) -> bool:
        """It does, as it is set up."""

    @property
    def apart(self) -> bool:
        """They are read apart from the records, by `comments`."""

    def comments(self, since: Cursor | None) -> AsyncIterator[Page]:
        """Comments that are new since then, oldest first; some may come again."""

    async def comments_of(self, order: Record) -> Sequence[Body]:
        """All comments of that record, as they are now.

        Raises `RetryableError` where the system is away.
        """

    async def comment(self, order: Record, body: Body, key: str) -> Receipt | Refusal:
        """Add a comment to that record; the receipt's ``ref`` is its key, "" where the answer does
        not tell.
        """
