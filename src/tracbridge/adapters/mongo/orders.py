"""TracOS's work orders of one connection: a collection, and which of its documents are ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson.codec_options import DatetimeConversion
from msgspec import Struct
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from tracbridge.adapters.mongo.client import Document

MAPPED = ("number", "createdAt", "status", "title", "description", "deleted", "deletedAt")
"""What TracOS says of an order, with the time of its last edit and the view that we keep."""

GUARDED = ("status", "title", "description", "deleted", "deletedAt", "updatedAt")
"""The fields that an update is planned on; it takes effect only where they are still as read."""

UNSYNCED: Document = {"isSynced": {"$in": [False, None]}}
_NO_FLAGS = ["string", "int", "long", "double", "decimal", "date", "object", "array", "binData"]
_NO_FLAGS += ["objectId", "timestamp", "regex", "javascript", "minKey", "maxKey"]
ODDLY_SYNCED: Document = {"isSynced": {"$type": _NO_FLAGS}}
"""Marked by something that is no flag: not synced either. With a small index of its own."""


class Orders(Struct, frozen=True):
    """One connection's documents in a collection that others may share.

    ``owner``: the values that mark a document as ours, {} where all are. ``more``: fields of TracOS
    beside the usual ones that the mapping speaks of.
    """

    collection: AsyncCollection[Document]
    host: str
    owner: Mapping[str, Any] = {}
    more: Sequence[str] = ()

    def ours(self, query: Document) -> Document:
        """The query, for documents of this connection only; scalars are compared as they are."""
        return {**query, **{name: {"$eq": value} for name, value in self.owner.items()}}

    @property
    def shown(self) -> Document:
        """The projection: all that the mapping, our guards and the view need."""
        names = (*MAPPED, "updatedAt", "isSynced", "syncedAt", *self.more)
        return dict.fromkeys(names, 1)

    @property
    def guarded(self) -> tuple[str, ...]:
        """The fields whose values a write is planned on."""
        return (*GUARDED, *self.more)

    @property
    def indexes(self) -> list[IndexModel]:
        """What makes our questions cheap; the first one keeps a number from standing twice.

        Indexes of connections that share a collection by the same fields are the same.
        """
        keys = [(name, ASCENDING) for name in self.owner]
        suffix = "".join(f"_{name}" for name in self.owner)
        return [
            IndexModel(
                [*keys, ("number", ASCENDING)],
                name=f"tracbridge_number{suffix}",
                unique=True,
                partialFilterExpression={"number": {"$gt": 0}},
            ),
            IndexModel(
                [*keys, ("isSynced", ASCENDING)],
                name=f"tracbridge_unsynced{suffix}",
                partialFilterExpression=UNSYNCED,
            ),
            IndexModel(
                [*keys, ("isSynced", ASCENDING), ("_id", ASCENDING)],
                name=f"tracbridge_oddly_synced{suffix}",
                partialFilterExpression=ODDLY_SYNCED,
            ),
            IndexModel([*keys, ("updatedAt", ASCENDING)], name=f"tracbridge_updated{suffix}"),
        ]


def orders_of(
    collection: AsyncCollection[Document],
    host: str,
    owner: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
) -> Orders:
    """The orders, read so that no document keeps the others from being read.

    A date beyond Python's years is no `datetime`, and a text that is not UTF-8 holds surrogates:
    the mapping refuses both.
    """
    options = collection.codec_options.with_options(
        tz_aware=True,
        datetime_conversion=DatetimeConversion.DATETIME_AUTO,
        unicode_decode_error_handler="surrogateescape",
    )
    ordered = dict(sorted((owner or {}).items()))
    return Orders(collection.with_options(codec_options=options), host, ordered, more)
