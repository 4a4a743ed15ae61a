"""Customers' ERPs over REST: the command line, the bare client and the baseline in turn."""

import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from pymongo import MongoClient

from benchmarks.calls import (
    Api,
    Spent,
    api_of,
    bare_changes,
    bare_reading,
    one_by_one_in,
    one_by_one_out,
)
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
    """What was measured of one flow; rates are medians.

    ``costs``: of the whole process; ``calls``: that it made in each. ``bare`` and ``plain``: of the
    bare client and the baseline. ``start``: seconds of a pass with nothing to do.
    """

    system: str
    flow: str
    latency: float
    orders: int
    costs: list[Cost] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)
    plain: list[Spent] = field(default_factory=list)
    start: float = 0.0
    load: float = 0.0

    @property
    def what(self) -> str:
        return f"{NAMES[self.system]}, {FLOWS[self.flow]}, {self.latency * 1000:.0f} ms"

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
        """The slowest pass against the quickest one: how much the machine was disturbed."""
        passes = [inner_of(cost) for cost in self.costs]
        return max(passes) / min(passes)

    @property
    def cpu_micros(self) -> float:
        """Microseconds of our own processor time per order, start-up included."""
        return statistics.median(cost.cpu for cost in self.costs) / self.orders * 1e6

    @property
    def rss_mb(self) -> float:
        return max(cost.rss_mb for cost in self.costs)

    @property
    def bare_rate(self) -> float:
        return statistics.median(one.records / one.seconds for one in self.bare)

    @property
    def plain_rate(self) -> float:
        return statistics.median(one.records / one.seconds for one in self.plain)

    @property
    def calls_each(self) -> float:
        """Calls for each order, those for reading his news among them."""
        return statistics.median(self.calls) / self.orders

    def note(self, cost: Cost, calls: int, done: int) -> None:
        if done != self.orders:
            raise RuntimeError(f"{self.what}: {done} of {self.orders} orders: {cost.out}")
        self.costs.append(cost)
        self.calls.append(calls)
        self.load = max(self.load, os.getloadavg()[0])
        rate = self.orders / inner_of(cost)
        progress(f"{self.what}: {rate:,.0f}/s, {calls} calls, {cost.cpu:.1f} s of our CPU")


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
        self, server: Server, root: Path, customer: Company, latency: float, orders: int
    ) -> None:
        self.server, self.customer, self.latency, self.orders = server, customer, latency, orders
        self.root = root / f"{customer.system}-{latency * 1000:.0f}"
        self.api: Api = api_of(customer.system)
        self.out = max(20, orders // (50 if latency else 10))
        sizes = {"new": orders, "same": orders, "out": self.out}
        self.figures = {
            flow: Figure(customer.system, flow, latency, size) for flow, size in sizes.items()
        }

    def measure(self, repeats: int) -> list[Figure]:
        self.customer.latency(self.latency)
        self._plain()
        for turn in range(repeats):
            with connected(self.server, self.root / str(turn), self.customer) as site:
                self._inbound(site)
                self._outbound(site, f"turn {turn}")
        self.customer.latency(0.0)
        return list(self.figures.values())

    def _inbound(self, site: Site) -> None:
        self.figures["new"].bare.append(self._bare())
        self._passed(site, "new", "inbound", "created")
        forget_place(site, self.customer.system)
        self._passed(site, "same", "inbound", "unchanged")
        self.figures["same"].bare.append(self._bare())

    def _outbound(self, site: Site, turn: str) -> None:
        for _ in range(2):  # until neither side has news of the other
            start = run(site).seconds
        for figure in self.figures.values():
            figure.start = start
        changed(site, self.out, f"Changed here, {turn}")
        self._passed(site, "out", "outbound", "delivered")
        refs = self.refs[self.out :][: self.out]
        text = f"Changed there, {turn}, {self.latency}"
        spent = bare_changes(self.api, self.customer.url, refs, text)
        self.figures["out"].bare.append(spent)
        progress(f"bare client, {self.figures['out'].what}: {spent.records / spent.seconds:,.0f}/s")

    def _passed(self, site: Site, flow: str, side: str, counted: str) -> None:
        self.customer.calls()
        cost = run(site, *(["--inbound-only"] if side == "inbound" else []))
        calls = self.customer.calls()
        self.figures[flow].note(cost, calls, cost.counts()[side][counted])

    def _bare(self) -> Spent:
        spent = bare_reading(self.api, self.customer.url)
        if spent.records != self.orders:
            raise RuntimeError(f"the bare client reads {spent.records} of {self.orders} orders")
        progress(f"bare client, reading: {spent.records / spent.seconds:,.0f}/s")
        return spent

    def _plain(self) -> None:
        """The baseline, before anything else is there."""
        database = self.server.fresh_name("plain")
        with MongoClient[Doc](self.server.uri, tz_aware=True, w="majority", journal=True) as client:
            orders, url = client[database]["workorders"], self.customer.url
            for flow in ("new", "same"):
                spent = one_by_one_in(self.api, url, orders, BASELINE)
                self._noted(flow, spent)
            self.refs = [row["ref"] for row in orders.find().sort("_id", 1)]
            some = {"ref": {"$in": self.refs[: self.out]}}
            orders.update_many(some, {"$set": {"isSynced": False}})
            self._noted("out", one_by_one_out(self.api, url, orders, f"Plain {self.latency}"))
            client.drop_database(database)

    def _noted(self, flow: str, spent: Spent) -> None:
        figure = self.figures[flow]
        figure.plain.append(spent)
        progress(f"baseline, {figure.what}: {spent.records / spent.seconds:,.0f}/s")


def speeds(server: Server, root: Path, orders: int, repeats: int = REPEATS) -> list[Figure]:
    """All systems, with and without latency."""
    figures = []
    for system in NAMES:
        with company(system, orders) as customer:
            for latency in LATENCIES:
                figures += Speed(server, root, customer, latency, orders).measure(repeats)
    return figures


def profiled(server: Server, root: Path, what: str, orders: int, words: Sequence[str]) -> None:
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
        cost = timed([*words, "run", "--json", *side], site.env, site.root)
        progress(f"{orders:,} {what}: {cost.seconds:.2f} s under the profiler")
