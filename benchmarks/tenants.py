"""Many connections in one process: whether they share fairly, and what they reach together."""

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2

from benchmarks.calm import Measured, Watch, calmest
from benchmarks.company import Company, company
from benchmarks.flows import progress
from benchmarks.rest import changed, run
from tests.e2e.erp import COMMON, KEY
from tests.e2e.site import Site
from tests.harness import Server

MANY = 10
LATENCY = 0.05
FLOWS = {"new": "all new", "out": "changes going out"}


Ends = list[float]
"""Seconds until each connection was done."""


@dataclass(slots=True)
class Shared:
    """So many connections at once, and one of them alone; ``orders``: of each.

    ``together``: when each was done, and our processor time; ``alone``: the same of a connection
    that has the process for itself. Medians are those of the calmer half.
    """

    flow: str
    orders: int
    connections: int = MANY
    together: list[Measured[tuple[Ends, float]]] = field(default_factory=list)
    alone: list[Measured[tuple[Ends, float]]] = field(default_factory=list)

    @property
    def fairness(self) -> float:
        """The slowest connection's orders per second against the quickest one's."""
        return statistics.median(min(ends) / max(ends) for ends, _ in calmest(self.together))

    @property
    def worst(self) -> float:
        """The least fair of all repetitions."""
        return min(min(one.value[0]) / max(one.value[0]) for one in self.together)

    @property
    def first(self) -> float:
        return statistics.median(min(ends) for ends, _ in calmest(self.together))

    @property
    def last(self) -> float:
        return statistics.median(max(ends) for ends, _ in calmest(self.together))

    @property
    def cpu(self) -> float:
        return statistics.median(cpu for _, cpu in calmest(self.together))

    @property
    def rate(self) -> float:
        """Orders per second of all together, until the last one is done."""
        return self.connections * self.orders / self.last

    @property
    def alone_rate(self) -> float:
        return self.orders / statistics.median(max(ends) for ends, _ in calmest(self.alone))

    @property
    def others(self) -> float:
        """The share of the machine that others used in the repetitions that count."""
        counted = sorted(one.others for one in self.together)[: len(calmest(self.together))]
        return statistics.median(counted)

    def note(self, measured: Measured[tuple[Ends, float]]) -> None:
        ends, cpu = measured.value
        (self.alone if len(ends) == 1 else self.together).append(measured)
        told = f"{min(ends):.2f} to {max(ends):.2f} s, CPU {cpu:.1f} s"
        what = f"{len(ends)} connections, {FLOWS[self.flow]}"
        progress(f"{what}: {told}, others {measured.others:.0%}")


def passed(site: Site, side: str, counted: str, orders: int) -> tuple[Ends, float]:
    """One run of all connections; when each of them was done, and our CPU time."""
    cost = run(site, f"--{side}-only")
    summary = json.loads(cost.out)
    if any(one[side][counted] != orders for one in summary["connections"]):
        raise RuntimeError(f"not {orders} {counted}: {cost.out}")
    runs = site.server.client[site.state]["tracbridge_runs"]
    rows = list(runs.find({"_id": {"$regex": f"^{summary['run']}"}}))
    begun = min(row["started"] for row in rows)
    return [(row["ended"] - begun).total_seconds() for row in rows], cost.cpu


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


def shared(
    server: Server, root: Path, orders: int, repeats: int, patience: float = 0.0
) -> list[Shared]:
    """Ten connections to one Odoo with ten logins, and one of them alone, in turn."""
    out = max(20, orders // 10)
    new, changes = Shared("new", orders), Shared("out", out)
    with company("odoo", orders) as customer:
        watch = Watch([server.process.pid, customer.pid], patience)
        keys = logins(customer, MANY)
        customer.latency(LATENCY)
        for turn in range(repeats):
            for count in (1, MANY):
                with connected(server, root / f"{count}-{turn}", customer, keys[:count]) as site:
                    new.note(watch(partial(passed, site, "inbound", "created", orders)))
                    for number in range(count):  # each of them other records of the company
                        whose = {"companyId": f"tenant{number + 1}"}
                        changed(site, out, f"{turn} {count}", number * out, **whose)
                    changes.note(watch(partial(passed, site, "outbound", "delivered", out)))
    return [new, changes]
