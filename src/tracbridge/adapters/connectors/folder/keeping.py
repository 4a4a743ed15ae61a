"""Intake from a folder that we may not write: files stay, and we remember which ones we took."""

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tracbridge.adapters.connectors.folder.claims import (
    ClaimFolder,
    claim_folder,
    claim_folders,
    in_claim_order,
    new_batch,
)
from tracbridge.adapters.connectors.folder.files import (
    Stamp,
    make_durable,
    plain_name,
    read_regular,
    there,
    write_file,
)
from tracbridge.adapters.connectors.folder.inbox import (
    Batch,
    Inbox,
    Listed,
    decoded,
    unread,
)
from tracbridge.adapters.connectors.folder.records import records_of
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import Decoded
from tracbridge.ports.connector import Record
from tracbridge.ports.state import TakenFile, TakenFiles

UNREAD = frozenset({"not_regular", "too_large"})
"""Codes of files that were refused without a look inside."""

Ask = Callable[[Awaitable[Any]], Any]
"""Waits, in a thread, for something that runs on the event loop."""


class KeepingInbox(Inbox):
    """A file is new if its name, size or time is, and then only if its content is."""

    def __init__(self, settings: FolderSettings, taken: TakenFiles, ask: Ask) -> None:
        super().__init__(settings)
        self.taken, self.ask = taken, ask
        self._real: dict[str, str] = {}

    def prepare(self) -> None:
        """Nothing is made in a folder that we may not write."""

    def leftovers(self) -> Iterator[Batch]:
        """Rows that were claimed and not finished, and files that a person wants retried."""
        rows: list[TakenFile] = self.ask(self.taken.unfinished())
        batch = Batch()
        for row in sorted(rows, key=lambda one: (one.claim.pass_, one.mtime_ns, one.name)):
            path = f"{self.inbound}/{row.name}"
            batch.taken.append(path)
            if there(path):
                outcome, _ = self._read(path)
                batch.records += self._records(outcome, row)
        yield batch
        for folder in in_claim_order(claim_folders(self.retry)):
            yield self.reload(folder)

    def take(self, files: Sequence[Listed], claim: Claim) -> Batch:
        """Read what is new, remember it, then compare."""
        rows: dict[str, TakenFile] = self.ask(self.taken.find([f.name for f in files]))
        fresh = [f for f in files if not _same(rows.get(f.name), f)]
        batch = Batch()
        made = [one for f in fresh if (one := self._look(f, rows.get(f.name), claim, batch))]
        if made:
            self.ask(self.taken.take([row for row, _ in made]))
        for row, outcome in made:
            if not row.done:
                batch.records += self._records(outcome, row)
                batch.taken.append(f"{self.inbound}/{row.name}")
        return batch

    def _records(self, outcome: list[Decoded] | RecordError, row: TakenFile) -> list[Record]:
        """The file's records; of what must not be read there will be no copy."""
        name = plain_name(row.name)
        if name != row.name:
            self._real[name] = row.name
        records = records_of(outcome, _folder(row), name, self.settings, row.mtime_ns)
        if isinstance(outcome, RecordError) and outcome.why.code in UNREAD:
            return [replace(record, aside="") for record in records]
        return records

    def _look(
        self, file: Listed, known: TakenFile | None, claim: Claim, batch: Batch
    ) -> tuple[TakenFile, Any] | None:
        """The row for a file that is new, or that only looks new (then it is done already)."""
        try:
            data = self._steady(file, batch)
        except RecordError as error:
            return self._row(file, "", claim), error
        if data is None:
            return None
        digest = sha256(data).hexdigest()
        if known and known.sha256 == digest:
            return replace(known, size=file.size, mtime_ns=file.mtime_ns), []
        outcome = decoded(data, self.settings.records)
        if isinstance(outcome, RecordError) and self._young(outcome, file):
            batch.waiting += 1
            return None
        return self._row(file, digest, claim), outcome

    def _steady(self, file: Listed, batch: Batch) -> bytes | None:
        """The content that was listed; None if it is gone, changing, or not ours to read."""
        path = f"{self.inbound}/{file.name}"
        try:
            data, stamp = read_regular(path, self.settings.max_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            batch.waiting += 1
            batch.notes.append((unread(error), plain_name(file.name)))
            return None
        if (stamp.mtime_ns, stamp.size) != (file.mtime_ns, file.size) or _moved(path, stamp):
            batch.missed += 1
            return None
        return data

    def _row(self, file: Listed, digest: str, claim: Claim) -> TakenFile:
        return TakenFile(
            file.name, file.size, file.mtime_ns, digest, claim, new_batch(datetime.now(UTC))
        )

    def finish(self, paths: Iterable[str]) -> None:
        """Book what lies in the folder as done; a retried batch has served."""
        everything = list(paths)
        inside = [os.path.basename(p) for p in everything if os.path.dirname(p) == self.inbound]
        if inside:
            self.ask(self.taken.finish(inside))
        super().finish(path for path in everything if os.path.dirname(path) == self.retry)

    def set_aside(self, records: Iterable[Record]) -> None:
        """Copy the originals to the quarantine folder, durably; those that are there stay."""
        for record in records:
            if not there(record.aside):
                self._copy(record)
            super().set_aside([record])

    def _copy(self, record: Record) -> None:
        """What is gone by now, or became something that must not be read, has no copy."""
        name = self._real.get(record.source, record.source)
        try:
            data = record.raw or read_regular(f"{self.inbound}/{name}", self.settings.max_bytes)[0]
        except (FileNotFoundError, RecordError):
            return
        folder = Path(record.aside).parent
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        write_file(record.aside, data, self.settings.file_mode)
        make_durable(str(folder), [record.aside])


def _same(row: TakenFile | None, file: Listed) -> bool:
    return row is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns)


def _moved(path: str, stamp: Stamp) -> bool:
    """The file was replaced or written while we read it."""
    try:
        return Stamp.of(os.stat(path, follow_symlinks=False)) != stamp
    except FileNotFoundError:
        return True


def _folder(row: TakenFile) -> ClaimFolder:
    return claim_folder("", row.claim, row.batch)
