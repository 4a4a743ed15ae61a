"""On what the two sides do not agree: the list, and one conflict to be decided."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from tracbridge.api.problem import missing
from tracbridge.bootstrap import Service
from tracbridge.dashboard.attention import Chosen, chosen
from tracbridge.dashboard.visit import Seen, Visited
from tracbridge.desk.conflicts import WHY, now_json, one_of, present_of
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.orders import keys_of
from tracbridge.desk.values import KNOWN, kinds_of
from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.outcome import Kind
from tracbridge.ports.state import Conflict

router = APIRouter(prefix="/conflicts")

LATELY = 20
"""Decided conflicts of a connection that the page shows."""

MOST = 500
"""Waiting conflicts of a connection that the page shows."""


@router.get("")
async def conflicts(visit: Visited, connection: Chosen = "") -> HTMLResponse:
    """Those that wait, of all connections or one; of one also those that were decided lately."""
    services = await chosen(visit, connection)
    waiting: list[tuple[str, Conflict, str]] = []
    decided: list[tuple[str, Conflict, str]] = []
    away = []
    for service in services:
        try:
            found = await listed(service)
        except TracbridgeError as error:
            away.append(f"{service.name}: {error}")
            continue
        waiting += [one for one in found if one[1].decided is None][:MOST]
        decided += [one for one in found if one[1].decided is not None][:LATELY]
    return visit.page(
        "conflicts.html",
        section="conflicts",
        waiting=waiting,
        decided=decided if connection else [],
        away=away,
        names=visit.names(),
        connection=connection,
        meaning=WHY,
    )


async def listed(service: Service) -> list[tuple[str, Conflict, str]]:
    """Connection, conflict and the customer's own key."""
    found = await service.views.conflicts()
    keys = await keys_of(service, [one.ref for one in found])
    return [(service.name, one, keys.get(one.ref, "")) for one in found]


@router.get("/{name}/{id_}")
async def conflict(
    visit: Visited, service: Seen, id_: Annotated[str, Path(max_length=100)]
) -> HTMLResponse:
    """One conflict: three columns, and what can be decided."""
    try:
        one = await one_of(service, id_)
    except UnknownError:
        raise missing() from None
    present = await present_of(service, one)
    keys = await keys_of(service, [one.ref])
    return visit.page(
        "conflict.html",
        section="conflicts",
        name=service.name,
        conflict=one,
        key=keys.get(one.ref, ""),
        meaning=WHY[one.kind],
        now=changed_since(one, now_json(one, present)),
        gone=one.kind is Kind.MISSING,
        kinds=kinds_of(service.settings),
        choices={name: list(words) for name, words in KNOWN.items()},
        losers={name for name, side in one.taken.items() if side and not one.waiting},
    )


def changed_since(one: Conflict, now: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """What either side shows by now instead, in fields that wait."""
    return {
        name: values
        for name, values in (now or {}).items()
        if name in one.waiting
        and (values["tracos"], values["customer"]) != (one.tracos.get(name), one.customer.get(name))
    }
