"""Indexes: made at the first run, looked at in every run. Duplicate numbers are named only."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from tracbridge.adapters.mongo.client import DUPLICATE, FORBIDDEN, Document, translated
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.adapters.mongo.views import AGAIN, HELD, MISSING, STUCK, UNKNOWN
from tracbridge.domain.errors import ConfigError

T = TypeVar("T")

OLDEST = (6, 0)
"""Partial filters with ``$in`` and ``$or`` came with MongoDB 6.0."""

WISHES = 30 * 86_400
"""Seconds for which a wish that has ended can still be asked for."""

FORMER = {"tracbridge_links": ("repush", "missing", "unknown", "stuck", "held")}
"""Indexes that earlier releases made and nobody asks any more; each made every save dearer."""

STATE: dict[str, list[IndexModel]] = {
    "tracbridge_links": [
        IndexModel([("c", 1), ("kind", 1), ("scope", 1), ("ref", 1)], name="ref", unique=True),
        IndexModel(
            [("c", 1), ("tracos", 1)],
            name="tracos",
            unique=True,
            partialFilterExpression={"tracos": {"$type": "objectId"}},
        ),
        IndexModel(
            [("c", 1), ("out.phase", 1), ("ref", 1)],
            name="out",
            partialFilterExpression={"out.phase": {"$exists": True}},
        ),
        IndexModel(
            [("c", 1), ("repush", 1), ("ref", 1)],
            name="rare",
            partialFilterExpression={"$or": [AGAIN, MISSING, UNKNOWN, STUCK, HELD]},
        ),
    ],
    "tracbridge_history": [
        IndexModel([("c", 1), ("ref", 1), ("at", 1)], name="order"),
        IndexModel([("c", 1), ("run", 1)], name="run"),
        IndexModel([("c", 1), ("at", 1)], name="when"),
    ],
    "tracbridge_quarantine": [
        IndexModel([("c", 1), ("state", 1), ("at", 1)], name="open"),
    ],
    "tracbridge_conflicts": [
        IndexModel([("c", 1), ("ref", 1), ("at", 1)], name="order"),
        IndexModel([("c", 1), ("decided", 1), ("at", 1)], name="waiting"),
    ],
    "tracbridge_comments": [
        IndexModel([("c", 1), ("ref", 1)], name="order"),
        IndexModel([("c", 1), ("open", 1)], name="open", partialFilterExpression={"open": True}),
    ],
    "tracbridge_approvals": [IndexModel([("c", 1), ("ref", 1)], name="order")],
    "tracbridge_numbers": [
        IndexModel([("c", 1), ("number", 1)], name="number", unique=True),
        IndexModel([("c", 1), ("ref", 1)], name="key"),
    ],
    "tracbridge_wishes": [
        IndexModel([("c", 1), ("state", 1), ("at", 1)], name="open"),
        IndexModel("ended", name="ended", expireAfterSeconds=WISHES),
    ],
    "tracbridge_runs": [IndexModel([("c", 1), ("started", -1)], name="started")],
}


async def version_of(database: AsyncDatabase[Document], host: str) -> str:
    """The server's version; raises `ConfigError` if it is too old."""
    with translated(host):
        info = await database.client.server_info()
    if tuple(info["versionArray"][:2]) < OLDEST:
        raise ConfigError(
            f"MongoDB at {host} is version {info['version']}; Tracbridge needs 6.0 or newer."
        )
    return str(info["version"])


class Ready:
    """What this process has made sure of already, over one client: connections share most of it."""

    def __init__(self) -> None:
        self._done: set[tuple[str, ...]] = set()

    async def once(self, what: tuple[str, ...], work: Callable[[], Awaitable[T]]) -> T | None:
        """Do it if it was not done; None where it was. What fails is done again the next time."""
        if what in self._done:
            return None
        done = await work()
        self._done.add(what)
        return done


