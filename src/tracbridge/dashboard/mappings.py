"""The mapping and the rules of a connection, its versions, a try with a sample, and a replay."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct

from tracbridge.api.context import Role
from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap import Service
from tracbridge.config.rules import from_text
from tracbridge.dashboard.attention import Chosen
from tracbridge.dashboard.sessions import HEADER, refuse_forged
from tracbridge.dashboard.visit import Seen, Visit, Visited
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.mappings import mapping_json, version_json, versions_of
from tracbridge.desk.rules import MOST, compared, days, deed, trials
from tracbridge.desk.trying import LONGEST, sample_json, sampled
from tracbridge.domain.errors import RecordError, TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.rules.book import flows
from tracbridge.rules.trial import Trial

router = APIRouter(prefix="/mappings")

BACK = (7, 30, 90)
"""Days that a replay can go back."""


class Ruled(Struct, frozen=True):
    """One rule, what it does, and what its own tests say of it now."""

    name: str
    on: str
    when: str
    then: str
    priority: int
    days: str
    counts: bool
    tests: list[Trial]


@router.get("")
async def mappings(visit: Visited, connection: Chosen = "") -> HTMLResponse:
    """The mapping in use; of the first connection where none is named."""
    names = visit.names()
    name = connection if connection in names else next(iter(names), "")
    service = await visit.hosted.service(name) if name else None
    frame: dict[str, Any] = {"section": "mappings", "names": names, "connection": name}
    if service is None:
        return visit.page("mappings.html", mapping=None, **frame)
    versions, whole = await versions_of(service)
    return visit.page(
        "mappings.html",
        mapping=await asyncio.to_thread(mapping_json, service),
        versions=versions,
        whole=whole,
        rules=await asyncio.to_thread(ruled, service),
        longest=LONGEST,
        back=BACK,
        **frame,
    )


def ruled(service: Service) -> list[Ruled]:
    """Its rules in the order in which they are asked."""
    now, book = service.connection.clock.now(), service.connection.book
    tests = trials(book, now)
    return [
        Ruled(
            name=one.rule.name,
            on=", ".join(flows(one.rule)),
            when=one.rule.when,
            then=deed(one.rule.then),
            priority=one.rule.priority,
            days=days(one.rule.from_, one.rule.until),
            counts=one.counts_on(now.date()),
            tests=[test for test in tests if test.rule == one.rule.name],
        )
        for one in book.rules
    ]


@router.get("/{name}/versions/{version}")
async def version_(
    visit: Visited, service: Seen, version: Annotated[str, Path(max_length=30)]
) -> HTMLResponse:
    """The words of a version that this connection uses or used."""
    try:
        told = await version_json(service, version)
    except UnknownError:
        raise missing() from None
    return visit.page("version.html", section="mappings", one=told, connection=service.name)


@router.post("/{name}/try")
async def try_(
    request: Request,
    visit: Visited,
    service: Seen,
    sample: Annotated[str, Form(max_length=LONGEST)],
    side: Annotated[Side, Form()] = Side.CUSTOMER,
) -> HTMLResponse:
    """What would become of these records, as a part of the page; touches nothing."""
    refuse_strangers(request, visit)
    told: dict[str, Any] = {"items": [], "unread": [], "more": 0, "side": side.value}
    wrong = ""
    try:
        found = await asyncio.to_thread(sampled, service, sample.encode(), side)
        told = sample_json(service, found)
    except (RecordError, TracbridgeError) as error:
        wrong = str(error)
    return visit.page("tried.html", told=told, wrong=wrong)


@router.post("/{name}/replay")
async def replay(
    request: Request,
    visit: Visited,
    service: Seen,
    back: Annotated[int, Form(ge=1, le=366)],
    rules: Annotated[str, Form(max_length=100_000)] = "",
) -> HTMLResponse:
    """Which orders would have ended otherwise, as a part of the page; touches nothing."""
    refuse_strangers(request, visit)
    if not visit.caller.role.may(Role.OPERATOR):
        raise ProblemError(403, "Not allowed", "A replay takes the role operator.")
    told, wrong = None, ""
    try:
        other = await asyncio.to_thread(from_text, rules) if rules.strip() else None
        since = service.connection.clock.now() - timedelta(days=back)
        told = (await compared(service, since, MOST, other)).json()
    except TracbridgeError as error:
        wrong = str(error)
    return visit.page("replayed.html", told=told, wrong=wrong, connection=service.name)


def refuse_strangers(request: Request, visit: Visit) -> None:
    """Raises `ProblemError` 403 where the form is not one of our own pages."""
    refuse_forged(request, visit.session.token, request.headers.get(HEADER, ""))
