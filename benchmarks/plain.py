"""What Tracbridge is compared with.

The baseline does one record at a time, as one would write it in an hour: no index, no batch, no
durable files. The ceiling does only what cannot be left out, in batches of 1,000.
"""

import ctypes
import json
import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pymongo import UpdateOne
from pymongo.collection import Collection

from tests.harness import FLAGS, Doc

BATCH = 1_000
T = TypeVar("T")


def portions(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of up to `BATCH` items."""
    source = iter(items)
    while some := list(islice(source, BATCH)):
        yield some


# -- baseline --------------------------------------------------------------------------------


def one_by_one_in(folder: Path, orders: Collection[Doc]) -> float:
    """Seconds for: read a file, find the order, insert or update it, next file."""
    begun = time.perf_counter()
    for path in folder.iterdir():
        row = document(json.loads(path.read_text()))
        old = orders.find_one({"number": row["number"]})
        if old:
            orders.update_one({"_id": old["_id"]}, {"$set": row})
        else:
            orders.insert_one(row)
    return time.perf_counter() - begun


def one_by_one_out(orders: Collection[Doc], folder: Path) -> float:
    """Seconds for: read an unsynced document, write its file, mark it by id, next document."""
    begun = time.perf_counter()
    for row in list(orders.find({"isSynced": False})):
        path = folder / f"workorder_{row['number']}.json"
        with path.open("w") as file:
            json.dump({key: str(value) for key, value in row.items()}, file, indent=2)
        values = {"isSynced": True, "syncedAt": datetime.now(UTC)}
        orders.update_one({"_id": row["_id"]}, {"$set": values})
    return time.perf_counter() - begun


def document(body: Doc) -> Doc:
    return {
        "number": body["orderNo"],
        "status": next((name for name, flag in FLAGS.items() if body[flag]), "pending"),
        "title": body["summary"],
        "description": body["summary"],
        "createdAt": datetime.fromisoformat(body["creationDate"]),
        "updatedAt": datetime.fromisoformat(body["lastUpdateDate"]),
        "deleted": body["isDeleted"],
        "isSynced": False,
    }


# -- ceiling ---------------------------------------------------------------------------------


def bare_inserts(source: Collection[Doc], target: Collection[Doc]) -> float:
    """Seconds that the inserts take; reading the documents to insert does not count."""
    target.create_index("number", unique=True)
    seconds = 0.0
    for some in portions(source.find()):
        begun = time.perf_counter()
        target.insert_many(some, ordered=False)
        seconds += time.perf_counter() - begun
    return seconds


def bare_updates(target: Collection[Doc]) -> float:
    """Seconds that updates take, each guarded by what was read."""
    seconds = 0.0
    for some in portions(list(target.find({}, {"updatedAt": 1}))):
        changes = [UpdateOne(row, {"$set": _changed(row)}) for row in some]
        begun = time.perf_counter()
        target.bulk_write(changes, ordered=False)
        seconds += time.perf_counter() - begun
    return seconds


def _changed(row: Doc) -> Doc:
    return {"title": f"Changed {row['_id']}", "updatedAt": datetime.now(UTC)}


def bare_reading(folder: Path, orders: Collection[Doc]) -> float:
    """Seconds for opening, reading and decoding the files, and finding their orders."""
    begun = time.perf_counter()
    names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    for some in portions(name for name in names if name.endswith(".json")):
        bodies = [orjson.loads(_read(f"{folder}/{name}")) for name in some]
        list(orders.find({"number": {"$in": [body["orderNo"] for body in bodies]}}))
    return time.perf_counter() - begun


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def bare_files(source: Path, target: Path) -> float:
    """Seconds for the same files again: temporary, one ``syncfs``, one rename each."""
    temporary = target / "tmp"
    temporary.mkdir(parents=True)
    seconds = 0.0
    for some in portions(path for path in source.iterdir() if path.suffix == ".json"):
        files = [(path.name, path.read_bytes()) for path in some]
        begun = time.perf_counter()
        for name, data in files:
            _write(f"{temporary}/{name}", data)
        _sync(temporary)
        for name, _ in files:
            os.rename(f"{temporary}/{name}", f"{target}/{name}")  # noqa: PTH104 (is quicker)
        _sync_folder(target)
        seconds += time.perf_counter() - begun
    return seconds


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _sync(folder: Path) -> None:
    syncfs: Any = getattr(ctypes.CDLL(None), "syncfs", None)
    fd = os.open(folder, os.O_RDONLY)
    try:
        if syncfs is None or syncfs(fd):
            os.sync()
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
