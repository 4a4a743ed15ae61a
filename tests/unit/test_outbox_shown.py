"""Reading back what lies in the outbound folder opens nothing that is no plain file."""

from pathlib import Path

import pytest

from tracbridge.adapters.connectors.folder import FolderSettings, InboundMode
from tracbridge.adapters.connectors.folder.outbox import Outbox


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def code(folder: Path) -> str | None:
    """Why order 7's file cannot be read, None if there is no file."""
    settings = FolderSettings(folder, folder, folder, folder, InboundMode.ARCHIVE)
    record = Outbox(settings).shown(["7"]).get("7")
    return record.error.why.code if record and record.error else None


def test_a_file_that_is_not_there_is_absent(folder: Path) -> None:
    assert code(folder) is None


def test_a_link_is_not_followed(folder: Path) -> None:
    (folder / "secret").write_text("{}")
    (folder / "workorder_7.json").symlink_to(folder / "secret")
    assert code(folder) == "not_regular"


def test_a_folder_in_its_place_is_no_file(folder: Path) -> None:
    (folder / "workorder_7.json").mkdir()
    assert code(folder) == "not_regular"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_json_object_is_said_to_be_none(folder: Path, content: bytes) -> None:
    (folder / "workorder_7.json").write_bytes(content)
    assert code(folder) == "not_json"
