"""One connection: how it stands, what its runs did, what is paused, what a run would do now."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap import Service
from tracbridge.dashboard.visit import Seen, Visited
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.orders import keys_of
from tracbridge.desk.preview import plan_of
from tracbridge.desk.runs import WHY, foreseen
from tracbridge.domain.workorder import Side
from tracbridge.engine.pace import KEPT, wishes
from tracbridge.ports.connector import Paced
from tracbridge.ports.undo import Run

router = APIRouter(prefix="/connections/{name}")

LATELY = 20
"""Runs that the table shows."""

PLOTTED = 200
"""Runs that the plots show."""

SHOWN = 200
"""Changes of a plan, or orders of a list, that a page shows."""


@router.get("")
async def connection(visit: Visited, service: Seen) -> HTMLResponse:
    """Its page."""
    figures = await visit.board.of(service.name)
    return visit.page(
        "connection.html",
        one=figures,
        sides=list(Side),
        runs=await service.past.runs(LATELY),
        caught_up=figures.caught_up(visit.board.rate(service.name)) if figures.to_send else "",
        breakers=await breakers_of(service),
        connector=service.settings.connector,
    )


async def breakers_of(service: Service) -> list[dict[str, Any]] | None:
    """Each kind of call: whether it goes out, and what operators want; None where none is made."""
    if not isinstance(service.customer.connector, Paced):
        return None
    passes = service.connection.passes
    kept, said = await passes.cursor(KEPT) or {}, await wishes(passes)
    found = kept.get("state", {}).get("operations", {})
    wanted = {name: said.get(name, said.get("", "automatic")) for name in found}
    return [{"name": name, **one, "wanted": wanted[name]} for name, one in found.items()]


@router.get("/plots/throughput")
async def throughput(visit: Visited, service: Seen) -> JSONResponse:
    """Orders per minute of the last hour."""
    flow = visit.board.flow(service.name)
    now = int(visit.hosted.now().timestamp() // 60) * 60
    minutes = [now - 60 * n for n in range(len(flow) - 1, -1, -1)]
    return JSONResponse({"x": minutes, "series": [{"label": "orders a minute", "values": flow}]})


@router.get("/plots/runs")
async def passes(service: Seen) -> JSONResponse:
    """How long the last runs took, and what they did."""
    runs = [one for one in reversed(await service.past.runs(PLOTTED)) if one.ended]
    series = [{"label": "seconds", "values": [round(took(one), 3) for one in runs]}]
    return JSONResponse({"x": [one.started.timestamp() for one in runs], "series": series})


def took(run: Run) -> float:
    """Seconds from its beginning to its end."""
    return (run.ended - run.started).total_seconds() if run.ended else 0.0


@router.get("/preview")
async def preview(visit: Visited, service: Seen) -> HTMLResponse:
    """What a run would do now, as a part of the page."""
    plan = await plan_of(service, list(Side))
    return visit.page("plan.html", plan=plan, name=service.name, shown=SHOWN)


Id = Annotated[str, Path(min_length=1, max_length=100)]


@router.get("/runs/{run}")
async def run_(visit: Visited, service: Seen, run: Id) -> HTMLResponse:
    """One run: what it did, and a button that shows what taking it back would do."""
    found = await service.listing.run(run)
    if found is None:
        raise missing()
    return visit.page(
        "run.html", name=service.name, run=found, changes=await service.listing.changed_by(run)
    )


@router.get("/runs/{run}/undo")
async def undo(visit: Visited, service: Seen, run: Id) -> HTMLResponse:
    """What taking it back would do now, as a part of the page; writes nothing."""
    if not visit.acts:
        raise ProblemError(403, "Not allowed", "This takes the role operator.")
    try:
        plan = await foreseen(service, run, None, visit.caller.name)
    except UnknownError:
        raise missing() from None
    orders = [one for one in plan.orders if one]
    return visit.page(
        "undo.html",
        name=service.name,
        run=run,
        plan=plan,
        orders=orders[:SHOWN],
        more=max(len(orders) - SHOWN, 0),
        why=WHY,
        keys=await keys_of(service, [one.ref for one in orders[:SHOWN]]),
    )


Number = Annotated[str, Query(max_length=200)]
After = Annotated[str, Query(max_length=100)]


class State(StrEnum):
    """Where orders stand, as the list of them knows it."""

    ANY = ""
    ON_THEIR_WAY = "on_their_way"
    HELD = "held"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    MISSING = "missing"
    UNREACHABLE = "unreachable"


@router.get("/orders")
async def orders(
    visit: Visited,
    service: Seen,
    number: Number = "",
    state: Annotated[State, Query()] = State.ANY,
    after: After = "",
) -> Response:
    """Go to an order by its number, or see those that both sides share, in pages."""
    if said := number.strip():
        to = f"/connections/{quote(service.name, safe='')}/orders/{quote(said, safe='')}"
        return RedirectResponse(to, 303)
    refs = await service.listing.refs(state.value, "", after, SHOWN + 1)
    return visit.page(
        "orders.html",
        name=service.name,
        refs=refs[:SHOWN],
        keys=await keys_of(service, refs[:SHOWN]),
        state=state.value,
        states={one.value: one.value.replace("_", " ") or "all" for one in State},
        next=refs[SHOWN - 1] if len(refs) > SHOWN else "",
    )
