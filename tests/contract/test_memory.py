"""The connector in memory fulfils the contract, with and without deletions, in small pages too, and
whether or not we keep its cursor.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from tests.harness import Doc
from tracbridge.adapters.connectors.memory import MemoryConnector, MemorySettings, MemorySystem
from tracbridge.sdk import Body, Claim, StaleWriteError, Write
from tracbridge.testing.contract import ConnectorContract, Rig, place

PLACE = place(Path())


class MemoryHands:
    def __init__(self, system: MemorySystem) -> None:
        self.system = system

    async def plant(self, body: Body) -> str:
        return self.system.put(str(body["orderNo"]), body).ref or ""

    async def holdings(self) -> list[Body]:
        return [record.body for record in self.system.newest().values() if record.body]

    async def remove(self, ref: str) -> None:
        self.system.put(ref, None)


class TestMemoryConnector(ConnectorContract):
    settings = MemorySettings()
    connector: type[MemoryConnector] = MemoryConnector

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        system = MemorySystem()

        def connect() -> MemoryConnector:
            return self.connector.over(system, self.settings, PLACE)

        yield Rig(connect(), MemoryHands(system), restart=connect)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"orderNo": n, "summary": text}


class TestMemoryConnectorThatDeletes(TestMemoryConnector):
    settings = MemorySettings(deletes=True)


class TestMemoryConnectorInSmallPages(TestMemoryConnector):
    settings = MemorySettings(page=2)


class TestMemoryConnectorThatRemembersWhatWasCommitted(TestMemoryConnector):
    settings = MemorySettings(resumes=False, page=2)


def over(system: MemorySystem, **settings: bool | int) -> MemoryConnector:
    return MemoryConnector.over(system, MemorySettings.model_validate(settings), PLACE)


async def test_a_committed_page_does_not_take_the_next_one_along() -> None:
    system = MemorySystem()
    for n in range(1, 6):
        system.put(str(n), {"orderNo": n})
    connector = over(system, page=2, resumes=False)
    async for page in connector.read(None, Claim(1, 0)):
        await connector.commit(page.cursor)
        break
    left = [r.ref async for page in connector.read(None, Claim(2, 1)) for r in page.records]
    assert left == ["3", "4", "5"]


async def test_a_record_without_a_ref_gets_one_and_keeps_it() -> None:
    connector = MemoryConnector(MemorySettings(), PLACE)
    (made,) = await connector.write([Write("k1", {"summary": "new"})])
    assert not isinstance(made, Exception)
    (read,) = (await connector.fetch([made.ref]))[made.ref]
    (again,) = await connector.write([Write("k2", {"summary": "newer"}, replaces=read)])
    assert not isinstance(again, Exception)
    assert (again.ref, again.version != made.version) == (made.ref, True)


async def test_an_update_leaves_alone_what_it_does_not_change() -> None:
    system = MemorySystem()
    read = system.put("1", {"orderNo": 1, "summary": "one"})
    system.put("1", {"orderNo": 1, "summary": "theirs", "crew": 7})
    unknown = Write(
        "k1", {"orderNo": 1, "summary": "one", "cost": 9}, "1", replace(read, version="")
    )
    (answer,) = await over(system).write([unknown])
    assert not isinstance(answer, Exception)
    assert answer.body == {"orderNo": 1, "summary": "theirs", "crew": 7, "cost": 9}


async def test_an_update_of_what_is_gone_is_stale() -> None:
    system = MemorySystem()
    read = system.put("1", {"orderNo": 1})
    system.put("1", None)
    (answer,) = await over(system).write([Write("k1", {"orderNo": 1}, "1", read)])
    assert isinstance(answer, StaleWriteError)


async def test_what_is_read_is_a_copy() -> None:
    system = MemorySystem()
    body: Doc = {"parts": [1]}
    system.put("1", body)
    body["parts"].append(2)
    assert system.newest()["1"].body == {"parts": [1]}


async def test_deleting_what_is_not_there_is_success_and_no_change() -> None:
    system = MemorySystem()
    (answer,) = await over(system, deletes=True).write([Write("k1", None, "7")])
    assert not isinstance(answer, Exception)
    assert system.versions == []


async def test_a_deletion_is_read_as_a_tombstone() -> None:
    system = MemorySystem()
    system.put("1", {"orderNo": 1})
    system.put("1", None)
    pages = [page async for page in over(system).read(None, Claim(1, 0))]
    assert [(r.ref, r.body) for page in pages for r in page.records] == [("1", None)]


def test_what_the_settings_do_not_know_is_refused_without_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        MemorySettings.model_validate({"pasword": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "pasword" in str(caught.value)


def test_each_connector_has_a_system_of_its_own() -> None:
    one, other = (MemoryConnector(MemorySettings(), PLACE) for _ in range(2))
    assert one.system is not other.system
