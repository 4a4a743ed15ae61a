"""Sample documents in TracOS's collection."""

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.orders import Orders


async def plant(orders: Orders, documents: list[Document]) -> None:
    """Insert them all; the caller has seen to it that their numbers are free."""
    if documents:
        with translated(orders.host):
            await orders.collection.insert_many([{**orders.owner, **one} for one in documents])
