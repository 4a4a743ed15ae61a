"""The state of a release in the middle of its work: made once, kept, and loaded by later ones.

``python -m tests.faults.older_state FOLDER [SOURCE]`` makes it with the code in SOURCE (``src`` by
default): one connection on which an order is in each phase. Each release adds a folder of its own
below ``tests/fixtures``; none is ever changed.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bson import json_util

from tests import harness
from tests.harness import ROOT, Doc, World, doc, order

FIXTURES = ROOT / "tests/fixtures"
HERE = "$ROOT"
"""Stands for the folder of the connection."""

POLICY = {"CONFLICT_POLICY": "ask"}


def busy(world: World) -> None:
    """An order in each phase, at the moment of a second crash.

    1 agreed; 2 held; 3 published and not read; 4 to be sent again; 5 staged; 6 frozen and not
    staged; 7 claimed and written to TracOS, but not linked; 8 new, and as far; 9 new in TracOS.
    """
    settings = {**world.extra, **POLICY}
    world.extra = settings
    for number in range(1, 4):
        world.drop(order(number))
    world.orders.insert_many([doc(number) for number in range(4, 8)])
    assert world.run()[0] == 0
    world.settle(*range(1, 8))
    world.edit(2, description="TracOS's text of 2")
    world.drop(order(2, summary="The customer's text of 2", at=harness.NOW.replace(hour=13)))
    world.drop(b'{"orderNo": ', "bad.json")
    world.edit(3, description="Not read yet")
    assert world.run()[0] == 3
    for number in (5, 6):
        world.edit(number, description=f"On its way: {number}")
    crash(world, settings, "O2:1")
    links = world.server.client[world.state]["tracbridge_links"]
    done = links.update_one({"ref": "6"}, {"$set": {"out.phase": "intent", "out.over": False}})
    assert done.modified_count == 1
    for number in (7, 8):
        text = f"Claimed: {number}"
        world.drop(order(number, summary=text, at=harness.NOW.replace(hour=14)))
    crash(world, settings, "I5:1")
    assert world.cli("resend", "4").code == 0
    world.orders.insert_one(doc(9))


def crash(world: World, settings: Doc, where: str) -> None:
    """A run that dies there."""
    world.extra = {**settings, "CRASH_AT": where}
    said = world.cli("run")
    assert said.code == -signal.SIGKILL, said.err
    world.extra = settings


def dump(world: World, folder: Path) -> None:
    """Every collection and every file, as text."""
    folder.mkdir(parents=True)
    client = world.server.client
    ours = sorted(client[world.state].list_collection_names())
    for database, name in ((world.database, "workorders"), *((world.state, one) for one in ours)):
        documents = list(client[database][name].find().sort("_id", 1))
        if name == "tracbridge_leases":
            gone = {"host": "elsewhere", "boot": "", "pid": 1, "started": ""}
            documents[0] |= {"owner": gone, "expires": harness.NOW}
        write(folder / f"{name}.json", documents, world)
    write(folder / "files.json", list(files_of(world)), world)


def write(path: Path, documents: list[Doc], world: World) -> None:
    """Extended JSON, that names no machine."""
    options = json_util.CANONICAL_JSON_OPTIONS
    text = json_util.dumps(documents, indent=1, json_options=options)
    path.write_text(text.replace(str(world.root), HERE) + "\n")


def files_of(world: World) -> Iterator[Doc]:
    """Everything that lies in the folders, with its time."""
    for path in sorted(world.root.rglob("*")):
        if path.is_file() and path.name != ".lock":
            name = str(path.relative_to(world.root))
            yield {"name": name, "mtime_ns": path.stat().st_mtime_ns, "text": path.read_text()}


def plant(world: World, folder: Path) -> None:
    """The state of that release, in this world."""
    client = world.server.client
    for path in sorted(folder.glob("*.json")):
        text = path.read_text().replace(HERE, str(world.root))
        documents = json_util.loads(text)
        if path.name == "files.json":
            place(world, documents)
        elif documents:
            database = world.database if path.stem == "workorders" else world.state
            client[database][path.stem].insert_many(documents)


def place(world: World, files: list[Doc]) -> None:
    """Each file as it lay there."""
    for one in files:
        path = world.root / one["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one["text"])
        os.utime(path, ns=(one["mtime_ns"], one["mtime_ns"]))


def main(target: str, source: str = "src") -> None:
    """Make it on a server of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        with harness.server(base / "mongod", replica_set=True) as server:
            python = {"PYTHONPATH": str(Path(source).resolve())}
            world = World(server, base / "world", python)
            busy(world)
            dump(world, Path(target))


if __name__ == "__main__":
    main(*sys.argv[1:])
