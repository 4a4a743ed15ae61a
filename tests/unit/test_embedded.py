"""The embedded server: found, started once, found again, ended alone."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests import harness
from tracbridge.adapters.mongo import embedded
from tracbridge.domain.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "mongo"
    yield place
    left = embedded.running(place)
    if left is not None:
        harness.end(left.pid)


def client_of(server: embedded.Running) -> MongoClient[dict[str, Any]]:
    return MongoClient(server.uri, serverSelectionTimeoutMS=5000)


def fake_binary(place: Path, script: str) -> Path:
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return place


def without_library(tmp_path: Path, library: str) -> dict[str, str]:
    said = f"mongod: error while loading shared libraries: {library}: cannot open shared object"
    binary = fake_binary(tmp_path / "mongod", f"echo '{said}' >&2; exit 127")
    return {"MONGOD_BINARY": str(binary)}


def test_a_started_server_takes_a_transaction(folder: Path) -> None:
    server = embedded.start(folder)
    with client_of(server) as client, client.start_session() as session:
        with session.start_transaction():
            client["trial"]["orders"].insert_one({"number": 1}, session=session)
        assert client["trial"]["orders"].count_documents({}) == 1


def test_a_standalone_takes_writes(folder: Path) -> None:
    server = embedded.start(folder, replica_set=False)
    with client_of(server) as client:
        assert client["trial"]["orders"].insert_one({"number": 1}).acknowledged


def test_the_server_listens_on_this_machine_only(folder: Path) -> None:
    server = embedded.start(folder)
    with client_of(server) as client:
        options = client.admin.command("getCmdLineOpts")["parsed"]["net"]
    assert options["bindIp"] == "127.0.0.1"
    assert options["compression"]["compressors"] == "disabled"


def test_a_second_start_finds_the_same_server(folder: Path) -> None:
    first = embedded.start(folder)
    assert embedded.start(folder) == first
    assert embedded.running(folder) == first


def test_the_note_says_where_the_server_is(folder: Path) -> None:
    server = embedded.start(folder)
    note = json.loads((folder / "mongod.json").read_text())
    assert note == {
        "uri": server.uri,
        "pid": server.pid,
        "port": server.port,
        "started": server.started,
    }


def test_starts_at_the_same_time_share_one_server(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: embedded.start(folder), range(4)))
    assert len(set(found)) == 1


def test_the_server_outlives_the_process_that_started_it(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tracbridge.adapters.mongo import embedded;"
        "print(embedded.start(Path(sys.argv[1])).pid)"
    )
    env = os.environ | {"PYTHONPATH": str(harness.ROOT / "src")}
    words = [sys.executable, "-c", code, str(folder)]
    said = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    assert embedded.start(folder).pid == int(said.stdout)


def test_stop_ends_its_own_server_and_no_other(folder: Path, tmp_path: Path) -> None:
    other = embedded.start(tmp_path / "other")
    try:
        mine = embedded.start(folder)
        assert embedded.stop(folder)
        assert not harness.is_alive(mine.pid)
        assert embedded.running(tmp_path / "other") == other
    finally:
        harness.end(other.pid)


def test_stop_harms_nobody_who_took_over_the_process_id(folder: Path) -> None:
    embedded.start(folder)
    embedded.stop(folder)
    note = json.loads((folder / "mongod.json").read_text())
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (folder / "mongod.json").write_text(json.dumps(note | {"pid": stranger.pid}))
        assert not embedded.stop(folder)
        assert stranger.poll() is None
        stranger.kill()


def test_stop_without_a_server_does_nothing(tmp_path: Path) -> None:
    assert not embedded.stop(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_data_and_port_survive_a_stop(folder: Path) -> None:
    first = embedded.start(folder)
    with client_of(first) as client:
        client["trial"]["orders"].insert_one({"number": 7})
    embedded.stop(folder)
    second = embedded.start(folder)
    assert (second.port, second.uri) == (first.port, first.uri)
    with client_of(second) as client:
        assert client["trial"]["orders"].count_documents({"number": 7}) == 1


def test_data_survives_a_kill_and_a_change_of_port(folder: Path) -> None:
    first = embedded.start(folder)
    with client_of(first) as client:
        client["trial"]["orders"].insert_one({"number": 7})
    harness.end(first.pid)
    assert embedded.running(folder) is None
    second = embedded.start(folder, port=embedded.free_port())
    assert second.port != first.port
    with client_of(second) as client:
        assert client["trial"]["orders"].count_documents({"number": 7}) == 1


def test_a_server_whose_starter_died_before_its_note_is_found_again(folder: Path) -> None:
    server = embedded.start(folder)
    note = json.loads((folder / "mongod.json").read_text())
    (folder / "mongod.json").write_text(json.dumps(note | {"pid": 0}))
    assert embedded.start(folder) == server


def test_files_of_another_make_are_refused_with_the_servers_own_words(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "storage.bson").write_bytes(b"not ours")
    with pytest.raises(ConfigError, match=r"did not start: .*mongod\.log"):
        embedded.start(folder)


def test_a_named_binary_goes_before_all_others(tmp_path: Path) -> None:
    named = fake_binary(tmp_path / "named", "exit 0")
    (tmp_path / "bin").mkdir()
    fake_binary(tmp_path / "bin" / "mongod", "exit 0")
    environ = {"MONGOD_BINARY": str(named), "PATH": str(tmp_path / "bin")}
    assert embedded.find_binary(environ) == named


def test_a_binary_on_the_path_goes_before_the_wheel(tmp_path: Path) -> None:
    on_path = fake_binary(tmp_path / "mongod", "exit 0")
    assert embedded.find_binary({"PATH": str(tmp_path)}) == on_path


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel is there for Linux only")
def test_the_wheels_binary_is_found_without_importing_its_package() -> None:
    binary = embedded.find_binary({"PATH": "/nowhere"})
    assert binary.parts[-4:] == ("fiftyone", "db", "bin", "mongod")
    assert "fiftyone" not in sys.modules


def test_no_binary_at_all_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"tracbridge\[embedded\].*MONGOD_BINARY.*MONGO_URI"):
        embedded.find_binary({"PATH": "/nowhere"})


def test_a_named_binary_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file"):
        embedded.find_binary({"MONGOD_BINARY": str(tmp_path / "none")})


def test_a_missing_run_bit_is_set(tmp_path: Path) -> None:
    binary = fake_binary(tmp_path / "mongod", "exit 0")
    binary.chmod(0o644)
    # Root may read a file without a run bit but not run it: the check is the same for all.
    assert embedded.find_binary({"MONGOD_BINARY": str(binary)}).stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    ("library", "package"), [("libcurl.so.4", "libcurl4"), ("libcrypto.so.3", "libssl3")]
)
def test_a_missing_library_is_named_with_its_package(
    tmp_path: Path, library: str, package: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{library}.*apt-get install {package}"):
        embedded.find_binary(without_library(tmp_path, library))


def test_an_unknown_missing_library_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"libodd\.so\.9, which is missing"):
        embedded.find_binary(without_library(tmp_path, "libodd.so.9"))


def test_a_binary_for_another_machine_is_refused_in_one_sentence(tmp_path: Path) -> None:
    binary = tmp_path / "mongod"
    binary.write_bytes(b"\x7fELF of another kind")
    binary.chmod(0o755)
    with pytest.raises(ConfigError, match="does not run here"):
        embedded.find_binary({"MONGOD_BINARY": str(binary)})
