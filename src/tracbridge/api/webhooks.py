"""Webhooks: those that wake a connection, and the log of those that tell others."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.context import SIGNED, Connection, Connections, Operator, Viewer
from tracbridge.api.limits import refused
from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap.hooks import claimed, fits, reception_of
from tracbridge.desk import deliveries as desk
from tracbridge.desk.errors import UnknownError
from tracbridge.ports.deliveries import State

router = APIRouter(tags=["webhooks"])

ACCEPTED = {"status": "accepted"}
"""The answer to a webhook, and to the same one again."""

RAW: dict[str, Any] = {
    **SIGNED,
    "security": [],
    "requestBody": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
}


class Accepted(BaseModel):
    """It was stored."""

    status: str


class Attempted(BaseModel):
    """The last attempt."""

    at: str
    status: int | None
    error: str | None


class Told(BaseModel):
    """One event for one receiver."""

    id: str
    event: str
    kind: str
    order: str | None
    about: str
    at: str
    url: str
    state: State
    attempts: int
    next: str | None
    last: Attempted | None


class Page(BaseModel):
    """``after``: for the next page, null on the last one."""

    items: list[Told]
    after: str | None


class Why(BaseModel):
    """Said with an action."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field("", max_length=500)


@router.post("/hooks/{connection}", openapi_extra=RAW, response_model=Accepted)
async def hook(
    request: Request, among: Connections, connection: Annotated[str, Path(max_length=100)]
) -> dict[str, str]:
    """A webhook of a customer's system. It needs no key: its body is signed.

    Who does not know the secret does not learn whether there is such a connection.
    """
    body = await request.body()
    claim = claimed(request.headers, body, among.now())
    if claim.why:
        refused(request, claim.why)
        raise _unsigned()
    settings = among.connections().get(connection)
    incoming = settings.hooks.incoming if settings else None
    if not fits(incoming, claim):
        refused(request, "no signature of one of its secrets, or no such webhook")
        raise missing()
    service = await among.service(connection)
    if service is None or incoming is None:
        raise missing()
    reception = await reception_of(service, among)
    records = incoming.takes == "records"
    await reception.hooked(claim.digest, claim.event, body, records=records)
    return ACCEPTED


def _unsigned() -> ProblemError:
    """Whatever connection it is for: nobody could accept it."""
    return ProblemError(
        401,
        "Not signed",
        "A webhook is signed, and not more than five minutes old.",
        headers={"WWW-Authenticate": "Tracbridge-Signature"},
    )


@router.get("/connections/{connection}/deliveries", response_model=Page)
async def deliveries(
    _: Viewer,
    service: Connection,
    state: Annotated[State | None, Query()] = None,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """What others were told of the connection, or will be, newest first."""
    try:
        found = await desk.listed(service, state, after, limit)
    except UnknownError:
        raise ProblemError(422, "Not accepted", "query.after: names no delivery.") from None
    return {"items": found, "after": found[-1]["id"] if len(found) == limit else None}


@router.post("/connections/{connection}/deliveries/{delivery}/retry", response_model=Told)
async def retry(
    caller: Operator,
    service: Connection,
    among: Connections,
    delivery: Annotated[str, Path(max_length=64)],
    said: Why | None = None,
) -> dict[str, Any]:
    """Send it now, whatever became of it; the receiver may see it twice, under one id."""
    try:
        told = await desk.retried(service, among, delivery)
    except UnknownError:
        raise missing() from None
    why = said.why if said else ""
    await among.audit(caller, service.name, "delivery.retry", delivery, why, "waits to be sent")
    return told
