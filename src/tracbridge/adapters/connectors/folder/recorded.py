"""What the folders still hold of what was taken in: the archive, and what was set aside."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from tracbridge.adapters.connectors.folder.claims import ClaimFolder, taken_at
from tracbridge.adapters.connectors.folder.files import plain_name, read_regular
from tracbridge.adapters.connectors.folder.inbox import batches, candidates, decoded, listing
from tracbridge.adapters.connectors.folder.records import in_order, records_of
from tracbridge.adapters.connectors.folder.retention import BATCH, as_day
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Record
from tracbridge.ports.recorded import Recording

Batch = tuple[str, Path]
"""A batch's name, which tells when it was taken, and one folder that holds of it."""


class FolderRecorded:
    """Batch by batch, archive and quarantine together.

    In mode ``keep`` the inbound folder itself is the record, by the times of its files; in mode
    ``delete`` only what was refused is left.
    """

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings

    async def since(self, start: datetime) -> AsyncIterator[Recording]:
        recordings = self._since(start)
        while (one := await asyncio.to_thread(next, recordings, None)) is not None:
            yield one

    def _since(self, start: datetime) -> Iterator[Recording]:
        if self.settings.mode is InboundMode.KEEP:
            yield from self._lying(start)
            return
        folders = (self.settings.archive, self.settings.quarantine)
        named = (batch for folder in folders for batch in batches_of(folder, start))
        found = sorted(named, key=lambda batch: (taken_at(batch[0]), batch))
        for name, parts in groupby(found, key=lambda batch: batch[0]):
            records = [one for _, part in parts for one in self._records(part, name)]
            yield Recording(taken_at(name), tuple(in_order(records)))

    def _records(self, folder: Path, batch: str) -> Iterator[Record]:
        claimed = ClaimFolder(str(folder), Claim(0, 0), batch, folder.parent.name)
        for file in candidates(folder):
            yield from self._read(f"{folder}/{file.name}", claimed, file.mtime_ns)

    def _read(self, path: str, claimed: ClaimFolder, mtime_ns: int) -> Iterator[Record]:
        name = plain_name(os.path.basename(path))
        try:
            data, _ = read_regular(path, self.settings.max_bytes)
        except RecordError as error:
            yield from records_of(error, claimed, name, self.settings, mtime_ns)
        except FileNotFoundError:
            return
        else:
            outcome = decoded(data, self.settings.records)
            yield from records_of(outcome, claimed, name, self.settings, mtime_ns)

    def _lying(self, start: datetime) -> Iterator[Recording]:
        """Files that stay where they are, oldest first."""
        last, whole = None, False
        while not whole:
            files, whole = listing(self.settings.inbound, after=last)
            last = files[-1] if files else last
            for some in batches([f for f in files if f.mtime_ns / 1e9 >= start.timestamp()]):
                at = datetime.fromtimestamp(some[0].mtime_ns / 1e9, UTC)
                claimed = ClaimFolder(str(self.settings.inbound), Claim(0, 0), "", "")
                records = [
                    one
                    for file in some
                    for one in self._read(
                        f"{self.settings.inbound}/{file.name}", claimed, file.mtime_ns
                    )
                ]
                yield Recording(at, tuple(in_order(records)))


def batches_of(folder: Path, start: datetime) -> Iterator[Batch]:
    """The batches below ``folder`` that were taken at or after that time."""
    for day in os.scandir(folder) if folder.is_dir() else ():
        date = as_day(day.name)
        if date is None or date < start.date() or not day.is_dir(follow_symlinks=False):
            continue
        for batch in os.scandir(day):
            named = BATCH.fullmatch(batch.name) and batch.is_dir(follow_symlinks=False)
            if named and taken_at(batch.name) >= start.replace(microsecond=0):
                yield batch.name, Path(batch.path)
