"""What MongoDB does to a service: away at the start, its stream breaks off, it is another kind."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from bson import Timestamp

from tests import harness
from tests.faults.service import Service, fair, serving
from tests.faults.test_hints import SELDOM, address, edit, served
from tests.harness import Server, World, doc, order
from tracbridge.adapters.mongo import embedded

OFTEN = (*SELDOM[:-1], "0.5")

MANY = range(1, 31)
"""Orders that nobody touches."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may be ended, and be another kind."""
    with harness.server(tmp_path_factory.mktemp("own"), replica_set=True) as server:
        yield server


@pytest.fixture
def alone(own: Server, tmp_path: Path) -> Iterator[World]:
    world = World(own, tmp_path, {"MONGO_URI": plain(own)})
    yield world
    become(own, replica_set=True)
    world.close()


def plain(server: Server) -> str:
    """Its address, which says nothing of its kind."""
    return f"mongodb://127.0.0.1:{server.port}/?serverSelectionTimeoutMS=500"


def named(server: Server) -> str:
    """Its address, which says that it is a replica set."""
    return f"{plain(server)}&replicaSet={embedded.REPLICA_SET}"


def become(server: Server, *, replica_set: bool) -> None:
    """The same files on the same port as a server of that kind; nothing where it is one.

    It ends in order: a member that was killed shows an older past when it starts alone.
    """
    if server.replica_set == replica_set and server.process.poll() is None:
        return
    server.process.terminate()
    server.process.wait()
    server.end()
    server.replica_set = replica_set
    server.restart()
    server.__post_init__()


@pytest.mark.faults
def test_a_service_that_was_there_before_its_server_begins_as_soon_as_that_answers(
    alone: World,
) -> None:
    alone.server.kill()
    with serving(alone, *SELDOM) as service:
        service.until(lambda: "connection_waits" in service.text)
        ready = f"{address(service)}/health/ready"
        assert httpx2.get(ready).status_code == 503
        alone.drop(order(7))
        alone.server.restart()
        service.until(lambda: alone.doc(7))
        assert httpx2.get(ready).status_code == 200
        service.stop()


# -- the stream breaks off -----------------------------------------------------------------------


@contextmanager
def server_with(folder: Path, *more: str, oplog: str = "1024") -> Iterator[Server]:
    """A replica set of one that was started with more words."""
    (folder / "data").mkdir(parents=True)
    port = embedded.free_port()
    words = embedded.command(embedded.find_binary(), folder, port, replica_set=True)
    words[words.index("--oplogSize") + 1] = oplog
    process = subprocess.Popen([*harness.tied_to_us(), *words, *more], stdout=subprocess.DEVNULL)
    try:
        embedded.make_writable(port, replica_set=True)
        server = Server(folder, port, True, process)
        yield server
        server.client.close()
    finally:
        process.kill()
        process.wait()


@contextmanager
def settled(server: Server, root: Path) -> Iterator[tuple[World, Service]]:
    """A service at rest, with orders on both sides; afterwards nobody has touched those."""
    world = World(server, root)
    world.orders.insert_many([doc(number) for number in MANY])
    with served(world) as service:
        service.until(lambda: len(world.outbound_files()) == len(MANY))
        service.until(lambda: world.orders.count_documents({"isSynced": True}) == len(MANY))
        before = untouched(world)
        yield world, service
        service.stop()
        assert untouched(world) == before


def untouched(world: World) -> Any:
    """Their files, documents and history."""
    names = {f"workorder_{number}.json" for number in MANY}
    files = {name: at for name, at in world.outbound_files().items() if name in names}
    documents = list(world.orders.find({"number": {"$in": list(MANY)}}).sort("number", 1))
    history = [one for one in world.records("history") if int(one["ref"]) in MANY]
    return files, documents, history


