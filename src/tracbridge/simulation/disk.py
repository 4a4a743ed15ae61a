"""A file system that keeps apart what is visible and what would survive a power cut.

Entries of folders are kept in the order in which they were changed, as file systems with a journal
do: a power cut forgets the last changes, never one in the middle. A file's content survives only
once it was synced; else what is left of it is a `PART`.
"""

from typing import Any

from msgspec import Struct

PART = object()
"""The content of a file that is not whole."""


class File(Struct, eq=False):
    """One file. ``at`` orders files as their times would; ``whole``: its writer is through."""

    content: Any
    at: float
    whole: bool = True
    synced: bool = True


class Disk(Struct):
    """Paths to files, and the changes since the last sync, with what was there before."""

    files: dict[str, File] = {}
    journal: list[list[tuple[str, File | None]]] = []
    locks: dict[int, Any] = {}

    def below(self, folder: str) -> list[str]:
        """The paths in that folder and below."""
        return [path for path in self.files if path.startswith(folder)]

    def put(self, path: str, file: File) -> None:
        """A new file, or another one in its place; not durable yet."""
        self.journal.append([(path, self.files.get(path))])
        self.files[path] = file

    def remove(self, *paths: str) -> None:
        """In one step; what is gone already stays gone."""
        there = [(path, self.files.pop(path)) for path in paths if path in self.files]
        if there:
            self.journal.append(list(there))

    def rename(self, source: str, target: str) -> bool:
        """In one step, over whatever is there; False if there is no such file."""
        file = self.files.pop(source, None)
        if file is None:
            return False
        self.journal.append([(target, self.files.get(target)), (source, file)])
        self.files[target] = file
        return True

    def sync(self, *paths: str) -> None:
        """All entries are durable now, and the content of these files."""
        self.journal.clear()
        for path in paths:
            if path in self.files:
                self.files[path].synced = True

    def cut(self, keep: int) -> None:
        """Power is lost: only the first ``keep`` changes since the last sync reached the disk."""
        while len(self.journal) > keep:
            for path, before in reversed(self.journal.pop()):
                if before is None:
                    del self.files[path]
                else:
                    self.files[path] = before
        self.journal.clear()
        for path, file in self.files.items():
            if not file.synced:
                self.files[path] = File(PART, file.at)
