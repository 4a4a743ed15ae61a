"""Since when the oldest file in an inbound folder waits to be taken."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from tracbridge.adapters.connectors.folder.inbox import candidates

MOST = 2_000
"""Files of one folder that are looked at."""


def oldest(folders: Iterable[tuple[str, Path]]) -> dict[str, datetime | None]:
    """By name: when the oldest of the files that a pass would take was written, None where there is
    none; of very many files of those that are listed first. A folder that cannot be listed is left
    out. Blocks: use a thread.
    """
    found: dict[str, datetime | None] = {}
    for name, folder in folders:
        try:
            times = [one.mtime_ns for one in islice(candidates(folder), MOST)]
        except OSError:
            continue
        found[name] = datetime.fromtimestamp(min(times) / 1e9, UTC) if times else None
    return found
