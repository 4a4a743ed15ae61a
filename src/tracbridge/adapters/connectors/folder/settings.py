"""What a folder connection can be told."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct, field


class InboundMode(StrEnum):
    """What becomes of an inbound file after it is safe."""

    ARCHIVE = "archive"
    DELETE = "delete"
    KEEP = "keep"
    """It stays where it is: for shares that we may not write."""


NAMES: Final = {
    "inbound": "DATA_INBOUND_DIR",
    "outbound": "DATA_OUTBOUND_DIR",
    "archive": "DATA_ARCHIVE_DIR",
    "quarantine": "DATA_QUARANTINE_DIR",
}


class FolderSettings(Struct, frozen=True):
    """Folders and habits of one customer. Sizes in bytes, ``file_mode`` as for ``chmod``.

    ``records``: the keys of a file under which the records lie, with dots; None: at its top.
    ``names``: how the person calls each folder who has to mend it.
    """

    inbound: Path
    outbound: Path
    archive: Path
    quarantine: Path
    mode: InboundMode = InboundMode.ARCHIVE
    settle_seconds: float = 2.0
    max_bytes: int = 64 * 1024 * 1024
    file_mode: int = 0o640
    records: str | None = None
    names: Mapping[str, str] = field(default_factory=lambda: NAMES)
