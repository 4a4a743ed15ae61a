"""Requests of an interface, ready to be filled and sent. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.adapters.connectors.rest.calls import Call
from tracbridge.adapters.connectors.rest.spec import First, Lock, Request
from tracbridge.adapters.connectors.rest.template import Names, Template, template, text_of

_OURS = UUID("b3f0c3a4-6f1e-5d2a-9c51-7b1a5f0e4d21")
"""The space of the UUIDs that we make of keys."""

Wrongs = list[tuple[tuple[str | int, ...], str]]
"""What is wrong, with the way to its place."""


class Form(Struct, frozen=True):
    """A request with holes. ``body``: a JSON value in which some texts are templates."""

    method: str
    path: Template
    query: tuple[tuple[str, Template], ...]
    headers: tuple[tuple[str, Template], ...]
    body: Any

    @property
    def needs(self) -> frozenset[str]:
        """What its holes name."""
        found = [self.path, *(t for _, t in self.query), *(t for _, t in self.headers)]
        return frozenset(h.name for t in (*found, *_templates(self.body)) for h in t.holes)

    def call(
        self, names: Names, operation: str, *, writes: bool = False, backfill: bool = False
    ) -> Call:
        """The request with these values; raises `RecordError` where one is missing or unfit."""
        return Call(
            self.method,
            self.path.path(names),
            tuple((key, text.text(names)) for key, text in self.query),
            {key: text.header(names) for key, text in self.headers},
            filled(self.body, names),
            writes=writes,
            operation=operation,
            backfill=backfill,
        )


class Forms:
    """Makes forms of requests, and gathers what is wrong with them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.wrong: Wrongs = []

    def form(self, request: Request, given: Collection[str], *way: str | int) -> Form:
        """The request's form; ``given``: what its holes may name."""
        headers = {**self.headers, **request.headers}
        query = {k: v for k, v in request.query.items() if v is not None}
        return Form(
            request.method,
            self.text(request.path, given, *way, "path"),
            tuple((k, self.text(text_of(v), given, *way, "query", k)) for k, v in query.items()),
            tuple((k, self.text(v, given, *way, "headers", k)) for k, v in headers.items()),
            self.tree(request.body, given, *way, "body"),
        )

    def tree(self, value: Any, given: Collection[str], *way: str | int) -> Any:
        """A JSON value whose texts are templates."""
        match value:
            case dict():
                return {key: self.tree(item, given, *way, str(key)) for key, item in value.items()}
            case list():
                return [self.tree(item, given, *way, n) for n, item in enumerate(value)]
            case str():
                return self.text(value, given, *way)
        return value

    def text(self, text: str, given: Collection[str] | None, *way: str | int) -> Template:
        """A template; an empty one where the text is none."""
        try:
            return template(text, given)
        except ValueError as error:
            self.wrong.append((way, str(error)))
            return Template(())


def filled(value: Any, names: Names) -> Any:
    """A JSON value with its templates filled."""
    match value:
        case Template():
            return value.value(names)
        case dict():
            return {key: filled(item, names) for key, item in value.items()}
        case list():
            return [filled(item, names) for item in value]
    return value


def _templates(value: Any) -> Iterator[Template]:
    match value:
        case Template():
            yield value
        case dict():
            yield from _templates(list(value.values()))
        case list():
            for item in value:
                yield from _templates(item)


def overlaid(request: Request, first: First) -> Request:
    """The request for the whole list."""
    query = {**request.query, **first.query}
    body = request.body
    if first.body:
        under = body if isinstance(body, dict) else {}
        body = {k: v for k, v in {**under, **first.body}.items() if v is not None}
    return replace(request, query=query, body=body, path=first.path or request.path)


def locked(call: Call, lock: Lock | None, version: str) -> Call:
    """The call with the version that it was planned on, where his system takes one."""
    if lock is None or not version:
        return call
    if lock.header:
        text = Template((version,)).header({})
        return replace(call, headers={**call.headers, lock.header: text})
    if lock.body:
        body = call.body if isinstance(call.body, dict) else {}
        return replace(call, body={**body, lock.body: version})
    return call


def marked(call: Call, header: str, key: str) -> Call:
    """The call with a mark by which his system knows it again: the same for the same key, and
    another one for each call of a write.
    """
    mark = uuid5(_OURS, f"{key}/{call.operation}/{call.path}")
    return replace(call, headers={**call.headers, header: str(mark)})
