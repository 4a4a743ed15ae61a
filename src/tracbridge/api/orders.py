"""Orders of a connection: where they stand on both sides, what happened to them, and why."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tracbridge.api.context import Connection, Connections, Operator
from tracbridge.api.desk import DeskRoute, Limit, Number, Said, page
from tracbridge.api.problem import missing
from tracbridge.desk.convergence import convergence_of
from tracbridge.desk.history import history_of
from tracbridge.desk.orders import Order, keys_of, order_json, order_of, ref_of, resend
from tracbridge.desk.standing import totals_of
from tracbridge.desk.why import why_of

router = APIRouter(tags=["orders"], route_class=DeskRoute)

WHERE = "/connections/{connection}/orders"


class State(StrEnum):
    """Where an order stands, by what is remembered of it."""

    MISSING = "missing"
    HELD = "held"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    ON_THEIR_WAY = "on_their_way"
    QUARANTINED = "quarantined"


@router.get(WHERE)
async def orders(
    service: Connection,
    state: Annotated[State | None, Query()] = None,
    q: Annotated[
        str, Query(max_length=100, description="The number, its beginning, or his own key.")
    ] = "",
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    """Orders that both sides share, by number as text, each with its convergence."""
    prefix = ref_of(q) if q.strip() else ""
    found = await service.listing.refs(state.value if state else "", prefix, after, limit + 1)
    refs = found[:limit]
    if not refs and q and not state and not after:
        exact = await order_of(service, q)
        refs = [exact.ref] if exact.found else []
    keys = await keys_of(service, refs)
    stands = await convergence_of(service, refs) if refs else {}
    items = [
        {"order": ref, "key": keys.get(ref), "convergence": stands[ref].json()} for ref in refs
    ]
    return page(items, refs[-1] if len(found) > limit else "")


async def _there(service: Connection, number: str) -> Order:
    """Raises `ProblemError` 404 where nothing is known of it."""
    order = await order_of(service, number)
    if not order.found:
        raise missing()
    return order


@router.get(WHERE + "/{number}")
async def order(service: Connection, number: Number) -> dict[str, Any]:
    """One order: both sides and what was last agreed, its state in sentences, its convergence.

    Its number is TracOS's, or the customer's own key.
    """
    found = await _there(service, number)
    stands = await convergence_of(service, [found.ref])
    return {**order_json(found), "convergence": stands[found.ref].json()}


@router.get(WHERE + "/{number}/convergence")
async def convergence(service: Connection, number: Number) -> dict[str, Any]:
    """Whether both sides show what they agreed on: true, false or unknown, and the reason."""
    found = await _there(service, number)
    stands = await convergence_of(service, [found.ref])
    return {"order": found.ref, **stands[found.ref].json()}


@router.get(WHERE + "/{number}/history")
async def history(
    service: Connection,
    number: Number,
    after: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Limit = 500,
) -> dict[str, Any]:
    """What happened to it, oldest first: changes, conflicts, approvals. 404: nothing is known."""
    ref = await service.ref(ref_of(number))
    events = await history_of(service, ref)
    if not events:
        await _there(service, number)
    some = events[after : after + limit]
    more = after + limit
    return {"order": ref, "items": some, "next": more if more < len(events) else None}


@router.get(WHERE + "/{number}/why")
async def why(service: Connection, number: Number) -> dict[str, Any]:
    """Why each field is as it is: event, mapping version, rules, policy, write, acknowledgement."""
    found = await _there(service, number)
    return {"order": found.ref, "fields": await why_of(service, found.ref)}


@router.post(WHERE + "/{number}/resend")
async def send_again(
    caller: Operator, service: Connection, among: Connections, number: Number, said: Said
) -> dict[str, Any]:
    """Have the next pass give the customer this order again. Repeatable."""
    found = await _there(service, number)
    ref = await resend(service, found.ref)
    await among.audit(caller, service.name, "order.resend", ref, said.why)
    among.ring(service.name, ())
    return {"order": ref, "resend": True}


@router.get("/connections/{connection}/convergence")
async def totals(service: Connection) -> dict[str, Any]:
    """How many orders are in which state. Each is in one: they add up to ``orders``."""
    return await totals_of(service)
