"""What an answer holds and what it means. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
import orjson
from msgspec import Struct

from tracbridge.adapters.connectors.rest.calls import BadReplyError, Reply
from tracbridge.adapters.connectors.rest.spec import Rule
from tracbridge.adapters.connectors.rest.template import at
from tracbridge.domain.errors import RecordError, shown
from tracbridge.mapping.decode import Decoded, decode
from tracbridge.mapping.path import MISSING, Place, place

WORDS = 400
"""Characters of a system's own words that may stand in a message."""

CODE = 60
"""Characters of a system's code of an error."""

LONGEST = timedelta(hours=1)
"""A system that asks us to wait longer is asked again after this."""

NO_CONTENT = (204, 205)
"""Statuses of answers that have no body."""

_TAG = re.compile(r"<[^<>]{1,200}>")
_TRACE = re.compile(r"\s*Traceback \(most recent call last\).*", re.DOTALL)
_BLANKS = re.compile(r"\s+")
_ODD = re.compile(r"[^ -~\u00a0-\U0010ffff]")


class Kind(StrEnum):
    """What an answer means for what was asked."""

    OK = "ok"
    RETRY = "retry"
    THROTTLE = "throttle"
    CONFLICT = "conflict"
    BUSY = "busy"
    BUSINESS = "business"
    ALREADY = "already"
    AUTH = "auth"
    MISSING = "missing"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


BY_STATUS: Final[Mapping[int, Kind]] = {
    401: Kind.AUTH,
    403: Kind.AUTH,
    404: Kind.MISSING,
    407: Kind.AUTH,
    408: Kind.THROTTLE,
    409: Kind.CONFLICT,
    410: Kind.MISSING,
    412: Kind.CONFLICT,
    423: Kind.BUSY,
    425: Kind.THROTTLE,
    429: Kind.THROTTLE,
    503: Kind.RETRY,
}
_SUCCESS, _REFUSED, _FAILED = range(200, 300), range(400, 500), 500


class Spot(Struct, frozen=True):
    """A place in an answer, which may be a list; without a place it is the answer itself."""

    place: Place | None
    listed: bool = False

    def get(self, value: Any) -> Any:
        """What stands there, or `MISSING`."""
        if self.place is None:
            return value
        return at(self.place, {"$": value} if self.listed else value)

    @property
    def optional(self) -> bool:
        """It is an item of a list, which may be empty."""
        steps = () if self.place is None else self.place.steps
        return self.listed or any(not isinstance(step, str) for step in steps)

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys that lead there, where there are only keys; else None."""
        steps = () if self.place is None else self.place.steps
        found = tuple(step for step in steps if isinstance(step, str))
        return found if len(found) == len(steps) and not self.listed else None


def spot(text: str) -> Spot:
    """The place that a text names; raises `ValueError` for one that names none."""
    if not text:
        return Spot(None)
    return Spot(place(f"${text}"), listed=True) if text.startswith("[") else Spot(place(text))


class Reading(Struct, frozen=True):
    """How errors of a system are understood."""

    rules: tuple[Rule, ...] = ()
    codes: tuple[Spot, ...] = ()
    messages: tuple[Spot, ...] = ()
    present: Spot | None = None


class Verdict(Struct, frozen=True):
    """What an answer means. ``words``: the system's own; ``after``: when to try again."""

    kind: Kind
    code: str = ""
    words: str = ""
    after: timedelta | None = None
    status: int = 200

    @property
    def refusal(self) -> RecordError:
        """A refusal for business reasons, as people see it."""
        said = self.words or f"status {self.status}, without a word why."
        reason = f"the customer's system refused it: {said}"
        return RecordError("refused_by_customer", reason, value=self.code)


def classify(reply: Reply, reading: Reading, now: datetime) -> Verdict:
    """What the answer means; every one means something."""
    error = _error_in(reply, reading)
    if error is MISSING:
        return Verdict(Kind.OK)
    code, words = _first(reading.codes, error), _first(reading.messages, error) or _plain(reply)
    kind, after = by_status(reply.status), retry_after(reply, now)
    if kind is Kind.RETRY and after is not None:
        kind = Kind.THROTTLE
    for rule in reading.rules:
        if _fits(rule, reply.status, code, words):
            kind = Kind(rule.is_)
            after = timedelta(seconds=rule.after) if rule.after else after
            break
    return Verdict(kind, _cut_to(code, CODE), _cut_to(words, WORDS), after, reply.status)


def by_status(status: int) -> Kind:
    """The built-in table; asked for errors only. Who asks for a pause beside a `Kind.RETRY` wants
    fewer calls; else he is just away, and the breaker counts it.
    """
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status in _REFUSED or status in _SUCCESS:
        return Kind.BUSINESS
    return Kind.UNKNOWN


def _fits(rule: Rule, status: int, code: str, words: str) -> bool:
    if rule.status is not None and rule.status != status:
        return False
    if rule.code is None or rule.code in words:
        return True
    return code == rule.code or code.startswith(f"{rule.code}.")


def _error_in(reply: Reply, reading: Reading) -> Any:
    """The body of an error, None where it is unreadable; `MISSING`: it is no error."""
    good = reply.status in _SUCCESS
    if good and reading.present is None:
        return MISSING
    try:
        body = value_of(reply)
    except BadReplyError:
        return MISSING if good else None
    if good and reading.present and reading.present.get(body) in (MISSING, None, False):
        return MISSING
    return body


