"""What a run did, in numbers: as they are put on record, and as programs are told."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict

from tracbridge.engine.connection import Tally
from tracbridge.sync.guard import Withheld

INBOUND = (
    *("read", "created", "updated", "unchanged", "stale"),
    *("conflicts", "quarantined", "held", "skipped", "waiting"),
)
OUTBOUND = ("read", "delivered", "unchanged", "quarantined", "failed")
"""What is counted, in the order in which people read it."""


def total_of(tally: Tally) -> int:
    """Whether anything happened: records and effects, not files that wait."""
    return tally.inbound.total() - tally.inbound["waiting"] + tally.outbound.total()


def connection_json(name: str, tally: Tally, seconds: float) -> dict[str, Any]:
    """What one connection's passes did, for programs."""
    return {
        "connection": name,
        "inbound": counts_of(tally.inbound, INBOUND),
        "outbound": counts_of(tally.outbound, OUTBOUND),
        "seconds": round(seconds, 3),
        **withheld_json(tally.withheld),
    }


def counts_of(counts: Counter[str], names: Iterable[str]) -> dict[str, int]:
    """One flow's counts; comments are counted where there are any."""
    comments = {"comments": counts["comments"]} if counts["comments"] else {}
    return {**{name: counts[name] for name in names}, **comments}


def withheld_json(withheld: list[Withheld]) -> dict[str, Any]:
    """What the mass guard stopped, for programs; no key where it stopped nothing."""
    stopped = [{**asdict(w), "side": w.side.value, "kind": w.kind.value} for w in withheld]
    return {"withheld": stopped} if stopped else {}
