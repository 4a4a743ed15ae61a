"""A MongoDB of our own for trial, development and tests on one machine; never for production.

The server listens on 127.0.0.1 only, asks for no password, and outlives the process that started
it: the next run must find its data. It ends with ``stop`` (or ``tracbridge mongo stop``).

Everything lies in one folder::

    data/          the database files
    mongod.log     what the server says
    mongod.pid     written by the server itself
    mongod.json    pid, port, uri, started: how a later process finds the server
    start.lock     held while somebody starts or stops it

Synchronous on purpose: it runs once, before there is anything to wait for beside it.
"""

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

from msgspec import Struct
from msgspec.structs import asdict
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tracbridge.adapters.mongo.binary import PATIENCE, call, find_binary, last_line
from tracbridge.domain.errors import ConfigError

__all__ = [
    "Running",
    "command",
    "find_binary",
    "free_port",
    "make_writable",
    "running",
    "start",
    "stop",
    "uri_of",
]

HOST = "127.0.0.1"
REPLICA_SET = "rs0"
_UNWRITTEN = (
    "eviction_dirty_target=50,eviction_dirty_trigger=80,"
    "eviction_updates_target=40,eviction_updates_trigger=60"
)
"""Hundredths of the cache that may hold what is in the journal only.

By default a twentieth: of a cache as small as ours the busiest pages of every index then go out and
come back all the time.
"""
_POLL = 0.02
_ALREADY_INITIATED = 23
_PORT_TAKEN = 48


class Running(Struct, frozen=True):
    """A server that answers: where, and which process it is."""

    uri: str
    pid: int
    port: int
    started: str


def command(binary: Path, folder: Path, port: int, *, replica_set: bool) -> list[str]:
    """The command line of a server whose files lie in ``folder``; it stays in the foreground."""
    base = folder.resolve()
    words = [str(binary), "--dbpath", str(base / "data"), "--port", str(port), "--bind_ip", HOST]
    words += ["--logpath", str(base / "mongod.log"), "--logappend"]
    words += ["--pidfilepath", str(base / "mongod.pid"), "--nounixsocket"]
    # The server's zlib once leaked memory to anybody who could connect (CVE-2025-14847).
    words += ["--networkMessageCompressors", "disabled", "--wiredTigerCacheSizeGB", "0.5"]
    words += ["--wiredTigerEngineConfigString", _UNWRITTEN]
    # There is nobody to hand over to: end at once instead of after 15 seconds.
    words += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"]
    words += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    # Otherwise the oplog may grow to a twentieth of the disk.
    return words + (["--replSet", REPLICA_SET, "--oplogSize", "1024"] if replica_set else [])


def start(
    folder: Path,
    *,
    replica_set: bool = True,
    port: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Running:
    """The server of ``folder``, writable: the one that runs already, else a new one.

    Any number of processes may call this at once; they all get the same server.
    """
    with _alone(folder):
        found = running(folder)
        if found is None:
            found = _launch(find_binary(environ), folder, _ports(folder, port), replica_set)
        make_writable(found.port, replica_set=replica_set)
        return found


def running(folder: Path) -> Running | None:
    """The server of ``folder`` if its process is alive and really is ours."""
    note = _read_note(folder)
    if note is None:
        return None
    pid = note.pid or _pid_written_by_server(folder)
    if not _is_ours(pid, folder):
        return None
    return Running(note.uri, pid, note.port, note.started)


def stop(folder: Path) -> bool:
    """End the server of ``folder``, and no other process; False if there was none."""
    if not folder.is_dir():
        return False
    with _alone(folder):
        found = running(folder)
        if found is None:
            return False
        _end(found.pid)
        # The port is kept: the next start takes the same one if it is still free.
        _write_note(folder, Running(found.uri, 0, found.port, found.started))
        return True


def make_writable(port: int, *, replica_set: bool) -> None:
    """Wait until the server on this port answers and takes writes; initiate its replica set."""
    uri = f"mongodb://{HOST}:{port}/?directConnection=true"
    with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=500) as client:
        _wait(lambda: _answers(client), f"mongod on port {port} does not answer")
        if replica_set:
            _initiate(client, f"{HOST}:{port}")
        _wait(lambda: _takes_writes(client), f"mongod on port {port} takes no writes")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def uri_of(port: int, *, replica_set: bool) -> str:
    """How to reach the server on this port."""
    return f"mongodb://{HOST}:{port}/" + (f"?replicaSet={REPLICA_SET}" if replica_set else "")


# -- starting --------------------------------------------------------------------------------


def _ports(folder: Path, asked: int | None) -> list[int]:
    if asked is not None:
        return [asked]
    note = _read_note(folder)
    before = [note.port] if note is not None and _is_free(note.port) else []
    return [*before, free_port(), free_port(), free_port()]


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return True
    return False


