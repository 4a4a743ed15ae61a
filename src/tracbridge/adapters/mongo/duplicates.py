"""Documents that give up their number, because another one carries it too."""

from collections.abc import Sequence

from pymongo import UpdateOne

from tracbridge.adapters.mongo.client import translated
from tracbridge.adapters.mongo.guard import guard
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.ports.connector import Record

FORMER = "duplicateOf"
"""Where such a document keeps the number that it gave up."""


async def give_up_number(orders: Orders, records: Sequence[Record]) -> int:
    """Each of these that is still as read; nothing else of it changes. Returns how many."""
    if not records:
        return 0
    operations = [_renamed(orders, record) for record in records]
    with translated(orders.host):
        result = await orders.collection.bulk_write(operations, ordered=False)
    return result.matched_count


def _renamed(orders: Orders, record: Record) -> UpdateOne:
    number = (record.body or {})["number"]
    query = orders.ours({**guard(record, orders.guarded), "number": number})
    return UpdateOne(query, {"$rename": {"number": FORMER}})
