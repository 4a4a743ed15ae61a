"""Documents that give up their number, because another one carries it too."""

from collections.abc import Sequence

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.tracos import guard
from tracbridge.ports.connector import Record

FORMER = "duplicateOf"
"""Where such a document keeps the number that it gave up."""


async def give_up_number(
    orders: AsyncCollection[Document], records: Sequence[Record], host: str
) -> int:
    """Each of these that is still as read; nothing else of it changes. Returns how many."""
    if not records:
        return 0
    with translated(host):
        result = await orders.bulk_write([_renamed(record) for record in records], ordered=False)
    return result.matched_count


def _renamed(record: Record) -> UpdateOne:
    number = (record.body or {})["number"]
    return UpdateOne({**guard(record), "number": number}, {"$rename": {"number": FORMER}})
