"""Refused records of a connection: why, their bytes; try again, mend, discard."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.context import Caller, Connection, Connections, Operator
from tracbridge.api.desk import PLACE, DeskRoute, Id, Said, answer, outcome_of, page
from tracbridge.api.problem import missing
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.desk.orders import keys_of, ref_of
from tracbridge.desk.quarantine import (
    case_json,
    discard,
    found,
    original_of,
    refuse_closed,
    refuse_unfit,
)
from tracbridge.desk.wishing import wished
from tracbridge.domain.errors import ConfigError
from tracbridge.domain.workorder import Side
from tracbridge.engine.wishes import EDIT, RETRY
from tracbridge.ports.wishes import Wish

router = APIRouter(tags=["quarantine"], route_class=DeskRoute)

WHERE = "/connections/{connection}/quarantine"

Ids = Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=500)]


class Some(Said):
    """Which cases are meant."""

    ids: Ids


class Edited(Said):
    """``content``: the record as it shall be, as JSON text: one object."""

    content: str = Field(min_length=2, max_length=900_000)


class Asked(BaseModel):
    """Which cases, and which page of them. ``code``: why; see the page about refusals."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "retried", "closed", "discarded", "any"] = "open"
    code: str = Field("", max_length=100)
    side: Side | None = None
    order: str = Field("", max_length=300)
    after: str = Field("", pattern=PLACE)
    limit: int = Field(100, ge=1, le=500)


@router.get(WHERE)
async def cases(service: Connection, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """Cases, newest first."""
    query: dict[str, Any] = {} if asked.state == "any" else {"state": asked.state}
    query |= {"code": asked.code} if asked.code else {}
    query |= {"side": asked.side.value} if asked.side else {}
    query |= {"ref": await service.ref(ref_of(asked.order))} if asked.order else {}
    some, more = await service.listing.cases(query, asked.after, asked.limit)
    keys = await keys_of(service, [case.ref or "" for case in some])
    return page([case_json(case, keys) for case in some], more)


@router.get(WHERE + "/causes")
async def causes(service: Connection) -> dict[str, Any]:
    """Open cases grouped by what they are refused for, the most frequent first."""
    return {"items": await service.listing.causes()}


@router.get(WHERE + "/{case}")
async def show(service: Connection, case: Id) -> dict[str, Any]:
    """One case; its bytes are at ``original``."""
    (one,) = await found(service, [case])
    keys = await keys_of(service, [one.ref or ""])
    approvals = await service.views.approvals(one.ref or "") if one.token else []
    let = next((a for a in approvals if a.token == one.token), None)
    told = {"at": let.at, "by": let.by, "why": let.why} if let else None
    return {**case_json(one, keys), "approval": told}


@router.get(
    WHERE + "/{case}/original",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def original(service: Connection, case: Id) -> Response:
    """The bytes as they came, as a file to be kept; 404 where there are none of ours."""
    (one,) = await found(service, [case])
    data = await original_of(service, one)
    if data is None:
        raise missing()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{one.id}-{one.source}")[:100]
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


async def retried(
    caller: Caller, service: Service, among: Hosted, ids: list[str], why: str, action: str
) -> Wish:
    """Asked of the worker, and put on record."""
    for one in await found(service, ids):
        refuse_closed(one, "open")
    wish = await wished(
        service,
        lambda: among.ring(service.name, ()),
        RETRY,
        {"cases": list(dict.fromkeys(ids))},
        by=caller.name,
        why=why,
    )
    await among.audit(caller, service.name, action, " ".join(ids)[:500], why, outcome_of(wish))
    return wish


@router.post(WHERE + "/retry")
async def retry_some(caller: Operator, service: Connection, among: Connections, said: Some) -> Any:
    """Take these records in again, as old as they are: never over a newer version.

    202: the worker is busy; ask ``status`` what became of it.
    """
    wish = await retried(caller, service, among, said.ids, said.why, "case.retry")
    return answer(service.name, wish)


@router.post(WHERE + "/{case}/retry")
async def retry(
    caller: Operator,
    service: Connection,
    among: Connections,
    case: Id,
    said: Said,
) -> Any:
    """The same, of one."""
    wish = await retried(caller, service, among, [case], said.why, "case.retry")
    return answer(service.name, wish)


@router.post(WHERE + "/{case}/edit")
async def edit(
    caller: Operator,
    service: Connection,
    among: Connections,
    case: Id,
    said: Edited,
) -> Any:
    """Take an edited record in, in place of the refused one and as old as that; the original stays
    kept. The customer, who holds something else, is given the order afterwards.

    422: it cannot be understood either, nothing was done.
    """
    (one,) = await found(service, [case])
    await refuse_unfit(service, one, said.content)
    wish = await wished(
        service,
        lambda: among.ring(service.name, ()),
        EDIT,
        {"case": case, "body": said.content.encode()},
        by=caller.name,
        why=said.why,
    )
    await among.audit(caller, service.name, "case.edit", case, said.why, outcome_of(wish))
    return answer(service.name, wish)


@router.post(WHERE + "/discard")
async def discard_some(
    caller: Operator, service: Connection, among: Connections, said: Some
) -> dict[str, Any]:
    """Close these cases for good; their bytes stay where they are."""
    await found(service, said.ids)
    results = []
    for id_ in dict.fromkeys(said.ids):
        try:
            await discard(service, id_)
        except ConfigError as error:
            results.append({"id": id_, "outcome": "not discarded", "why": str(error)})
        else:
            results.append({"id": id_, "outcome": "discarded"})
            await among.audit(caller, service.name, "case.discard", id_, said.why)
    return {"results": results}


@router.post(WHERE + "/{case}/discard")
async def discard_one(
    caller: Operator,
    service: Connection,
    among: Connections,
    case: Id,
    said: Said,
) -> dict[str, Any]:
    """The same, of one; 409 where it is not open any more."""
    await discard(service, case)
    await among.audit(caller, service.name, "case.discard", case, said.why)
    return {"results": [{"id": case, "outcome": "discarded"}]}