def _launch(binary: Path, folder: Path, ports: list[int], replica_set: bool) -> Running:
    (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
    for port in ports:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        note = Running(uri_of(port, replica_set=replica_set), 0, port, started)
        # Noted before there is a server: a crash right after the launch loses nothing.
        _write_note(folder, note)
        words = [*command(binary, folder, port, replica_set=replica_set), "--fork"]
        # With --fork the server leaves our session, and this returns once it can be reached.
        done = _called(words, folder)
        if done.returncode == 0:
            return _noted(folder, note)
        if done.returncode != _PORT_TAKEN:
            break
    raise ConfigError(f"{binary} did not start: {_why(folder, done.stdout + done.stderr)}")


def _called(words: list[str], folder: Path) -> CompletedProcess[str]:
    """The launch. A server that was killed may hold its lock a moment longer than its process
    shows.
    """
    until = time.monotonic() + _LOCKED
    while True:
        done = call(words)
        held = done.returncode and "DBPathInUse" in _why(folder, done.stdout)
        if not held or time.monotonic() > until:
            return done
        time.sleep(_BREATH)


_LOCKED, _BREATH = 5.0, 0.1
"""Seconds: how long that may take, and between two attempts."""


def _noted(folder: Path, note: Running) -> Running:
    found = Running(note.uri, _pid_written_by_server(folder), note.port, note.started)
    _write_note(folder, found)
    return found


def _why(folder: Path, said: str) -> str:
    log = folder / "mongod.log"
    with suppress(OSError, ValueError, KeyError, TypeError):
        for line in reversed(log.read_text(errors="replace").splitlines()[-200:]):
            entry = json.loads(line)
            if entry["s"] in "EF" and "error" in entry.get("attr", {}):
                return f"{entry['attr']['error']} (see {log})"
    return f"{last_line(said)} (see {log})"


def _initiate(client: MongoClient[dict[str, object]], member: str) -> None:
    wanted = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
    try:
        client.admin.command("replSetInitiate", wanted)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIATED:
            raise ConfigError(f"the embedded mongod makes no replica set: {error}") from error
        _move(client, member)


def _move(client: MongoClient[dict[str, object]], member: str) -> None:
    """Tell a replica set that was made on another port where it lives now."""
    config = client.admin.command("replSetGetConfig")["config"]
    if config["members"][0]["host"] == member:
        return
    config["members"][0]["host"] = member
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)


def _answers(client: MongoClient[dict[str, object]]) -> bool:
    try:
        return bool(client.admin.command("ping"))
    except PyMongoError:
        return False


def _takes_writes(client: MongoClient[dict[str, object]]) -> bool:
    return bool(client.admin.command("hello").get("isWritablePrimary"))


def _wait(until: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > deadline:
            raise ConfigError(f"{otherwise} within {PATIENCE:.0f} seconds")
        time.sleep(_POLL)


# -- the process -----------------------------------------------------------------------------


def _end(pid: int) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        with suppress(ConfigError):
            return _wait(lambda: _has_ended(pid), f"mongod {pid} does not end")
    raise ConfigError(f"the embedded mongod (process {pid}) does not end")


def _has_ended(pid: int) -> bool:
    """Whether its files and its port are free again: later than the end of its command line."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        # Ended and not waited for: nothing is left of it once its other threads are gone.
        return state == "Z" and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    except ProcessLookupError:
        return True
    except OSError:
        # With /proc it ended while we looked; without, the signal has found it alive.
        return Path("/proc/self").exists()


def _is_ours(pid: int, folder: Path) -> bool:
    """Whether this process is a mongod on our files: a pid alone may belong to anybody by now."""
    if pid <= 0:
        return False
    return str(folder.resolve() / "data") in _words_of(pid)


def _words_of(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            # Empty for a process that has ended and was not waited for yet.
            return Path(f"/proc/{pid}/cmdline").read_text(errors="surrogateescape").split("\0")
        return []
    listed = call(["ps", "-ww", "-o", "command=", "-p", str(pid)]).stdout
    return re.findall(r"(?<=--dbpath ).*(?= --port)", listed)


def _pid_written_by_server(folder: Path) -> int:
    with suppress(OSError, ValueError):
        return int((folder / "mongod.pid").read_text())
    return 0


# -- the note --------------------------------------------------------------------------------


def _read_note(folder: Path) -> Running | None:
    with suppress(OSError, ValueError, TypeError):
        return Running(**json.loads((folder / "mongod.json").read_bytes()))
    return None


def _write_note(folder: Path, note: Running) -> None:
    draft = folder / "mongod.json.new"
    draft.write_text(json.dumps(asdict(note), indent=2) + "\n")
    draft.replace(folder / "mongod.json")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of this folder."""
    if sys.platform == "win32":
        raise ConfigError("the embedded MongoDB runs on Linux and macOS only: set MONGO_URI")
    import fcntl  # noqa: PLC0415 - not there on Windows

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
