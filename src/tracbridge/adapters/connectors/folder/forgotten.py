"""One order's records taken out of the archive and the quarantine folder."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tracbridge.adapters.connectors.folder.files import fsync, read_regular, remove, write_file
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.envelope import parsed
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
                theirs = [body is not None and holds(body) for body, _ in self._records(path)]
                if any(theirs):
                    yield ForgottenFile(path, all(theirs))

    def _records(self, path: str) -> Sequence[tuple[Body | None, bytes]]:
        """What the file holds; nothing, if it is no plain file."""
        try:
            data = read_regular(path, self.settings.max_bytes)[0]
            return parsed(data, self.settings.records)
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
        records = self._records(path)
        items = [STUB if body is not None and holds(body) else raw for body, raw in records]
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
