"""The ports of the simulation fulfil the suites that the real ones fulfil."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests import harness
from tracbridge.ports.state import Conflict, Lease, QuarantineCase
from tracbridge.sdk import Body, Connector, Page
from tracbridge.simulation import memory
from tracbridge.simulation.disk import Disk, File
from tracbridge.simulation.folder import IN, OUT, Folder
from tracbridge.simulation.processes import Process, Time
from tracbridge.simulation.tracos import Collection, MemoryTracos
from tracbridge.testing.contract import ConnectorContract, Rig
from tracbridge.testing.ports import (
    LedgerContract,
    Memory,
    OnMemory,
    Stores,
)
from tracbridge.testing.rig import records
from tracbridge.testing.stores import ConflictsContract, HistoryContract, QuarantineContract
from tracbridge.testing.turns import LeaseContract, PassesContract


def stores(name: str, state: memory.State, process: Process) -> Stores:
    lease = memory.MemoryLease(state, process)
    return Stores(
        name,
        memory.MemoryLedger(state, process, lease),
        memory.MemoryPasses(state, process),
        memory.MemoryQuarantine(state, process),
        memory.MemoryConflicts(state, process),
        memory.MemoryHistory(state, process),
        lease,
    )


class StateEyes:
    def __init__(self, *states: memory.State) -> None:
        self.states = states

    async def case(self, id_: str) -> QuarantineCase | None:
        return next((s.cases[id_] for s in self.states if id_ in s.cases), None)

    async def conflict(self, id_: str) -> Conflict | None:
        return next((s.conflicts[id_] for s in self.states if id_ in s.conflicts), None)

    async def is_superseded(self, id_: str) -> bool:
        return any(id_ in state.superseded for state in self.states)


class StateTime:
    def __init__(self, state: memory.State) -> None:
        self.state = state

    async def expire(self) -> None:
        self.state.expires = 0.0

    async def forget_renewal(self, lease: Lease) -> None:
        assert isinstance(lease, memory.MemoryLease)
        lease.renewed -= 1_000_000


class Ghost(Process, eq=False):
    """One that is gone, and once took the lease."""

    async def turn(self) -> None:
        return None


class OnState(OnMemory):
    @asynccontextmanager
    async def memory(self) -> AsyncIterator[Memory]:
        mine, other, time = memory.State(), memory.State(), Time(harness.NOW, since=1)
        yield Memory(
            stores("mine", mine, Process(time)),
            stores("mine", mine, Process(time, host=1)),
            stores("mine", mine, Ghost(time, alive=False)),
            stores("other", other, Process(time)),
            StateEyes(mine, other),
            StateTime(mine),
        )


class TestMemoryLedger(OnState, LedgerContract):
    pass


class TestMemoryPasses(OnState, PassesContract):
    pass


class TestMemoryQuarantine(OnState, QuarantineContract):
    pass


class TestMemoryConflicts(OnState, ConflictsContract):
    pass


class TestMemoryHistory(OnState, HistoryContract):
    pass


class TestMemoryLease(OnState, LeaseContract):
    pass


class DiskHands:
    """The other company, each file newer than the last."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.files = disk, 0

    async def plant(self, body: Body) -> str:
        self.files += 1
        self.disk.put(f"{IN}{body['orderNo']}.json", File(body, self.files))
        return str(body["orderNo"])

    async def holdings(self) -> list[Body]:
        paths = [path for path in self.disk.below(OUT) if "." not in path]
        return [self.disk.files[path].content[1] for path in paths]

    async def take(self, ref: str) -> None:
        self.disk.remove(f"{OUT}{ref}")

    async def refuse(self, ref: str, words: str) -> None:
        self.disk.put(f"{OUT}{ref}.err", File(words, 0))


class TestFolder(ConnectorContract):
    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        disk, time = Disk(), Time(harness.NOW)

        def connect() -> Folder:
            return Folder(disk, Process(time))

        connector = connect()
        await connector.place_marker("test")
        yield Rig(connector, DiskHands(disk), restart=connect)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"orderNo": n, "summary": text}


class CollectionHands:
    """TracOS's people: their edits reset the view."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def plant(self, body: Body) -> str:
        self.collection.set(body["number"], {**body, "isSynced": False})
        return str(body["number"])

    async def holdings(self) -> list[Body]:
        return list(self.collection.documents.values())


class TestMemoryTracos(ConnectorContract):
    passes_extra = False

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        collection, time = Collection(), Time(harness.NOW)

        def connect() -> MemoryTracos:
            return MemoryTracos(collection, Process(time))

        yield Rig(connect(), CollectionHands(collection), restart=connect)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return harness.doc(n, description=text)

    def plain(self, body: Body) -> Body:
        added = ("_id", "isSynced", "syncedAt")
        return {name: value for name, value in body.items() if name not in added}

    async def settle(self, connector: Connector, pages: Sequence[Page]) -> None:
        assert isinstance(connector, MemoryTracos)
        marks = [(record, self.mark()) for record in records(pages)]
        if marks:
            await connector.mark(marks)


async def test_what_was_not_synced_is_forgotten_in_the_order_it_was_done() -> None:
    disk = Disk()
    disk.put("a", File("old", 0))
    disk.sync("a")
    disk.rename("a", "b")
    disk.put("a", File("new", 0, synced=False))
    disk.cut(1)
    assert {path: file.content for path, file in disk.files.items()} == {"b": "old"}
