"""What stands where in a sample of records: a column for each place. Pure."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tracbridge.mapping.path import MISSING

DEEP: Final = 4
"""Tables within tables that are looked into."""

MANY: Final = 400
"""Places that are looked at; a record whose keys are data has no shape."""

LONGEST: Final = 200
"""Characters of a path in a mapping."""

_NO_STEP: Final = re.compile(r"[.\[\]=]")
_PAIR: Final = 2

Cell = tuple[str, Any]
"""A value that can be counted: ``true`` is not ``1``."""


class Column(Struct):
    """One place. ``cells``: of each record, `MISSING` where it is not there; ``said``: those that
    stand for something.
    """

    path: str
    cells: list[Any]
    said: list[Any] = []

    @property
    def top(self) -> bool:
        """It stands at the top of the record."""
        return "." not in self.path

    @property
    def kind(self) -> str:
        """What stands there: text, integer, number, bool, pair, mixed, or nothing."""
        kinds = {_kind(value) for value in self.said}
        if len(kinds) == 1:
            return kinds.pop()
        if not kinds:
            return "nothing"
        return "number" if kinds == {"integer", "number"} else "mixed"

    @property
    def filled(self) -> float:
        """The share of records in which it says something."""
        return len(self.said) / len(self.cells) if self.cells else 0.0

    @property
    def counted(self) -> Counter[Cell]:
        """How often each value is there, the most frequent first."""
        counts = Counter(cell_of(value) for value in self.said)
        return Counter(dict(counts.most_common()))

    @property
    def nothings(self) -> list[Any]:
        """What stands there instead of something, each once."""
        found: dict[Cell, Any] = {}
        for value in self.cells:
            if isinstance(value, Hashable) and value is not MISSING:
                found.setdefault(cell_of(value), value)
        said = {cell_of(value) for value in self.said}
        return [value for cell, value in found.items() if cell not in said]


def cell_of(value: Any) -> Cell:
    """The value with its kind; of an id with a name the id."""
    if isinstance(value, list):
        value = value[0] if value else None
    return type(value).__name__, value if isinstance(value, Hashable) else repr(value)


def columns_of(bodies: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """The columns by path, in the order in which they are seen."""
    found: dict[str, Column] = {}
    for index, body in enumerate(bodies):
        for path, value in _walked(body, "", 0):
            if path not in found:
                if len(found) >= MANY:
                    continue
                found[path] = Column(path, [MISSING] * len(bodies))
            found[path].cells[index] = value
    for column in found.values():
        column.said = list(_said(column.cells))
    return found


def _walked(body: Mapping[Any, Any], above: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Each place that a mapping can name, and what stands there."""
    for key, value in body.items():
        path = f"{above}.{key}" if above else str(key)
        if not nameable(key) or len(path) > LONGEST:
            continue
        if isinstance(value, Mapping):
            if depth < DEEP:
                yield from _walked(value, path, depth + 1)
        elif not isinstance(value, list) or (depth == 0 and (not value or is_pair(value))):
            yield path, value


def nameable(key: Any) -> bool:
    """A mapping can say this key, and a person read it there."""
    plain = isinstance(key, str) and bool(key) and key.isprintable()
    return plain and not _NO_STEP.search(key) and key != "<<"


def is_pair(value: Any) -> bool:
    """An id with the name of what it stands for."""
    if not isinstance(value, list) or len(value) != _PAIR:
        return False
    id_, name = value
    return isinstance(id_, int | str) and not isinstance(id_, bool) and isinstance(name, str)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "text"
        case list():
            return "pair"
    return "other"


def _said(cells: Iterable[Any]) -> Iterator[Any]:
    """The values that say something; false does so only among bools."""
    there = [value for value in cells if value is not MISSING and not is_nothing(value)]
    flags = all(isinstance(value, bool) for value in there)
    return (value for value in there if flags or value is not False)


def is_nothing(value: Any) -> bool:
    """Null, an empty list, or a text that says nothing."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
