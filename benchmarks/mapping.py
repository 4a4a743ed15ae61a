"""What a declared mapping costs beside one that is written by hand, and what rules cost."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from msgspec.structs import replace

from benchmarks.flows import fill, progress, run
from benchmarks.handwritten import FlagsMapping
from benchmarks.process import Cost
from tests.e2e.site import Site
from tests.harness import FLAGS, NOW, Doc, Server, doc, order
from tests.mappings import flags
from tracbridge.domain.workorder import WorkOrder

STATUS = list(FLAGS)
ORDERS, TURNS = 2_000, 15
RULES = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ways to do the same, in the same unit; ``most``: what the second may cost at most."""

    what: str
    plain: float
    ours: float
    unit: str
    most: float

    @property
    def ratio(self) -> float:
        return self.ours / self.plain


def mappings() -> list[Pair]:
    """Microseconds per order, by hand and by file, each way. The quickest of many turns counts."""
    by_hand, by_file = FlagsMapping(), flags()
    bodies = [order(n, STATUS[n % 5], NOW, summary=f"Check pump {n}") for n in range(1, ORDERS + 1)]
    raws = [orjson.dumps(body) for body in bodies]
    shown = [doc(number) for number in range(1, ORDERS + 1)]
    ways: Mapping[str, Callable[[Any], Callable[[], None]]] = {
        "a record comes in": lambda used: lambda: inbound(used, bodies, raws),
        "an order goes out": lambda used: lambda: outbound(used, shown),
    }
    pairs = []
    for what, way in ways.items():
        plain, ours = fastest(way(by_hand), way(by_file))
        pairs.append(Pair(f"mapping by file: {what}", plain, ours, "us", 2.0))
        progress(f"{what}: {plain:.2f} us by hand, {ours:.2f} us by file")
    return pairs


def inbound(used: Any, bodies: list[Doc], raws: list[bytes]) -> None:
    """From his record to a document of TracOS's."""
    for body, raw in zip(bodies, raws, strict=True):
        made: WorkOrder = used.from_customer(body)
        used.extra(body, raw)  # noqa: S610 (no Django here)
        used.to_tracos(made, None)


def outbound(used: Any, shown: list[Doc]) -> None:
    """From a document of TracOS's to his record."""
    for document in shown:
        used.to_customer(replace(used.from_tracos(document, None), extra=""))


def fastest(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Microseconds per order of each, in turn, so that both meet the same machine."""
    best = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for index, work in enumerate((one, other)):
            begun = time.perf_counter()
            work()
            best[index] = min(best[index], (time.perf_counter() - begun) / ORDERS * 1e6)
    return best[0], best[1]


def ruled(server: Server, root: Path, orders: int) -> list[Pair]:
    """Seconds of a pass over new and over changed orders, without rules and with twenty."""
    without, with_rules = (measured(server, root, orders, rules) for rules in (False, True))
    return [
        Pair(f"{RULES} rules, {orders:,} {what}", without[what], with_rules[what], "s", 2.0)
        for what in without
    ]


def measured(server: Server, root: Path, orders: int, rules: bool) -> dict[str, float]:
    """The best of three passes of each kind."""
    seconds: dict[str, list[float]] = {"new orders": [], "changed orders": []}
    for turn in range(3):
        with connected(server, root / f"rules-{orders}-{rules}-{turn}", rules) as site:
            inbound_folder = site.root / "data" / "acme" / "in"
            for hours, what in enumerate(seconds):
                fill(inbound_folder, orders, what, NOW + timedelta(hours=hours))
                cost = run(site, "--inbound-only")
                seconds[what].append(_inner(cost, orders, "updated" if hours else "created"))
                progress(f"{what}, {'with' if rules else 'no'} rules: {seconds[what][-1]:.2f} s")
    return {what: min(each) for what, each in seconds.items()}


def _inner(cost: Cost, orders: int, counted: str) -> float:
    if cost.counts()["inbound"][counted] != orders:
        raise RuntimeError(f"not {orders} {counted}: {cost.out}")
    return float(cost.counts()["seconds"])


@contextmanager
def connected(server: Server, root: Path, rules: bool) -> Iterator[Site]:
    """A connection by file whose indexes exist."""
    root.mkdir(parents=True)
    site = Site(server, root)
    try:
        site.write("rules.yaml", rule_file())
        more = "acknowledge: {receipts: false}\n"
        site.connect("acme", more + ("rules: [rules.yaml]\n" if rules else ""))
        run(site)
        yield site
    finally:
        site.close()


def rule_file() -> str:
    """Twenty rules as people write them; of these orders one sets a field, and none is refused."""
    lines = ["rules:"]
    for number in range(RULES - 1):
        on, when = KINDS[number % len(KINDS)]
        lines.append(
            f"  - {{name: rule {number}, on: {on}, when: '{when % number}', "
            f"then: {{reject: 'by rule {number}'}}}}"
        )
    when = 'new.description.startsWith("Check pump 0 ")'
    lines.append(f"  - {{name: last, on: inbound, when: '{when}', then: {{warn: odd}}}}")
    return "\n".join(lines) + "\n"


KINDS = (
    ("inbound", 'new.status == "cancelled" && new.description == "rule %d"'),
    ("inbound", 'new.description.matches("^never %d [0-9]+$")'),
    ("inbound", 'has(record.site) && record.site == "site %d"'),
    ("inbound", 'old.status == "completed" && new.status == "pending" && %d > 100'),
    ("inbound", "size(new.description) > 10000 + %d"),
)
