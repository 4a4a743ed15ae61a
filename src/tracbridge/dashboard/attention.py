"""What waits for a person in quarantine: cases by their cause, and one case with its bytes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, Response
from msgspec import Struct

from tracbridge.api.problem import missing
from tracbridge.bootstrap import Service
from tracbridge.dashboard.visit import Seen, Visit, Visited
from tracbridge.desk.approvals import rule_of
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.quarantine import found, original_of
from tracbridge.desk.texts import counted
from tracbridge.domain.errors import TracbridgeError
from tracbridge.ports.state import QuarantineCase

router = APIRouter(prefix="/attention")

MOST = 50
"""Causes that the page shows."""

LISTED = 50
"""Cases of a cause that are listed."""

AT_ONCE = 500
"""Cases that one action takes."""

VIEWED = 64 * 1024
"""Bytes of an original that the page shows; the download has all."""


class Cause(Struct, frozen=True):
    """Open cases of one connection with one cause. ``rule``: the rule that holds them, or "";
    ``total``: how many cases, ``orders``: how many of them name an order; ``query``: what finds
    them.
    """

    connection: str
    rule: str
    reason: str
    hint: str
    total: int
    orders: int
    query: Mapping[str, Any]


class Group(Struct, frozen=True):
    """A cause with its newest cases, up to `AT_ONCE`."""

    cause: Cause
    cases: Sequence[QuarantineCase]

    @property
    def title(self) -> str:
        """The cause in a line: with place and value where all of these cases share them."""
        if self.cause.rule:
            return f"held by rule {self.cause.rule}"
        places = {case.why.pointer for case in self.cases}
        parts = (shared(places), self.value, self.cause.reason.rstrip("."))
        return " ".join(part for part in parts if part)

    @property
    def value(self) -> str:
        """The value that all of these cases show, "" where they differ."""
        return shared({case.why.value for case in self.cases})

    @property
    def about(self) -> str:
        """What it is about, and how many."""
        named, total = self.cause.orders, self.cause.total
        return counted(named, "order") if named == total else counted(total, "record")


def shared(values: set[str]) -> str:
    """The one value, "" where there are several."""
    return next(iter(values)) if len(values) == 1 else ""


async def causes_of(service: Service) -> list[Cause]:
    """What is open on one connection, the most frequent first."""
    return [
        Cause(
            connection=service.name,
            rule=(row["rule"] or "").strip('"'),
            reason=row["reason"],
            hint=row["hint"],
            total=row["cases"],
            orders=row["orders"],
            query={
                "state": "open",
                "code": row["code"],
                "side": row["side"],
                **({"value": row["rule"]} if row["rule"] else {}),
            },
        )
        for row in await service.listing.causes()
    ]


Chosen = Annotated[str, Query(max_length=100)]


async def chosen(visit: Visit, connection: str) -> list[Service]:
    """The connection that is named, or all that wait for somebody."""
    if connection:
        names = [connection] if connection in visit.names() else []
    else:
        figures = await visit.board.all(visit.caller.tenants)
        names = [one.name for one in figures if one.attention or one.standing is None]
    services = await asyncio.gather(*map(visit.hosted.service, names))
    return [one for one in services if one is not None]


@router.get("")
async def attention(visit: Visited, connection: Chosen = "") -> HTMLResponse:
    """All causes, those of most cases first; what a rule holds comes last."""
    services = {one.name: one for one in await chosen(visit, connection)}
    causes: list[Cause] = []
    away = []
    for service in services.values():
        try:
            causes += await causes_of(service)
        except TracbridgeError as error:
            away.append(f"{service.name}: {error}")
    causes.sort(key=lambda one: (bool(one.rule), -one.total))
    groups = []
    for cause in causes[:MOST]:
        listing = services[cause.connection].listing
        cases, _ = await listing.cases(cause.query, "", AT_ONCE)
        if cases:  # else they were dealt with in between
            groups.append(Group(cause, cases))
    return visit.page(
        "attention.html",
        section="attention",
        groups=groups,
        more=max(len(causes) - MOST, 0),
        away=away,
        names=visit.names(),
        connection=connection,
        listed=LISTED,
    )


Id = Annotated[str, Path(max_length=100)]


async def case_of(service: Service, id_: str) -> QuarantineCase:
    """That case. Raises `ProblemError` 404 where there is none."""
    try:
        (case,) = await found(service, [id_])
    except UnknownError:
        raise missing() from None
    return case


@router.get("/{name}/{id_}")
async def case(visit: Visited, service: Seen, id_: Id) -> HTMLResponse:
    """One case with its bytes."""
    one = await case_of(service, id_)
    data = await original_of(service, one)
    approvals = await service.views.approvals(one.ref or "") if one.token else []
    return visit.page(
        "case.html",
        section="attention",
        name=service.name,
        case=one,
        rule=rule_of(one) if one.token else "",
        text=None if data is None else data[:VIEWED].decode("utf-8", "replace"),
        size=len(data or b""),
        more=max(len(data or b"") - VIEWED, 0),
        hexed=dump((data or b"")[:1_024]),
        whole=data is not None and editable(data),
        approval=next((given for given in approvals if given.token == one.token), None),
    )


def editable(data: bytes) -> bool:
    """It is text, whole, and short enough for a field of a form."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(data) <= VIEWED


def dump(data: bytes) -> str:
    """The bytes as numbers, sixteen in a line, with what of them can be read."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        read = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004
        lines.append(f"{start:06x}  {part.hex(' '):<47}  {read}")
    return "\n".join(lines)


@router.get("/{name}/{id_}/original")
async def original(service: Seen, id_: Id) -> Response:
    """Its bytes, to be kept as a file; a browser never shows them as a page."""
    one = await case_of(service, id_)
    data = await original_of(service, one) or b""
    headers = {"Content-Disposition": f'attachment; filename="case-{one.id}.bin"'}
    return Response(data, media_type="application/octet-stream", headers=headers)
