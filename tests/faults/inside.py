"""Runs of ours inside the test's own process, for faults that only reach in from there."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.harness import World
from tracbridge.adapters.connectors.folder import files
from tracbridge.bootstrap import Service, opened
from tracbridge.config.settings import load
from tracbridge.domain.workorder import Side, to_milliseconds
from tracbridge.engine.connection import Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.session import session


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.incidents: list[tuple[str, str, str]] = []

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """Nothing."""

    def incident(self, code: str, where: str, message: str) -> None:
        """Kept."""
        self.incidents.append((code, where, message))


Steps = Callable[[Service, str], None]
"""What happens at each durable step, while we stand still."""


class At:
    """The port, over such a function."""

    def __init__(self, service: Service, act: Steps) -> None:
        self.service, self.act = service, act

    async def passed(self, step: str) -> None:
        """Stands still meanwhile."""
        self.act(self.service, step)


class Wrong:
    """A clock that goes wrong by so much."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        """Aware, UTC, cut to milliseconds."""
        return to_milliseconds(datetime.now(UTC) + self.by)


def run(world: World, act: Steps | None = None, clock: Wrong | None = None) -> int:
    """One run in this process, without patience; its exit code. Raises what ended it."""

    async def work() -> Tally:
        async with opened(load(world.env, None), Notes()) as service:
            connection = service.connection
            if act:
                connection = replace(connection, steps=At(service, act))
            if clock:
                connection = replace(connection, clock=clock)
            tally = Tally("inside")
            await service.prepare()
            async with session(connection, service.state.runs, "inside"):
                await cycle(connection, tally, frozenset(Side))
            return tally

    return 3 if asyncio.run(work()).troubled else 0


BY_PATH = (
    "open",
    "mkdir",
    "rename",
    "unlink",
    "rmdir",
    "stat",
    "lstat",
    "scandir",
    "listdir",
)
BY_HANDLE = ("read", "write", "fstat", "fsync", "fchmod", "ftruncate", "pwrite")


class FileSystem:
    """Counts the calls that reach below a folder, and lets one of them fail."""

    def __init__(self, folder: Path, failing: int, number: int) -> None:
        self.folder, self.failing, self.number = str(folder), failing, number
        self.calls = 0
        self.failed = ""
        self._handles: set[int] = set()
        self._lock = threading.Lock()

    def meets(self, name: str, path: str) -> None:
        """One call; perhaps it fails."""
        with self._lock:
            self.calls += 1
            fails = self.calls == self.failing
        if fails:
            self.failed = f"call {self.failing}: {name} {path}"
            raise OSError(self.number, os.strerror(self.number), path or None)

    def ours(self, path: Any) -> bool:
        """Whether a path lies below the folder."""
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder)

    def by_path(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The function that may fail for a path of ours; a file that it opens is ours."""

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self.ours(path):
                self.meets(name, os.fspath(path))
            result = real(path, *args, **kwargs)
            if name == "open" and self.ours(path):
                self._handles.add(result)
            return result

        return call

    def by_handle(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """The function that may fail for a file of ours."""

        def call(handle: int, *args: Any) -> Any:
            if handle in self._handles:
                self.meets(name, "")
            return real(handle, *args)

        return call

    def closing(self, handle: int) -> None:
        """Closing never fails: the handle is gone in any case."""
        self._handles.discard(handle)
        REAL_CLOSE(handle)

    def syncfs(self, handle: int) -> int:
        """All at once."""
        self.meets("syncfs", "")
        os.sync()
        return 0


REAL_CLOSE = os.close


@contextmanager
def failing(folder: Path, nth: int, number: int = errno.EIO) -> Iterator[FileSystem]:
    """The n-th call of the file system below this folder fails; all others work."""
    system = FileSystem(folder, nth, number)
    with pytest.MonkeyPatch.context() as patch:
        for name in BY_PATH:
            patch.setattr(os, name, system.by_path(name, getattr(os, name)))
        for name in BY_HANDLE:
            patch.setattr(os, name, system.by_handle(name, getattr(os, name)))
        patch.setattr(os, "close", system.closing)
        patch.setattr(files, "_syncfs", system.syncfs)
        yield system
