"""The inbound folder: list, read, then claim by rename, then compare; archive when it is safe."""

import heapq
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tracbridge.adapters.connectors.folder.claims import (
    Claimed,
    claimed_name,
    parse_claimed,
    prefix,
)
from tracbridge.adapters.connectors.folder.files import Stamp, move, read_regular, remove
from tracbridge.adapters.connectors.folder.records import records_of
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import Decoded, decode, incomplete
from tracbridge.ports.connector import Record

LISTED = 50_000
"""Files sorted at a time, oldest first, so that memory does not grow with the folder."""

PAGE_FILES = 1_000
PAGE_BYTES = 16 * 1024 * 1024

CLAIMED, RETRY = ".claimed", ".retry"


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One file as the listing showed it; sorted by time, then name."""

    mtime_ns: int
    name: str
    size: int = field(compare=False)


@dataclass(slots=True)
class Batch:
    """What was taken of one batch of listed files."""

    records: list[Record] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    waiting: int = 0
    missed: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)


def listing(folder: Path, limit: int = LISTED) -> tuple[list[Listed], bool]:
    """The oldest ``limit`` candidates, and whether these are all."""
    found: list[Listed] = heapq.nsmallest(limit + 1, candidates(folder))
    return found[:limit], len(found) <= limit


def candidates(folder: Path) -> Iterator[Listed]:
    """Files that may be orders: ``*.json`` in any case, nothing hidden, temporary or special."""
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
    """Intake by claiming: modes ``archive`` and ``delete``. All methods block; call them in a thread."""

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings
        self.inbound = str(settings.inbound)
        self.claimed = str(settings.inbound / CLAIMED)
        self.retry = str(settings.quarantine / RETRY)
        self._made: set[str] = set()

    def prepare(self) -> None:
        """The folder for claimed files."""
        Path(self.claimed).mkdir(mode=0o750, exist_ok=True)

    def leftovers(self) -> list[tuple[str, Claimed]]:
        """What earlier passes claimed and did not finish, and what a person wants retried, in claim order."""
        found = []
        for folder in (self.claimed, self.retry):
            for path, claimed in claimed_in(folder):
                try:
                    mtime = os.stat(path, follow_symlinks=False).st_mtime_ns
                except FileNotFoundError:
                    continue
                found.append((claimed.claim.pass_, mtime, claimed.original, path, claimed))
        found.sort(key=lambda row: row[:4])
        return [(path, claimed) for *_, path, claimed in found]

    def reload(self, files: Iterable[tuple[str, Claimed]]) -> Batch:
        """Read what is claimed already."""
        batch = Batch()
        for path, claimed in files:
            data = self._read_claimed(path)
            batch.records += records_of(data, claimed, self.settings)
            batch.taken.append(path)
        return batch

    def take(self, files: Sequence[Listed], claim: Claim) -> Batch:
        """Read, then claim, then compare each file; what is not ready yet stays where it is."""
        batch = Batch()
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        unique = os.urandom(4).hex()
        for index, file in enumerate(files):
            self._take_one(file, claim, (when, f"{unique}{index:03x}"), batch)
        return batch

    def _take_one(self, file: Listed, claim: Claim, name: tuple[str, str], batch: Batch) -> None:
        source = f"{self.inbound}/{file.name}"
        try:
            outcome, stamp = self._read(source)
        except FileNotFoundError:
            return
        except PermissionError:
            batch.waiting += 1
            batch.notes.append(("permission", file.name))
            return
        if stamp and (stamp.mtime_ns, stamp.size) != (file.mtime_ns, file.size):
            batch.missed += 1
            return
        if isinstance(outcome, RecordError) and self._young(outcome, file):
            batch.waiting += 1
            return
        claimed = parse_claimed(claimed_name(claim, *name, file.name))
        if claimed:
            self._claim(source, claimed, outcome, stamp, batch)

    def _claim(
        self,
        source: str,
        claimed: Claimed,
        outcome: list[Decoded] | RecordError,
        stamp: Stamp | None,
        batch: Batch,
    ) -> None:
        path = f"{self.claimed}/{claimed.name}"
        if not move(source, path):
            return
        if Stamp.of(os.stat(path, follow_symlinks=False)) != stamp:
            outcome = self._read_claimed(path)
        batch.records += records_of(outcome, claimed, self.settings)
        batch.taken.append(path)

    def _read(self, path: str) -> tuple[list[Decoded] | RecordError, Stamp | None]:
        try:
            data, stamp = read_regular(path, self.settings.max_bytes)
        except RecordError as error:
            return error, None
        return decoded(data), stamp

    def _read_claimed(self, path: str) -> list[Decoded] | RecordError:
        return self._read(path)[0]

    def _young(self, error: RecordError, file: Listed) -> bool:
        """A file that does not parse may still be growing."""
        age = time.time() - file.mtime_ns / 1e9
        return incomplete(error.why.code) and age < self.settings.settle_seconds

    def finish(self, paths: Iterable[str]) -> None:
        """Archive or delete claimed files; those that are gone were finished before."""
        for path in paths:
            claimed = parse_claimed(os.path.basename(path))
            if self.settings.mode is InboundMode.DELETE or claimed is None:
                remove(path)
            else:
                self._move_to(self.settings.archive, path, claimed)

    def set_aside(self, records: Iterable[Record]) -> None:
        """Move claimed originals to the quarantine folder; those that are there already stay."""
        for record in records:
            if record.claim is None:
                continue
            name = f"{prefix(record.claim)}{os.path.basename(record.aside)}"
            claimed = parse_claimed(name)
            for folder in (self.claimed, self.retry):
                if claimed and os.path.lexists(f"{folder}/{name}"):
                    self._move_to(self.settings.quarantine, f"{folder}/{name}", claimed)

    def _move_to(self, folder: Path, path: str, claimed: Claimed) -> None:
        move(path, f"{self.day(folder, claimed)}/{claimed.rest}")

    def day(self, folder: Path, claimed: Claimed) -> str:
        """The day's folder below ``folder``; made if it is not there."""
        day = f"{folder}/{claimed.day}"
        if day not in self._made:
            Path(day).mkdir(mode=0o750, parents=True, exist_ok=True)
            self._made.add(day)
        return day


def claimed_in(folder: str) -> Iterator[tuple[str, Claimed]]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if claimed := parse_claimed(name):
            yield f"{folder}/{name}", claimed


def decoded(data: bytes) -> list[Decoded] | RecordError:
    try:
        return decode(data)
    except RecordError as error:
        return error
