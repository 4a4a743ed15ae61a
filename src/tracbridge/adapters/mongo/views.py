"""What people ask: where orders stand, what happened to one of them, what waits for a person. Read only."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated


class Views:
    """Questions about one connection."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        orders: AsyncCollection[Document],
        connection: str,
        host: str,
    ) -> None:
        self._db, self._orders, self._c, self._host = database, orders, connection, host

    async def one(self, name: str, query: dict[str, Any]) -> Document | None:
        """One document of our collection ``tracbridge_<name>`` for this connection."""
        with translated(self._host):
            return await self._db[f"tracbridge_{name}"].find_one({"c": self._c, **query})
