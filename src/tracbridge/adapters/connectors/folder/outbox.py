"""The outbound folder: lay versions aside durably, show each by one rename, see its fate."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from tracbridge.adapters.connectors.folder.files import (
    fsync,
    make_durable,
    read_regular,
    remove,
    safe_name,
    there,
    write_file,
)
from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.domain.errors import FatalError, OccupiedError, RecordError, RetryableError
from tracbridge.ports.connector import Fate, Receipt, Record, Staged, Write

MARKER, LOCK, TEMPORARY = ".tracbridge", ".lock", ".tmp"
ACKNOWLEDGED = (".ack",)
REFUSED = (".err", ".nak")
WORDS = 500
"""Bytes of a customer's refusal that are kept."""
LARGEST = 64 * 1024 * 1024
"""Bytes of a file of ours: what is larger was not written by us."""


class Outbox:
    """One folder with one file per order. All methods block; call them in a thread."""

    def __init__(self, settings: FolderSettings) -> None:
        self.folder = str(settings.outbound)
        self.temporary = f"{self.folder}/{TEMPORARY}"
        self.mode = settings.file_mode
        self._lock: int | None = None

    def prepare(self) -> None:
        """The folder for versions that are not shown yet."""
        Path(self.temporary).mkdir(mode=0o750, exist_ok=True)

    def stage(self, writes: Sequence[Write]) -> list[Staged | RecordError]:
        """Temporary files, durable as one batch. ``over``: a file of that name is there now."""
        self._present()
        answers: list[Staged | RecordError] = []
        written: list[str] = []
        try:
            for write in writes:
                path = self._temporary(write.key)
                write_file(path, payload(write), self.mode)
                written.append(path)
                answers.append(Staged(write.key, there(self._path(write.ref or ""))))
            make_durable(self.temporary, written)
        except OSError as error:
            for path in written:
                remove(path)
            raise RetryableError(f"outbound folder {self.folder}: {error.strerror}.") from error
        return answers

    def publish(self, staged: Sequence[tuple[str, str]]) -> list[Receipt | RecordError]:
        """One rename each. A temporary file that is gone was renamed before a crash."""
        self._present()
        answers = [self._publish_one(key, ref) for key, ref in staged]
        fsync(self.folder)
        return answers

    def _publish_one(self, key: str, ref: str) -> Receipt | RecordError:
        target = self._path(ref)
        for ending in (*ACKNOWLEDGED, *REFUSED):
            remove(target + ending)
        try:
            os.rename(self._temporary(key), target)
        except FileNotFoundError:
            return Receipt(ref)
        except OSError as error:
            return RecordError(
                "not_delivered",
                f"cannot be renamed into place: {error.strerror}.",
                pointer=target,
                hint="Make room for it; the next run tries again.",
            )
        return Receipt(ref)

    def sweep(self) -> int:
        """Temporary files that were never announced: what lies there once all staged are shown."""
        names = os.listdir(self.temporary)
        for name in names:
            remove(f"{self.temporary}/{name}")
        return len(names)

    def fates(self, refs: Sequence[str]) -> dict[str, tuple[Fate, str]]:
        """What became of each order's file."""
        self._present()
        fates = {ref: self._fate(self._path(ref)) for ref in refs}
        self._present()
        return fates

    def _fate(self, target: str) -> tuple[Fate, str]:
        for ending in REFUSED:
            if there(target + ending):
                return Fate.REFUSED, _words(target + ending)
        if not there(target):
            return Fate.TAKEN, ""
        if any(there(target + ending) for ending in ACKNOWLEDGED):
            return Fate.ACKNOWLEDGED, ""
        return Fate.WAITING, ""

    def shown(self, refs: Sequence[str]) -> dict[str, Record]:
        """Each order's file as it lies there now."""
        found = {ref: self._shown(ref) for ref in refs}
        return {ref: record for ref, record in found.items() if record}

    def _shown(self, ref: str) -> Record | None:
        name = name_of(ref)
        try:
            data, _ = read_regular(self._path(ref), LARGEST)
            body = orjson.loads(data)
        except FileNotFoundError:
            return None
        except RecordError as error:
            return Record(None, ref, source=name, error=error)
        except OSError as error:
            why = RecordError("unreadable", f"cannot be read: {error.strerror}.")
            return Record(None, ref, source=name, error=why)
        except orjson.JSONDecodeError:
            body = None
        if isinstance(body, dict):
            return Record(body, ref, source=name, raw=data)
        why = RecordError("not_json", "is no JSON object any more.")
        return Record(None, ref, source=name, raw=data, error=why)

    def _temporary(self, key: str) -> str:
        return f"{self.temporary}/{safe_name(key)}"

    def _path(self, ref: str) -> str:
        return f"{self.folder}/{name_of(ref)}"

    def _present(self) -> None:
        """An empty mount point is not a customer who took everything."""
        if not there(f"{self.folder}/{MARKER}"):
            raise FatalError(f"outbound folder {self.folder} has lost its marker while we worked.")

    def lock(self) -> None:
        """One process of ours at a time; the kernel frees it however the process ends."""
        if self._lock is not None:
            return
        fd = os.open(f"{self.folder}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise OccupiedError(
                f"another process of ours (pid {holder or 'unknown'}) works in {self.folder}; "
                "one at a time. Stop that one, or wait for it."
            ) from error
        self._lock = fd
        with suppress(OSError):  # only tells others who we are: a full disk is no reason to stop
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def unlock(self) -> None:
        """Let others in; harmless if we never held it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def marker(self) -> str | None:
        """The marker's text, None if there is no marker."""
        try:
            return Path(self.folder, MARKER).read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None

    def place_marker(self, marker: str) -> None:
        """Durable, by rename; replaces another marker."""
        path = f"{self.folder}/{MARKER}"
        write_file(f"{path}.new", f"{marker}\n".encode("ascii"), self.mode)
        fsync(f"{path}.new")
        os.rename(f"{path}.new", path)
        fsync(self.folder)


def name_of(ref: str) -> str:
    """The name of an order's file."""
    return f"workorder_{safe_name(ref)}.json"


def payload(write: Write) -> bytes:
    """The JSON text of a write, with the passed-through keys as the customer spelt them."""
    known = orjson.dumps(write.body, option=orjson.OPT_INDENT_2)
    if not write.extra:
        return known + b"\n"
    return known[:-2] + b",\n  " + write.extra[1:-1].strip().encode() + b"\n}\n"


def _words(path: str) -> str:
    """What the customer wrote beside the file; never followed as a link."""
    try:
        fd = os.open(
            path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except OSError:
        return ""
    try:
        return os.read(fd, WORDS).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)
