"""Sample documents in TracOS's collection."""

from pymongo.asynchronous.collection import AsyncCollection

from tracbridge.adapters.mongo.client import Document, translated


async def plant(orders: AsyncCollection[Document], documents: list[Document], host: str) -> None:
    """Insert them all; the caller has seen to it that their numbers are free."""
    if documents:
        with translated(host):
            await orders.insert_many(documents)
