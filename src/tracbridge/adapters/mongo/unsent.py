"""What TracOS has that is not sent yet, of many connections at once.

Where there is little of it, all of it is read together, document by document; where there is much,
each connection is read for itself, and of very many documents the index alone is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from msgspec import Struct
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, Orders
from tracbridge.adapters.mongo.tracos import source_of
from tracbridge.adapters.mongo.views import PAGE, Unsent, Views, earlier, marks_of, ref_of
from tracbridge.domain.workorder import KIND, Side
from tracbridge.sync.identity import link_id

EXACT = 2_000
"""Documents of one connection: with more of them, they are counted by index only."""

COUNTED = 100_000
"""Documents up to which they are counted; with more of them, this number is told."""

MANY = 100
"""Connections of one collection that are read together at most."""

TOGETHER = 10_000
"""Documents of all these connections up to which they are read together."""

AT_ONCE = 8
"""Connections that are read at one time where each is read for itself."""

EITHER: Sequence[Document] = (UNSYNCED, ODDLY_SYNCED)

Owner = tuple[tuple[bool, Any], ...]
"""The values that mark documents as one connection's. True is no 1, as MongoDB sees it."""


class Asked(Struct, frozen=True):
    """One connection. ``creates``: new orders are made at the customer's."""

    name: str
    views: Views
    orders: Orders
    creates: bool


async def unsent_of_many(
    database: AsyncDatabase[Document], host: str, asked: Sequence[Asked]
) -> AsyncIterator[tuple[str, Unsent, bool]]:
    """Each of these connections, whose memory is in that database, as soon as it is known; and
    whether that is exact, as `unsent_of` says.

    Raises `RetryableError` where a server is away.
    """
    for some in by_collection(asked):
        found = await _Together(database, host, some)()
        each = found or await _one_by_one(some)
        for name, (unsent, exact) in each.items():
            yield name, unsent, exact


async def _one_by_one(asked: Sequence[Asked]) -> dict[str, tuple[Unsent, bool]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(one: Asked) -> tuple[Unsent, bool]:
        async with gate:
            return await unsent_of(one.views, one.orders, creates=one.creates)

    tasks = [asyncio.ensure_future(read(one)) for one in asked]
    try:
        read_ = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {one.name: found for one, found in zip(asked, read_, strict=True)}


def by_collection(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Those that share a collection and tell their documents by the same fields, up to `MANY`."""
    groups: dict[tuple[int, str, tuple[str, ...]], list[Asked]] = {}
    for one in asked:
        collection = one.orders.collection
        key = id(collection.database.client), collection.full_name, tuple(one.orders.owner)
        groups.setdefault(key, []).append(one)
    for some in groups.values():
        for start in range(0, len(some), MANY):
            yield some[start : start + MANY]


async def unsent_of(views: Views, orders: Orders, *, creates: bool) -> tuple[Unsent, bool]:
    """What is not sent yet, and whether that is exact: it is up to `EXACT` documents.

    Of more than that it is an upper bound, up to `COUNTED`: held and refused ones are in it, and
    the oldest is that of the first `EXACT`.
    """
    either = {"$or": [orders.ours(one) for one in EITHER]}
    with translated(orders.host):
        many = await orders.collection.count_documents(either, limit=EXACT + 1)
    if not many:
        return Unsent(creates), True
    if many <= EXACT:
        return await views.unsent(creates=creates), True
    found = Unsent(creates)
    with translated(orders.host):
        found.new = await orders.collection.count_documents(either, limit=COUNTED)
        cursor = orders.collection.find(orders.ours(UNSYNCED), {"updatedAt": 1}).limit(EXACT)
        async for document in cursor:
            found.oldest = earlier(found.oldest, document.get("updatedAt"))
    return found, False


class _Together:
    """All of these connections in a few questions; None where there is too much for that."""

    def __init__(
        self, database: AsyncDatabase[Document], host: str, asked: Sequence[Asked]
    ) -> None:
        self._db, self._host, self._orders = database, host, asked[0].orders
        self._names = [one.name for one in asked]
        self._whose = {owner_of(one.orders.owner): one.name for one in asked}
        self._found = {one.name: Unsent(one.creates) for one in asked}

    async def __call__(self) -> dict[str, tuple[Unsent, bool]] | None:
        documents = await self._documents()
        if documents is None:
            return None
        with translated(self._host):
            refused = await self._refused() if documents else set()
            for start in range(0, len(documents), PAGE):
                some = documents[start : start + PAGE]
                await self._count([(n, d) for n, d in some if (n, source_of(d)) not in refused])
        return {name: (one, True) for name, one in self._found.items()}

    async def _documents(self) -> list[tuple[str, Document]] | None:
        """Each with its connection's name."""
        found, orders = [], self._orders
        shown = {"number": 1, "updatedAt": 1, **dict.fromkeys(orders.owner, 1)}
        with translated(orders.host):
            for condition in EITHER:
                query = {**condition, **self._ours()}
                cursor = orders.collection.find(query, shown, batch_size=PAGE)
                async for page in paged(cursor.limit(TOGETHER + 1), PAGE):
                    found += [(name, one) for one in page for name in self._names_of(one)]
                    if len(found) > TOGETHER:
                        return None
        return found

    def _ours(self) -> Document:
        """Documents of any of them; whose each is, its values tell."""
        values: dict[str, list[Any]] = {name: [] for name in self._orders.owner}
        for owner in self._whose:
            for listed, (_, value) in zip(values.values(), owner, strict=True):
                listed.append(value)
        return {name: {"$in": listed} for name, listed in values.items()}

    def _names_of(self, document: Document) -> list[str]:
        """As MongoDB compares: a list has each of its values."""
        values = [at(document, name) for name in self._orders.owner]
        many = [one if isinstance(one, list) else [one] for one in values]
        keys = [tuple(map(typed, some)) for some in product(*many)]
        return list(dict.fromkeys(self._whose[key] for key in keys if key in self._whose))

    async def _refused(self) -> set[tuple[str, str]]:
        query = {"c": {"$in": self._names}, "state": "open", "side": Side.TRACOS.value}
        cursor = self._db["tracbridge_quarantine"].find(query, {"c": 1, "source": 1})
        return {(row["c"], row["source"]) async for row in cursor}

    async def _count(self, page: Sequence[tuple[str, Document]]) -> None:
        links = [(n, link_id(n, KIND, "", ref_of(one.get("number")))) for n, one in page]
        query = {"_id": {"$in": [id_ for _, id_ in links]}}
        marks = await marks_of(self._db["tracbridge_links"], query, "_id")
        for (name, document), (_, id_) in zip(page, links, strict=True):
            if id_ not in marks.held and id_ not in marks.busy:
                self._found[name].add(document, linked=id_ in marks.known)


def owner_of(values: Mapping[str, Any]) -> Owner:
    """The values in the order of their names, which is that of `Orders.owner`."""
    return tuple(map(typed, values.values()))


def typed(value: Any) -> tuple[bool, Any]:
    """The value, told from one of another type that Python takes for the same."""
    known = isinstance(value, (str, int, float, bool))
    return isinstance(value, bool), value if known else None


def at(document: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted name, None where there is none."""
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
