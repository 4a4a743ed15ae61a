"""``sample``, ``mongo``, ``--help`` and ``--version``; and what every command has in common."""

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.harness import Server, World, end, is_alive

COMMANDS = ["run", "status", "show", "history", "quarantine", "conflicts", "check", "sample"]


def test_the_version_is_told(world: World) -> None:
    assert world.cli("--version").out == f"tracbridge {version('tracbridge')}\n"


def test_help_tells_the_purpose_of_each_command_on_one_line(world: World) -> None:
    lines = world.cli("--help").out.splitlines()
    for name in [*COMMANDS, "mongo"]:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.endswith(".")
    assert not [line for line in lines[1:] if line.endswith("...")]


@pytest.mark.parametrize("words", [["--bogus"], ["run", "--bogus"], ["fly"], ["show"]])
def test_a_slip_on_the_command_line_exits_2_in_plain_words(world: World, words: list[str]) -> None:
    said = world.cli(*words)
    assert (said.code, said.out) == (2, "")
    assert "Error: " in said.err
    assert said.err.isascii()


def test_what_is_about_no_connection_asks_for_none(world: World) -> None:
    for words in ("mapping list", "mongo start", "simulate"):
        assert "--connection" not in world.cli(*words.split(), "--help").out, words
    for words in ("mapping show", "rules list", "show"):
        assert "--connection" in world.cli(*words.split(), "--help").out, words


def test_samples_fill_both_sides_and_folders_are_made(replica_set: Server, tmp_path: Path) -> None:
    places = {
        "DATA_INBOUND_DIR": str(tmp_path / "a" / "in"),
        "DATA_OUTBOUND_DIR": str(tmp_path / "b" / "out"),
    }
    world = World(replica_set, tmp_path, places)
    said = world.cli("sample", "--customer", "12", "--tracos", "8")
    assert said.code == 0, said.err
    assert len(list((tmp_path / "a" / "in").glob("*.json"))) == 12
    assert world.orders.count_documents({}) == 8
    assert world.run()[0] == 0
    world.close()


def test_samples_never_mix_with_orders_that_are_there(world: World) -> None:
    world.orders.insert_one({"number": 3, "status": "pending"})
    said = world.cli("sample")
    assert (said.code, said.out) == (1, "")
    assert "holds 1 order with the numbers of the samples already" in said.err
    assert "the first is 3" in said.err
    assert world.orders.count_documents({}) == 1
    assert list(world.inbound.iterdir()) == []


def test_the_embedded_server_is_started_named_and_ended(world: World) -> None:
    away = world.cli("mongo", "uri")
    assert (away.code, away.out) == (1, "")
    assert "tracbridge mongo start" in away.err
    uri = world.cli("mongo", "start").out.strip()
    pid = int((world.root / ".tracbridge" / "mongo" / "mongod.pid").read_text())
    try:
        assert uri.startswith("mongodb://127.0.0.1:")
        assert world.cli("mongo", "uri").out.strip() == uri
        assert world.cli("mongo", "start").out.strip() == uri
        assert world.cli("mongo", "stop").out == "Stopped.\n"
        assert not is_alive(pid)
        assert world.cli("mongo", "stop").out == "It did not run.\n"
    finally:
        end(pid)


@pytest.mark.parametrize("words", [["status"], ["show", "1"], ["quarantine", "list"], ["sample"]])
def test_a_server_that_is_away_is_one_line_and_exit_1(world: World, words: list[str]) -> None:
    world.extra = {"MONGO_URI": "mongodb://somebody:hidden@127.0.0.1:1/"}
    said = world.cli(*words)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("tracbridge: MongoDB at 127.0.0.1:1 does not answer")
    assert len(said.err.splitlines()) == 1
    assert "hidden" not in said.err
