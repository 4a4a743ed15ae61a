"""TracOS fulfils the same contract as any customer's system, on both kinds of server."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from bson import Decimal128, ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from tests import harness
from tracbridge.adapters.mongo.client import Document, connect
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, orders_of
from tracbridge.adapters.mongo.schema import prepare
from tracbridge.adapters.mongo.tracos import TracosConnector
from tracbridge.sdk import Body, Connector, Page, Receipt, RecordError, Write
from tracbridge.testing.contract import ConnectorContract, Rig
from tracbridge.testing.rig import FIRST, Bench, drain, records


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[int, tuple[harness.Server, str]]]:
    """One database on each server, whose indexes are made once."""
    made: dict[int, tuple[harness.Server, str]] = {}
    yield made
    for server, name in made.values():
        server.drop(name)


class TracosHands:
    """TracOS's own people: they edit documents, and their edits reset the view ``isSynced``."""

    def __init__(self, orders: AsyncCollection[Document]) -> None:
        self.orders = orders

    async def plant(self, body: Body) -> str:
        edited = {"$set": {**body, "isSynced": False}}
        await self.orders.update_one({"number": body["number"]}, edited, upsert=True)
        return str(body["number"])

    async def holdings(self) -> list[Body]:
        return [document async for document in self.orders.find()]


class TestTracosConnector(ConnectorContract):
    passes_extra = False
    server: harness.Server
    database: str

    @pytest.fixture(autouse=True)
    def _database(
        self, any_mongod: harness.Server, databases: dict[int, tuple[harness.Server, str]]
    ) -> None:
        fresh = (any_mongod, any_mongod.fresh_name())
        self.server, self.database = databases.setdefault(any_mongod.port, fresh)
        self.server.client[self.database]["workorders"].delete_many({})

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        client = connect(self.server.uri)
        try:
            orders = client[self.database]["workorders"]
            mine = orders_of(orders, "test")
            await prepare(mine, client[self.database])

            def again() -> TracosConnector:
                return TracosConnector(mine)

            yield Rig(again(), TracosHands(orders), restart=again)
        finally:
            await client.close()

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return harness.doc(n, description=text)

    def plain(self, body: Body) -> Body:
        added = ("_id", "isSynced", "syncedAt")
        return {name: value for name, value in body.items() if name not in added}

    async def settle(self, connector: Connector, pages: Sequence[Page]) -> None:
        assert isinstance(connector, TracosConnector)
        marks: list[tuple[Any, Any]] = [(record, self.mark()) for record in records(pages)]
        if marks:
            await connector.mark(marks)
        for page in pages:
            await connector.commit(page.cursor)

    async def test_an_order_that_cannot_be_stored_does_not_stop_the_others(
        self, bench: Bench
    ) -> None:
        huge = Write("key-2", {**self.body(2), "cost": 2**70}, self.ref(2))
        answers = await bench.connector.write([self.write_of(1), huge, self.write_of(3)])
        assert [type(answer) for answer in answers] == [Receipt, RecordError, Receipt]
        assert await self.held(bench) == [self.body(1), self.body(3)]

    async def test_an_update_that_is_there_already_is_success(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        (read,) = records([page async for page in bench.connector.read(None, FIRST)])
        await bench.hands.plant(self.body(1, "the same"))
        write = Write("key-1", {"description": "the same"}, self.ref(1), read)
        (answer,) = await bench.connector.write([write])
        assert isinstance(answer, Receipt)

    async def test_a_ref_that_is_no_number_is_not_found(self, bench: Bench) -> None:
        await bench.hands.plant(self.body(1))
        assert isinstance(bench.connector, TracosConnector)
        refs = ["", "-1", "0", "1.0", "\u0661", "x", str(2**70), '{"$gt": 0}']
        assert await bench.connector.fetch(refs) == {}

    async def test_lately_changed_documents_are_found_although_marked(self, bench: Bench) -> None:
        assert isinstance(bench.connector, TracosConnector)
        await bench.hands.plant(self.body(1))
        await bench.hands.plant({**self.body(2), "updatedAt": harness.NOW - timedelta(hours=1)})
        await self.settle(bench.connector, await drain(bench.connector))
        pages = [page async for page in bench.connector.changed(harness.NOW, harness.NOW)]
        assert self.bodies(pages) == [self.body(1)]

    async def test_documents_marked_after_their_last_edit_are_not_looked_at(
        self, bench: Bench
    ) -> None:
        assert isinstance(bench.hands, TracosHands)
        assert isinstance(bench.connector, TracosConnector)
        for number, minutes in enumerate((-1, 0, 1), start=1):
            await bench.hands.plant(self.body(number))
            marked = {"isSynced": True, "syncedAt": harness.NOW + timedelta(minutes=minutes)}
            await bench.hands.orders.update_one({"number": number}, {"$set": marked})
        late = harness.NOW + timedelta(seconds=1)
        pages = [page async for page in bench.connector.changed(harness.NOW, late)]
        assert self.bodies(pages) == [self.body(1), self.body(2)]
        pages = [page async for page in bench.connector.changed(harness.NOW, harness.NOW)]
        assert self.bodies(pages) == [self.body(1), self.body(2), self.body(3)]

    async def test_what_was_made_under_an_id_is_found_by_it_with_its_number(
        self, bench: Bench
    ) -> None:
        assert isinstance(bench.connector, TracosConnector)
        ids = [ObjectId() for _ in range(3)]
        await bench.hands.plant({**self.body(1), "_id": ids[0]})
        await bench.hands.plant({**self.body(2), "_id": ids[1], "number": "none"})
        assert await bench.connector.made(ids) == {ids[0]: "1"}

    @pytest.mark.parametrize("number", [Decimal128("7"), 7.0, [7, 8]], ids=repr)
    async def test_a_number_in_another_spelling_is_found_under_its_ref(
        self, bench: Bench, number: object
    ) -> None:
        assert isinstance(bench.connector, TracosConnector)
        await bench.hands.plant({**self.body(1), "number": number})
        found = await bench.connector.fetch(["7", "9"])
        assert [(ref, len(records)) for ref, records in found.items()] == [("7", 1)]

    async def test_what_no_flag_marks_is_read_by_an_index(self, bench: Bench) -> None:
        assert isinstance(bench.hands, TracosHands)
        marks: list[Any] = ["true", 1, 2.5, [True], {"at": 1}, b"x", harness.NOW, ObjectId()]
        orders = bench.hands.orders
        await orders.insert_many([{**self.body(n), "isSynced": m} for n, m in enumerate(marks, 1)])
        await orders.insert_many([{**self.body(n), "isSynced": True} for n in range(100, 200)])
        read = records(await drain(bench.connector))
        assert sorted((record.body or {})["number"] for record in read) == list(range(1, 9))
        for query, name in ((UNSYNCED, "unsynced"), (ODDLY_SYNCED, "oddly_synced")):
            plan = await orders.find(query).explain()
            assert f"tracbridge_{name}" in str(plan["queryPlanner"]["winningPlan"])
            assert plan["executionStats"]["totalDocsExamined"] <= len(marks)
