"""The inbound folder: list, read, then claim by rename, then compare; archive when it is safe."""

import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from tracbridge.adapters.connectors.folder.claims import (
    ClaimFolder,
    claim_folder,
    claim_folders,
    in_claim_order,
    new_batch,
    parse_folder,
)
from tracbridge.adapters.connectors.folder.files import (
    Stamp,
    move,
    plain_name,
    read_regular,
    there,
)
from tracbridge.adapters.connectors.folder.records import records_of
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import Decoded, incomplete
from tracbridge.mapping.envelope import decode
from tracbridge.ports.connector import Record

LISTED = 50_000
"""Files sorted at a time, oldest first, so that memory does not grow with the folder."""

PAGE_FILES = 1_000
PAGE_BYTES = 16 * 1024 * 1024

CLAIMED, RETRY = ".claimed", ".retry"


class Listed(NamedTuple):
    """One file as the listing showed it; sorts by time, then name."""

    mtime_ns: int
    name: str
    size: int


class Batch(Struct):
    """What was taken of one batch: its records, and the paths for `Inbox.finish`."""

    records: list[Record] = []
    taken: list[str] = []
    waiting: int = 0
    missed: int = 0
    notes: list[tuple[str, str]] = []


def listing(
    folder: Path,
    limit: int = LISTED,
    odd: set[str] | None = None,
    after: Listed | None = None,
) -> tuple[list[Listed], bool]:
    """The oldest ``limit`` candidates after that one, in order, and whether these are all.

    Holds twice as many at most. ``odd`` gathers the names of what is no file.
    """
    found: list[Listed] = []
    whole = True
    for file in candidates(folder, odd):
        if after is not None and file <= after:
            continue
        found.append(file)
        if len(found) > 2 * limit:
            found.sort()
            del found[limit:]
            whole = False
    found.sort()
    return found[:limit], whole and len(found) <= limit


