"""The daily report: all orders of a connection compared with what both sides agreed on, and counted
by reason. The counts add up to all orders: each order is counted once.
"""

import asyncio
import time as stopwatch
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from tracbridge.engine.reconcile import Found, Looked
from tracbridge.sync.drift import OPEN, Drift

KEPT = "reports"
"""Where the latest reports are kept, beside the resume points."""

MANY = 92
"""Reports that are kept: three months."""

IN_ORDER = "in order"
"""The reason of an order about which there is nothing to say."""

REASONS = (IN_ORDER, *(drift.value for drift in Drift))
"""All reasons, in the order in which people read them."""

WORST = (
    *(Drift.DUPLICATE, Drift.UNREADABLE, Drift.MISSING_DOCUMENT, Drift.TAMPERED),
    *(Drift.WRONG_FLAG, Drift.MISSING_LINK, Drift.ALTERED_FILE, Drift.MISSING_FILE),
    *(Drift.REFUSED, Drift.HELD, Drift.WAITING),
)
"""By which reason an order is counted that has several: the first one of these."""

NORMAL = frozenset({IN_ORDER, Drift.WAITING.value, *(drift.value for drift in OPEN)})
"""Reasons that are no drift: in order, on its way, or known to wait for a person."""


class Report(Struct, frozen=True):
    """One day of one connection. ``counts``: orders by reason, none for a reason without any; they
    add up to ``orders``. ``error``: why nothing could be compared, then without counts.
    """

    day: str
    at: datetime
    seconds: float
    orders: int
    counts: Mapping[str, int]
    error: str = ""

    @property
    def drift(self) -> int:
        """Orders that are not as agreed, and neither on their way nor known to wait."""
        return sum(count for reason, count in self.counts.items() if reason not in NORMAL)

    def json(self) -> dict[str, Any]:
        """For programs; what is kept of it too."""
        return {
            "day": self.day,
            "at": self.at,
            "seconds": self.seconds,
            "orders": self.orders,
            "counts": dict(self.counts),
            "drift": self.drift,
            "error": self.error or None,
        }

    @property
    def text(self) -> str:
        """One line for people."""
        if self.error:
            return f"{self.day}: nothing was compared. {self.error}"
        parts = [f"{self.counts[reason]:,} {reason}" for reason in REASONS if reason in self.counts]
        return f"{self.day}: {self.orders:,} orders: {', '.join(parts) or 'none'}."


class Count:
    """Orders by reason, page by page."""

    def __init__(self) -> None:
        self.orders = 0
        self.counts: Counter[str] = Counter()

    def add(self, looked: Looked) -> None:
        """A page was compared."""
        reasons = worst(looked.found)
        self.orders += looked.orders
        self.counts.update(drift.value for drift in reasons.values())
        self.counts[IN_ORDER] += looked.orders - len(reasons)

    def report(self, day: str, at: datetime, seconds: float) -> Report:
        """All of it, as of ``at``."""
        counts = {reason: self.counts[reason] for reason in REASONS if self.counts[reason]}
        return Report(day, at, round(seconds, 3), self.orders, counts)


def worst(found: Iterable[Found]) -> dict[str, Drift]:
    """For each order the one reason by which it is counted."""
    reasons: dict[str, Drift] = {}
    for one in found:
        known = reasons.get(one.ref)
        if known is None or WORST.index(one.drift) < WORST.index(known):
            reasons[one.ref] = one.drift
    return reasons


async def count(pages: AsyncIterator[Looked], day: str, at: datetime) -> Report:
    """Walk over all orders. It takes at most half of the processor: the sync goes on beside it."""
    counted, begun = Count(), stopwatch.monotonic()
    last = begun
    async for looked in pages:
        counted.add(looked)
        await asyncio.sleep(min(1.0, stopwatch.monotonic() - last))
        last = stopwatch.monotonic()
    return counted.report(day, at, stopwatch.monotonic() - begun)


def due(now: datetime, at: time, zone: ZoneInfo, last: str) -> str:
    """The day, as ``YYYY-MM-DD`` in that zone, whose report is to be made now; "" for none.

    ``last``: the day of the last one. Only the latest day is made up for. Where the clock skips the
    hour it counts as the first moment after it.
    """
    local = now.astimezone(zone)
    today = local.date()
    day = today if now >= moment(today, at, zone) else today - timedelta(days=1)
    return day.isoformat() if day.isoformat() > last else ""


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When it is that time of that day there."""
    return datetime.combine(day, at, zone).astimezone(UTC)


class Memory(Protocol):
    """Where reports are kept."""

    async def cursor(self, name: str) -> Any:
        """What is kept under that name, or None."""

    async def keep_cursor(self, name: str, value: Any) -> None:
        """Keep it."""


async def reports(memory: Memory) -> list[Report]:
    """Those that are kept, newest first."""
    rows = await memory.cursor(KEPT) or []
    return [_report(row) for row in rows]


def _report(row: Mapping[str, Any]) -> Report:
    names = ("day", "at", "seconds", "orders", "counts")
    return Report(**{name: row[name] for name in names}, error=row.get("error") or "")


async def keep(memory: Memory, report: Report) -> None:
    """Keep it in place of one of the same day; the latest `MANY` stay. Repeatable."""
    others = [one for one in await reports(memory) if one.day != report.day]
    newest = sorted([report, *others], key=lambda one: one.day, reverse=True)
    await memory.keep_cursor(KEPT, [one.json() for one in newest[:MANY]])
