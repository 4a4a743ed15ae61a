"""The mapping and the rules of a connection, and a try of them with a sample."""

from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.config.mappings import value_of
from tracbridge.config.translations import translation_of
from tracbridge.dashboard.attention import Chosen
from tracbridge.dashboard.sessions import HEADER, refuse_forged
from tracbridge.dashboard.visit import Seen, Visited
from tracbridge.domain.errors import RecordError, TracbridgeError
from tracbridge.mapping.envelope import decode
from tracbridge.proof.trying import Try, tried
from tracbridge.rules.book import flows
from tracbridge.rules.trial import Trial
from tracbridge.rules.trial import tried as tests_of

router = APIRouter(prefix="/mappings")

LONGEST = 200_000
"""Characters of a sample."""

TRIED = 10
"""Records of a sample that are shown."""


class Ruled(Struct, frozen=True):
    """One rule, what it does, and what its own tests say of it now."""

    name: str
    on: str
    when: str
    then: str
    days: str
    tests: list[Trial]


@router.get("")
async def mappings(visit: Visited, connection: Chosen = "") -> HTMLResponse:
    """The mapping in use; of the first connection where none is named."""
    names = visit.names()
    name = connection if connection in names else next(iter(names), "")
    service = await visit.hosted.service(name) if name else None
    return visit.page(
        "mappings.html",
        section="mappings",
        names=names,
        connection=name,
        source=service.settings.mapping if service else None,
        text=in_yaml(service) if service else "",
        rules=ruled(service) if service else [],
        longest=LONGEST,
    )


def in_yaml(service: Service) -> str:
    """The whole mapping as it counts, all layers put together."""
    value = value_of(service.settings.mapping.words)
    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)
    return text


def ruled(service: Service) -> list[Ruled]:
    """Its rules in the order in which they are asked."""
    now, found = service.connection.clock.now(), []
    for written in service.connection.book.rules:
        rule = written.rule
        bounds = f"{rule.from_ or ''} - {rule.until or ''}" if rule.from_ or rule.until else ""
        tests = tests_of(written, now)
        on = ", ".join(flows(rule))
        found.append(Ruled(rule.name, on, rule.when, deed(rule.then), bounds, tests))
    return found


def deed(then: Any) -> str:
    """What a rule does, in short."""
    words = ("reject", "hold", "ignore", "warn")
    said = [f"{word}: {getattr(then, word)}" for word in words if getattr(then, word) is not None]
    return said[0] if said else f"set {', '.join(then.set)}"


@router.post("/{name}/try")
async def try_(
    request: Request,
    visit: Visited,
    service: Seen,
    sample: Annotated[str, Form(max_length=LONGEST)],
) -> HTMLResponse:
    """What would become of these records, as a part of the page; touches nothing."""
    refuse_forged(request, visit.session.token, request.headers.get(HEADER, ""))
    tries: list[tuple[str, Try]] = []
    unread: list[tuple[str, str]] = []
    wrong, more = "", 0
    try:
        records = decode(sample.encode(), service.settings.mapping.spec.records)
        mapping, more = translation_of(service.settings), len(records) - TRIED
        for one in records[:TRIED]:
            if one.body is None:
                unread.append((one.pointer, str(one.error)))
            else:
                tries.append((one.pointer, tried(mapping, one.body, one.raw)))
    except (RecordError, TracbridgeError) as error:
        wrong = str(error)
    return visit.page("tried.html", tries=tries, unread=unread, wrong=wrong, more=max(more, 0))
