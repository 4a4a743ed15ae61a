"""The change stream of TracOS tells which edits take a whole pass to be found, and no others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.harness import Server, doc
from tracbridge.adapters.mongo.client import connect
from tracbridge.adapters.mongo.orders import orders_of
from tracbridge.adapters.mongo.tracos import TracosConnector
from tracbridge.mapping.synced import mark
from tracbridge.ports.connector import Record
from tracbridge.ports.hints import Hint


class Ear:
    """A connector, what its stream has told, and the collection."""

    def __init__(self, server: Server, name: str) -> None:
        self.client = connect(server.uri)
        self.orders = self.client[name]["workorders"]
        self.connector = TracosConnector(orders_of(self.orders, "test"))
        self._hints = aiter(self.connector.watch())

    async def heard(self) -> Hint:
        async with asyncio.timeout(30):
            return await anext(self._hints)

    async def until(self, wanted: Hint) -> None:
        """Passes over what is no whole pass."""
        while await self.heard() is not wanted:
            pass

    async def listening(self) -> None:
        """From now on it hears what happens."""
        first = asyncio.ensure_future(self.heard())
        while not first.done():
            await self.orders.insert_one({"isSynced": False})
            await asyncio.wait([first], timeout=0.05)

    async def read(self, number: int) -> Record:
        pages = await self.connector.fetch([str(number)])
        (record,) = pages[str(number)]
        return record

    async def edit(self, number: int, **values: object) -> None:
        await self.orders.update_one({"number": number}, {"$set": values})


@pytest.fixture
async def ear(replica_set: Server) -> AsyncIterator[Ear]:
    name = replica_set.fresh_name()
    made = Ear(replica_set, name)
    try:
        await made.listening()
        yield made
    finally:
        await made._hints.aclose()  # type: ignore[attr-defined]
        await made.client.close()
        replica_set.drop(name)


async def test_an_edit_that_leaves_the_mark_takes_a_whole_pass(ear: Ear) -> None:
    await ear.orders.insert_one({**doc(1), "isSynced": True})
    await ear.edit(1, description="behind our back")
    await ear.until(Hint.ANY)


async def test_an_edit_that_leaves_the_mark_is_told_although_we_marked_the_document_before(
    ear: Ear,
) -> None:
    await ear.orders.insert_one({**doc(1), "isSynced": False})
    await ear.connector.mark([(await ear.read(1), mark(datetime.now(UTC)))])
    await ear.edit(1, description="behind our back")
    await ear.until(Hint.ANY)


async def test_what_we_marked_after_it_was_edited_again_takes_none(ear: Ear) -> None:
    """The edit shows no flag, and by the time somebody looks, the document is marked: by us, as it
    is now.
    """
    await ear.orders.insert_one({**doc(1), "isSynced": False})
    await ear.edit(1, description="still unsynced")
    read = await ear.read(1)
    ids = {"1": (read.body or {})["_id"]}
    assert await ear.connector.mark([(read, mark(datetime.now(UTC)))]) == 1
    assert await ear.connector._stream._marked(ids) == {}
    await ear.edit(1, title="behind our back")
    assert await ear.connector._stream._marked(ids) != {}


async def test_documents_with_ids_of_their_own_kind_are_told_and_marked_as_all_others(
    ear: Ear,
) -> None:
    await ear.orders.insert_one({**doc(1), "_id": {"tenant": 1, "n": 1}, "isSynced": False})
    assert await ear.connector.mark([(await ear.read(1), mark(datetime.now(UTC)))]) == 1
    await ear.edit(1, title="behind our back")
    await ear.until(Hint.ANY)
