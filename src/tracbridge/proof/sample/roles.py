"""Which places of a sample of records say when, whether it is deleted, and what else. Pure."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from tracbridge.proof.sample import naming
from tracbridge.proof.sample.columns import Column, cell_of
from tracbridge.proof.sample.instants import Times
from tracbridge.proof.sample.naming import hints, pieces


class Stamps(Struct, frozen=True):
    """What is taken for the times of making and of change. ``guess``: not by their names."""

    created: Times | None
    updated: Times | None
    guess: bool = False


def stamps_in(times: Mapping[str, Times]) -> Stamps:
    """The most likely ones."""
    created = _best(times, naming.CREATED, naming.UPDATED)
    updated = _best(times, naming.UPDATED, naming.CREATED)
    if created is updated:
        created = None
    if created or updated:
        return Stamps(created, updated)
    left = [t for p, t in times.items() if t.filled == 1 and not hints(p, naming.OTHER_TIMES)]
    for one in left:
        for other in left:
            if _before(one, other):
                return Stamps(one, other, guess=True)
    return Stamps(None, None)


def _best(
    times: Mapping[str, Times], words: frozenset[str], others: frozenset[str]
) -> Times | None:
    named = [one for path, one in times.items() if hints(path, words) and one.newest]

    def likeness(one: Times) -> float:
        parts = set(pieces(one.paths[0]))
        wrong = bool(parts & naming.OTHER_TIMES) + bool(parts & (others - words))
        return 2 * one.filled - wrong - 0.8 * one.by_day - 0.1 * len(parts)

    return max(named, key=likeness, default=None)


def _before(one: Times, other: Times) -> bool:
    """In no record later than the other, and in some earlier."""
    pairs = [(a, b) for a, b in zip(one.read, other.read, strict=True) if a and b]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


# -- deletion --------------------------------------------------------------------------------


class Gone(Struct, frozen=True):
    """What says that a record is deleted: a bool, or words for yes and no. ``at``: since when;
    ``count``: how many records are.
    """

    path: str
    words: tuple[tuple[Any, bool], ...] = ()
    at: Times | None = None
    count: int = 0
    guess: bool = False


_YES: Final = frozenset({"*", "x", "y", "s", "j", "yes", "true", "sim", "ja", "si", "oui", "1"})
_NO: Final = frozenset({"", "n", "no", "false", "nao", "nein", "non", "0"})


def gone_in(columns: Mapping[str, Column], times: Mapping[str, Times]) -> Gone | None:
    """The most likely mark of a deletion."""
    named = [c for path, c in columns.items() if path not in times and _means_gone(path)]
    moments = [one for path, one in times.items() if _means_gone(path)]
    for column in named:
        words = _words_of(column)
        if column.kind == "bool" or words:
            yes = {cell_of(word) for word, gone in words if gone} or {cell_of(True)}
            true = [isinstance(c, Hashable) and cell_of(c) in yes for c in column.cells]
            at = _agreeing(true, moments)
            return Gone(column.path, words, at, sum(true), guess=bool(words))
    active = columns.get("active")
    if active and active.kind == "bool":
        count = sum(value is False for value in active.said)
        return Gone("active", ((True, False), (False, True)), count=count, guess=True)
    return None


def _means_gone(path: str) -> bool:
    name = "".join(pieces(path))
    return any(word in name for word in naming.DELETED)


def _words_of(column: Column) -> tuple[tuple[Any, bool], ...]:
    """Each of its words as deleted or not; () for bools that are always there, and where a word is
    not known, or none says deleted.
    """
    nothings = [value for value in column.nothings if value is not None]
    if column.kind == "bool":
        return ((True, True), (False, False)) if None in column.nothings else ()
    shown = [*(value for _, value in column.counted), *nothings]
    words = [(value, _says_gone(value)) for value in shown]
    if any(gone is None for _, gone in words) or not any(gone for _, gone in words):
        return ()
    return tuple((value, bool(gone)) for value, gone in words)


def _says_gone(value: Any) -> bool | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip().casefold()
    if text in _YES or text in _NO:
        return text in _YES
    return None


def _agreeing(gone: Iterable[bool], moments: Iterable[Times]) -> Times | None:
    """The moment of deletion, where no record has one that is not deleted."""
    true = list(gone)
    for one in moments:
        there = (deleted for deleted, at in zip(true, one.read, strict=True) if at)
        if len(one.paths) == 1 and all(there):
            return one
    return None


# -- what else -------------------------------------------------------------------------------


class Also(Struct, frozen=True):
    """A field beside the usual ones. ``as_``: as a mapping says it; ``times``: of a date."""

    name: str
    path: str
    as_: str
    filled: float
    times: Times | None = None


_OTHERS: Final[Mapping[str, frozenset[str]]] = {
    "priority": naming.PRIORITY,
    "equipment": naming.EQUIPMENT,
    "location": naming.LOCATION,
}
_AS: Final[Mapping[str, str]] = {
    "text": "text",
    "integer": "integer",
    "number": "number",
    "bool": "bool",
}


def others_in(
    columns: Mapping[str, Column], times: Mapping[str, Times], taken: Iterable[str]
) -> list[Also]:
    """Priority, equipment, location and due date, as far as they are there."""
    used = {*taken, *times}
    found = [also for name in _OTHERS if (also := _other(name, columns, used))]
    due = [t for p, t in times.items() if p not in set(taken) and hints(p, naming.DUE) and t.newest]
    if due:
        last = max(due, key=lambda one: (one.filled, -len(one.paths[0])))
        kind = "date" if last.by_day else "local" if last.naive else "instant"
        found.append(Also("due", last.paths[0], kind, last.filled, last))
    return found


def _other(name: str, columns: Mapping[str, Column], used: Iterable[str]) -> Also | None:
    words = _OTHERS[name]
    named = [
        c
        for path, c in columns.items()
        if path not in set(used) and c.said and not words.isdisjoint(pieces(path))
    ]
    best = max(named, key=lambda c: (_as_of(c) != "", c.filled, -len(c.path)), default=None)
    if best is None or not _as_of(best):
        return None
    return Also(name, best.path, _as_of(best), best.filled)


def _as_of(column: Column) -> str:
    """The kind of its values as a mapping says it; of an id with a name the id's."""
    if column.kind == "pair":
        return "integer" if all(isinstance(v[0], int) for v in column.said) else "text"
    return _AS.get(column.kind, "")
