"""Many connections in one process: whether they share fairly, and what they reach together."""

import json
import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from benchmarks.company import Company, company
from benchmarks.flows import progress
from benchmarks.process import Cost
from benchmarks.rest import changed, run
from tests.e2e.erp import COMMON, KEY
from tests.e2e.site import Site
from tests.harness import Server

MANY = 10
LATENCY = 0.05
FLOWS = {"new": "all new", "out": "changes going out"}


@dataclass(slots=True)
class Shared:
    """So many connections at once, and one of them alone; ``orders``: of each.

    ``each``: seconds until each connection was done, of every repetition; ``alone``: the same of a
    connection that has the process for itself.
    """

    flow: str
    orders: int
    connections: int = MANY
    each: list[list[float]] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    load: float = 0.0

    @property
    def fairness(self) -> float:
        """The slowest connection's orders per second against the quickest one's."""
        return statistics.median(min(seconds) / max(seconds) for seconds in self.each)

    @property
    def worst(self) -> float:
        """The least fair repetition."""
        return min(min(seconds) / max(seconds) for seconds in self.each)

    @property
    def first(self) -> float:
        return statistics.median(min(seconds) for seconds in self.each)

    @property
    def last(self) -> float:
        return statistics.median(max(seconds) for seconds in self.each)

    @property
    def rate(self) -> float:
        """Orders per second of all together, until the last one is done."""
        return self.connections * self.orders / self.last

    @property
    def alone_rate(self) -> float:
        return self.orders / statistics.median(self.alone)

    def note(self, cost: Cost, ends: list[float]) -> None:
        if len(ends) == 1:
            self.alone += ends
        else:
            self.each.append(ends)
            self.cpu.append(cost.cpu)
        self.load = max(self.load, os.getloadavg()[0])
        span = f"{min(ends):.2f} to {max(ends):.2f} s"
        progress(f"{len(ends)} connections, {FLOWS[self.flow]}: {span}, CPU {cost.cpu:.1f} s")


def passed(site: Site, side: str, counted: str, orders: int) -> tuple[Cost, list[float]]:
    """One run of all connections; how long it took until each of them was done."""
    cost = run(site, f"--{side}-only")
    summary = json.loads(cost.out)
    if any(one[side][counted] != orders for one in summary["connections"]):
        raise RuntimeError(f"not {orders} {counted}: {cost.out}")
    runs = site.server.client[site.state]["tracbridge_runs"]
    rows = list(runs.find({"_id": {"$regex": f"^{summary['run']}"}}))
    begun = min(row["started"] for row in rows)
    return cost, [(row["ended"] - begun).total_seconds() for row in rows]


def logins(customer: Company, count: int) -> list[str]:
    """Keys of so many users."""
    url = f"{customer.url}/json/2/res.users.apikeys/generate"
    headers = {"authorization": f"bearer {KEY}"}
    return [httpx2.post(url, headers=headers, json={}).json() for _ in range(count)]


@contextmanager
def connected(server: Server, root: Path, customer: Company, keys: list[str]) -> Iterator[Site]:
    """A connection for each key, of a tenant of its own."""
    root.mkdir(parents=True)
    names = {f"tenant{number}": key for number, key in enumerate(keys, 1)}
    site = Site(server, root, {f"KEY_{name.upper()}": key for name, key in names.items()})
    try:
        site.write("tracbridge.yaml", f"defaults:\n  customer:\n    url: {customer.url}\n{COMMON}")
        for name in names:
            token = f'"${{env:KEY_{name.upper()}}}"'
            site.write(
                f"connections/{name}.yaml",
                f"tenant: {name}\n"
                f"customer: {{preset: odoo, auth: {{kind: bearer, token: {token}}}}}\n"
                "mapping: {use: odoo, key: {ours: x_tracos_number}}\n"
                f"tracos: {{filter: {{companyId: {name}}}}}\n",
            )
        yield site
    finally:
        site.close()


def shared(server: Server, root: Path, orders: int, repeats: int) -> list[Shared]:
    """Ten connections to one Odoo with ten logins, and one of them alone, in turn."""
    out = max(20, orders // 10)
    figures = {"new": Shared("new", orders), "out": Shared("out", out)}
    with company("odoo", orders) as customer:
        keys = logins(customer, MANY)
        customer.latency(LATENCY)
        for turn in range(repeats):
            for count in (1, MANY):
                with connected(server, root / f"{count}-{turn}", customer, keys[:count]) as site:
                    figures["new"].note(*passed(site, "inbound", "created", orders))
                    for number in range(count):  # each of them other records of the company
                        whose = {"companyId": f"tenant{number + 1}"}
                        changed(site, out, f"{turn} {count}", number * out, **whose)
                    figures["out"].note(*passed(site, "outbound", "delivered", out))
    return list(figures.values())
