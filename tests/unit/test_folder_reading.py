"""What the folder connector and its memory promise about names, odd things and early ends."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracbridge.adapters.connectors.folder import FolderConnector, FolderSettings
from tracbridge.adapters.connectors.folder.files import NAME_BYTES, plain_name
from tracbridge.adapters.connectors.folder.inbox import Inbox
from tracbridge.adapters.connectors.folder.reading import Ahead
from tracbridge.adapters.mongo.taken import name_of, text_of
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Cursor, Page

NAMES = [
    b"1.json",
    "ca\u00e9 \U0001f527.json".encode(),
    b"caf\xe9.json",
    b"caf\\xe9.json",
    b"\\.json",
    b"\\\\x41.json",
    b"\xff\xfe\\\xff.json",
    b"\xff" * 250 + b".json",
]


@pytest.fixture
def settings(tmp_path: Path) -> FolderSettings:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    return FolderSettings(
        tmp_path / "in",
        tmp_path / "out",
        tmp_path / "archive",
        tmp_path / "quarantine",
        settle_seconds=0,
    )


@pytest.mark.parametrize("data", NAMES, ids=repr)
def test_a_stored_name_comes_back(data: bytes) -> None:
    name = os.fsdecode(data)
    text = text_of(name)
    assert text.encode().decode() == text, "MongoDB can hold it"
    assert name_of(text) == name


def test_different_names_are_stored_differently() -> None:
    assert len({text_of(os.fsdecode(data)) for data in NAMES}) == len(NAMES)


@pytest.mark.parametrize("data", NAMES, ids=repr)
def test_a_plain_name_is_text_and_fits_a_file_system(data: bytes) -> None:
    name = plain_name(os.fsdecode(data))
    assert len(name.encode()) <= NAME_BYTES
    assert name.endswith(".json")
    assert plain_name(name) == name


def test_plain_names_are_kept_apart() -> None:
    assert len({plain_name(os.fsdecode(data)) for data in NAMES}) == len(NAMES)


def test_claimed_files_have_plain_names(settings: FolderSettings) -> None:
    for data in NAMES:
        Path(settings.inbound, os.fsdecode(data)).write_bytes(b"{}")
    inbox = Inbox(settings)
    inbox.prepare()
    files, _, _ = inbox.listing()
    batch = inbox.take(files, Claim(1, 0))
    assert len(batch.records) == len(NAMES)
    again = [record.source for left in inbox.leftovers() for record in left.records]
    assert sorted(again) == sorted(record.source for record in batch.records)
    assert all(source.encode().decode() == source for source in again)


def test_what_is_no_file_is_noted_once_and_left(settings: FolderSettings) -> None:
    (settings.inbound / "folder.json").mkdir()
    os.mkfifo(settings.inbound / "pipe.json")
    inbox = Inbox(settings)
    notes = [("not_a_file", "folder.json"), ("not_a_file", "pipe.json")]
    assert inbox.listing()[2].notes == notes
    assert inbox.listing()[2].notes == []
    assert len(list(settings.inbound.iterdir())) == 2


class Slow:
    """Pages of which each from the second on waits until it is let go."""

    def __init__(self) -> None:
        self.go, self.made = threading.Event(), 0

    def __iter__(self) -> Iterator[Page]:
        for number in range(9):
            if number:
                self.go.wait(5)
            self.made += 1
            yield Page((), Cursor(str(number)))


async def test_whoever_leaves_early_waits_for_what_is_being_read() -> None:
    slow = Slow()
    ahead = Ahead(iter(slow))
    async for _ in ahead.pages():
        break
    resting = asyncio.ensure_future(ahead.rest())
    await asyncio.sleep(0.05)
    assert not resting.done()
    slow.go.set()
    await resting
    assert slow.made == 2, "one page ahead and not a third"


async def test_a_reader_that_is_cancelled_leaves_no_thread_at_work() -> None:
    slow = Slow()
    ahead = Ahead(iter(slow))

    async def all_of_it() -> None:
        async for _ in ahead.pages():
            pass

    reading = asyncio.ensure_future(all_of_it())
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    resting = asyncio.ensure_future(ahead.rest())
    await asyncio.sleep(0.05)
    assert not resting.done()
    slow.go.set()
    await resting
    assert slow.made == 2


async def test_an_error_of_the_reader_reaches_the_engine_and_rest_is_quiet() -> None:
    def broken() -> Iterator[Page]:
        yield Page((), Cursor("1"))
        raise OSError("gone")

    ahead = Ahead(broken())
    with pytest.raises(OSError, match="gone"):
        _ = [page async for page in ahead.pages()]
    await ahead.rest()


def drop(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number}.json").write_bytes(b"{}")


def count(folder: Path) -> int:
    return len(list(folder.glob("*.json")))


async def test_unlocking_waits_for_the_reader(settings: FolderSettings) -> None:
    drop(settings.inbound, 1_500)
    connector = FolderConnector(settings)
    await connector.check()
    await connector.lock()
    async for _ in connector.read(None, Claim(1, 0)):
        break
    await connector.unlock()
    left = count(settings.inbound)
    await asyncio.sleep(0.05)
    assert count(settings.inbound) == left
    await connector.aclose()
