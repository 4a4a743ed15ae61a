"""Indexes: made at the first run, looked at in every run. Duplicate numbers are named only."""

from collections.abc import Collection
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from tracbridge.adapters.mongo.client import DUPLICATE, Document, translated
from tracbridge.adapters.mongo.tracos import ODDLY_SYNCED
from tracbridge.domain.errors import ConfigError

OLDEST = (6, 0)
"""Partial filters with ``$in`` came with MongoDB 6.0."""

TRACOS = [
    IndexModel(
        [("number", ASCENDING)],
        name="tracbridge_number",
        unique=True,
        partialFilterExpression={"number": {"$gt": 0}},
    ),
    IndexModel(
        [("isSynced", ASCENDING)],
        name="tracbridge_unsynced",
        partialFilterExpression={"isSynced": {"$in": [False, None]}},
    ),
    IndexModel(
        [("isSynced", ASCENDING), ("_id", ASCENDING)],
        name="tracbridge_oddly_synced",
        partialFilterExpression=ODDLY_SYNCED,
    ),
    IndexModel([("updatedAt", ASCENDING)], name="tracbridge_updated"),
]

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
            name="repush",
            partialFilterExpression={"repush": True},
        ),
        IndexModel(
            [("c", 1), ("missing", 1)], name="missing", partialFilterExpression={"missing": True}
        ),
        IndexModel(
            [("c", 1), ("ref", 1)], name="held", partialFilterExpression={"held": {"$exists": True}}
        ),
    ],
    "tracbridge_history": [
        IndexModel([("c", 1), ("ref", 1), ("at", 1)], name="order"),
        IndexModel([("c", 1), ("run", 1)], name="run"),
        IndexModel([("at", 1)], name="at"),
    ],
    "tracbridge_quarantine": [
        IndexModel([("c", 1), ("state", 1), ("at", 1)], name="open"),
    ],
    "tracbridge_conflicts": [
        IndexModel([("c", 1), ("ref", 1), ("at", 1)], name="order"),
        IndexModel([("c", 1), ("decided", 1), ("at", 1)], name="waiting"),
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


async def prepare(
    orders: AsyncCollection[Document], state: AsyncDatabase[Document], host: str
) -> list[str]:
    """Make the indexes that are not there; returns the names of those that were made."""
    made = await _ensure(orders, TRACOS, host)
    for name, models in STATE.items():
        await _ensure(state[name], models, host)
    return made


async def _ensure(
    collection: AsyncCollection[Document], models: list[IndexModel], host: str
) -> list[str]:
    with translated(host):
        there = await _indexes(collection)
    missing = [model for model in models if model.document["name"] not in there]
    if missing:
        await _create(collection, missing, host)
    return [str(model.document["name"]) for model in missing]


_NO_SUCH_COLLECTION = 26


async def _create(
    collection: AsyncCollection[Document], models: list[IndexModel], host: str
) -> None:
    with translated(host):
        try:
            await collection.create_indexes(models)
        except OperationFailure as error:
            if error.code != DUPLICATE:
                raise
            raise ConfigError(await _named(collection)) from error


async def refuse_doubles(orders: AsyncCollection[Document], host: str) -> None:
    """As `prepare`, but makes nothing: raises `ConfigError` for numbers that are not unique."""
    with translated(host):
        if TRACOS[0].document["name"] not in await _indexes(orders) and await doubles(orders, 1):
            raise ConfigError(await _named(orders))


async def _indexes(collection: AsyncCollection[Document]) -> Collection[str]:
    """The names of the indexes that are there; none where the collection is not."""
    try:
        return await collection.index_information()
    except OperationFailure as error:
        if error.code != _NO_SUCH_COLLECTION:
            raise
    return ()


async def doubles(collection: AsyncCollection[Document], limit: int = 5) -> list[Document]:
    """Numbers that more than one document carries, with the documents' ids."""
    stages: list[dict[str, Any]] = [
        {"$match": {"number": {"$gt": 0}}},
        {"$group": {"_id": "$number", "ids": {"$push": "$_id"}, "n": {"$sum": 1}}},
        {"$match": {"n": {"$gt": 1}}},
        {"$sort": {"_id": 1}},
        {"$limit": limit},
    ]
    return [row async for row in await collection.aggregate(stages, allowDiskUse=True)]


async def _named(collection: AsyncCollection[Document]) -> str:
    rows = await doubles(collection)
    named = "; ".join(f"{row['_id']}: {', '.join(map(str, row['ids']))}" for row in rows)
    return (
        f"{collection.full_name} holds several documents with one number ({named}). "
        "Keep one document per number, then start again: tracbridge repair duplicates proposes "
        "which."
    )