def candidates(folder: Path, odd: set[str] | None = None) -> Iterator[Listed]:
    """Files that may be orders: ``*.json`` in any case, nothing hidden, temporary or special.

    What has such a name and is no file is never opened; its name goes to ``odd``.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _looks_like_order(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                yield Listed(status.st_mtime_ns, entry.name, status.st_size)
            elif odd is not None:
                odd.add(plain_name(entry.name))


def _looks_like_order(name: str) -> bool:
    return name[-5:].lower() == ".json" and name[0] not in ".~"


def batches(files: Sequence[Listed]) -> Iterator[Sequence[Listed]]:
    """Portions of bounded number and size."""
    start = size = 0
    for end, file in enumerate(files):
        size += file.size
        if end - start >= PAGE_FILES or (size > PAGE_BYTES and end > start):
            yield files[start:end]
            start, size = end, file.size
    if start < len(files):
        yield files[start:]


class Inbox:
    """Intake by claiming: modes ``archive`` and ``delete``. All methods block: use a thread."""

    listed = LISTED

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings
        self.inbound = str(settings.inbound)
        self.claimed = str(settings.inbound / CLAIMED)
        self.retry = str(settings.quarantine / RETRY)
        self._made: set[str] = set()
        self._odd: set[str] = set()

    def prepare(self) -> None:
        """The folder for claimed files."""
        Path(self.claimed).mkdir(mode=0o750, exist_ok=True)

    def listing(self, after: Listed | None = None) -> tuple[list[Listed], bool, Batch]:
        """The oldest files after that one in order, whether these are all, and notes of what is no
        file (once).
        """
        odd: set[str] = set()
        files, whole = listing(self.settings.inbound, self.listed, odd, after)
        notes = [("not_a_file", name) for name in sorted(odd - self._odd)]
        self._odd |= odd
        return files, whole, Batch(notes=notes)

    def leftovers(self) -> Iterator[Batch]:
        """What earlier passes claimed and left, and what a person wants retried, in claim order."""
        folders = [*claim_folders(self.claimed), *claim_folders(self.retry)]
        for folder in in_claim_order(folders):
            yield self.reload(folder)

    def reload(self, folder: ClaimFolder) -> Batch:
        """Read what is claimed already."""
        batch = Batch(taken=[folder.path])
        for file in sorted(candidates(Path(folder.path))):
            name = plain_name(file.name)
            if name != file.name:
                move(f"{folder.path}/{file.name}", f"{folder.path}/{name}")
            outcome, _ = self._read(f"{folder.path}/{name}")
            known = None if os.path.dirname(folder.path) == self.retry else file.mtime_ns
            batch.records += records_of(outcome, folder, name, self.settings, known)
        return batch

    def take(self, files: Sequence[Listed], claim: Claim) -> Batch:
        """Read, then claim, then compare each file; what is not ready yet stays where it is."""
        folder = claim_folder(self.claimed, claim, new_batch(datetime.now(UTC)))
        Path(folder.path).mkdir(mode=0o750)
        batch = Batch(taken=[folder.path])
        for file in files:
            self._take_one(file, folder, batch)
        if not batch.records:
            Path(folder.path).rmdir()
            batch.taken.clear()
        return batch

    def _take_one(self, file: Listed, folder: ClaimFolder, batch: Batch) -> None:
        source = f"{self.inbound}/{file.name}"
        try:
            outcome, stamp = self._read(source)
        except FileNotFoundError:
            return
        except OSError as error:
            batch.waiting += 1
            batch.notes.append((unread(error), plain_name(file.name)))
            return
        if stamp and (stamp.mtime_ns, stamp.size) != (file.mtime_ns, file.size):
            batch.missed += 1
        elif isinstance(outcome, RecordError) and self._young(outcome, file):
            batch.waiting += 1
        else:
            self._claim(source, folder, outcome, stamp, batch)

    def _claim(
        self,
        source: str,
        folder: ClaimFolder,
        outcome: list[Decoded] | RecordError,
        stamp: Stamp | None,
        batch: Batch,
    ) -> None:
        name = plain_name(os.path.basename(source))
        path = f"{folder.path}/{name}"
        if not move(source, path):
            return
        status = os.stat(path, follow_symlinks=False)
        if Stamp.of(status) != stamp:
            outcome, _ = self._read(path)
        batch.records += records_of(outcome, folder, name, self.settings, status.st_mtime_ns)

    def _read(self, path: str) -> tuple[list[Decoded] | RecordError, Stamp | None]:
        try:
            data, stamp = read_regular(path, self.settings.max_bytes)
        except RecordError as error:
            return error, None
        return decoded(data, self.settings.records), stamp

    def _young(self, error: RecordError, file: Listed) -> bool:
        """A file that does not parse may still be growing."""
        age = time.time() - file.mtime_ns / 1e9
        return incomplete(error.why.code) and age < self.settings.settle_seconds

    def finish(self, paths: Iterable[str]) -> None:
        """Archive or delete claimed batches; those that are gone were finished before."""
        for path in paths:
            folder = parse_folder(path)
            if folder is None or not os.path.isdir(path):
                continue
            if self.settings.mode is not InboundMode.ARCHIVE or not os.listdir(path):
                shutil.rmtree(path, ignore_errors=True)
                continue
            move(path, f"{self.day(self.settings.archive, folder)}/{folder.batch}")

    def set_aside(self, records: Iterable[Record]) -> None:
        """Move claimed originals to the quarantine folder; those that are there already stay."""
        for record in records:
            batch = os.path.basename(os.path.dirname(record.aside))
            for parent in (self.claimed, self.retry):
                folder = claim_folder(parent, record.claim or Claim(0, 0), batch)
                source = f"{folder.path}/{record.source}"
                if there(source):
                    self.day(self.settings.quarantine, folder)
                    Path(record.aside).parent.mkdir(mode=0o750, exist_ok=True)
                    move(source, record.aside)

    def day(self, parent: Path, folder: ClaimFolder) -> str:
        """The day's folder below ``parent``; made if it is not there."""
        day = f"{parent}/{folder.day}"
        if day not in self._made:
            Path(day).mkdir(mode=0o750, parents=True, exist_ok=True)
            self._made.add(day)
        return day


def unread(error: OSError) -> str:
    """Why a file could not be read just now; the others are not held up by it."""
    return "permission" if isinstance(error, PermissionError) else "unreadable"


def decoded(data: bytes, records: str | None) -> list[Decoded] | RecordError:
    """The records of a file, or why it has none."""
    try:
        return decode(data, records)
    except RecordError as error:
        return error
