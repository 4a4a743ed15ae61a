"""Which keys of a line go together; one that would do nothing is told with what it is for. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from tracbridge.domain.workorder import DELETED
from tracbridge.mapping.spec import Line

_MOMENTS: Final = frozenset({"instant", "local", "date"})
_PLAIN: Final = frozenset({"text", "integer", "number", "bool", "list"})
_TEXTS: Final = (frozenset({"text"}), "texts")
_DATES: Final = (_MOMENTS, "dates, and for the at of deleted")
_FOR: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "as": (_PLAIN | _MOMENTS | {"read"}, "values as they stand at a path, and for read"),
    "required": (_PLAIN | {"part", "table"}, "a path, but not for dates, values and deleted"),
    "limit": _TEXTS,
    "pad": _TEXTS,
    "case": _TEXTS,
    "html": _TEXTS,
    "decimals": (frozenset({"number"}), "as: number"),
    "separator": (frozenset({"list", "part"}), "lists (as: list), and for a text with part"),
    "part": (frozenset({"list", "part"}), "lists (as: list), and for a text with separator"),
    "format": _DATES,
    "zone": _DATES,
    "values": (frozenset({"values", "words"}), "a path"),
    "table": (frozenset({"table"}), "a path without values"),
    "absent": (frozenset({"flags"}), "flags"),
    "others": (frozenset({"values", "cases"}), "values and cases"),
    "lacks": (frozenset({"values", "cases"}), "values and cases"),
    "default": (frozenset({DELETED}), "deleted"),
    "at": (frozenset({DELETED}), "deleted"),
}
"""Key to the kinds of lines that it is for, and these in words."""

_LEAST: Final = {"limit": 1, "pad": 0, "decimals": 0, "part": 0}


def check_keys(name: str, line: Line) -> None:
    """Raises `ValueError` with each key of the line that does nothing there, or means nothing."""
    wrong = [*_idle(name, line), *_too_small(line)]
    if wrong:
        raise ValueError("; ".join(wrong))


def _idle(name: str, line: Line) -> Iterator[str]:
    kinds = _kinds(name, line)
    usual = Line()
    for field, key in zip(Line.__struct_fields__, Line.__struct_encode_fields__, strict=True):
        allowed, words = _FOR.get(key, (kinds, ""))
        if getattr(line, field) != getattr(usual, field) and not allowed & kinds:
            yield f"{key} is for {words}; it does nothing here, so leave it out"
    if line.read and line.only == "write":
        yield "only: write is for what can be written; what an expression reads cannot"


def _kinds(name: str, line: Line) -> frozenset[str]:
    """What the line is: its form, or the kind of value at its path."""
    kind = next((form for form in ("flags", "cases", "read") if getattr(line, form)), "")
    kind = kind or ("values" if line.values else "table" if line.table else line.as_)
    if kind == "text" and line.part is not None and line.separator is not None:
        kind = "part"
    if name != DELETED:
        return frozenset({kind})
    own = {"cases": "cases", "values": "words"}.get(kind, DELETED)
    return frozenset({DELETED, own}) | (_MOMENTS if line.at else frozenset())


def _too_small(line: Line) -> Iterator[str]:
    for key, least in _LEAST.items():
        value = getattr(line, key)
        if value is not None and value < least:
            yield f"{key} is {value}; it is {least} or more"
