"""API keys in MongoDB: a document each, and one for the secret that their digests are made with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.ports.access import ApiKey, Role

PEPPER = "pepper"
"""Its document's id, which no key has: theirs are hexadecimal."""


class MongoApiKeys:
    """The collection ``tracbridge_keys`` of the home database."""

    def __init__(self, database: AsyncDatabase[Document], host: str) -> None:
        self._rows, self._host = database["tracbridge_keys"], host

    async def put(self, key: ApiKey, digest: bytes) -> None:
        row = {
            "_id": key.id,
            "name": key.name,
            "role": key.role.value,
            "tenants": None if key.tenants is None else sorted(key.tenants),
            "created": key.created,
            "by": key.by,
            "expires": key.expires,
            "digest": digest,
        }
        with translated(self._host):
            await self._rows.insert_one(row)

    async def find(self, id_: str) -> tuple[ApiKey, bytes] | None:
        with translated(self._host):
            row = await self._rows.find_one({"_id": {"$eq": id_}, "role": {"$exists": True}})
        return (to_key(row), bytes(row["digest"])) if row else None

    async def all(self) -> Sequence[ApiKey]:
        with translated(self._host):
            found = self._rows.find({"role": {"$exists": True}}, {"digest": 0})
            return [to_key(row) async for row in found.sort([("created", 1), ("_id", 1)])]

    async def revoke(self, id_: str, at: datetime) -> ApiKey | None:
        one: dict[str, Any] = {"_id": {"$eq": id_}, "role": {"$exists": True}}
        with translated(self._host):
            row = await self._rows.find_one_and_update(
                {**one, "revoked": None},
                {"$set": {"revoked": at}},
                return_document=ReturnDocument.AFTER,
            ) or await self._rows.find_one(one)
        return to_key(row) if row else None

    async def touch(self, id_: str, at: datetime) -> None:
        with translated(self._host):
            await self._rows.update_one({"_id": {"$eq": id_}}, {"$max": {"used": at}})

    async def pepper(self, proposed: bytes) -> bytes:
        with translated(self._host):
            row = await self._rows.find_one_and_update(
                {"_id": PEPPER},
                {"$setOnInsert": {"secret": proposed}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bytes(row["secret"]) if row else proposed


def to_key(row: Document) -> ApiKey:
    """The key of a document."""
    tenants = row["tenants"]
    return ApiKey(
        id=row["_id"],
        name=row["name"],
        role=Role(row["role"]),
        tenants=None if tenants is None else frozenset(tenants),
        created=row["created"],
        by=row["by"],
        expires=row.get("expires"),
        used=row.get("used"),
        revoked=row.get("revoked"),
    )
