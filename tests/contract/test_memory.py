"""The connector in memory fulfils the contract, with and without deletions, in small pages too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness import Doc
from tracbridge.adapters.connectors.memory import MemoryConnector, MemorySystem
from tracbridge.sdk import Body, Claim, Write
from tracbridge.testing.contract import ConnectorContract, Rig


class MemoryHands:
    def __init__(self, system: MemorySystem) -> None:
        self.system = system

    async def plant(self, body: Body) -> str:
        return self.system.put(str(body["orderNo"]), body).ref or ""

    async def holdings(self) -> list[Body]:
        return [record.body for record in self.system.newest().values() if record.body]


class TestMemoryConnector(ConnectorContract):
    deletes, page = False, 1_000

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        system = MemorySystem()

        def connect() -> MemoryConnector:
            return MemoryConnector(system, deletes=self.deletes, page=self.page)

        yield Rig(connect(), MemoryHands(system), restart=connect)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"orderNo": n, "summary": text}


class TestMemoryConnectorThatDeletes(TestMemoryConnector):
    deletes = True


class TestMemoryConnectorInSmallPages(TestMemoryConnector):
    page = 2


async def test_a_committed_page_does_not_take_the_next_one_along() -> None:
    system = MemorySystem()
    for n in range(1, 6):
        system.put(str(n), {"orderNo": n})
    connector = MemoryConnector(system, page=2)
    async for page in connector.read(None, Claim(1, 0)):
        await connector.commit(page.cursor)
        break
    left = [r.ref async for page in connector.read(None, Claim(2, 1)) for r in page.records]
    assert left == ["3", "4", "5"]


async def test_a_record_without_a_ref_gets_one_and_keeps_it() -> None:
    connector = MemoryConnector()
    (made,) = await connector.write([Write("k1", {"summary": "new"})])
    assert not isinstance(made, Exception)
    (read,) = (await connector.fetch([made.ref]))[made.ref]
    (again,) = await connector.write([Write("k2", {"summary": "newer"}, replaces=read)])
    assert not isinstance(again, Exception)
    assert (again.ref, again.version != made.version) == (made.ref, True)


async def test_what_is_read_is_a_copy() -> None:
    system = MemorySystem()
    body: Doc = {"parts": [1]}
    system.put("1", body)
    body["parts"].append(2)
    assert system.newest()["1"].body == {"parts": [1]}


async def test_deleting_what_is_not_there_is_success_and_no_change() -> None:
    system = MemorySystem()
    connector = MemoryConnector(system, deletes=True)
    (answer,) = await connector.write([Write("k1", None, "7")])
    assert not isinstance(answer, Exception)
    assert system.versions == []


async def test_a_deletion_is_read_as_a_tombstone() -> None:
    system = MemorySystem()
    system.put("1", {"orderNo": 1})
    system.put("1", None)
    pages = [page async for page in MemoryConnector(system).read(None, Claim(1, 0))]
    assert [(r.ref, r.body) for page in pages for r in page.records] == [("1", None)]
