"""One order's records taken out of the archive and the quarantine folder."""

import asyncio
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tracbridge.adapters.connectors.folder.files import fsync, read_regular, remove, write_file
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.decode import Decoded, decode
from tracbridge.ports.connector import Body
from tracbridge.ports.forgotten import ForgottenFile

STUB = b'{"forgotten": true}'
"""What stands in the place of a record, so that the others keep theirs."""

DRAFT = ".forgetting"

Holds = Callable[[Body], bool]


class FolderForgotten:
    """Looks into every kept file: its name says nothing about what it holds."""

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings

    async def of_order(self, holds: Holds) -> Sequence[ForgottenFile]:
        return await asyncio.to_thread(lambda: list(self._of_order(holds)))

    def _of_order(self, holds: Holds) -> Iterator[ForgottenFile]:
        for folder in (self.settings.archive, self.settings.quarantine):
            for path in kept_files(folder):
                theirs = [_is_of(one, holds) for one in self._records(path)]
                if any(theirs):
                    yield ForgottenFile(path, all(theirs))

    def _records(self, path: str) -> list[Decoded]:
        """What the file holds; nothing, if it is no plain file or cannot be split."""
        try:
            return decode(read_regular(path, self.settings.max_bytes)[0])
        except (RecordError, OSError):
            return []

    async def forget(self, files: Sequence[ForgottenFile], holds: Holds) -> None:
        await asyncio.to_thread(self._forget, files, holds)

    def _forget(self, files: Sequence[ForgottenFile], holds: Holds) -> None:
        for file in files:
            if file.alone:
                remove(file.path)
                self._remove_empty(Path(file.path).parent)
            else:
                self._rewrite(file.path, holds)

    def _remove_empty(self, folder: Path) -> None:
        """The batch's folder and the day's, if nothing is left there."""
        fsync(str(folder))
        with suppress(OSError):
            while folder not in (self.settings.archive, self.settings.quarantine):
                folder.rmdir()
                folder = folder.parent

    def _rewrite(self, path: str, holds: Holds) -> None:
        """The same array with a stub in the order's places: whole at once, mode and time kept."""
        items = [STUB if _is_of(one, holds) else one.raw for one in self._records(path)]
        folder, status = os.path.dirname(path), os.stat(path, follow_symlinks=False)
        draft = f"{folder}/{DRAFT}"
        write_file(draft, b"[" + b",\n".join(items) + b"]\n", stat.S_IMODE(status.st_mode))
        os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
        fsync(draft)
        os.rename(draft, path)
        fsync(folder)


def kept_files(folder: Path) -> Iterator[str]:
    """All below ``folder`` but drafts; links to folders are not followed."""
    for parent, _, names in os.walk(folder):
        yield from (f"{parent}/{name}" for name in sorted(names) if name != DRAFT)


def body_of(one: Decoded) -> Body | None:
    """The record, also of an item that was refused although it can be parsed."""
    if one.body is not None:
        return one.body
    with suppress(ValueError, RecursionError):
        body = json.loads(one.raw)
        return body if isinstance(body, dict) else None
    return None


def _is_of(one: Decoded, holds: Holds) -> bool:
    body = body_of(one)
    return body is not None and holds(body)
