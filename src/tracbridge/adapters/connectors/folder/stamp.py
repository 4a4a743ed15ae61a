"""Whether anything has changed in the folders of a connection, told from their listings alone."""

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tracbridge.adapters.connectors.folder.inbox import CLAIMED, RETRY
from tracbridge.adapters.connectors.folder.outbox import LOCK
from tracbridge.adapters.connectors.folder.settings import FolderSettings

MOST = 2_000
"""Entries that are listed at little cost."""


def stamp_of(settings: FolderSettings) -> str | None:
    """Names, sizes and times of all that a pass would look at; None where that is too much.

    Raises `OSError` where the inbound or outbound folder is not there.
    """
    own = (settings.inbound / CLAIMED, settings.quarantine / RETRY)
    folders = (settings.inbound, settings.outbound, *(one for one in own if one.is_dir()))
    digest, left = sha256(), MOST
    for folder in folders:
        lines = []
        for line in entries(folder):
            left -= 1
            if left < 0:
                return None
            lines.append(line)
        digest.update("\0".join([str(folder), *sorted(lines)]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def entries(folder: Path) -> Iterator[str]:
    """One line for each entry. A folder within it counts by its name: what it holds is ours."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name == LOCK:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            inner = stat.S_ISDIR(status.st_mode)
            yield entry.name if inner else f"{entry.name} {status.st_mtime_ns} {status.st_size}"
