"""OData V2: ``$filter``, ``$orderby``, and how dates are written. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tracbridge.testing.erp.conditions import Condition, Every, Not, Some, Test

_TOKEN = re.compile(
    r"\s*(?:(?P<moment>datetimeoffset|datetime)'(?P<at>[^']*)'|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>\w+)|(?P<sign>[(),]))",
    re.ASCII,
)
_OPS: Final = {"eq": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str) -> Condition:
    """What a ``$filter`` asks for; raises `ValueError`."""
    filter_ = _Filter(text)
    condition = filter_.either()
    if filter_.tokens:
        raise ValueError(f"Invalid token {filter_.tokens[0]!r} in $filter")
    return condition


class _Filter:
    """Reads tokens from left to right. A token is a word or sign, or a list with a literal."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Any] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if not found:
                raise ValueError(f"Invalid $filter at position {position}")
            self.tokens.append(_token(found))
            position = found.end()

    def either(self) -> Condition:
        """Terms joined by or."""
        of = [self.both()]
        while self._skip("or"):
            of.append(self.both())
        return of[0] if len(of) == 1 else Some(tuple(of))

    def both(self) -> Condition:
        """Terms joined by and."""
        of = [self.term()]
        while self._skip("and"):
            of.append(self.term())
        return of[0] if len(of) == 1 else Every(tuple(of))

    def term(self) -> Condition:
        """One comparison, function or parenthesis."""
        if self._skip("not"):
            return Not(self.term())
        if self._skip("("):
            inner = self.either()
            self._expect(")")
            return inner
        word = self._next()
        if word in ("substringof", "startswith"):
            return self._function(word)
        op = _OPS.get(str(self._next()))
        if not isinstance(word, str) or op is None:
            raise ValueError("Invalid comparison in $filter")
        return Test(word, op, self._literal())

    def _function(self, name: str) -> Condition:
        self._expect("(")
        first = self._next()
        self._expect(",")
        second = self._next()
        self._expect(")")
        if self._skip("eq"):
            self._expect("true")
        field, text = (second, first) if name == "substringof" else (first, second)
        return Test(str(field), "like", text[0])

    def _literal(self) -> Any:
        token = self._next()
        if isinstance(token, list):
            return token[0]
        return {"true": True, "false": False, "null": None}[token]

    def _next(self) -> Any:
        if not self.tokens:
            raise ValueError("$filter ends too early")
        return self.tokens.pop(0)

    def _skip(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == word:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._skip(word):
            raise ValueError(f"{word} expected in $filter")


def _token(found: re.Match[str]) -> Any:
    if found["moment"]:
        return [instant(found["at"])]
    if found["text"]:
        return [found["text"][1:-1].replace("''", "'")]
    if found["number"]:
        return [float(found["number"])]
    return found["word"] or found["sign"]


def instant(text: str) -> datetime:
    """The literal of a date or an instant; raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def order(text: str) -> tuple[tuple[str, bool], ...]:
    """``LastChangeDateTime asc,MaintenanceOrder``; raises `ValueError`."""
    found = []
    for part in text.split(","):
        match part.split():
            case [field]:
                found.append((field, False))
            case [field, "asc" | "desc" as way]:
                found.append((field, way == "desc"))
            case _:
                raise ValueError(f"Invalid $orderby {text!r}")
    return tuple(found)


def date_of(text: str) -> datetime | None:
    """``/Date(ms)/`` or ``/Date(ms+0000)/``; None for nothing. Raises `ValueError`."""
    if not text:
        return None
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no date")
    return _EPOCH + timedelta(milliseconds=int(found[1]))


def as_date(moment: datetime) -> str:
    """The day, which is a date of a calendar and no instant."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return f"/Date({_milliseconds(day)})/"


def as_instant(moment: datetime) -> str:
    """The instant."""
    return f"/Date({_milliseconds(moment)}+0000)/"


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
