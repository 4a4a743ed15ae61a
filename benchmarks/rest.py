"""Customers' ERPs over REST: the command line, the bare client and the baseline in turn."""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from pymongo import MongoClient

from benchmarks.calls import (
    Spent,
    api_of,
    bare_changes,
    bare_reading,
    one_by_one_in,
    one_by_one_out,
)
from benchmarks.calm import Measured, Watch, calmest
from benchmarks.company import Company, company
from benchmarks.flows import progress
from benchmarks.process import Cost, timed
from tests.e2e.erp import COMMON, FILES, KEY
from tests.e2e.site import Site
from tests.harness import Doc, Server

NAMES = {"odoo": "Odoo", "erpnext": "ERPNext"}
FLOWS = {"new": "all new", "same": "the same again", "out": "changes going out"}
LATENCIES = (0.0, 0.05)
"""Seconds that the system takes before each answer: none, and those of a fair line."""

BASELINE = 2_000
"""Orders that the baseline reads at most: without an index it only gets slower."""

REPEATS = 5


@dataclass(slots=True)
class Figure:
    """What was measured of one flow; rates are medians of the calmer half.

    ``runs``: cost of the whole process, and its calls. ``bare`` and ``plain``: the bare client and
    the baseline. ``start``: seconds of a pass with nothing to do.
    """

    system: str
    flow: str
    latency: float
    orders: int
    runs: list[Measured[tuple[Cost, int]]] = field(default_factory=list)
    bare: list[Measured[Spent]] = field(default_factory=list)
    plain: list[Measured[Spent]] = field(default_factory=list)
    start: float = 0.0

    @property
    def what(self) -> str:
        return f"{NAMES[self.system]}, {FLOWS[self.flow]}, {self.latency * 1000:.0f} ms"

    @property
    def costs(self) -> list[Cost]:
        return [cost for cost, _ in calmest(self.runs)]

    @property
    def seconds(self) -> float:
        """Of the whole process."""
        return statistics.median(cost.seconds for cost in self.costs)

    @property
    def inner(self) -> float:
        """Of the pass alone, without start-up."""
        return statistics.median(inner_of(cost) for cost in self.costs)

    @property
    def spread(self) -> float:
        """The slowest pass against the quickest one of those that count."""
        passes = [inner_of(cost) for cost in self.costs]
        return max(passes) / min(passes)

    @property
    def others(self) -> float:
        """The share of the machine that others used in the passes that count."""
        counted = sorted(one.others for one in self.runs)[: len(self.costs)]
        return statistics.median(counted)

    @property
    def cpu_micros(self) -> float:
        """Microseconds of our own processor time per order, start-up included."""
        return statistics.median(cost.cpu for cost in self.costs) / self.orders * 1e6

    @property
    def rss_mb(self) -> float:
        return max(cost.rss_mb for cost in self.costs)

    @property
    def bare_rate(self) -> float:
        return statistics.median(one.records / one.seconds for one in calmest(self.bare))

    @property
    def plain_rate(self) -> float:
        return statistics.median(one.records / one.seconds for one in calmest(self.plain))

    @property
    def about(self) -> bool:
        """The baseline was measured with fewer orders."""
        return self.plain[0].value.records < self.orders

    @property
    def calls_each(self) -> float:
        """Calls for each order, those for reading his news among them."""
        return statistics.median(calls for _, calls in calmest(self.runs)) / self.orders


def inner_of(cost: Cost) -> float:
    return float(cost.counts()["seconds"])


def run(site: Site, *words: str) -> Cost:
    """One pass of the command line as a user starts it."""
    return timed([sys.executable, "-m", "tracbridge", "run", "--json", *words], site.env, site.root)


@contextmanager
def connected(server: Server, root: Path, customer: Company) -> Iterator[Site]:
    """A connection to it by file, which has read nothing yet."""
    root.mkdir(parents=True)
    site = Site(server, root, {"ERP_KEY": KEY})
    try:
        site.write("tracbridge.yaml", f"defaults:\n  customer:\n    url: {customer.url}\n{COMMON}")
        preset = f"customer: {{preset: {customer.system}, "
        text = dedent(FILES[customer.system]).replace("customer: {", preset)
        site.write(f"connections/{customer.system}.yaml", text)
        yield site
    finally:
        site.close()


def forget_place(site: Site, connection: str) -> None:
    """Where the last reading ended is not known any more: the whole list is read again."""
    cursors = site.server.client[site.state]["tracbridge_cursors"]
    if not cursors.delete_one({"_id": f"{connection}:customer"}).deleted_count:
        raise RuntimeError("the place of the last reading is kept elsewhere by now")


def changed(site: Site, count: int, text: str, skip: int = 0, **whose: str) -> None:
    """TracOS's people change so many of these orders, but for the first ones."""
    found = site.orders.find(whose, {"_id": 1}).sort("number", 1).skip(skip).limit(count)
    ids = [row["_id"] for row in found]
    values = {"description": text, "isSynced": False, "updatedAt": datetime.now(UTC)}
    site.orders.update_many({"_id": {"$in": ids}}, {"$set": values})
    os.sync()


