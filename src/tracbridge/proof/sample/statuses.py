"""How a sample of records spells its status: words, ids with names, flags, or codes. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.workorder import Status
from tracbridge.mapping.path import MISSING
from tracbridge.proof.sample.columns import Column
from tracbridge.proof.sample.naming import LABELS, STATUS, hints, pieces
from tracbridge.proof.sample.wording import CODES, GONE, guessed, rank

MOST: Final = 40
"""Different words that a status may have."""

LONGEST: Final = 60
"""Characters of such a word."""

_FLAGS: Final = 14
"""Columns of bools that are tried together."""

_CERTAIN: Final = 3.0
"""Score from which on a column is taken for the status: its name says so, or its words do."""

_LONG: Final = (-(2**63), 2**63 - 1)


class State(Struct, frozen=True):
    """One of his states: as it stands there, the name that goes with an id, in how many records,
    and what it most likely is. ``count``: 0 where no record of the sample shows it.
    """

    word: Any
    count: int
    is_: Status | None
    name: str = ""

    @property
    def shown(self) -> str:
        """As people call it."""
        return f"{self.word} {self.name}" if self.name else str(self.word)


class Spelt(Struct, frozen=True):
    """One way to read the status. ``form``: words, flags or codes; ``path``: "" for flags.

    ``silent``: records that none of the states tells; ``absent``: the flag that may be left out.
    """

    form: str
    path: str
    states: tuple[State, ...]
    score: float
    silent: int = 0
    absent: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where in his record it looks."""
        return (self.path,) if self.path else tuple(str(state.word) for state in self.states)


def status_in(columns: Mapping[str, Column], taken: Iterable[str]) -> Spelt | None:
    """The most likely status, None where nothing looks like one. ``taken``: are something else."""
    left = [column for path, column in columns.items() if path not in set(taken)]
    found = [*filter(None, map(_words, left)), *filter(None, map(_codes, left))]
    found += [flags] if (flags := _flags(left)) else []
    best = max(found, key=lambda one: one.score, default=None)
    return best if best and best.score >= _CERTAIN else None


def _words(column: Column) -> Spelt | None:
    if column.kind not in ("text", "integer", "pair") or not column.said:
        return None
    counts = column.counted
    most = MOST if hints(column.path, STATUS) else min(MOST, max(2, len(column.said) // 4))
    if len(counts) > most or not all(_is_word(value) for _, value in counts):
        return None
    states = _sorted(states_of(column))
    silent = len(column.cells) - len(column.said)
    return Spelt("words", column.path, states, _score(column, states), silent)


def states_of(column: Column) -> list[State]:
    """Each value of the column as a state, with the name that goes with it, if any does."""
    names = {v[0]: v[1] for v in column.said if isinstance(v, list) and v[1].isprintable()}
    return [
        State(value, count, guessed(names.get(value, value)), names.get(value, ""))
        for (_, value), count in column.counted.items()
        if _is_word(value)
    ]


def _is_word(value: Any) -> bool:
    """It can stand in a file."""
    if isinstance(value, str):
        return len(value) <= LONGEST and not any("\ud800" <= c <= "\udfff" for c in value)
    return isinstance(value, int) and _LONG[0] <= value <= _LONG[1]


def _score(column: Column, states: Sequence[State]) -> float:
    """How sure it is: by the name of the column, and by what is known of its words."""
    known = sum(state.is_ is not None for state in states) / max(1, len(states))
    named = 3.0 if hints(column.path, STATUS) else 0.0
    named += 0.5 if pieces(column.path)[-1:] and pieces(column.path)[-1] in STATUS else 0.0
    named -= 0.6 if hints(column.path, LABELS) else 0.0
    several = len({state.is_ for state in states if state.is_}) > 1
    return (named + 4 * known + several) * column.filled


def _sorted(states: Iterable[State]) -> tuple[State, ...]:
    """By what they are, the one that is to be written first; those that nobody knows last."""
    order = [*Status, None]
    return tuple(
        sorted(states, key=lambda s: (order.index(s.is_), rank(s.name or s.word), -s.count))
    )


# -- several codes in one text ---------------------------------------------------------------


def _codes(column: Column) -> Spelt | None:
    if column.kind != "text" or not any(" " in text.strip() for text in column.said):
        return None
    parts = [text.split() for text in column.said]
    counts = Counter(code for codes in parts for code in dict.fromkeys(codes))
    if len(counts) > MOST + MOST // 2 or not all(map(_is_code, counts)):
        return None
    his = {_known(code): code for code in counts}
    states = [State(his[c], counts[his[c]], status) for c, status in CODES.items() if c in his]
    left = [codes for codes in parts if not any(_known(code) in CODES for code in codes)]
    unknown = Counter(code for codes in left for code in codes if _known(code) not in GONE)
    states += [State(code, count, None) for code, count in unknown.most_common(MOST)]
    told = len(parts) - len(left)
    score = 3.0 * hints(column.path, STATUS) + 5 * told / max(1, len(column.cells))
    return Spelt("codes", column.path, tuple(states), score, len(column.cells) - told)


def _known(code: str) -> str:
    """The code as `CODES` has it."""
    return code.upper().replace("Ü", "U").replace("Ö", "O")


def _is_code(text: str) -> bool:
    return len(text) <= 10 and text.upper() == text and text.isprintable()  # noqa: PLR2004


# -- one of several flags --------------------------------------------------------------------


def _flags(columns: Iterable[Column]) -> Spelt | None:
    """Bools at the top, of which exactly one is true in each record."""
    flags = [c for c in columns if c.top and c.kind == "bool" and all(map(_is_flag, c.cells))]
    flags = sorted(flags, key=lambda c: guessed(c.path) is None)[:_FLAGS]
    if not flags:
        return None
    whole = (1 << len(flags[0].cells)) - 1
    true, absent = _true(flags, whole)
    known = {path: guessed(path) for path in true}
    chosen = next(_covers(whole, [(p, bits) for p, bits in true.items() if bits]), ())
    if not chosen:
        return None
    also = [path for path, bits in true.items() if not bits and known[path]]
    states = [State(path, true[path].bit_count(), known[path]) for path in (*chosen, *also)]
    share = sum(state.is_ is not None for state in states) / len(states)
    if len(states) < 3 and share < 1:  # noqa: PLR2004 (two bools may well be opposites by chance)
        return None
    absent = absent if absent in chosen else ""
    return Spelt("flags", "", _sorted(states), 2.0 + 6 * share, 0, absent)


def _is_flag(cell: Any) -> bool:
    return cell is MISSING or isinstance(cell, bool)


def _true(flags: Sequence[Column], whole: int) -> tuple[dict[str, int], str]:
    """The records in which each is true, as bits; and the one that is left out where no other is
    true, if there is such a one.
    """
    true = {c.path: _bits(c.cells, True) for c in flags}
    none = whole
    for bits in true.values():
        none &= ~bits
    for column in flags if none else ():
        if _bits(column.cells, MISSING) & none == none:
            return {**true, column.path: true[column.path] | none}, column.path
    return true, ""


def _bits(cells: Sequence[Any], wanted: object) -> int:
    """The records in which that stands, one bit for each."""
    return sum(1 << n for n, cell in enumerate(cells) if cell is wanted)


def _covers(left: int, flags: Sequence[tuple[str, int]]) -> Iterator[tuple[str, ...]]:
    """Flags that are never true together, and one of them always is."""
    if not left:
        yield ()
    for index, (path, bits) in enumerate(flags if left else ()):
        if bits & left == bits:
            for others in _covers(left & ~bits, flags[index + 1 :]):
                yield (path, *others)
