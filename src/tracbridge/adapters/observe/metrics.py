"""Numbers for Prometheus, in a registry of our own: counters from what observers are told, gauges
from what was read of our memory.

Labels are bounded: ``tenant`` and ``connection`` come from the configuration, all others from sets
that cannot grow with the data. No label ever names an order, a file or a value.
"""

import platform
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate

from msgspec import Struct, field
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from tracbridge import __version__
from tracbridge.ports.runtime import Observer

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Of a page of metrics."""

WHOSE = ("tenant", "connection")

BUCKETS = (0.05, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds of a pass."""

LATENCY = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0)
"""Seconds from a change to its effect on the other side."""

FLOWS = frozenset({"inbound", "outbound", "retention"})

ECHO = ("inbound", "unchanged")
"""Flow and outcome of a record that shows what was given or agreed: nothing has happened."""

RETRIES = frozenset({"outage", "connection_waits"})
"""Incidents after which the same work is tried again later."""

BREAKERS: Mapping[str, float] = {"closed": 0.0, "half_open": 0.5, "open": 1.0}

OTHER = "other"

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Bounded:
    """Values that a label may take: the first ``limit`` plain words, and for all others `OTHER`."""

    def __init__(self, limit: int) -> None:
        self._limit, self._known = limit, set[str]()

    def __call__(self, value: str) -> str:
        """The value, or `OTHER`."""
        if value not in self._known:
            if len(self._known) >= self._limit or not _WORD.fullmatch(value):
                return OTHER
            self._known.add(value)
        return value