def _first(spots: Sequence[Spot], body: Any) -> str:
    for one in spots:
        found = one.get(body)
        if found is not MISSING and (text := told(_spoken(found))):
            return text
    return ""


def _spoken(value: Any, depth: int = 4) -> str:
    """The words in a value: a text, a list of them, texts of JSON in texts, ``{message: ...}``."""
    match value:
        case str() if depth and value[:1] in ("[", "{"):
            try:
                return _spoken(orjson.loads(value), depth - 1)
            except orjson.JSONDecodeError:
                return value
        case list() if depth:
            return " ".join(filter(None, (_spoken(item, depth - 1) for item in value)))
        case dict() if depth:
            return _spoken(value.get("message", value.get("value", "")), depth - 1)
        case str() | int() if not isinstance(value, bool):
            return str(value)
    return ""


def told(text: str) -> str:
    """A system's words as they may stand in a message, but for their length: one line, without
    tags, control characters and traces of its program.
    """
    text = _TRACE.sub("", text[: 20 * WORDS])
    text = _BLANKS.sub(" ", _TAG.sub("", text)).strip()
    text = _ODD.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text if text.isprintable() else ascii(text)[1:-1]


def _cut_to(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _plain(reply: Reply) -> str:
    """The words of an answer that is nothing but words."""
    kind = reply.headers.get("content-type", "")
    if not kind.startswith("text/plain"):
        return ""
    return told(reply.data[: 4 * WORDS].decode("utf-8", "replace"))


def retry_after(reply: Reply, now: datetime) -> timedelta | None:
    """How long the system asks us to wait: seconds or a date; None where it does not."""
    text = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        return min(timedelta(seconds=float(text)), LONGEST)
    moment = instant_in(text)
    return None if moment is None else min(max(moment - now, timedelta()), LONGEST)


def instant_in(header: str) -> datetime | None:
    """The instant that a header names, None for one that names none."""
    try:
        found = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo else None


# -- bodies ------------------------------------------------------------------------------------


def text_in(reply: Reply) -> bytes:
    """The answer's bytes as UTF-8, without a byte order mark."""
    kind = reply.headers.get("content-type", "")
    named = re.search(r'charset="?([\w.:-]{1,40})', kind, re.ASCII)
    data = reply.data.removeprefix(b"\xef\xbb\xbf")
    if named is None or named[1].lower() in ("utf-8", "utf8"):
        return data
    try:
        return data.decode(named[1]).encode("utf-8", "surrogatepass")
    except (LookupError, UnicodeError):
        return data


def value_of(reply: Reply) -> Any:
    """The answer as JSON, whole numbers with all their digits.

    Raises `BadReplyError`, which says what came instead.
    """
    data = text_in(reply)
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise bad(reply) from None


def plausible(reply: Reply) -> bool:
    """The answer begins and ends as JSON does, or may be empty; quick, and not the last word."""
    if reply.status in NO_CONTENT:
        return True
    data = reply.data.strip()
    return data[:1] not in (b"", b"<") and (data[:1] not in b"{[" or data[-1:] in b"]}")


def bad(reply: Reply, why: str = "") -> BadReplyError:
    """The answer is not what was asked for; says what came: its kind, and how a page for people
    begins. Of what looks like records nothing is shown.
    """
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    start = reply.data[:60].decode("utf-8", "replace").strip()
    came = f"{shown(kind) if kind else 'no content type'}, {len(reply.data)} bytes"
    if start and start[0] not in "[{":
        came += f", beginning with {shown(start)}"
    why = why or "is no JSON, or only a part of it"
    return BadReplyError(f"{reply.what}: the answer (status {reply.status}) {why}: {came}.")


def items_of(reply: Reply, where: Spot) -> Sequence[Decoded]:
    """The records of a list in an answer, each with its own bytes or its own error.

    Raises `BadReplyError` for an answer without such a list.
    """
    data = text_in(reply)
    found = _cut(data, where)
    if found is None:
        found = _cut_slowly(reply, data, where)
    found = found.strip(b" \t\r\n")
    if found[:1] != b"[":
        named = where.place.text if where.place else "its top"
        raise bad(reply, f"has no list at {named}")
    if found[1:-1].strip(b" \t\r\n") == b"":
        return []
    try:
        return decode(found)
    except RecordError:
        raise bad(reply) from None


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _cut(data: bytes, where: Spot) -> bytes | None:
    """The bytes of the list; None where they cannot be cut out of the whole."""
    keys = where.keys
    if keys is None:
        return None
    try:
        if where.place is not None and len(keys) > 1:
            top = _OBJECT.decode(data)
            if where.place.text in top:
                return bytes(top[where.place.text])
        for key in keys:
            data = bytes(_OBJECT.decode(data)[key])
        msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        return None
    return data


def _cut_slowly(reply: Reply, data: bytes, where: Spot) -> bytes:
    """The list, written anew; what is no JSON in one record stays its own trouble."""
    try:
        value = where.get(json.loads(data.decode("utf-8", "surrogateescape")))
        if value is MISSING or value is None:
            return b""
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        raise bad(reply) from None