class Speed:
    """All flows of one system at one latency, ``repeats`` times."""

    def __init__(
        self, server: Server, customer: Company, latency: float, orders: int, watch: Watch
    ) -> None:
        self.server, self.customer, self.latency, self.orders = server, customer, latency, orders
        self.watch, self.api = watch, api_of(customer.system)
        self.out = max(20, orders // (50 if latency else 10))
        sizes = {"new": orders, "same": orders, "out": self.out}
        self.figures = {
            flow: Figure(customer.system, flow, latency, size) for flow, size in sizes.items()
        }

    def measure(self, root: Path, repeats: int) -> list[Figure]:
        self.customer.latency(self.latency)
        self._plain()
        for turn in range(repeats):
            name = f"{self.customer.system}-{self.latency * 1000:.0f}-{turn}"
            with connected(self.server, root / name, self.customer) as site:
                self._inbound(site)
                self._outbound(site, f"turn {turn}")
        self.customer.latency(0.0)
        return list(self.figures.values())

    def _inbound(self, site: Site) -> None:
        self._bare("new")
        self._passed(site, "new", "inbound", "created")
        forget_place(site, self.customer.system)
        self._passed(site, "same", "inbound", "unchanged")
        self._bare("same")

    def _outbound(self, site: Site, turn: str) -> None:
        for _ in range(2):  # until neither side has news of the other
            start = run(site).seconds
        for figure in self.figures.values():
            figure.start = min(start, figure.start or start)
        changed(site, self.out, f"Changed here, {turn}, {self.latency}")
        self._passed(site, "out", "outbound", "delivered")
        refs, text = self.refs[self.out :][: self.out], f"Changed there, {turn}, {self.latency}"
        url, figure = self.customer.url, self.figures["out"]
        figure.bare.append(self.watch(lambda: bare_changes(self.api, url, refs, text)))
        self._say("bare client", figure, figure.bare[-1])

    def _passed(self, site: Site, flow: str, side: str, counted: str) -> None:
        words, figure = ["--inbound-only"] if side == "inbound" else [], self.figures[flow]
        self.customer.calls()
        measured = self.watch(lambda: run(site, *words))
        cost, calls = measured.value, self.customer.calls()
        if cost.counts()[side][counted] != figure.orders:
            raise RuntimeError(f"not {figure.orders} {counted}: {cost.out}")
        figure.runs.append(Measured((cost, calls), measured.others))
        spent = Spent(inner_of(cost), calls, figure.orders)
        self._say("tracbridge", figure, Measured(spent, measured.others))

    def _bare(self, flow: str) -> None:
        figure, url = self.figures[flow], self.customer.url
        figure.bare.append(self.watch(lambda: bare_reading(self.api, url)))
        if figure.bare[-1].value.records != self.orders:
            raise RuntimeError(f"the bare client reads not {self.orders}: {figure.bare[-1]}")
        self._say("bare client", figure, figure.bare[-1])

    def _plain(self) -> None:
        """The baseline, before anything else is there."""
        database, url = self.server.fresh_name("plain"), self.customer.url
        with MongoClient[Doc](self.server.uri, tz_aware=True, w="majority", journal=True) as client:
            orders = client[database]["workorders"]
            for flow in ("new", "same"):
                self._noted(flow, lambda: one_by_one_in(self.api, url, orders, BASELINE))
            self.refs = [row["ref"] for row in orders.find().sort("_id", 1)]
            some = {"ref": {"$in": self.refs[: self.out]}}
            orders.update_many(some, {"$set": {"isSynced": False}})
            text = f"Plain, {self.latency}"
            self._noted("out", lambda: one_by_one_out(self.api, url, orders, text))
            client.drop_database(database)

    def _noted(self, flow: str, work: Callable[[], Spent]) -> None:
        figure = self.figures[flow]
        figure.plain.append(self.watch(work))
        self._say("baseline", figure, figure.plain[-1])

    def _say(self, who: str, figure: Figure, measured: Measured[Spent]) -> None:
        spent = measured.value
        rate = f"{spent.records / spent.seconds:,.0f}/s, {spent.calls} calls"
        progress(f"{figure.what}, {who}: {rate}, others {measured.others:.0%}")


def speeds(
    server: Server, root: Path, orders: int, repeats: int, patience: float = 0.0
) -> list[Figure]:
    """All systems, with and without latency."""
    figures = []
    for system in NAMES:
        with company(system, orders) as customer:
            watch = Watch([server.process.pid, customer.pid], patience)
            for latency in LATENCIES:
                speed = Speed(server, customer, latency, orders, watch)
                figures += speed.measure(root, repeats)
    return figures


def profiled(server: Server, root: Path, what: str, orders: int, words: Sequence[str]) -> Cost:
    """One pass of ``system-flow`` by another command than ours, such as a profiler's."""
    system, _, flow = what.partition("-")
    with company(system, orders) as customer, connected(server, root / what, customer) as site:
        side = [] if flow == "out" else ["--inbound-only"]
        if flow != "new":
            run(site)
        if flow == "same":
            forget_place(site, system)
        if flow == "out":
            changed(site, orders, "Changed")
        return timed([*words, "run", "--json", *side], site.env, site.root)
