"""Where the orders of one connection stand."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from tracbridge.bootstrap import Service
from tracbridge.bootstrap.readings import stands
from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused
from tracbridge.ports.views import Standing


class Status(Struct, frozen=True):
    """Where the orders stand; how many of TracOS's do not go out, how many cases a rule holds.

    Not ``exact``: very many orders of TracOS are not sent yet; then ``standing.on_their_way`` is an
    upper bound, and ``in_sync`` a lower one.
    """

    standing: Standing
    not_created: int
    to_approve: int
    exact: bool = True


class Fare(Struct, frozen=True):
    """How one connection fares. ``to_send``: orders on their way that nobody has begun to give the
    customer; ``paused``: sides whose changes wait because somebody said so;
    ``breakers``: the state of each kind of call.
    """

    status: Status
    to_send: int
    paused: Mapping[Side, Paused]
    breakers: Mapping[str, str]


async def fares_of(
    services: Collection[Service], *, sums: bool = False
) -> AsyncIterator[tuple[str, Fare | TracbridgeError]]:
    """How each of these connections fares, or why that cannot be told, in a few questions for all
    of them. ``sums``: with how many orders are in sync, else that is 0.
    """
    async for name, one in stands(services, sums=sums):
        if isinstance(one, TracbridgeError):
            yield name, one
        else:
            status = Status(one.standing, one.not_created, one.to_approve, one.exact)
            yield name, Fare(status, one.to_send, one.paused, one.breakers)


async def status_of(service: Service) -> Status:
    """One connection's, exactly, however long that takes."""
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


def catch_up(orders: int, rate: float) -> timedelta | None:
    """How long it takes to give so many orders at that rate (orders a second), as far as can be
    told: None where nothing was given lately.
    """
    return timedelta(seconds=orders / rate) if rate > 0 else None
