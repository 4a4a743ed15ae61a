"""A replica set of three on this machine, whose members can be killed, stopped and deposed."""

import atexit
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests import harness
from tests.harness import Server
from tracbridge.adapters.mongo import embedded

NAME = embedded.REPLICA_SET
PATIENCE = 60.0


@dataclass
class Trio(Server):
    """Three members; ``folder``, ``port`` and ``process`` are those of the first."""

    members: list[Server] = field(default_factory=list)

    @property
    def uri(self) -> str:
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.members)
        return f"mongodb://{hosts}/?replicaSet={NAME}"

    def primary(self) -> Server:
        """The member that takes writes; waited for."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for one in self.members:
                if one.process.poll() is None and takes_writes(one):
                    return one
            time.sleep(0.05)
        msg = "no primary"
        raise AssertionError(msg)

    def step_down(self) -> None:
        """The primary gives its place to another one."""
        command = {"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5, "force": True}
        self.primary().client.admin.command(command)

    def freeze(self) -> Server:
        """The primary stands still, without a word; the member."""
        one = self.primary()
        one.process.send_signal(signal.SIGSTOP)
        return one


def takes_writes(member: Server) -> bool:
    """Whether it says so, soon."""
    try:
        return bool(member.client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


@dataclass
class Member(Server):
    """One of three; its client speaks to it alone."""

    def __post_init__(self) -> None:
        self.client = MongoClient(
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true",
            serverSelectionTimeoutMS=1_000,
            socketTimeoutMS=2_000,
        )

    def restart(self) -> None:
        """The same files on the same port; it joins the others by itself."""
        self.process = harness._spawn(self.folder, self.port, replica_set=True)


@contextmanager
def three(folder: Path) -> Iterator[Trio]:
    """Three members that have elected a primary; all gone afterwards."""
    with ExitStack() as stack:
        members: list[Server] = [member(folder / str(number), stack) for number in range(3)]
        for one in members:
            embedded._wait(partial(embedded._answers, one.client), "no answer")
        rows = [{"_id": n, "host": f"127.0.0.1:{m.port}"} for n, m in enumerate(members)]
        settings = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
        wanted = {"_id": NAME, "members": rows, "settings": settings}
        members[0].client.admin.command("replSetInitiate", wanted)
        first = members[0]
        trio = Trio(first.folder, first.port, True, first.process, members)
        stack.callback(trio.client.close)
        trio.primary()
        yield trio


def member(folder: Path, stack: ExitStack) -> Member:
    """A server that waits to be told of its set."""
    port = embedded.free_port()
    one = Member(folder, port, True, harness._spawn(folder, port, replica_set=True))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(end, one)
    atexit.register(end, one)
    stack.callback(atexit.unregister, end)
    return one


def end(one: Member) -> None:
    """By its process, whatever state it is in."""
    one.client.close()
    one.process.kill()
    one.process.wait()
