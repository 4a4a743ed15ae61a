"""``run`` as its user sees it: what it says, how it ends, and how it is stopped."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import Server, World, doc, order, server

SOON = 20.0
PROMPTLY = 10.0
"""Seconds within which a run ends after a signal."""


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline, f"not within {SOON} s: {what}"
        time.sleep(0.02)


@contextmanager
def running(world: World, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run in the background; killed if the test does not end it."""
    with world.popen("run", *words) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finished(process: subprocess.Popen[str], within: float = PROMPTLY) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=within)
    return process.returncode, out, err


def lease_is_free(world: World) -> bool:
    return all("owner" not in row for row in world.records("leases"))


def first_line_with(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"the run ended without saying {text}")


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that a test may stop."""
    with server(tmp_path_factory.mktemp("own"), replica_set=False) as running_server:
        yield running_server
        if running_server.process.poll() is not None:
            # What closes its connections waits long for one that is gone.
            running_server.restart()


# -- what it says --------------------------------------------------------------------------


def test_a_run_ends_with_a_table_of_what_it_did(world: World) -> None:
    world.drop(order(1))
    world.orders.insert_one(doc(2, isSynced=False))
    said = world.cli("run")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].split() == ["READ", "CREATED", "DELIVERED"]
    assert lines[1].split() == ["inbound", "1", "1"]
    assert lines[2].split() == ["outbound", "2", "2"]
    assert "batch.settled" not in said.out
    assert "batch.settled" in said.err


def test_a_run_with_nothing_to_do_says_so(world: World) -> None:
    said = world.cli("run")
    assert (said.code, said.out.splitlines()[0]) == (
        0,
        "Nothing to do: nothing is new on either side.",
    )


def test_a_run_with_trouble_names_the_command_that_shows_it(world: World) -> None:
    world.drop(order(1, isDone=True))
    said = world.cli("run")
    assert said.code == 3
    assert "1 refused: tracbridge quarantine list" in said.out


def test_json_is_one_object_on_stdout_and_logs_are_on_stderr(world: World) -> None:
    world.drop(order(1))
    said = world.cli("run", "--json")
    answer = said.json()
    assert list(answer) == ["run", "connections", "exit"]
    (connection,) = answer["connections"]
    assert list(connection) == ["connection", "inbound", "outbound", "seconds"]
    assert (connection["inbound"]["created"], connection["outbound"]["delivered"]) == (1, 1)
    assert answer["run"] in said.err


def test_json_loads_nothing_that_draws(world: World) -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print([m for m in sys.modules if m.startswith('rich')],"
        " file=sys.stderr))\n"
        "sys.argv = ['tracbridge', 'run', '--json']\n"
        "from tracbridge.cli.app import main; main()"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=world.root,
        env=world.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr.splitlines()[-1] == "[]"


def test_one_direction_at_a_time(world: World) -> None:
    world.drop(order(1))
    world.orders.insert_one(doc(2, isSynced=False))
    assert world.run("--inbound-only")[1]["outbound"]["delivered"] == 0
    assert (world.doc(1) is not None, world.sent(2)) == (True, None)
    world.drop(order(3))
    assert world.run("--outbound-only")[1]["inbound"]["read"] == 0
    assert (world.doc(3), world.sent(2) is not None) == (None, True)


# -- how it ends ---------------------------------------------------------------------------


def test_both_directions_only_is_a_usage_error_in_plain_words(world: World) -> None:
    said = world.cli("run", "--inbound-only", "--outbound-only")
    assert (said.code, said.out) == (2, "")
    assert "choose one of" in said.err
    assert "╭" not in said.err


def test_a_wrong_setting_is_named_with_its_value(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "random"}
    said = world.cli("run")
    assert (said.code, said.out) == (2, "")
    assert "CONFLICT_POLICY" in said.err
    assert "random" in said.err
    assert "Traceback" not in said.err


def test_a_folder_that_is_not_there_is_named(world: World) -> None:
    world.inbound.rmdir()
    said = world.cli("run")
    assert said.code == 2
    assert f"DATA_INBOUND_DIR={world.inbound} does not exist" in said.err


def test_a_server_that_is_away_ends_the_run_in_time_with_one_line(world: World) -> None:
    away = "mongodb://somebody:hidden@127.0.0.1:1/"
    world.extra = {"MONGO_URI": away}
    began = time.monotonic()
    said = world.cli("run")
    assert said.code == 1
    assert time.monotonic() - began < 20
    last = said.err.splitlines()[-1]
    assert last.startswith("tracbridge: MongoDB at 127.0.0.1:1 does not answer")
    assert "hidden" not in said.err
    assert "Traceback" not in said.err


def test_strict_also_counts_what_is_open_from_before(world: World) -> None:
    world.drop(order(1, isDone=True))
    assert world.run()[0] == 3
    assert world.run()[0] == 0
    assert world.run("--strict")[0] == 3
    (case,) = world.cases()
    world.cli("quarantine", "discard", case["_id"])
    assert world.run("--strict")[0] == 0


# -- how it is stopped ---------------------------------------------------------------------


def test_a_service_works_until_it_is_told_to_end(world: World) -> None:
    with running(world, "--every", "0.2", "--json") as process:
        until(lambda: world.records("runs"), "first pass")
        world.drop(order(1))
        until(lambda: world.sent(1), "order 1 in both places")
        world.drop(order(2))
        until(lambda: world.sent(2), "order 2 in both places")
        process.send_signal(signal.SIGTERM)
        code, out, _ = finished(process)
    (connection,) = json.loads(out)["connections"]
    assert code == 0
    assert connection["inbound"]["created"] == 2
    assert lease_is_free(world)


def test_passes_in_which_nothing_happens_share_one_row(world: World) -> None:
    with running(world, "--every", "0.1") as process:
        until(lambda: world.records("passes"), "first pass")
        until(lambda: world.records("passes")[0]["counter"] > 3, "more passes")
        process.send_signal(signal.SIGTERM)
        code, *_ = finished(process)
    assert (code, len(world.records("runs"))) == (0, 1)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_one_pass_stops_at_the_end_of_a_page(world: World, sign: signal.Signals) -> None:
    number = 30_000
    for first in range(1, number, 1_000):
        orders = [order(n) for n in range(first, first + 1_000)]
        world.drop(json.dumps(orders).encode(), f"{first}.json")
    with running(world, "--json") as process:
        first_line_with(process, "batch.settled")
        process.send_signal(sign)
        code, out, err = finished(process)
    read = json.loads(out)["connections"][0]["inbound"]["read"]
    assert (code, "Traceback" in err) == (0, False)
    assert 0 < read < number
    assert lease_is_free(world)
    rest = world.run("--inbound-only")[1]["inbound"]
    assert rest["created"] + rest["unchanged"] == rest["read"]
    assert world.orders.count_documents({}) == number


def test_a_second_run_says_who_works_and_harms_nothing(world: World) -> None:
    with running(world, "--every", "1") as process:
        until(lambda: world.records("runs"), "first pass")
        said = world.cli("run")
        assert (said.code, said.out) == (1, "")
        assert str(process.pid) in said.err
        assert len(said.err.splitlines()) == 1
        world.drop(order(1))
        until(lambda: world.sent(1), "order 1 in both places")
        process.send_signal(signal.SIGTERM)
        assert finished(process)[0] == 0


def test_after_a_kill_the_next_run_starts_at_once(world: World) -> None:
    with running(world, "--every", "1") as process:
        until(lambda: world.records("runs"), "first pass")
        process.kill()
        process.wait()
    world.drop(order(1))
    began = time.monotonic()
    assert world.run()[1]["inbound"]["created"] == 1
    assert time.monotonic() - began < 5


def test_a_service_waits_out_an_outage(own_server: Server, tmp_path: Path) -> None:
    world = World(own_server, tmp_path, {"MONGO_RETRY_DELAY": "0.1", "MONGO_MAX_RETRIES": "1"})
    with running(world, "--every", "0.2") as process:
        until(lambda: world.records("runs"), "first pass")
        own_server.kill()
        first_line_with(process, "outage")
        world.drop(order(1))
        own_server.restart()
        until(lambda: world.sent(1), "order 1 in both places")
        process.send_signal(signal.SIGTERM)
        assert finished(process)[0] == 0


def test_a_service_can_be_stopped_in_an_outage(own_server: Server, tmp_path: Path) -> None:
    world = World(own_server, tmp_path)
    with running(world, "--every", "0.2") as process:
        until(lambda: world.records("runs"), "first pass")
        own_server.kill()
        first_line_with(process, "outage")
        process.send_signal(signal.SIGTERM)
        code, _, err = finished(process)
    assert (code, "Traceback" in err) == (0, False)


def test_a_server_that_hangs_keeps_nobody_from_stopping(own_server: Server, tmp_path: Path) -> None:
    world = World(own_server, tmp_path)
    with running(world, "--every", "0.2") as process:
        until(lambda: world.records("runs"), "first pass")
        own_server.process.send_signal(signal.SIGSTOP)
        try:
            process.send_signal(signal.SIGTERM)
            code, _, err = finished(process)
        finally:
            own_server.process.send_signal(signal.SIGCONT)
    assert code in (0, 1)
    assert "Traceback" not in err
