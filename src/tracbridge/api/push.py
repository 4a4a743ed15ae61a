"""Orders that are pushed: stored first, then taken in by the way that all records go."""

import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tracbridge.api.context import Connection, Connections, Operator
from tracbridge.api.problem import ProblemError, missing, no_json
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hooks import reception_of, takes_records
from tracbridge.ports.inbox import Arrival
from tracbridge.runtime.received import Fate, Verdict

router = APIRouter(tags=["pushes"])

KEY = re.compile(r"[!-~]{1,255}")

BOM = b"\xef\xbb\xbf"

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One order or a list of orders, as the customer's system spells them.",
        "content": {"application/json": {"schema": {"type": ["object", "array"]}}},
    }
}


class Pushed(BaseModel):
    """A push was stored. ``id``: to ask what became of it."""

    id: str
    at: str = Field(json_schema_extra={"format": "date-time"})
    status: str


class Push(BaseModel):
    """What became of a push. ``kind``: ``records``, or a ``hint`` to look at the customer's
    system. ``state``: ``waiting``, ``taken`` or ``quarantined``, where ``cases`` are its open ones.
    """

    id: str
    at: str = Field(json_schema_extra={"format": "date-time"})
    kind: str
    state: str
    cases: list[str]


@router.post(
    "/connections/{connection}/orders",
    status_code=202,
    response_model=Pushed,
    openapi_extra=BODY,
)
async def push(
    caller: Operator,
    service: Connection,
    among: Connections,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=255, description="Made by the caller, another one for each push."),
    ] = None,
) -> JSONResponse:
    """Give us one order or a list of orders. The same key with the same body is the same push."""
    key = key_of(idempotency_key)
    body = await request.body()
    look_at(request, body)
    refuse_kept(service)
    received = await (await reception_of(service, among)).pushed(key, body)
    refuse_other(received.verdict)
    told = answer(service.name, received.arrival)
    if received.verdict is Verdict.NEW:
        await among.audit(caller, service.name, "orders.push", told.id, outcome="stored")
    return JSONResponse(told.model_dump(), 202, {"Location": told.status})


@router.get("/connections/{connection}/pushes/{push}", response_model=Push)
async def pushed(
    service: Connection, among: Connections, push: Annotated[str, Path(max_length=64)]
) -> Push:
    """What became of a push; known for a week after it was taken."""
    fate = await (await reception_of(service, among)).fate(push)
    if fate is None:
        raise missing()
    return push_of(fate)


def push_of(fate: Fate) -> Push:
    """As it is told."""
    return Push(id=fate.id, at=iso(fate), kind=fate.kind, state=fate.state, cases=fate.cases)


def iso(of: Fate | Arrival) -> str:
    """When it came."""
    return of.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer(connection: str, arrival: Arrival) -> Pushed:
    """The same for the same push, whatever has become of it since."""
    status = f"/api/v1/connections/{connection}/pushes/{arrival.id}"
    return Pushed(id=arrival.id, at=iso(arrival), status=status)


def key_of(said: str | None) -> str:
    """The idempotency key; raises `ProblemError` 400."""
    if said is None or not KEY.fullmatch(said):
        raise ProblemError(
            400,
            "No idempotency key",
            "Send the header Idempotency-Key: up to 255 printable characters without spaces, such "
            "as a UUID, another one for each push, and the same one when you repeat it.",
        )
    return said


def look_at(request: Request, body: bytes) -> None:
    """It is JSON in UTF-8, and may be an order or a list of orders. Raises `ProblemError`."""
    kind, _, rest = request.headers.get("content-type", "").lower().partition(";")
    charset = rest.replace('"', "").replace(" ", "")
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise ProblemError(
            415, "Unsupported", "The body is JSON in UTF-8: Content-Type: application/json."
        )
    try:
        value = orjson.loads(body.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise no_json(error.pos, error.msg) from None
    records = value if isinstance(value, list) else [value]
    if not records or not all(isinstance(one, dict) for one in records):
        raise ProblemError(
            422, "Not accepted", "The body is one order or a list of orders: objects of JSON."
        )


def refuse_kept(service: Service) -> None:
    """Raises `ProblemError` where nothing can be laid into the folder."""
    if takes_records(service.settings) and service.settings.inbound_mode == "keep":
        raise ProblemError(
            409,
            "Not possible",
            "This connection reads a folder that it does not write (customer.mode: keep). Lay the "
            "file there, or change the mode.",
        )


def refuse_other(verdict: Verdict) -> None:
    """Raises `ProblemError` for a key that names another push, or one that is under way."""
    if verdict is Verdict.OTHER:
        raise ProblemError(
            422,
            "Another push",
            "This Idempotency-Key came with another body before; give each push a key of its own.",
        )
    if verdict is Verdict.BUSY:
        raise ProblemError(
            409,
            "Under way",
            "The push with this Idempotency-Key is being stored; repeat it in a moment.",
            headers={"Retry-After": "30"},
        )
