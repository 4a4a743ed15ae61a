"""MongoDB goes away: at the start, in a run, for long. Nothing is lost, and the words are few."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import harness
from tests.harness import NOW, Server, World, doc, order
from tracbridge.adapters.mongo import embedded

MANY = 2_500
QUICK = {"MONGO_MAX_RETRIES": "1", "MONGO_RETRY_DELAY": "0.05"}
PATIENT = {"MONGO_MAX_RETRIES": "8", "MONGO_RETRY_DELAY": "0.2"}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that these tests may kill."""
    with harness.server(tmp_path_factory.mktemp("fragile"), replica_set=False) as server:
        yield server


@pytest.fixture
def shaky(fragile: Server, tmp_path: Path) -> Iterator[World]:
    world = World(fragile, tmp_path, PATIENT)
    yield world
    if fragile.process.poll() is not None:
        fragile.restart()
    world.close()


def complaint(said: str) -> str:
    """The one line that is not a line of the log."""
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if " incident.recorded " not in line]
    return line


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        raise
    return process.returncode, said


def test_away_at_the_start_is_one_line_with_the_host_and_without_the_password(
    world: World,
) -> None:
    port = embedded.free_port()
    path = world.drop(order(1))
    uri = f"mongodb://the-user:s3cr3t-pa55@127.0.0.1:{port}/?authSource=hidden-db"
    world.extra = QUICK | {"MONGO_URI": uri}
    said = world.cli("run", "--json", timeout=20)
    assert (said.code, said.out) == (1, "")
    assert f"127.0.0.1:{port}" in complaint(said.err)
    for secret in ("the-user", "s3cr3t-pa55"):
        assert secret not in said.err
    assert path.exists()
    assert list(world.outbound.iterdir()) == [] or not world.outbound_files()


def test_a_uri_that_is_none_is_a_setting_and_shows_no_password(world: World) -> None:
    world.extra = {"MONGO_URI": "mongodb://the-user:s3cr3t@pa55@127.0.0.1:bad/"}
    said = world.cli("run")
    assert said.code == 2
    assert "MONGO_URI" in said.err
    assert "s3cr3t" not in said.err
    assert len(said.err.splitlines()) == 1


def test_a_name_that_no_server_has_is_an_outage_like_any_other(world: World) -> None:
    world.extra = QUICK | {"MONGO_URI": "mongodb://no-such-host.invalid:27017"}
    said = world.cli("run", timeout=20)
    assert said.code == 1
    assert "no-such-host.invalid" in complaint(said.err)


@pytest.mark.parametrize("reached", ["first orders", "first files"])
def test_a_server_that_dies_in_a_run_and_comes_back_is_waited_for(
    shaky: World, reached: str
) -> None:
    for number in range(1, MANY + 1):
        shaky.drop(order(number))
    shaky.orders.insert_many([doc(number) for number in range(MANY + 1, MANY + 101)])
    process = shaky.popen("run", "--json")
    while process.poll() is None:
        if reached == "first orders" and shaky.orders.count_documents({"number": 1}):
            break
        if reached == "first files" and shaky.outbound_files():
            break
    shaky.server.kill()
    shaky.server.restart()
    code, said = ended(process)
    assert code == 0, said
    assert "Traceback" not in said
    assert "outage" in said, "it was alive when the server died"
    assert shaky.orders.count_documents({}) == MANY + 100
    assert len(shaky.outbound_files()) == MANY + 100
    shaky.run()
    assert shaky.orders.count_documents({"isSynced": True}) == MANY + 100
    assert shaky.records("quarantine") == []
    assert shaky.records("conflicts") == []
    shaky.rests()


def test_a_server_that_stays_away_ends_the_run_and_the_next_one_goes_on_where_it_was(
    shaky: World,
) -> None:
    shaky.extra = QUICK
    for number in range(1, MANY + 1):
        shaky.drop(order(number))
    process = shaky.popen("run", "--json")
    while process.poll() is None and not shaky.orders.count_documents({"number": 1}):
        pass
    shaky.server.kill()
    code, said = ended(process)
    assert code == 1, said
    last = [line for line in said.splitlines() if line.startswith("tracbridge: ")]
    assert len(last) == 1
    assert f"127.0.0.1:{shaky.server.port}" in last[0]
    assert "Traceback" not in said
    shaky.server.restart()
    code, _, said = shaky.run()
    assert code == 0, said
    assert shaky.orders.count_documents({}) == MANY
    assert len(shaky.outbound_files()) == MANY
    shaky.run()
    shaky.rests()


def test_a_service_waits_out_any_outage_and_ends_when_it_is_told_to(shaky: World) -> None:
    shaky.extra = QUICK
    shaky.drop(order(1))
    process = shaky.popen("run", "--every", "0.1")
    try:
        while shaky.doc(1) is None:
            assert process.poll() is None
        for number in (2, 3):
            shaky.server.kill()
            shaky.drop(order(number, at=NOW))
            shaky.server.restart()
            while shaky.doc(number) is None:
                assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
    finally:
        process.kill()
    assert code == 0, said
    assert "Traceback" not in said
    shaky.run()
    shaky.rests()
    leases = shaky.records("leases")
    assert [lease.get("owner") for lease in leases] == [None], "it gave the lease back"


def test_a_pass_that_is_told_to_stop_ends_at_a_safe_point(world: World) -> None:
    for number in range(1, MANY + 1):
        world.drop(order(number))
    process = world.popen("run", "--json")
    while process.poll() is None and not world.orders.count_documents({"number": 1}):
        pass
    process.send_signal(signal.SIGINT)
    _, said = ended(process)
    assert "Traceback" not in said
    assert [lease.get("owner") for lease in world.records("leases")] == [None]
    code, _, said = world.run()
    assert code == 0, said
    assert world.orders.count_documents({}) == MANY
    world.run()
    world.rests()
