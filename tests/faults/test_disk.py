"""The disk of the customer's folders is full, or out of names; folders vanish or are forbidden."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from tests import harness
from tests.faults.life import Life
from tests.faults.service import fair, live, serving
from tests.harness import Server, World, doc, order

QUICK = {"MONGO_MAX_RETRIES": "1", "MONGO_RETRY_DELAY": "0.05"}
NOBODY = 65_534


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own; skips where none can be mounted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte and two hundred names."""
    with mounted(tmp_path / "disk", "size=1m,nr_inodes=200") as folder:
        yield folder


@pytest.fixture
def small(replica_set: Server, disk: Path) -> Iterator[World]:
    world = World(replica_set, disk, QUICK)
    yield world
    world.close()


def use_up(disk: Path, what: str, block: int = 4_096) -> Path:
    """Take all the room, or all the names; where it lies."""
    waste = disk / "waste"
    waste.mkdir()
    try:
        for number in range(10_000):
            data = b"" if what == "names" else bytes(block)
            (waste / str(number)).write_bytes(data)
    except OSError:
        return waste
    msg = "the disk has no end"
    raise AssertionError(msg)


@pytest.mark.parametrize("what", fair(["room", "names"], [0]))
def test_on_a_full_disk_a_run_says_so_and_the_next_one_goes_on(
    small: World, disk: Path, what: str
) -> None:
    life = Life(small)
    life.begin()
    life.rest()
    life.tracos_edits()
    life.customer_edits()
    shown = small.outbound_files()
    waste = use_up(disk, what)
    code, _, said = small.run()
    assert code == 1, said
    assert "No space left on device" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert small.outbound_files() == shown, "nothing half done can be seen"
    shutil.rmtree(waste)
    life.rest()


def test_a_service_waits_until_the_disk_has_room_again(small: World, disk: Path) -> None:
    life = Life(small)
    life.begin()
    with serving(small) as service:
        service.until(small.outbound_files)
        live(life, service, 10)
        waste = use_up(disk, "room")
        small.orders.insert_one(doc(1_000, description="x" * 2_000))
        service.until(lambda: "No space left on device" in service.text)
        shutil.rmtree(waste)
        service.until(lambda: (small.sent(1_000) or {}).get("summary") == "x" * 2_000)
        service.stop()
    small.orders.delete_one({"number": 1_000})
    small.take(1_000)


def fill(server: Server) -> None:
    """More than its disk holds."""
    for _ in range(200):
        server.client["other"]["big"].insert_one({"filling": os.urandom(4 << 20)})


@pytest.mark.faults
def test_a_full_disk_under_mongodb_is_an_outage_like_any_other(tmp_path: Path) -> None:
    with (
        mounted(tmp_path / "mongo", "size=400m") as disk,
        harness.server(disk / "server", replica_set=False) as server,
    ):
        world = World(server, tmp_path / "world", QUICK)
        life = Life(world)
        life.begin()
        life.rest()
        with serving(world) as service:
            service.until(lambda: world.records("runs"))
            waste = use_up(disk, "room", 1 << 20)
            with pytest.raises(PyMongoError):
                fill(server)
            life.customer_edits()
            service.until(lambda: "outage" in service.text)
            shutil.rmtree(waste)
            if server.process.poll() is not None:
                server.restart()
            life.customer_creates()
            service.until(lambda: world.doc(life.number))
            service.stop()
        life.rest()


# -- rights ----------------------------------------------------------------------------------


@pytest.fixture
def stranger(world: World) -> World:
    """A world whose command line is nobody's: no right that is not given to all."""
    setpriv = shutil.which("setpriv")
    if os.geteuid():
        return world
    if setpriv is None:
        pytest.skip("root may do everything, and there is no setpriv to become nobody")
    world.before = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")
    for folder in (world.root, world.inbound, world.outbound):
        folder.chmod(0o777)
    for parent in world.root.parents[:4]:
        if parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return world


@pytest.mark.parametrize("name", fair(["inbound", "outbound"], [0]))
def test_a_folder_without_rights_is_named_with_its_setting(stranger: World, name: str) -> None:
    stranger.drop(order(1))
    assert stranger.run()[0] == 0
    stranger.take(1)
    folder = stranger.inbound if name == "inbound" else stranger.outbound
    stranger.drop(order(2))
    folder.chmod(0o555)
    code, _, said = stranger.run()
    assert (code, len(said.splitlines())) == (2, 1), said
    assert f"DATA_{name.upper()}_DIR={folder}" in said
    assert "may not read and write it" in said
    folder.chmod(0o777)
    assert stranger.run()[0] == 0
    assert stranger.doc(2) is not None


