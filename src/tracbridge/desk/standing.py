"""Where the orders of one connection stand."""

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from tracbridge.bootstrap import Service
from tracbridge.domain.workorder import Side
from tracbridge.ports.views import Standing


class Status(Struct, frozen=True):
    """Where the orders stand; how many of TracOS's do not go out, how many cases a rule holds."""

    standing: Standing
    not_created: int
    to_approve: int


async def status_of(service: Service) -> Status:
    """One connection's."""
    views, creators = service.views, service.connection.policies.creators
    unsent = await views.unsent(creates=Side.TRACOS in creators)
    return Status(await views.standing(unsent), unsent.kept, await views.to_approve())


def status_json(one: Status) -> dict[str, Any]:
    """One connection for programs."""
    standing = one.standing
    return {
        "connection": standing.connection,
        "last_run": asdict(standing.last_run) if standing.last_run else None,
        "running": standing.worker or None,
        "in_sync": standing.in_sync,
        "on_their_way": standing.on_their_way,
        "not_created": one.not_created,
        **asdict(standing.open),
        "to_approve": one.to_approve,
        "oldest_undelivered": standing.oldest,
    }


async def totals_of(service: Service) -> dict[str, Any]:
    """How many linked orders are in which state; they add up to ``orders``.

    ``agrees`` is true, ``on_their_way`` unknown or not given yet, all else false; ``new``:
    documents of TracOS that no pass has seen, besides.
    """
    totals = await service.listing.totals()
    counts = {name: n for name, n in totals.items() if name not in {"orders", "new"}}
    return {
        "connection": service.name,
        "orders": totals["orders"],
        "states": counts,
        "new_in_tracos": totals["new"],
    }
