"""Changes that a rule holds: let through by a person."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from tracbridge.api.context import Connection, Connections, Operator
from tracbridge.api.desk import After, DeskRoute, Limit, Said, answer, page
from tracbridge.api.problem import ProblemError
from tracbridge.api.quarantine import retried
from tracbridge.desk.approvals import approve
from tracbridge.desk.orders import keys_of
from tracbridge.desk.quarantine import case_json

router = APIRouter(tags=["approvals"], route_class=DeskRoute)

WHERE = "/connections/{connection}/approvals"


class Wanted(Said):
    """Either ``cases``, or all that a ``rule`` holds."""

    cases: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(default_factory=list, max_length=500)
    ]
    rule: Annotated[str, Field(max_length=200)] = ""


@router.get(WHERE)
async def waiting(service: Connection, after: After = "", limit: Limit = 100) -> dict[str, Any]:
    """Open cases that wait for an approval, newest first."""
    query = {"state": "open", "token": {"$exists": True}}
    some, more = await service.listing.cases(query, after, limit)
    keys = await keys_of(service, [case.ref or "" for case in some])
    return page([case_json(case, keys) for case in some], more)


@router.post(WHERE)
async def let_through(
    caller: Operator, service: Connection, among: Connections, said: Wanted
) -> Any:
    """Let these changes through as they are, and take them in. Another change of the same order is
    held again. 202: the worker is busy; ask ``status`` what became of it.
    """
    if bool(said.cases) == bool(said.rule):
        raise ProblemError(422, "Not accepted", "Name the cases to approve, or a rule; not both.")
    wanted = await approve(service, said.cases, said.rule, caller.name, said.why)
    if not wanted:
        return {"results": []}
    ids = [case.id for case in wanted]
    wish = await retried(caller, service, among, ids, said.why, "case.approve")
    return answer(service.name, wish)
