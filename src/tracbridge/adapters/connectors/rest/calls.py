"""One request and its answer, as the parts of this connector hand them to each other."""

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct, field

from tracbridge.domain.errors import RetryableError, shown


class BadReplyError(RetryableError):
    """The answer is not the JSON that was asked for: a proxy's page, half a body, or nothing."""


class Call(Struct, frozen=True):
    """One request, whole but for the credentials.

    ``path`` is absolute and encoded, or an absolute URL of the same host (a link to the next page).
    ``body`` is a JSON value; None is no body. ``writes``: an effect is possible, so that without an
    answer the outcome is unknown. ``operation``: what is broken together, such as ``read`` or
    ``create``; failures of one operation do not stop another. ``backfill``: it can wait for others.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    writes: bool = False
    operation: str = ""
    backfill: bool = False

    @property
    def what(self) -> str:
        """The request as a message names it: method and path, never the query."""
        return f"{self.method} {self.path.partition('?')[0]}"

    def __repr__(self) -> str:
        return f"Call({self.what})"


class Reply(Struct, frozen=True):
    """A complete answer, whatever its status; header names are in lower case.

    ``what`` is the request as a message names it, ``operation`` its own.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes
    what: str = ""
    operation: str = ""

    @property
    def json(self) -> Any:
        """The body read as JSON. Raises `BadReplyError`, which says what came instead."""
        try:
            return orjson.loads(self.data)
        except orjson.JSONDecodeError:
            raise BadReplyError(f"{self.what} was answered with {self._instead()}.") from None

    def _instead(self) -> str:
        kind = self.headers.get("content-type", "").partition(";")[0].strip()
        start = self.data.lstrip()[:80]
        if not start:
            return f"status {self.status} and an empty body instead of JSON"
        if kind.endswith("html") or start[:1] == b"<":
            return f"status {self.status} and an HTML or XML page instead of JSON"
        if kind.endswith("json"):
            size = len(self.data)
            return f"status {self.status} and JSON that is cut off or damaged ({size} bytes)"
        return f"status {self.status} and {shown(kind) or 'something'} instead of JSON"

    def __repr__(self) -> str:
        return f"Reply({self.what}: {self.status}, {len(self.data)} bytes)"
