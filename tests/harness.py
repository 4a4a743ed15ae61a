"""What the tests act with: real servers, and the command line as a user runs it."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

from tracbridge.adapters.mongo import embedded

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
CREATED = NOW - timedelta(days=9)

FLAGS = {
    "pending": "isPending",
    "in_progress": "isActive",
    "on_hold": "isOnHold",
    "completed": "isDone",
    "cancelled": "isCanceled",
}

Doc = dict[str, Any]


# -- servers ---------------------------------------------------------------------------------


@dataclass
class Server:
    """One mongod of this test session. It dies with us, even if we are killed."""

    folder: Path
    port: int
    replica_set: bool
    process: subprocess.Popen[bytes]
    more: tuple[str, ...] = field(default=(), kw_only=True)
    client: MongoClient[Doc] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # What a test plants is there after ``kill`` too: a standalone answers before its journal.
        self.client = MongoClient(
            self.uri,
            tz_aware=True,
            journal=True,
            serverSelectionTimeoutMS=15_000,
            datetime_conversion="DATETIME_AUTO",
        )

    @property
    def uri(self) -> str:
        return embedded.uri_of(self.port, replica_set=self.replica_set)

    def fresh_name(self, prefix: str = "test") -> str:
        return f"{prefix}_{uuid.uuid4().hex[:12]}"

    def drop(self, *names: str) -> None:
        for name in names:
            self.client.drop_database(name)

    def kill(self) -> None:
        """As a power cut does it."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """The same files on the same port, after ``kill``."""
        self.process = _spawn(self.folder, self.port, self.more, replica_set=self.replica_set)
        embedded.make_writable(self.port, replica_set=self.replica_set)

    def end(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def server(folder: Path, *more: str, replica_set: bool) -> Iterator[Server]:
    """A server of its own, ended by its process id whatever happens; ``more``: words for mongod."""
    port = embedded.free_port()
    process = _spawn(folder, port, more, replica_set=replica_set)
    # Where nothing ties its life to ours, at least an orderly exit takes it along.
    atexit.register(process.kill)
    try:
        embedded.make_writable(port, replica_set=replica_set)
        running = Server(folder, port, replica_set, process, more=more)
        try:
            yield running
        finally:
            running.end()
    finally:
        process.kill()
        process.wait()
        atexit.unregister(process.kill)
        shutil.rmtree(folder, ignore_errors=True)


def _spawn(
    folder: Path, port: int, more: tuple[str, ...] = (), *, replica_set: bool
) -> subprocess.Popen[bytes]:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    words = embedded.command(embedded.find_binary(), folder, port, replica_set=replica_set)
    return subprocess.Popen(
        [*tied_to_us(), *words, *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def tied_to_us() -> list[str]:
    """Linux can end a child with its parent; ``setpriv`` asks for it and becomes the child."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


# -- records ---------------------------------------------------------------------------------


def order(number: int, status: str | None = "pending", at: datetime = NOW, **over: Any) -> Doc:
    """A customer's order; an override of ``...`` leaves the key out."""
    body: Doc = {"orderNo": number, "isDeleted": False, "isSynced": False}
    body |= {flag: name == status for name, flag in FLAGS.items()}
    body |= {
        "summary": f"Inspect conveyor {number}",
        "creationDate": CREATED.isoformat(),
        "lastUpdateDate": at.isoformat(),
        "deletedDate": None,
    }
    return _without_dots(body | over)


def doc(number: int, status: str = "pending", at: datetime = NOW, **over: Any) -> Doc:
    """A TracOS document; an override of ``...`` leaves the key out."""
    body: Doc = {
        "number": number,
        "status": status,
        "title": f"Title {number}",
        "description": f"Description {number}",
        "createdAt": CREATED,
        "updatedAt": at,
        "deleted": False,
    }
    return _without_dots(body | over)


def _without_dots(body: Doc) -> Doc:
    return {key: value for key, value in body.items() if value is not ...}


# -- the command line ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


MEASURED = ("COVERAGE_PROCESS_CONFIG",)
"""How the coverage tool tells processes that tests start to measure themselves."""


