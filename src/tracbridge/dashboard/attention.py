"""What waits for a person in quarantine: cases by their cause, and one case with its bytes."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, Response
from msgspec import Struct

from tracbridge.api.problem import missing
from tracbridge.bootstrap import Service
from tracbridge.dashboard.visit import Seen, Visit, Visited
from tracbridge.desk.approvals import rule_of
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.quarantine import found, original_of
from tracbridge.domain.errors import TracbridgeError
from tracbridge.ports.state import QuarantineCase

router = APIRouter(prefix="/attention")

MOST = 1_000
"""Cases of one connection that the page groups."""

LISTED = 20
"""Cases of a group that are listed; the group holds all."""

AT_ONCE = 500
"""Cases that one action takes."""

VIEWED = 64 * 1024
"""Bytes of an original that the page shows; the download has all."""


class Group(Struct):
    """Cases of one connection with one cause. ``rule``: the rule that holds them, or ""."""

    connection: str
    rule: str
    cases: list[QuarantineCase]

    @property
    def first(self) -> QuarantineCase:
        """The newest."""
        return self.cases[0]

    @property
    def value(self) -> str:
        """The value that all of them show, "" where they differ."""
        values = {case.why.value for case in self.cases}
        return self.first.why.value if len(values) == 1 else ""

    @property
    def title(self) -> str:
        """The cause in a line."""
        why = self.first.why
        if self.rule:
            return f"held by rule {self.rule}"
        parts = (why.pointer, self.value, why.reason.rstrip("."))
        return " ".join(part for part in parts if part)

    @property
    def orders(self) -> int:
        """How many orders they are about."""
        return len({case.ref or case.source for case in self.cases})


def grouped(connection: str, cases: Iterable[QuarantineCase]) -> list[Group]:
    """By cause, the largest group first."""
    groups: dict[tuple[str, ...], Group] = {}
    for case in cases:
        rule, why = rule_of(case) if case.token else "", case.why
        cause = ("rule", rule) if rule else (why.code, why.pointer, why.reason, case.side.value)
        groups.setdefault(cause, Group(connection, rule, [])).cases.append(case)
    return sorted(groups.values(), key=lambda group: -len(group.cases))


async def groups_of(service: Service) -> list[Group]:
    """What is open on one connection."""
    cases = []
    async for case in service.views.cases():
        cases.append(case)
        if len(cases) >= MOST:
            break
    return grouped(service.name, cases)


Chosen = Annotated[str, Query(max_length=100)]


async def chosen(visit: Visit, connection: str) -> tuple[list[Service], list[str]]:
    """The connection that is named, or all that wait for somebody; and why some are not there."""
    if connection:
        names = [connection] if connection in visit.names() else []
    else:
        figures = await visit.board.all(visit.caller.tenants)
        names = [one.name for one in figures if one.attention or one.standing is None]
    services = await asyncio.gather(*map(visit.hosted.service, names))
    return [one for one in services if one is not None], []


@router.get("")
async def attention(visit: Visited, connection: Chosen = "") -> HTMLResponse:
    """All causes, those of most orders first."""
    services, _ = await chosen(visit, connection)
    found_, away = [], []
    for service in services:
        try:
            found_ += await groups_of(service)
        except TracbridgeError as error:
            away.append(f"{service.name}: {error}")
    return visit.page(
        "attention.html",
        section="attention",
        groups=sorted(found_, key=lambda group: (bool(group.rule), -len(group.cases))),
        away=away,
        names=visit.names(),
        connection=connection,
        listed=LISTED,
        at_once=AT_ONCE,
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
