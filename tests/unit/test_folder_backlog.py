"""A folder with more files than one listing holds is read to its end, whatever stays in it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.test_folder import MemoryTakenFiles
from tracbridge.adapters.connectors.folder import FolderConnector, FolderSettings, InboundMode
from tracbridge.adapters.connectors.folder.inbox import Inbox
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Page

MANY = 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight files, the lower numbers older; a listing holds three."""
    monkeypatch.setattr(Inbox, "listed", 3)
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    for number in range(MANY):
        path = tmp_path / "in" / f"{number}.json"
        path.write_text(f'{{"orderNo": {number}}}')
        os.utime(path, (number, number))
    return tmp_path


def connector(root: Path, mode: InboundMode, settle: int = 0) -> FolderConnector:
    settings = FolderSettings(
        root / "in", root / "out", root / "archive", root / "quarantine", mode, settle
    )
    return FolderConnector(settings, MemoryTakenFiles())


async def numbers(pages: AsyncIterator[Page]) -> tuple[list[int], Page]:
    """The orders in the order in which they came, and the last page."""
    found = [page async for page in pages]
    bodies = [record.body for page in found for record in page.records]
    return [body["orderNo"] for body in bodies if body], found[-1]


@pytest.mark.parametrize("mode", InboundMode)
async def test_every_file_is_read_in_order(folder: Path, mode: InboundMode) -> None:
    customer = connector(folder, mode)
    await customer.check()
    found, last = await numbers(customer.read(None, Claim(1, 0)))
    assert (found, last.complete) == (list(range(MANY)), True)
    await customer.aclose()


@pytest.mark.parametrize("mode", InboundMode)
async def test_a_look_ends_and_shows_every_file_once(folder: Path, mode: InboundMode) -> None:
    customer = connector(folder, mode)
    await customer.look()
    found, _ = await asyncio.wait_for(numbers(customer.peek(Claim(1, 0))), 20)
    assert found == list(range(MANY))
    assert len(list((folder / "in").glob("*.json"))) == MANY
    await customer.aclose()


@pytest.mark.parametrize("mode", InboundMode)
async def test_files_that_wait_do_not_hide_the_newer_ones(folder: Path, mode: InboundMode) -> None:
    for number in range(4):
        (folder / "in" / f"{number}.json").write_text("{")
        os.utime(folder / "in" / f"{number}.json", (4_000_000_000 - 9 + number,) * 2)
    for number in range(4, MANY):
        os.utime(folder / "in" / f"{number}.json", (4_000_000_000 + number,) * 2)
    customer = connector(folder, mode, settle=60)
    await customer.check()
    found, last = await numbers(customer.read(None, Claim(1, 0)))
    assert (found, last.waiting) == (list(range(4, MANY)), 4)
    await customer.aclose()
