"""What a support bundle says of our memory and of TracOS's collection: counts and indexes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tracbridge.adapters.mongo.pulse import inventory, orders_inventory, pulses
from tracbridge.adapters.mongo.schema import version_of
from tracbridge.bootstrap import Service
from tracbridge.engine import controls, pace


async def memory_of(service: Service) -> dict[str, Any]:
    """The database of our memory. Raises `RetryableError` where the server is away."""
    database = service.state.database
    return {
        "mongodb": await version_of(database, service.host),
        "collections": await inventory(database, service.host),
        "tracos": await orders_inventory(service.orders),
    }


async def figures_of(service: Service) -> dict[str, Any]:
    """The connection's figures, without a word of any order."""
    kept = (pace.KEPT, controls.KEPT)
    found = await pulses(service.state.database, service.host, [service.name], kept)
    pulse, now = found[service.name], service.connection.clock.now()
    return {
        "on_their_way": pulse.moving,
        "oldest_on_its_way": pulse.oldest,
        "held": pulse.held,
        "refused": pulse.refused,
        "missing": pulse.missing,
        "unreachable": pulse.unreachable,
        "conflicts_waiting": pulse.conflicts,
        "quarantine_open": pulse.cases,
        "lease_held": pulse.leased,
        "breakers": breakers(pulse.cursors.get(pace.KEPT), now),
        "paused": sorted(pulse.cursors.get(controls.KEPT) or {}),
    }


def breakers(kept: Mapping[str, Any] | None, now: datetime) -> dict[str, str]:
    """The state of each breaker, from what the last pass kept of it."""
    if not kept:
        return {}
    elapsed = (now - kept["at"]).total_seconds()
    return {
        name: _state(one, elapsed)
        for name, one in kept.get("state", {}).get("operations", {}).items()
    }


def _state(one: Mapping[str, Any], elapsed: float) -> str:
    """An open one lets a call try when its time is over, unless an operator has opened it."""
    over = one["force"] == "automatic" and elapsed >= one["seconds"]
    return "half_open" if one["state"] == "open" and over else str(one["state"])
