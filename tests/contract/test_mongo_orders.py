"""All of TracOS's orders in pages: each once, doubles together, what is no order left out."""

from collections.abc import AsyncIterator
from random import Random

import pytest
from bson import Decimal128

from tests.harness import Doc, Server
from tracbridge.adapters.mongo.client import connect
from tracbridge.adapters.mongo.drift import MongoOrders
from tracbridge.adapters.mongo.orders import orders_of


@pytest.fixture
async def orders(replica_set: Server, database: str) -> AsyncIterator[MongoOrders]:
    """A collection without any index."""
    client = connect(replica_set.uri)
    yield MongoOrders(orders_of(client[database]["workorders"], "test"))
    await client.close()


def plant(server: Server, database: str, *numbers: object) -> None:
    documents: list[Doc] = [{"number": number} for number in numbers]
    server.client[database]["workorders"].insert_many(documents)


async def shown(orders: MongoOrders) -> list[dict[str, int]]:
    """How many documents each order has, page by page."""
    return [
        {ref: len(records) for ref, records in page.items()} async for page in orders.by_number()
    ]


async def test_no_orders_are_no_pages(orders: MongoOrders) -> None:
    assert await shown(orders) == []
    assert await orders.present(["1"]) == set()


async def test_each_order_comes_once_by_its_number(
    orders: MongoOrders, replica_set: Server, database: str
) -> None:
    numbers = list(range(1, 2_501))
    Random(7).shuffle(numbers)
    plant(replica_set, database, *numbers)
    pages = await shown(orders)
    assert [ref for page in pages for ref in page] == [str(n) for n in range(1, 2_501)]
    assert max(map(len, pages)) <= 1_000


@pytest.mark.parametrize("double", [999, 1_000, 1_001, 1_999, 2_000])
async def test_doubles_stay_together_wherever_a_page_ends(
    orders: MongoOrders, replica_set: Server, database: str, double: int
) -> None:
    plant(replica_set, database, *range(1, 2_001), double, float(double))
    pages = await shown(orders)
    found = {ref: n for page in pages for ref, n in page.items() if n > 1}
    assert found == {str(double): 3}
    assert sum(map(len, pages)) == 2_000


async def test_what_carries_no_number_is_left_out(
    orders: MongoOrders, replica_set: Server, database: str
) -> None:
    odd = ["8", None, True, [9, 10], 0, -1, 2.5, float("nan"), float("inf"), {"n": 1}]
    plant(replica_set, database, 7, Decimal128("8"), 2**62, *odd)
    assert await shown(orders) == [{"7": 1, "8": 1}, {str(2**62): 1}]
    assert await orders.present(["7", "8", "11", "x"]) == {"7", "8"}
