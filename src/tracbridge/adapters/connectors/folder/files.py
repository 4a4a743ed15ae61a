"""File-system primitives: safe reading, durable writing, names that cannot leave a folder."""

import ctypes
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tracbridge.domain.errors import RecordError, RetryableError

NAME_BYTES = 255
"""The longest file name that common file systems take, in bytes."""

_PLAIN = re.compile(r"[a-z0-9_-]{1,80}")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def read_regular(path: str, limit: int) -> tuple[bytes, Stamp]:
    """The bytes of a regular file and the state they belong to; never follows a link, never blocks.

    Raises `RecordError` for what is no regular file or larger than ``limit``; `OSError` otherwise.
    """
    try:
        fd = os.open(path, os.O_RDONLY | _NOFOLLOW | _NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if Path(path).is_symlink():
            raise not_regular("a symbolic link") from error
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise not_regular("not a regular file")
        if status.st_size > limit:
            raise too_large(status.st_size, limit)
        return _read_all(fd, status.st_size, limit), Stamp.of(status)
    finally:
        os.close(fd)


_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


def _read_all(fd: int, size: int, limit: int) -> bytes:
    """All bytes, in one read as a rule; a file that grows under our hands is read to its end."""
    data = os.read(fd, size + 1)
    while len(data) > size:
        more = os.read(fd, 1 << 20)
        if not more:
            break
        data += more
        if len(data) > limit:
            raise too_large(len(data), limit)
    return data


def not_regular(what: str) -> RecordError:
    """What is no plain file is refused unopened."""
    return RecordError(
        "not_regular", f"is {what} and was not opened.", hint="Deliver plain files only."
    )


def too_large(size: int, limit: int) -> RecordError:
    """A file over the limit is refused unread."""
    return RecordError(
        "too_large",
        f"has {size} bytes; at most {limit} are read.",
        hint="Split it, or raise DATA_MAX_FILE_MB.",
    )


def there(path: str) -> bool:
    """Whether something has this name; raises `OSError` where nobody can tell.

    `os.path.lexists` says no then: a disk that fails would look like a customer who took our files.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def repeated_later() -> Iterator[None]:
    """A folder that fails is an outage: full, failing, or away for the moment."""
    try:
        yield
    except OSError as error:
        where = error.filename or "a file"
        raise RetryableError(
            f"the customer's folders fail at {where}: {error.strerror}."
        ) from error


def safe_name(ref: str) -> str:
    """A file name for any text: in one folder, different for different texts, on any system."""
    if _PLAIN.fullmatch(ref):
        return ref
    digest = sha256(ref.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{quote(ref, safe='', errors='surrogatepass')[:80]}-{digest}"


def plain_name(name: str) -> str:
    """A file's name as text: one that is not UTF-8 is escaped, and a digest keeps it apart."""
    if name.isascii() or not _SURROGATES.search(name):
        return name
    data = os.fsencode(name)
    stem = data[:-5].decode("utf-8", "backslashreplace").encode()[:200].decode("utf-8", "ignore")
    return f"{stem}-{sha256(data).hexdigest()[:16]}.json"


def write_file(path: str, data: bytes, mode: int) -> None:
    """A new file with exactly this content and mode; not durable yet, see `make_durable`."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def make_durable(folder: str, paths: list[str]) -> None:
    """These files in ``folder`` survive a power cut: one ``syncfs``, else one fsync for each.

    Linux before 5.8 hides write errors from ``syncfs``; there, and elsewhere, each file is synced.
    """
    if len(paths) > 1 and _syncfs is not None:
        _sync_file_system(folder)
        return
    for path in paths:
        fsync(path, os.O_RDONLY)
    # A new file's name is its folder's, which a file's own fsync need not write.
    fsync(folder)


def _sync_file_system(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _syncfs is not None and _syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), folder)
    finally:
        os.close(fd)


def fsync(path: str, flags: int = os.O_RDONLY) -> None:
    """The file's content, or the folder's entries, survive a power cut."""
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _find_syncfs() -> "ctypes._NamedFuncPointer | None":
    if os.name != "posix" or not hasattr(os, "uname") or os.uname().sysname != "Linux":
        return None
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if release is None or (int(release[1]), int(release[2])) < (5, 8):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


_syncfs = _find_syncfs()


def move(source: str, target: str) -> bool:
    """Rename; False if the source is not there (any more). Repeating a move is harmless."""
    try:
        os.rename(source, target)
    except FileNotFoundError:
        if not Path(target).parent.is_dir():
            raise
        return False
    return True


def remove(path: str) -> None:
    """Delete; a file that is gone already is success."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
