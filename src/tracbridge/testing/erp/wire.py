"""What goes over the wire between a client and a simulator."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from msgspec import Struct

JSON = ("content-type", "application/json; charset=utf-8")


class Answer(Struct, frozen=True, kw_only=True):
    """A reply.

    ``pause``: seconds between two bytes. ``cut``: only so many bytes are sent of those that were
    announced, then the connection is closed.
    """

    status: int = 200
    data: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    pause: float = 0.0
    cut: int | None = None


def answer(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A value as JSON."""
    return Answer(status=status, data=orjson.dumps(value), headers=(JSON, *headers))


class RefusedError(Exception):
    """The system answers with an error."""

    def __init__(self, reply: Answer) -> None:
        super().__init__(f"{reply.status} {reply.data.decode()}")
        self.answer = reply


class DroppedError(Exception):
    """The connection is closed without an answer, by either side."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request. ``path`` is percent-encoded as it came, header names are small."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    data: bytes
    base: str

    @property
    def parts(self) -> list[str]:
        """The path's parts, decoded."""
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def json(self, refuse: Callable[[str], RefusedError]) -> dict[str, Any]:
        """The body, an object; {} where there is none. Raises what ``refuse`` makes."""
        if not self.data:
            return {}
        try:
            value = orjson.loads(self.data)
        except orjson.JSONDecodeError as error:
            raise refuse(f"malformed JSON: {error}") from None
        if not isinstance(value, dict):
            raise refuse("the body is no JSON object")
        return value


class Deed(Struct, frozen=True, kw_only=True):
    """What a request wants. ``run`` does it and may raise `RefusedError`."""

    operation: str
    writes: bool
    run: Callable[[], Answer]


async def received(scope: Mapping[str, Any], receive: Callable[[], Any]) -> Asked:
    """A whole request. Raises `DroppedError` for one that breaks off: nothing of it is done."""
    data = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DroppedError
        data += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    return Asked(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        data=data,
        base=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
    )
