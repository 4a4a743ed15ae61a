"""Intake from a folder that we may not write: files stay, and we remember which ones we took."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from tracbridge.adapters.connectors.folder.claims import Claimed, parse_claimed, prefix
from tracbridge.adapters.connectors.folder.files import (
    Stamp,
    make_durable,
    read_regular,
    remove,
    write_file,
)
from tracbridge.adapters.connectors.folder.inbox import Batch, Inbox, Listed, claimed_in, decoded
from tracbridge.adapters.connectors.folder.records import records_of
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Record
from tracbridge.ports.state import TakenFile, TakenFiles

Ask = Callable[[Awaitable[Any]], Any]
"""Waits, in a thread, for something that runs on the event loop."""


class KeepingInbox(Inbox):
    """A file is new if its name, size or time is, and then only if its content is."""

    def __init__(self, settings: FolderSettings, taken: TakenFiles, ask: Ask) -> None:
        super().__init__(settings)
        self.taken, self.ask = taken, ask

    def prepare(self) -> None:
        """Nothing is made in a folder that we may not write."""

    def leftovers(self) -> list[tuple[str, Claimed]]:
        """Rows that were claimed and not finished, and files that a person wants retried."""
        rows: list[TakenFile] = self.ask(self.taken.unfinished())
        gone = [row.name for row in rows if not os.path.lexists(f"{self.inbound}/{row.name}")]
        if gone:
            self.ask(self.taken.finish(gone))
        left = [(f"{self.inbound}/{r.name}", _claimed(r)) for r in rows if r.name not in gone]
        pairs = [*left, *claimed_in(self.retry)]
        return sorted(((p, c) for p, c in pairs if c), key=lambda pair: pair[1].name)

    def take(self, files: Sequence[Listed], claim: Claim) -> Batch:
        """Read what is new, remember it, then compare."""
        rows: dict[str, TakenFile] = self.ask(self.taken.find([f.name for f in files]))
        fresh = [f for f in files if not _same(rows.get(f.name), f)]
        batch = Batch()
        made = [one for f in fresh if (one := self._look(f, rows.get(f.name), claim, batch))]
        if made:
            self.ask(self.taken.take([row for row, _ in made]))
        for row, outcome in made:
            claimed = _claimed(row)
            if claimed and not row.done:
                batch.records += records_of(outcome, claimed, self.settings)
                batch.taken.append(f"{self.inbound}/{row.name}")
        return batch

    def _look(
        self, file: Listed, known: TakenFile | None, claim: Claim, batch: Batch
    ) -> tuple[TakenFile, Any] | None:
        """The row for a file that is new, or that only looks new (then it is done already)."""
        path = f"{self.inbound}/{file.name}"
        try:
            data, stamp = read_regular(path, self.settings.max_bytes)
        except RecordError as error:
            return self._row(file, "", claim), error
        except FileNotFoundError:
            return None
        except PermissionError:
            batch.waiting += 1
            batch.notes.append(("permission", file.name))
            return None
        if (stamp.mtime_ns, stamp.size) != (file.mtime_ns, file.size) or _moved(path, stamp):
            batch.missed += 1
            return None
        digest = sha256(data).hexdigest()
        if known and known.sha256 == digest:
            return replace(known, size=file.size, mtime_ns=file.mtime_ns), []
        outcome = decoded(data)
        if isinstance(outcome, RecordError) and self._young(outcome, file):
            batch.waiting += 1
            return None
        return self._row(file, digest, claim), outcome

    def _row(self, file: Listed, digest: str, claim: Claim) -> TakenFile:
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        rest = f"{when}-{os.urandom(4).hex()}-{file.name}"
        return TakenFile(file.name, file.size, file.mtime_ns, digest, claim, rest)

    def finish(self, paths: Iterable[str]) -> None:
        """Book what lies in the folder as done; a retried file has served."""
        inside = [os.path.basename(p) for p in paths if os.path.dirname(p) == self.inbound]
        if inside:
            self.ask(self.taken.finish(inside))
        for path in paths:
            if os.path.dirname(path) == self.retry:
                remove(path)

    def set_aside(self, records: Iterable[Record]) -> None:
        """Copy the originals to the quarantine folder, durably."""
        for record in records:
            claimed = parse_claimed(prefix(Claim(0, 0)) + os.path.basename(record.aside))
            path = f"{self.inbound}/{record.source}"
            if claimed is None or not os.path.isfile(path) or os.path.lexists(record.aside):
                continue
            data = record.raw or read_regular(path, self.settings.max_bytes)[0]
            folder = self.day(self.settings.quarantine, claimed)
            write_file(record.aside, data, self.settings.file_mode)
            make_durable(folder, [record.aside])


def _same(row: TakenFile | None, file: Listed) -> bool:
    return row is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns)


def _moved(path: str, stamp: Stamp) -> bool:
    """The file was replaced or written while we read it."""
    try:
        return Stamp.of(os.stat(path, follow_symlinks=False)) != stamp
    except FileNotFoundError:
        return True


def _claimed(row: TakenFile) -> Claimed | None:
    return parse_claimed(prefix(row.claim) + row.rest)
