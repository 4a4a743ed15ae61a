"""From the write on one side to the durable effect on the other, while `tracbridge serve` runs.

Both observers look as quickly as the operating system and the server tell them, at some of the
changes; what they take themselves is part of the figures. In the end each order is compared: what
the last write on one side said has to stand on the other.
"""

import ctypes
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from benchmarks.flows import progress
from tests.harness import Server, World, order, server

MOVED_TO = 0x80
"""inotify's word for a file that was renamed into a folder."""


OF_CUSTOMER = [
    {"$match": {"updateDescription.updatedFields.description": {"$regex": "^C"}}},
    {"$project": {"updateDescription.updatedFields.description": 1}},
]
"""What the observer of TracOS has to be told: as little as possible, from the same server."""

LOOKED_AT = 25
"""Changes a second on each side whose effect is waited for: to watch costs what is measured."""


@dataclass(slots=True)
class Direction:
    """Seconds from write to effect, by the token that each write carries."""

    name: str
    written: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> list[float]:
        """Sorted."""
        both = self.written.keys() & self.seen.keys()
        return sorted(self.seen[token] - self.written[token] for token in both)

    def told(self) -> str:
        """Median, 99th percentile and what never came, which later edits may have replaced."""
        found = self.seconds
        if not found:
            return f"{self.name}: nothing arrived"
        p50, p99 = statistics.median(found), found[int(len(found) * 0.99)]
        lately = list(self.written)[len(self.written) * 3 // 4 :]
        last = statistics.median(self.seen[t] - self.written[t] for t in lately if t in self.seen)
        missing = len(self.written) - len(found)
        return (
            f"{self.name}: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, in the last quarter "
            f"p50 {last * 1e3:.1f} ms, {len(found)} arrived, {missing} replaced by later ones"
        )


@contextmanager
def folder_watched(
    folder: Path, seen: dict[str, float], watched: Callable[[int], bool]
) -> Iterator[None]:
    """Notes when the file of a watched order appears, by its summary."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(0)
    libc.inotify_add_watch(handle, os.fsencode(folder), MOVED_TO)

    def look() -> None:
        while data := os.read(handle, 65_536):
            now, place = time.perf_counter(), 0
            while place < len(data):
                *_, size = struct.unpack_from("iIII", data, place)
                name = data[place + 16 : place + 16 + size].rstrip(b"\0").decode()
                place += 16 + size
                if name.endswith(".json") and watched(int(name[len("workorder_") : -len(".json")])):
                    text = (folder / name).read_text()
                    seen.setdefault(json.loads(text)["summary"], now)

    threading.Thread(target=look, daemon=True).start()
    yield


@contextmanager
def collection_watched(orders: Any, seen: dict[str, float]) -> Iterator[None]:
    """Notes when each document changes, by its description."""
    started = threading.Event()

    def look() -> None:
        with suppress(PyMongoError), orders.watch(OF_CUSTOMER) as stream:
            started.set()
            for change in stream:
                text = change["updateDescription"]["updatedFields"]["description"]
                seen.setdefault(text, time.perf_counter())

    threading.Thread(target=look, daemon=True).start()
    started.wait(10)
    yield


MEASURED = {
    "bare": ("benchmarks.bare",),
    "tracbridge": ("tracbridge", "serve", "--allow-root", "--port", "0"),
}
"""The least that could do the same writes, and the service, each as a module and its words."""


def realtime(
    server: Server, root: Path, words: Sequence[str], *, orders: int, rate: float, seconds: float
) -> str:
    """Edits on both sides at that rate in each direction."""
    world = World(server, root, {"ACKNOWLEDGE_INBOUND": "false", "LOG_LEVEL": "ERROR"})
    now = datetime.now(UTC)
    for number in range(1, orders + 1):
        world.drop(order(number, at=now))
    world.run()
    env = {**world.env, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, cwd=world.root, env=env, stdin=subprocess.DEVNULL)
    out, into = Direction("TracOS -> customer"), Direction("customer -> TracOS")
    writers = Writers(world, orders, out, into, step=max(1, int(rate / LOOKED_AT)))
    try:
        with (
            folder_watched(world.outbound, out.seen, writers.watched),
            collection_watched(world.orders, into.seen),
        ):
            time.sleep(3.0)
            busy = busy_of(process.pid)
            took, memory = edited(writers, rate, seconds, lambda: memory_of(process.pid))
            busy = busy_of(process.pid) - busy
            rest = caught_up(writers)
    finally:
        process.terminate()
        process.wait()
    return (
        f"{rate:g}/s each way asked, {rate * seconds / took:.0f}/s made for {took:.0f} s: "
        f"{out.told()}; {into.told()}; {rest}; busy {busy / took:.0%} of a core; MB at quarters: "
        + ", ".join(f"{memory[int(at * (len(memory) - 1))]:.0f}" for at in (0, 0.25, 0.5, 0.75, 1))
    )


def memory_of(pid: int) -> float:
    """Megabytes that it holds now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def busy_of(pid: int) -> float:
    """Seconds for which it has kept a core busy."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


TICK = 0.01
"""Seconds: what is due within one is written together, so that the writers are not the limit."""


@dataclass(slots=True)
class Writers:
    """Half of the orders are edited in TracOS, half of them by the customer.

    ``step``: of so many orders one is watched. ``said``: the last word about each order.
    """

    world: World
    orders: int
    out: Direction
    into: Direction
    step: int = 1
    said: dict[int, str] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def watched(self, number: int) -> bool:
        """Whether the effect on this order is waited for."""
        return number % self.step == 0

    def write(self, turns: range) -> None:
        """One edit on each side for each turn."""
        half, now = self.orders // 2, datetime.now(UTC)
        edits, texts = [], []
        for turn in turns:
            number = self.chance.randint(1, half)
            self.said[number] = f"T{turn}"
            if self.watched(number):
                texts.append(f"T{turn}")
            values = {"description": f"T{turn}", "updatedAt": now, "isSynced": False}
            edits.append(UpdateOne({"number": number}, {"$set": values}))
        self.world.orders.bulk_write(edits, ordered=False)
        self.out.written |= dict.fromkeys(texts, time.perf_counter())
        for turn in turns:
            number = self.chance.randint(half + 1, self.orders)
            text = self.said[number] = f"{'C' if self.watched(number) else 'c'}{turn}"
            self.world.drop(order(number, at=now, summary=text), name=f"{turn}.json")
            if self.watched(number):
                self.into.written[text] = time.perf_counter()

    def apart(self) -> int:
        """Orders of which the other side does not show the last word."""
        found = self.world.orders.find({}, {"number": 1, "description": 1})
        shown = {document["number"]: document["description"] for document in found}
        for number in range(1, self.orders // 2 + 1):
            shown[number] = (self.world.sent(number) or {}).get("summary")
        return sum(shown[number] != text for number, text in self.said.items())


PATIENCE = 60.0
"""Seconds for which the last changes are waited for."""


def caught_up(writers: Writers) -> str:
    """When, after the last write, both sides showed the same."""
    begun = time.perf_counter()
    while apart := writers.apart():
        if time.perf_counter() - begun > PATIENCE:
            return f"{apart} orders differ after {PATIENCE:.0f} s"
        time.sleep(0.05)
    return f"all equal {time.perf_counter() - begun:.1f} s after the last write"


def edited(
    writers: Writers, rate: float, seconds: float, memory: Callable[[], float]
) -> tuple[float, list[float]]:
    """Seconds that the edits took, which are more than asked for where the writers are too slow,
    and the service's memory each second.
    """
    begun, turn, used = time.perf_counter(), 0, [memory()]
    while turn < int(rate * seconds):
        elapsed = time.perf_counter() - begun
        due = min(int(rate * (elapsed + TICK)), int(rate * seconds))
        if due > turn:
            writers.write(range(turn, due))
            turn = due
        if elapsed >= len(used):
            used.append(memory())
        time.sleep(max(0.0, begun + turn / rate - time.perf_counter()))
    return time.perf_counter() - begun, used


def main() -> None:
    """``python -m benchmarks.realtime [RATE] [SECONDS] [NAME]``: one of `MEASURED`, or each."""
    rate, seconds = (float(word) for word in (*sys.argv[1:3], "100", "20")[:2])
    root = Path(tempfile.mkdtemp(prefix="tracbridge-realtime-"))
    with server(root / "mongod", replica_set=True) as running:
        for name in sys.argv[3:] or MEASURED:
            place = root / name
            told = realtime(
                running, place, MEASURED[name], orders=2_000, rate=rate, seconds=seconds
            )
            progress(f"{name}: {told}")


if __name__ == "__main__":
    main()
