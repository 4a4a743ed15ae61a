"""Old files of the archive and the quarantine folder, removed by the names of their folders."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from tracbridge.adapters.connectors.folder.files import remove
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.ports.retention import Needed

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
BATCH = re.compile(r"\d{8}T\d{6}-[0-9a-f]+", re.ASCII)


class FolderRetention:
    """Removes whole batches, oldest day first; what is not named as ours stays."""

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings

    async def forget_days(self, before: date, needed: Needed, limit: int) -> int:
        return await asyncio.to_thread(self._forget_days, before, needed, limit)

    def _forget_days(self, before: date, needed: Needed, limit: int) -> int:
        kept = {day_of(file) for file in needed.files} | set(needed.days)
        removed = 0
        for day, folder in old_days(self.settings.archive, before):
            if day not in kept:
                removed += _forget_batches(folder, limit - removed)
            if removed >= limit:
                break
        return removed

    async def forget_files(self, files: Sequence[str]) -> None:
        await asyncio.to_thread(self._forget_files, files)

    def _forget_files(self, files: Sequence[str]) -> None:
        for file in files:
            day, batch, name = Path(file).parts[-3:]
            folder = self.settings.quarantine / day / batch
            if _DAY.fullmatch(day) and BATCH.fullmatch(batch) and name != "..":
                remove(f"{folder}/{name}")
                _remove_empty(folder)
                _remove_empty(folder.parent)


def old_days(archive: Path, before: date) -> Iterator[tuple[date, Path]]:
    """Folders of days before that, oldest first."""
    names = sorted(os.listdir(archive)) if archive.is_dir() else []
    for name in names:
        day, folder = as_day(name), archive / name
        if day and day < before and folder.is_dir() and not folder.is_symlink():
            yield day, folder


def day_of(file: str) -> date | None:
    """The day below which a kept file lies."""
    parts = Path(file).parts
    return as_day(parts[-3]) if len(parts) > 2 else None  # noqa: PLR2004 (day, batch, name)


def as_day(name: str) -> date | None:
    """The day that a folder is named after, None if it is none of ours."""
    try:
        return date.fromisoformat(name) if _DAY.fullmatch(name) else None
    except ValueError:
        return None


def _forget_batches(day: Path, limit: int) -> int:
    """Remove batches until ``limit`` files are gone, or all; then the day, if it is empty."""
    removed = 0
    for batch in sorted(day.iterdir()):
        if removed >= limit:
            return removed
        if BATCH.fullmatch(batch.name) and batch.is_dir() and not batch.is_symlink():
            removed += len(os.listdir(batch))
            shutil.rmtree(batch)
    _remove_empty(day)
    return removed


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
