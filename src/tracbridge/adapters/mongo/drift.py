"""All of TracOS's orders one after the other, to be compared. Read only."""

from collections.abc import AsyncIterator, Mapping, Sequence

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.adapters.mongo.tracos import PAGE, number_of, record_of, refs_of
from tracbridge.ports.connector import Record

NUMBERED: Document = {"number": {"$gt": 0, "$not": {"$type": "array"}}}
"""What can be an order; the index of the numbers holds them in order."""


class MongoOrders:
    """One collection of work orders, by number."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._host, self._ours = orders.collection, orders.host, orders.ours
        self._shown = orders.shown

    async def by_number(self) -> AsyncIterator[Mapping[str, Sequence[Record]]]:
        """A cursor in the order of the index; where that is missing the server sorts, on disk."""
        found: dict[str, list[Record]] = {}
        with translated(self._host):
            cursor = self._orders.find(
                self._ours(NUMBERED), self._shown, batch_size=PAGE, allow_disk_use=True
            )
            async for documents in paged(cursor.sort("number", 1), PAGE):
                for document in documents:
                    for ref in refs_of(document["number"]):
                        found.setdefault(ref, []).append(record_of(document))
                if not found:
                    continue
                # The next page may begin with another document of the last number.
                last = next(reversed(found))
                held_back = {last: found.pop(last)}
                if found:
                    yield found
                found = held_back
        if found:
            yield found

    async def present(self, refs: Sequence[str]) -> set[str]:
        numbers = [number for ref in refs if (number := number_of(ref))]
        query = self._ours({"number": {"$in": numbers}})
        with translated(self._host):
            cursor = self._orders.find(query, {"_id": 0, "number": 1}, batch_size=PAGE + 1)
            documents = await cursor.to_list()
        return {ref for document in documents for ref in refs_of(document["number"])}
