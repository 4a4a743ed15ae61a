"""Change streams of TracOS's collections as hints: something may have happened, look there.

All connections to one collection share one stream. What it shows is never data; where it breaks
off, each listener is told and looks.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.marks import Marks
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.ports.hints import UNHEARD, Hint

NO_STREAMS = frozenset({40573, 59, 115})
"""Server error codes of those that have none: a standalone server, and some that are none."""

ENDED = ("drop", "rename", "dropDatabase", "invalidate")

LOOKED_FOR: list[Document] = [
    {
        "$match": {
            "$or": [
                # What we marked ourselves is no news; what somebody edits is never marked by that.
                # Where the mark stood already, only its time tells that it was we.
                {
                    "operationType": "update",
                    "updateDescription.updatedFields.isSynced": {"$ne": True},
                    "$or": [
                        {"updateDescription.updatedFields.isSynced": {"$exists": True}},
                        {"updateDescription.updatedFields.syncedAt": {"$exists": False}},
                    ],
                },
                {"operationType": "insert", "fullDocument.isSynced": {"$ne": True}},
                {"operationType": {"$in": ["replace", *ENDED]}},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "documentKey": 1,
            "updateDescription.updatedFields.isSynced": 1,
            "fullDocument.isSynced": 1,
        }
    },
]

AT_ONCE = 1_000
"""Changes that are read together: what happens while nobody has to hear of it comes as one."""

AWAIT_MS = 10_000
"""How long the server keeps a question open while nothing happens; below the client's time-out."""

MANY = 10_000
"""Ids whose documents are asked for at once; beyond, everybody is told to look."""


class Listener:
    """One connection. ``owner``: the values that mark a document as its own."""

    def __init__(self, owner: Mapping[str, Any]) -> None:
        self.owner = owner
        self.rung = asyncio.Event()
        self.hint = Hint.NEWS
        self.lost: Exception | None = None


class Stream:
    """Of one collection. It is read while somebody listens."""

    def __init__(self, collection: AsyncCollection[Document], host: str) -> None:
        self._collection, self._host = collection, host
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self.marks = Marks()
        self._told: dict[str, tuple[Any, Hint]] = {}
        self._changed, self._heard = asyncio.Event(), asyncio.Event()
        self._none, self._opened = False, False

    async def listen(self, owner: Mapping[str, Any]) -> AsyncIterator[Hint]:
        """Hints for documents with these values: ``ANY`` for those that were edited and not marked
        as unsynced. Ends where the server has no change streams;
        raises `RetryableError` where it broke off.
        """
        listener = Listener(owner)
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        try:
            while True:
                await listener.rung.wait()
                listener.rung.clear()
                self._heard.set()
                if listener.lost is not None:
                    raise listener.lost
                if self._none:
                    return
                hint, listener.hint = listener.hint, Hint.NEWS
                yield hint
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self.marks.clear()

    @property
    def heeded(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    async def _work(self) -> None:
        """Read and tell, until it breaks off; the last word is for everybody."""
        teller, self._none = asyncio.create_task(self._tell()), False
        lost: Exception | None = None
        try:
            with translated(self._host):
                await self._read()
            lost = RetryableError(f"The collection {self._collection.name} was replaced.")
        except OperationFailure as error:
            self._none = error.code in NO_STREAMS
            lost = None if self._none else RetryableError(f"Its stream broke off ({error.code}).")
        except (RetryableError, ConfigError) as error:
            lost = error if isinstance(error, RetryableError) else None
            self._none = lost is None  # this account may not listen: `check` says so
        finally:
            teller.cancel()
            with suppress(asyncio.CancelledError):
                await teller
            for listener in list(self._listeners):
                listener.lost = lost
                listener.rung.set()

    async def _read(self) -> None:
        """Returns where the collection is another one from now on."""
        watching = self._collection.watch(
            LOOKED_FOR, max_await_time_ms=AWAIT_MS, batch_size=AT_ONCE
        )
        async with await watching as stream:
            if self._opened:
                # Somebody may have looked again and gone to rest just before it was open again.
                for listener in self._listeners:
                    listener.hint = Hint.ANY
                    listener.rung.set()
            self._opened = True
            async for change in stream:
                if change["operationType"] in ENDED:
                    return
                id_ = change["documentKey"]["_id"]
                if not _unmarks(change):
                    self._told[repr(id_)] = (id_, Hint.ANY)
                self._told.setdefault(repr(id_), (id_, Hint.NEWS))
                self._changed.set()
                await self._wanted()

    async def _wanted(self) -> None:
        """Until somebody has heard of the last change: until then one more would tell nothing."""
        if all(one.rung.is_set() for one in self._listeners):
            self._heard.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(UNHEARD):
                    await self._heard.wait()

    async def _tell(self) -> None:
        """Ring those whose documents they are. What comes meanwhile is told together."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            told, self._told = self._told, {}
            doubtful = {key: id_ for key, (id_, hint) in told.items() if hint is Hint.ANY}
            marked = await self._marked(doubtful)
            news = {key: id_ for key, (id_, _) in told.items() if key not in marked}
            for some, hint in ((marked, Hint.ANY), (news, Hint.NEWS)):
                for listener in await self._meant(list(some.values())):
                    listener.hint = Hint.ANY if hint is Hint.ANY else listener.hint
                    listener.rung.set()

    async def _marked(self, ids: dict[str, Any]) -> dict[str, Any]:
        """Those that show themselves as synced, and not as we marked them: an update tells only
        what it changed, and the next edit of an unsynced document does not change its flag. All
        where that cannot be told.
        """
        if not ids or len(ids) > MANY:
            return ids
        query = {"_id": {"$in": list(ids.values())}, "isSynced": {"$nin": [False, None]}}
        shown = dict.fromkeys(("_id", *self.marks.names(ids.values())), 1)
        try:
            with translated(self._host):
                found = await self._collection.find(query, shown).to_list()
        except (RetryableError, ConfigError, OperationFailure):
            return ids
        return {repr(row["_id"]): row["_id"] for row in found if not self.marks.cover(row)}

    async def _meant(self, ids: Sequence[Any]) -> set[Listener]:
        """Who listens for any of these documents; everybody where that cannot be told."""
        if not ids:
            return set()
        everybody = {one for one in self._listeners if not one.owner}
        choosy = self._listeners - everybody
        if not choosy or len(ids) > MANY:
            return self._listeners
        shown = {name: 1 for one in choosy for name in one.owner}
        try:
            with translated(self._host):
                found = await self._collection.find({"_id": {"$in": ids}}, shown).to_list()
        except (RetryableError, ConfigError, OperationFailure):
            return self._listeners
        return everybody | {
            one
            for one in choosy
            if any(all(doc.get(k) == v for k, v in one.owner.items()) for doc in found)
        }


def _unmarks(change: Document) -> bool:
    """The document shows itself as unsynced since."""
    updated = change.get("updateDescription", {}).get("updatedFields")
    shown = change.get("fullDocument", {}) if updated is None else updated
    return shown.get("isSynced", True) in (False, None)


class Streams:
    """The streams of one client, each made when it is asked for."""

    def __init__(self) -> None:
        self._each: dict[tuple[str, str], Stream] = {}

    def of(self, orders: Orders) -> Stream:
        """The one of that collection."""
        collection = orders.collection
        name = (collection.database.name, collection.name)
        return self._each.setdefault(name, Stream(collection, orders.host))