@pytest.mark.parametrize("name", fair(["archive", "quarantine"], [1]))
def test_where_originals_cannot_be_kept_nothing_is_forgotten(stranger: World, name: str) -> None:
    stranger.extra = QUICK
    closed = stranger.root / name
    closed.mkdir()
    closed.chmod(0o555)
    path = stranger.drop(order(1) if name == "archive" else b"{}", "1.json")
    code, _, said = stranger.run()
    assert code == 1, said
    assert "Permission denied" in said.splitlines()[-1]
    assert str(closed) in said.splitlines()[-1]
    assert "Traceback" not in said
    (kept,) = (one for one in stranger.inbound.rglob("*.json") if one.is_file())
    assert kept.name == path.name
    closed.chmod(0o777)
    assert stranger.run()[0] == (0 if name == "archive" else 3)
    assert [one.name for one in stranger.kept(name)] == ["1.json"]


# -- folders that go -------------------------------------------------------------------------


def test_a_service_waits_for_an_inbound_folder_that_is_gone(world: World) -> None:
    away = world.root / "away"
    world.drop(order(1))
    with serving(world) as service:
        service.until(lambda: world.doc(1))
        world.inbound.rename(away)
        service.until(lambda: "No such file or directory" in service.text)
        away.rename(world.inbound)
        world.drop(order(2))
        service.until(lambda: world.doc(2))
        service.stop()


def test_an_outbound_folder_that_is_gone_ends_a_service_before_it_believes_anything(
    world: World,
) -> None:
    world.orders.insert_one(doc(1))
    with serving(world) as service:
        service.until(lambda: (world.doc(1) or {}).get("isSynced"))
        before = world.records("links")
        world.outbound.rename(world.root / "away")
        assert service.process.wait(20) == 1
        assert "has lost its marker" in service.text
        assert "Traceback" not in service.text
    assert world.records("links") == before, "nothing was taken for read"
    (world.root / "away").rename(world.outbound)
    assert world.run()[0] == 0
    assert world.sent(1) is not None


@pytest.mark.parametrize("what", ["file", "link to nowhere"])
def test_a_folder_that_became_something_else_is_named(world: World, what: str) -> None:
    world.outbound.rmdir()
    if what == "file":
        world.outbound.write_bytes(b"")
    else:
        world.outbound.symlink_to(world.root / "nowhere")
    code, _, said = world.run()
    assert code == 2, said
    assert f"DATA_OUTBOUND_DIR={world.outbound}" in said


# -- files that move -------------------------------------------------------------------------


def test_a_file_that_grows_slowly_is_neither_taken_nor_refused_before_it_is_whole(
    world: World,
) -> None:
    world.extra = {"DATA_SETTLE_SECONDS": "20"}
    data = json.dumps(order(1, summary="x" * 500)).encode()
    path = world.inbound / "1.json"
    with serving(world) as service, path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 100):
            assert world.doc(1) is None
            assert path.exists(), "it was taken too early"
            file.write(data[start : start + 100])
            assert service.runs_on(0.15), service.text
        service.until(lambda: world.doc(1))
        service.stop()
    assert (world.doc(1) or {})["description"] == "x" * 500
    assert world.records("quarantine") == []


def test_a_file_that_is_replaced_all_the_time_ends_as_its_last_version(world: World) -> None:
    life = Life(world)
    life.customer_creates()
    with serving(world) as service:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            life.customer_edits()
        service.until(lambda: not list(world.inbound.glob("*.json")))
        service.stop()
    life.rest()
    assert (world.doc(1) or {})["description"] == life.own[1]


@pytest.mark.parametrize("name", ["archive", "quarantine"])
def test_folders_on_two_disks_are_refused_before_anything_is_touched(
    world: World, disk: Path, name: str
) -> None:
    """A file moves by one rename, which cannot cross disks."""
    world.extra = {f"DATA_{name.upper()}_DIR": str(disk)}
    path = world.drop(order(1))
    code, _, said = world.run()
    assert (code, len(said.splitlines())) == (2, 1), said
    assert f"DATA_{name.upper()}_DIR={disk} is on another file system" in said
    assert path.exists()
