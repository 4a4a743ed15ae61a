"""Texts with holes: ``/orders/{ref}``, ``changedate>="{since}"``, ``{record.siteid}``. Pure.

A hole names a value that is given (``ref``, ``since``) or a place in the record (``record.asset``).
What comes into a path is percent-encoded whole; a value that is missing or empty is an error, never
an empty text: ``/orders/`` is another address than ``/orders/7``.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.path import MISSING, TABLE, Place, place

Names = Mapping[str, Any]
"""What holes may name; below ``record`` stands the record that a request is about."""

_PIECE = re.compile(r"(\{\{|\}\})|\{([^{}|]*)((?:\|[a-z]+)*)\}|([{}])")
_CONTROLS = re.compile(r"[^\x20-\x7e]")
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_SEGMENT = re.compile(r"\.{1,2}")


def text_of(value: Any) -> str:
    """A value in a text; raises `RecordError` for one that has no text of its own."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
    reason = "is no text and no number, and cannot stand in a request's text."
    raise RecordError("unfit_value", reason, value=value)


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not _WHOLE.fullmatch(str(value)):
        reason = "is no whole number, as his system wants it."
        raise RecordError("unfit_value", reason, value=value)
    return int(value)


def _escaped(value: Any) -> str:
    return text_of(value).replace("\\", "\\\\").replace('"', '\\"')


FILTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "odata": lambda value: text_of(value).replace("'", "''"),
    "quoted": _escaped,
    "number": _number,
    "text": text_of,
    "json": lambda value: orjson.dumps(value).decode(),
    "tail": lambda value: text_of(value).partition("?")[0].rstrip("/").rpartition("/")[2],
}
"""What may be made of a value: ``odata`` doubles single quotes, ``quoted`` escapes ``"`` and
``\\``, ``number`` and ``text`` change its kind, ``json`` is its JSON text, ``tail`` the last part
of an address. Of a list, each of its values."""


class Hole(Struct, frozen=True):
    """One place to fill. ``name``: as it is written, without filters; ``place``: in the record."""

    name: str
    filters: tuple[str, ...]
    place: Place | None = None

    def value(self, names: Names) -> Any:
        """What comes there; raises `RecordError` where there is nothing."""
        found = at(self.place, names["record"]) if self.place else names.get(self.name)
        if found is None or found is MISSING or found == "":
            reason = "has no value, and the request to his system needs it."
            raise RecordError("missing_value", reason, value=self.name)
        for name in self.filters:
            listed = isinstance(found, list) and name != "json"
            found = [FILTERS[name](one) for one in found] if listed else FILTERS[name](found)
        return found


class Template(Struct, frozen=True):
    """A text with holes. ``alone``: it is one hole and nothing else."""

    parts: tuple[str | Hole, ...]

    @property
    def alone(self) -> Hole | None:
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Hole) else None

    @property
    def holes(self) -> Iterator[Hole]:
        return (part for part in self.parts if isinstance(part, Hole))

    def text(self, names: Names) -> str:
        """The text, for a query or a body."""
        return "".join(p if isinstance(p, str) else text_of(p.value(names)) for p in self.parts)

    def value(self, names: Names) -> Any:
        """As `text`, but a hole that stands alone keeps the kind of its value."""
        return self.alone.value(names) if self.alone else self.text(names)

    def header(self, names: Names) -> str:
        """The text, which can stand in a header; raises `RecordError` for one that cannot."""
        text = self.text(names)
        if _CONTROLS.search(text):
            reason = "cannot stand in a header of a request."
            raise RecordError("unfit_value", reason, value=text)
        return text

    def path(self, names: Names) -> str:
        """The text as a path: values are encoded, and none leads to another folder.

        Raises `RecordError` for those that would.
        """
        found = "".join(p if isinstance(p, str) else _encoded(p.value(names)) for p in self.parts)
        if any(map(_SEGMENT.fullmatch, found.split("/"))):
            reason = "would lead to another address of his system."
            raise RecordError("unfit_value", reason, value=found)
        return found


def template(text: str, given: Collection[str] | None) -> Template:
    """The template that a text is; raises `ValueError` for one that cannot be filled.

    ``given``: what its holes may name; None where every hole is a place in a record.
    """
    parts: list[str | Hole] = []
    end = 0
    for found in _PIECE.finditer(text):
        if found[4]:
            what = f"{text!r} has a brace alone: write {{name}}, or {{{{ and }}}} for the sign"
            raise ValueError(what)
        parts.append(text[end : found.start()])
        parts.append(found[1][0] if found[1] else _hole(found[2], found[3], given))
        end = found.end()
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part != ""))


def _hole(name: str, filters: str, given: Collection[str] | None) -> Hole:
    wanted = tuple(filters.split("|")[1:])
    for one in wanted:
        if one not in FILTERS:
            what = f"there is no filter {one!r}; there are {', '.join(FILTERS)}"
            raise ValueError(what)
    if given is None:
        return Hole(name, wanted, place(name))
    inside = name.removeprefix("record.")
    if inside != name and "record" in given:
        return Hole(name, wanted, place(inside))
    if name not in given:
        known = [f"{one}.…" if one == "record" else one for one in sorted(given)]
        what = f"{{{name}}} is not known here; there is {', '.join(known)}"
        raise ValueError(what)
    return Hole(name, wanted)


def at(where: Place, body: Any) -> Any:
    """The value at that place, or `MISSING`; a key with dots in it counts before a path."""
    if not isinstance(body, TABLE):
        return MISSING
    return body[where.text] if where.text in body else where.get(body)


def _encoded(value: Any) -> str:
    try:
        return quote(text_of(value), safe="")
    except UnicodeEncodeError:
        reason = "is no proper text, and cannot stand in a request's path."
        raise RecordError("unfit_value", reason, value=value) from None