async def prepare(
    orders: Orders, state: AsyncDatabase[Document], ready: Ready | None = None
) -> list[str]:
    """Make the indexes that are not there; returns the names of those that were made."""
    ready = ready or Ready()
    tracos = ("orders", orders.collection.full_name, *orders.owner)
    made = await ready.once(tracos, lambda: _prepare_tracos(orders))
    await ready.once(("state", state.name), lambda: _prepare_state(state, orders.host))
    return made or []


async def _prepare_state(state: AsyncDatabase[Document], host: str) -> None:
    for name, models in STATE.items():
        with translated(host):
            there = await _indexes(state[name])
            if missing := _missing(there, models):
                await state[name].create_indexes(missing)
            await _drop(state[name], [one for one in FORMER.get(name, ()) if one in there])


async def _prepare_tracos(orders: Orders) -> list[str]:
    with translated(orders.host):
        await refuse_shared(orders)
        missing = _missing(await _indexes(orders.collection), orders.indexes)
        try:
            if missing:
                await orders.collection.create_indexes(missing)
        except OperationFailure as error:
            if error.code != DUPLICATE:
                raise
            raise ConfigError(await _named(orders)) from error
    return [str(model.document["name"]) for model in missing]


def _missing(there: Collection[str], models: list[IndexModel]) -> list[IndexModel]:
    return [model for model in models if model.document["name"] not in there]


async def _drop(collection: AsyncCollection[Document], names: Collection[str]) -> None:
    """Where the account may; elsewhere they stay, and cost time only."""
    for name in names:
        try:
            await collection.drop_index(name)
        except OperationFailure as error:
            if error.code not in {*FORBIDDEN, _NO_SUCH_INDEX}:
                raise


_NO_SUCH_COLLECTION, _NO_SUCH_INDEX = 26, 27

WHOLE = "tracbridge_number"
"""The index of a connection that has the collection to itself."""


async def refuse_shared(orders: Orders) -> None:
    """Raises `ConfigError` where numbers may stand only once, though several connections share the
    collection now.
    """
    if orders.owner and WHOLE in await _indexes(orders.collection):
        raise ConfigError(
            f"{orders.collection.full_name} still has the index {WHOLE}, by which no two "
            "connections may hold the same number. Now tracos.filter shares the collection: drop "
            f'that index first, in mongosh: db.{orders.collection.name}.dropIndex("{WHOLE}").'
        )


async def refuse_doubles(orders: Orders) -> None:
    """As `prepare`, but makes nothing: raises `ConfigError` for numbers that are not unique."""
    with translated(orders.host):
        unique = orders.indexes[0].document["name"] in await _indexes(orders.collection)
        if not unique and await doubles(orders, 1):
            raise ConfigError(await _named(orders))


async def _indexes(collection: AsyncCollection[Document]) -> Collection[str]:
    """The names of the indexes that are there; none where the collection is not."""
    try:
        return await collection.index_information()
    except OperationFailure as error:
        if error.code != _NO_SUCH_COLLECTION:
            raise
    return ()


async def doubles(orders: Orders, limit: int = 5) -> list[Document]:
    """Numbers that more than one document carries, with the documents' ids."""
    stages: list[dict[str, Any]] = [
        {"$match": orders.ours({"number": {"$gt": 0}})},
        {"$group": {"_id": "$number", "ids": {"$push": "$_id"}, "n": {"$sum": 1}}},
        {"$match": {"n": {"$gt": 1}}},
        {"$sort": {"_id": 1}},
        {"$limit": limit},
    ]
    found = await orders.collection.aggregate(stages, allowDiskUse=True)
    return [row async for row in found]


async def _named(orders: Orders) -> str:
    rows = await doubles(orders)
    named = "; ".join(f"{row['_id']}: {', '.join(map(str, row['ids']))}" for row in rows)
    return (
        f"{orders.collection.full_name} holds several documents with one number ({named}). "
        "Keep one document per number, then start again: tracbridge repair duplicates proposes "
        "which."
    )
