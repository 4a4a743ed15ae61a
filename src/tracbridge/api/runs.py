"""What was done run by run, taking a run back, and what became of wishes."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from tracbridge.api.context import Connection, Connections, Operator
from tracbridge.api.desk import After, DeskRoute, Id, Limit, Said, answer, outcome_of, page
from tracbridge.api.problem import missing
from tracbridge.desk.orders import ref_of
from tracbridge.desk.runs import done_json, foreseen, is_partial, run_json
from tracbridge.desk.wishing import wish_json, wished
from tracbridge.engine.wishes import UNDO

router = APIRouter(tags=["runs"], route_class=DeskRoute)

WHERE = "/connections/{connection}/runs"


class Undoing(Said):
    """``order``: of this order only. ``preview``: only say what would be set back."""

    order: str = Field("", max_length=300)
    preview: bool = False


@router.get(WHERE)
async def runs(service: Connection, after: After = "", limit: Limit = 50) -> dict[str, Any]:
    """Runs, newest first: when, what they did, how they ended."""
    some, more = await service.listing.runs(after, limit)
    return page([run_json(one) for one in some], more)


@router.get(WHERE + "/{run}")
async def run_(service: Connection, run: Id) -> dict[str, Any]:
    """One run. ``changes``: how many of its changes are on record."""
    found = await service.listing.run(run)
    if found is None:
        raise missing()
    return {**run_json(found), "changes": await service.listing.changed_by(run)}


@router.post(WHERE + "/{run}/undo")
async def undo(
    caller: Operator, service: Connection, among: Connections, run: Id, said: Undoing
) -> Any:
    """Take back what a run did, where nothing was changed since. With ``preview`` nothing is done.

    202: the worker is busy; ask ``status`` what became of it.
    """
    partial = await is_partial(service, run)
    ref = await service.ref(ref_of(said.order)) if said.order else None
    if said.preview:
        return done_json(await foreseen(service, run, ref, caller.name))
    made = await wished(
        service,
        lambda: among.ring(service.name, ()),
        UNDO,
        {"run": run, "ref": ref},
        by=caller.name,
        why=said.why,
    )
    await among.audit(caller, service.name, "run.undo", run, said.why, outcome_of(made))
    told = answer(service.name, made)
    done = {"undoes": run, "partial": partial, **(made.outcome or {})}
    return {**told, **done} if made.state == "done" else told


@router.get("/connections/{connection}/wishes/{wish}")
async def asked(service: Connection, wish: Id) -> dict[str, Any]:
    """What became of something that the worker was asked for; kept for 30 days."""
    found = await service.state.wishes.find(wish)
    if found is None:
        raise missing()
    return wish_json(found)
