"""The four flows at one size: the command line, the baseline and the ceiling in turn."""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from pymongo import MongoClient

from benchmarks import plain
from benchmarks.process import Cost, timed
from tests.harness import FLAGS, NOW, Doc, Server, World, order

LARGEST_BASELINE = 10_000
"""Above, the rate of this size stands for the baseline, which flatters it: it only gets slower."""

FLOWS = {
    "new": "inbound, all new",
    "same": "inbound, the same again",
    "changed": "inbound, all changed",
    "out": "outbound, one file each",
}
STATUS = list(FLAGS)


@dataclass(slots=True)
class Figure:
    """What was measured of one flow at one size; seconds are medians."""

    flow: str
    orders: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    ceiling: list[float] = field(default_factory=list)
    rss_mb: float = 0.0
    load: float = 0.0
    start: float = 0.0
    """Seconds of a pass with nothing to do."""
    baseline_orders: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        return self.orders / self.median

    @property
    def baseline_rate(self) -> float:
        return self.baseline_orders / statistics.median(self.baseline)

    @property
    def ceiling_rate(self) -> float:
        return self.orders / statistics.median(self.ceiling)

    @property
    def micros(self) -> float:
        """Microseconds per order, without start-up."""
        return (self.median - self.start) / self.orders * 1e6

    @property
    def cpu_micros(self) -> float:
        """Microseconds of our own processor time per order, start-up included."""
        return statistics.median(self.cpu) / self.orders * 1e6

    def note(self, cost: Cost) -> None:
        self.seconds.append(cost.seconds)
        self.cpu.append(cost.cpu)
        self.rss_mb = max(self.rss_mb, cost.rss_mb)
        self.load = max(self.load, os.getloadavg()[0])


def progress(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  load {os.getloadavg()[0]:4.2f}  {text}", file=sys.stderr)


def fill(folder: Path, count: int, tag: str, at: datetime = NOW) -> None:
    """One file per order, on disk before anything is timed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        body = order(number, STATUS[number % 5], at, summary=f"{tag} {number}")
        Path(f"{folder}/{number}.json").write_bytes(orjson.dumps(body))
    os.sync()


def run(world: World, *words: str) -> Cost:
    """One pass of the command line as a user starts it."""
    command = [sys.executable, "-m", "tracbridge", "run", "--json", *words]
    return timed(command, world.env, world.root)


@contextmanager
def fresh(server: Server, root: Path, name: str) -> Iterator[World]:
    """A connection of its own whose indexes exist; its files stay until the whole run is over."""
    world = World(server, root / name, {"ACKNOWLEDGE_INBOUND": "false"})
    run(world)
    try:
        yield world
    finally:
        world.close()


class Size:
    """All flows at one size, ``repeats`` times."""

    def __init__(self, server: Server, root: Path, orders: int) -> None:
        self.server, self.root, self.orders = server, root, orders
        self.client = MongoClient[Doc](server.uri, tz_aware=True, w="majority", journal=True)
        self.figures = {flow: Figure(flow, orders) for flow in FLOWS}
        self.repeats = 3 if orders <= LARGEST_BASELINE else 1

    def measure(self) -> list[Figure]:
        for number in range(self.repeats):
            self._ours(f"{self.orders}-{number}")
        if self.orders <= LARGEST_BASELINE:
            for number in range(3 if self.orders <= BRIEF else 1):
                self._baseline(f"baseline-{self.orders}-{number}")
        self.client.close()
        return list(self.figures.values())

    def _ours(self, name: str) -> None:
        with fresh(self.server, self.root, name) as world:
            self._start(world)
            self._inbound(world, "new", "created", "new", NOW)
            self._inbound(world, "same", "unchanged", "new", NOW)
            self._inbound(world, "changed", "updated", "changed", NOW + timedelta(hours=1))
            self._ceiling_in(world)
            self._outbound(world)
            spent = plain.bare_files(world.outbound, self.root / f"ceiling-{name}")
            self.figures["out"].ceiling.append(spent)

    def _start(self, world: World) -> None:
        for flow, figure in self.figures.items():
            side = "--outbound-only" if flow == "out" else "--inbound-only"
            figure.start = statistics.median(run(world, side).seconds for _ in range(3))

    def _inbound(self, world: World, flow: str, counted: str, tag: str, at: datetime) -> None:
        fill(world.inbound, self.orders, tag, at)
        if flow == "same":
            spent = plain.bare_reading(world.inbound, self.client[world.database]["workorders"])
            self.figures[flow].ceiling.append(spent)
        cost = run(world, "--inbound-only")
        self._record(flow, cost, cost.counts()["inbound"][counted])

    def _outbound(self, world: World) -> None:
        values = {"isSynced": False, "status": "on_hold", "updatedAt": NOW + timedelta(hours=2)}
        world.orders.update_many({}, {"$set": values})
        os.sync()
        cost = run(world, "--outbound-only")
        self._record("out", cost, cost.counts()["outbound"]["delivered"])
        if len(world.outbound_files()) != self.orders:
            raise RuntimeError(f"{len(world.outbound_files())} files for {self.orders} orders")

    def _record(self, flow: str, cost: Cost, done: int) -> None:
        if done != self.orders:
            raise RuntimeError(f"{flow}: {done} of {self.orders} orders: {cost.out}")
        self.figures[flow].note(cost)
        rate = self.orders / cost.seconds
        progress(f"{self.orders:>7,} {FLOWS[flow]}: {rate:,.0f}/s, {cost.rss_mb:.0f} MB")

    def _ceiling_in(self, world: World) -> None:
        database = self.client[world.database]
        spent = plain.bare_inserts(database["workorders"], database["ceiling"])
        self.figures["new"].ceiling.append(spent)
        self.figures["changed"].ceiling.append(plain.bare_updates(database["ceiling"]))
        database["ceiling"].drop()

    def _baseline(self, name: str) -> None:
        folder, out = self.root / name, self.root / f"{name}-out"
        out.mkdir()
        orders = self.client[self.server.fresh_name("baseline")]["workorders"]
        fill(folder, self.orders, "new")
        self._spent(plain.one_by_one_in(folder, orders), "new")
        # It updates whatever it finds; the server sees for itself that nothing changes.
        self._spent(plain.one_by_one_in(folder, orders), "same")
        fill(folder, self.orders, "changed", NOW + timedelta(hours=1))
        self._spent(plain.one_by_one_in(folder, orders), "changed")
        self._spent(plain.one_by_one_out(orders, out), "out")
        self.client.drop_database(orders.database.name)

    def _spent(self, seconds: float, flow: str) -> None:
        self.figures[flow].baseline.append(seconds)
        self.figures[flow].baseline_orders = self.orders
        progress(f"{self.orders:>7,} baseline, {FLOWS[flow]}: {self.orders / seconds:,.0f}/s")


BRIEF = 1_000
"""Up to this size the baseline is measured three times too."""


def borrow(figures: list[Figure]) -> None:
    """The baseline of the largest size that it was measured at, for the sizes above."""
    for figure in figures:
        known = [f for f in figures if f.flow == figure.flow and f.baseline]
        if not figure.baseline and known:
            best = max(known, key=lambda f: f.orders)
            figure.baseline, figure.baseline_orders = best.baseline, best.orders