@pytest.mark.parametrize("code", fair([286, 280], [0]))
def test_a_stream_that_cannot_be_gone_on_with_is_begun_anew_and_nothing_is_written_anew(
    tmp_path: Path, code: int
) -> None:
    """The server says that the token is too old, or that it does not know it."""
    with (
        server_with(tmp_path / "db", "--setParameter", "enableTestCommands=1") as server,
        settled(server, tmp_path) as (world, service),
    ):
        fault = {"failCommands": ["getMore"], "errorCode": code, "appName": "tracbridge"}
        server.client.admin.command(
            "configureFailPoint", "failCommand", mode={"times": 1}, data=fault
        )
        world.orders.insert_one(doc(101))
        service.until(lambda: f"broke off ({code})" in service.text)
        service.until(lambda: world.sent(101))
        edit(world, 101, title="Seen to", description="Seen to")
        service.until(lambda: (world.sent(101) or {}).get("summary") == "Seen to")


@pytest.mark.faults
def test_what_happened_while_the_oplog_rolled_off_is_found_by_comparing(tmp_path: Path) -> None:
    with (
        server_with(tmp_path / "db", oplog="16") as server,
        settled(server, tmp_path) as (world, service),
    ):
        world.orders.insert_one(doc(101))
        service.until(lambda: world.sent(101))
        service.process.send_signal(signal.SIGSTOP)
        try:
            edit(world, 101, title="Seen to", description="Seen to")
            world.orders.insert_one(doc(102))
            roll_off(server, world.state)
        finally:
            service.process.send_signal(signal.SIGCONT)
        service.until(lambda: "hints_lost" in service.text)
        service.until(lambda: (world.sent(101) or {}).get("summary") == "Seen to")
        service.until(lambda: world.sent(102))
        changes = [one for one in world.records("history") if one["ref"] in {"101", "102"}]
        assert len(changes) == 3


def roll_off(server: Server, database: str) -> None:
    """Until the server remembers nothing of what it did up to now."""
    oplog = server.client.local["oplog.rs"]
    now = server.client.admin.command("ping")["operationTime"]
    assert isinstance(now, Timestamp)
    noise = server.client[database]["noise"]
    while next(oplog.find({}, {"ts": 1}).sort("$natural", 1).limit(1))["ts"] <= now:
        noise.insert_many([{"bytes": bytes(900_000)} for _ in range(10)])
        noise.drop()


@pytest.mark.faults
def test_a_collection_that_is_away_for_a_while_is_listened_to_again(world: World) -> None:
    with served(world) as service:
        world.orders.insert_many([doc(7), doc(8)])
        service.until(lambda: len(world.outbound_files()) == 2)
        service.until(lambda: world.orders.count_documents({"isSynced": True}) == 2)
        files = world.outbound_files()
        world.orders.rename("elsewhere")
        service.until(lambda: "hints_lost" in service.text)
        world.server.client[world.database]["elsewhere"].rename("workorders")
        edit(world, 8, title="Seen to", description="Seen to")
        service.until(lambda: (world.sent(8) or {}).get("summary") == "Seen to")
        assert world.outbound_files()["workorder_7.json"] == files["workorder_7.json"]
        service.stop()


# -- another kind of server ----------------------------------------------------------------------


@pytest.mark.faults
def test_a_replica_set_that_is_a_standalone_server_for_a_while_is_worked_with_all_along(
    alone: World,
) -> None:
    """A driver strikes such a server from its list, and would never ask it again."""
    with serving(alone, *OFTEN) as service:
        alone.orders.insert_one(doc(1))
        service.until(lambda: alone.sent(1))
        for number, replica_set in ((2, False), (3, True)):
            become(alone.server, replica_set=replica_set)
            alone.orders.insert_one(doc(number))
            service.until(partial(alone.sent, number))
        service.stop()
    assert len(alone.records("history")) == 3


@pytest.mark.faults
def test_an_address_that_names_a_replica_set_waits_until_it_is_one_again(alone: World) -> None:
    alone.extra = {"MONGO_URI": named(alone.server)}
    with serving(alone, *OFTEN) as service:
        alone.orders.insert_one(doc(1))
        service.until(lambda: alone.sent(1))
        become(alone.server, replica_set=False)
        service.until(lambda: "ServerSelectionTimeoutError" in service.text)
        become(alone.server, replica_set=True)
        alone.orders.insert_one(doc(2))
        service.until(lambda: alone.sent(2))
        assert httpx2.get(f"{address(service)}/health/ready").status_code == 200
        service.stop()