@dataclass
class World:
    """One connection in fresh folders, on fresh databases of a shared server.

    The command line knows of us only what a user's shell would tell it: nothing of the test
    process's environment reaches it but PATH, and whether coverage is being measured.
    """

    server: Server
    root: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()
    """Words before the command, such as a program that takes rights away."""

    def __post_init__(self) -> None:
        self.database = self.server.fresh_name("tracos")
        self.state = self.server.fresh_name("state")
        self.inbound, self.outbound = self.root / "in", self.root / "out"
        for folder in (self.inbound, self.outbound):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT / "src"),
            "MONGO_URI": self.server.uri,
            "MONGO_DATABASE": self.database,
            "STATE_DATABASE": self.state,
            "DATA_INBOUND_DIR": str(self.inbound),
            "DATA_OUTBOUND_DIR": str(self.outbound),
            "DATA_SETTLE_SECONDS": "0",
            **{name: os.environ[name] for name in MEASURED if name in os.environ},
            **self.extra,
        }

    @property
    def orders(self) -> Collection[Doc]:
        """TracOS's collection."""
        return self.server.client[self.database]["workorders"]

    def drop(self, body: Doc | bytes, name: str | None = None) -> Path:
        """The customer's system puts a file into the inbound folder, whole at once."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if name is None:
            name = f"{body['orderNo']}.json" if isinstance(body, dict) else "dropped.json"
        draft = self.root / "drop.tmp"
        draft.write_bytes(data)
        return draft.replace(self.inbound / name)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """The command line, still running; the caller ends it."""
        return subprocess.Popen(
            [*self.before, sys.executable, "-m", "tracbridge", *words],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cli(self, *words: str, timeout: float = 60) -> Said:
        with self.popen(*words) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Said(process.returncode, out, err)

    def run(self, *words: str, timeout: float = 60) -> tuple[int, Doc, str]:
        """One pass: exit code, the connection's summary (empty if there is none), stderr."""
        said = self.cli("run", "--json", *words, timeout=timeout)
        summary: Doc = said.json()["connections"][0] if said.out.strip() else {}
        return said.code, summary, said.err

    def doc(self, number: int) -> Doc | None:
        """The order as TracOS has it."""
        return self.orders.find_one({"number": number})

    def sent(self, number: int) -> Doc | None:
        """The order as it lies in the outbound folder."""
        path = self.outbound / f"workorder_{number}.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else None

    def outbound_files(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in self.outbound.glob("*.json")}

    def fingerprint(self) -> tuple[list[tuple[str, int, int]], list[str]]:
        """What a run at rest must leave alone: files by name, time and size; documents."""
        files = sorted(
            (str(path.relative_to(self.root)), path.stat().st_mtime_ns, path.stat().st_size)
            for folder in (self.inbound, self.outbound)
            for path in folder.rglob("*")
            if path.is_file() and "lock" not in path.name
        )
        documents = sorted(
            json.dumps(document, default=str, sort_keys=True) for document in self.orders.find()
        )
        return files, documents

    def records(self, name: str) -> list[Doc]:
        """Our own collection ``tracbridge_<name>``, in the order of its ids."""
        return list(self.server.client[self.state][f"tracbridge_{name}"].find().sort("_id", 1))

    def cases(self) -> list[Doc]:
        """What is in quarantine and still open."""
        return [case for case in self.records("quarantine") if case["state"] == "open"]

    def kept(self, folder: str) -> list[Path]:
        """The files below ``archive`` or ``quarantine``."""
        return sorted(path for path in (self.root / folder).rglob("*") if not path.is_dir())

    def memory(self) -> Doc:
        """All that a run at rest must leave alone, and what we remember of it."""
        files, documents = self.fingerprint()
        stores = ("links", "history", "conflicts", "quarantine", "files")
        return {
            "files": files,
            "documents": documents,
            "archive": self.kept("archive"),
            "quarantine folder": self.kept("quarantine"),
            **{name: self.records(name) for name in stores},
        }

    def rests(self, *words: str) -> None:
        """A run now finds nothing to do, and changes nothing."""
        before = self.memory()
        code, _, said = self.run(*words)
        assert code == 0, said
        assert self.memory() == before

    def edit(self, number: int, **values: Any) -> None:
        """Somebody changes the order in TracOS; its ``isSynced`` stays as it is."""
        values.setdefault("updatedAt", datetime.now(UTC))
        assert self.orders.update_one({"number": number}, {"$set": values}).matched_count == 1

    def take(self, number: int) -> Doc | None:
        """The customer's importer reads the order's file and removes it; None if there is none."""
        body = self.sent(number)
        (self.outbound / f"workorder_{number}.json").unlink(missing_ok=True)
        return body

    def settle(self, *numbers: int) -> None:
        """The importer takes what lies there as often as we send it, until he surely has it."""
        waiting = True
        while waiting:
            for number in numbers:
                self.take(number)
            assert self.run()[0] == 0
            waiting = any(self.sent(number) for number in numbers)

    def until(self, true: Callable[[], object]) -> None:
        """Wait for what must come; fails if it does not come in a while."""
        deadline = time.monotonic() + 20
        while not true():
            assert time.monotonic() < deadline, "it did not come"
            time.sleep(0.02)

    def close(self) -> None:
        self.server.drop(self.database, self.state)


# -- processes -------------------------------------------------------------------------------


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended yet."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def end(pid: int) -> None:
    """End one process, by its id, and wait until it has."""
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.01)