class Spread(Struct):
    """How many values are within each of the bounds of `LATENCY`, the last one beyond all; and
    their sum.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY) + 1))
    total: float = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(LATENCY, value)] += 1
        self.total += value

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many are within it, as Prometheus wants them."""
        bounds = [*map(floatToGoString, LATENCY), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


class Reading(Struct, frozen=True):
    """What was read of one connection's memory at ``at`` (None: not yet), and how it fares in this
    process.

    ``oldest``: since when the oldest change waits that the other side is not known to have.
    ``people``: what waits for a person, by kind; ``cases``: open quarantine cases by code;
    ``breakers``: state by operation; ``paused``: sides whose changes are not taken. ``inbound``:
    seconds that the customer's oldest change has waited to be taken, None where that is not known;
    ``latency``: from change to effect, by flow.
    """

    tenant: str
    connection: str
    at: datetime | None = None
    backlog: int = 0
    oldest: datetime | None = None
    people: Mapping[str, int] = {}
    conflicts: int = 0
    cases: Mapping[str, int] = {}
    breakers: Mapping[str, str] = {}
    paused: frozenset[str] = frozenset()
    leased: bool = False
    succeeded: datetime | None = None
    failing: datetime | None = None
    why: str = ""
    inbound: float | None = None
    latency: Mapping[str, Spread] = {}

    def age(self, now: datetime) -> float:
        """Seconds that the oldest unsynced change has waited, 0 where nothing waits."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest else 0.0


class Process(Struct, frozen=True):
    """The process itself. ``reachable``: our memory was, when it was read last; ``dropped``:
    listeners of the live stream that took events too slowly.
    """

    reachable: bool = True
    dropped: int = 0


class Metrics:
    """All numbers of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._codes, self._outcomes, self._calls = Bounded(80), Bounded(40), Bounded(40)
        self._records = self._counter("records", "Records by flow and outcome.", "flow", "outcome")
        self._echoes = self._counter("echoes", "Records that showed what was agreed already.")
        self._incidents = self._counter("incidents", "Incidents by code.", "code")
        self._retries = self._counter("retries", "Attempts after an outage or an error.")
        self._hints = self._counter("hints_lost", "Hints that may be lost; a pass looks.", "side")
        self._passes = self._counter("passes", "Passes by how they ended.", "result")
        self._alerts = Counter(
            "tracbridge_alerts",
            "Alert messages by hook and by whether they were taken.",
            ("hook", "result"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tracbridge_pass_seconds",
            "How long passes took.",
            WHOSE,
            buckets=BUCKETS,
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tracbridge_{name}", text, (*WHOSE, *labels), registry=self.registry)

    def observer(self, inner: Observer, tenant: str, connection: str) -> "Counting":
        """Counts what it is told, and tells ``inner``."""
        return Counting(self, inner, (tenant, connection))

    def batch(self, of: tuple[str, str], flow: str, counts: Mapping[str, int]) -> None:
        """A batch of that connection is settled."""
        flow = flow if flow in FLOWS else OTHER
        for outcome, count in counts.items():
            if count > 0:
                self._records.labels(*of, flow, self._outcomes(outcome)).inc(count)
                if (flow, outcome) == ECHO:
                    self._echoes.labels(*of).inc(count)

    def incident(self, of: tuple[str, str], code: str, where: str) -> None:
        """Something happened that a person may want to know."""
        self._incidents.labels(*of, self._codes(code)).inc()
        if code in RETRIES:
            self._retries.labels(*of).inc()
        if code == "hints_lost":
            self._hints.labels(*of, where if where in ("customer", "tracos") else OTHER).inc()

    def passed(self, of: tuple[str, str], seconds: float, result: str) -> None:
        """A pass ended: ``ok``, ``attention`` or ``failed``."""
        self._passes.labels(*of, result).inc()
        self._seconds.labels(*of).observe(seconds)

    def alerted(self, hook: str, *, taken: bool) -> None:
        """An alert message was taken by its receiver, or was not."""
        self._alerts.labels(hook, "taken" if taken else "failed").inc()

    def page(
        self,
        readings: Collection[Reading],
        process: Process,
        now: datetime,
        *,
        whole: bool = True,
    ) -> bytes:
        """The page that Prometheus reads, about these connections only.

        Not ``whole``: without what is of the process and not of a connection.
        """
        shown = {(one.tenant, one.connection) for one in readings}
        gauges = [*Gauges(self._codes, self._calls, now).families(readings)]
        own = [*_process(process)] if whole else []
        return generate_latest(_Page(self.registry, [_build(), *own, *gauges], shown, whole=whole))


class Counting:
    """An observer that counts. ``of``: tenant and connection."""

    def __init__(self, metrics: Metrics, inner: Observer, of: tuple[str, str]) -> None:
        self._metrics, self._inner, self._of = metrics, inner, of

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        self._metrics.batch(self._of, flow, counts)
        self._inner.batch(flow, counts)

    def incident(self, code: str, where: str, message: str) -> None:
        self._metrics.incident(self._of, code, where)
        self._inner.incident(code, where, message)


class _Page(Collector):
    """The registry's families and these, without what is of other connections."""

    def __init__(
        self,
        registry: CollectorRegistry,
        more: Iterable[Metric],
        shown: Collection[tuple[str, str]],
        *,
        whole: bool,
    ) -> None:
        self._registry, self._more, self._shown, self._whole = registry, more, shown, whole

    def collect(self) -> Iterator[Metric]:
        yield from self._more
        for family in self._registry.collect():
            left = Metric(family.name, family.documentation, family.type, family.unit)
            left.samples = [one for one in family.samples if self._fits(one.name, one.labels)]
            if left.samples:
                yield left

    def _fits(self, name: str, labels: Mapping[str, str]) -> bool:
        if name.endswith("_created"):  # when a series began: one more of each, of use to nobody
            return False
        if "connection" not in labels:
            return self._whole
        return (labels["tenant"], labels["connection"]) in self._shown


def _build() -> Metric:
    build = GaugeMetricFamily(
        "tracbridge_build_info", "Which Tracbridge this is.", labels=("version", "python")
    )
    build.add_metric((__version__, platform.python_version()), 1)
    return build


def _process(process: Process) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "tracbridge_memory_reachable",
        "1 where our memory in MongoDB was reached when it was read last.",
        float(process.reachable),
    )
    yield CounterMetricFamily(
        "tracbridge_hub_listeners_dropped",
        "Listeners of the live stream that took events too slowly and were let go.",
        process.dropped,
    )


class Gauges:
    """The gauges of connections as they stand at ``now``."""

    def __init__(
        self, codes: Callable[[str], str], calls: Callable[[str], str], now: datetime
    ) -> None:
        self._codes, self._calls, self._now = codes, calls, now

    def families(self, readings: Collection[Reading]) -> Iterator[Metric]:
        """One family after the other; a connection that was not read yet has none but ``up``."""
        read = [one for one in readings if one.at]
        yield from self._simple(read)
        yield _gauge(
            "inbound_freshness_seconds",
            "Age of the customer's oldest change that was not taken in, as far as it is known.",
            [(*_of(one), one.inbound) for one in readings if one.inbound is not None],
        )
        yield _latency(read)
        yield _gauge(
            "open", "What waits for a person, by kind.", _each(read, lambda o: o.people), "kind"
        )
        yield _gauge(
            "quarantine_open",
            "Open quarantine cases by cause.",
            _each(read, lambda one: summed(one.cases, self._codes)),
            "code",
        )
        yield _gauge(
            "breaker_state",
            "Of each kind of call: 0 closed, 0.5 half open (one call tries), 1 open (no calls).",
            _each(read, lambda one: worst(one.breakers, self._calls)),
            "operation",
        )
        yield _gauge(
            "paused",
            "1 for a side whose changes an operator lets wait.",
            _each(read, lambda o: {s: float(s in o.paused) for s in ("customer", "tracos")}),
            "side",
        )
        yield _gauge("up", "0 where the connection cannot run.", _up(readings))
        yield _gauge(
            "last_success_timestamp_seconds",
            "When a pass, or a look that found nothing to do, last came to its end.",
            [(*_of(one), one.succeeded.timestamp()) for one in readings if one.succeeded],
        )

    def _simple(self, read: Collection[Reading]) -> Iterator[Metric]:
        figures: tuple[tuple[str, str, Callable[[Reading], float]], ...] = (
            (
                "freshness_seconds",
                "Age of the oldest change that the customer is not known to have; 0 where none.",
                lambda one: one.age(self._now),
            ),
            ("backlog_orders", "Orders on their way to the customer.", lambda one: one.backlog),
            ("conflicts_waiting", "Conflicts that wait for a person.", lambda one: one.conflicts),
            ("lease_held", "1 where a process holds the right to work.", lambda one: one.leased),
            (
                "reading_age_seconds",
                "How old the figures of this connection are.",
                lambda one: (self._now - one.at).total_seconds() if one.at else 0.0,
            ),
        )
        for name, text, value in figures:
            yield _gauge(name, text, [(*_of(one), float(value(one))) for one in read])


def _gauge(
    name: str, text: str, rows: Iterable[tuple[str | float, ...]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tracbridge_{name}", text, labels=(*WHOSE, *labels))
    for *words, value in rows:
        family.add_metric([str(word) for word in words], float(value))
    return family


def _latency(readings: Iterable[Reading]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "tracbridge_latency_seconds",
        "From a change to its effect on the other side, by the change's own time.",
        labels=(*WHOSE, "flow"),
    )
    for one in readings:
        for flow, spread in one.latency.items():
            family.add_metric([*_of(one), flow], spread.buckets, spread.total)
    return family


def _of(one: Reading) -> tuple[str, str]:
    return one.tenant, one.connection


def _up(readings: Iterable[Reading]) -> Iterator[tuple[str | float, ...]]:
    for one in readings:
        if one.succeeded or one.failing:
            yield (*_of(one), float(one.failing is None))


def _each(
    readings: Iterable[Reading], values: Callable[[Reading], Mapping[str, float]]
) -> Iterator[tuple[str | float, ...]]:
    for one in readings:
        for label, value in values(one).items():
            yield (*_of(one), label, value)


def summed(counts: Mapping[str, int], bound: Callable[[str], str]) -> dict[str, float]:
    """The counts by bounded label; what shares a label is added up."""
    found: dict[str, float] = {}
    for name, count in sorted(counts.items()):
        found[bound(name)] = found.get(bound(name), 0.0) + count
    return found


def worst(states: Mapping[str, str], bound: Callable[[str], str]) -> dict[str, float]:
    """The states by bounded label; of those that share one the worst."""
    found: dict[str, float] = {}
    for name, state in sorted(states.items()):
        label = bound(name.replace(" ", "_").lower())
        found[label] = max(found.get(label, 0.0), BREAKERS.get(state, 1.0))
    return found
