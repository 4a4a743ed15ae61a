"""Which place of a sample of records says which order it is. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from tracbridge.mapping.declared import LONGEST_KEY
from tracbridge.proof.sample import naming
from tracbridge.proof.sample.columns import Column
from tracbridge.proof.sample.instants import Times
from tracbridge.proof.sample.naming import hints, pieces

EXACT: Final = 2**53
"""From here on a whole number may not be the one that was meant, in many systems."""

_SCOPES: Final = 200
"""Different values that a scope may have."""

_PROSE: Final = 0.2
"""Share of values with blanks inside from which on they are texts, and no keys."""

_MANY: Final = 20
"""Records from which on it means something that each has another one."""

_EMPTY: Final = 0.05
"""Share of records at most in which a place for others' numbers is filled."""

_OTHER_NAMES: Final = frozenset(
    (naming.TITLE | naming.DESCRIPTION | naming.BOOKKEEPING | naming.UPDATED) - naming.KEY
)


class KeySeen(Struct, frozen=True):
    """What is taken for his key. ``different``: how many it tells apart, of ``total`` records.

    ``scope``: it repeats, but not there; ``maybe``: a place in which it may repeat although it does
    not in this sample. ``ours``: where TracOS's number may be kept. ``long``, ``zeros``: numbers
    beyond 2**53, leading zeros.
    """

    path: str
    kind: str
    different: int
    total: int
    scope: str = ""
    maybe: str = ""
    ours: str = ""
    long: bool = False
    zeros: bool = False

    @property
    def sure(self) -> bool:
        """It is called so, and there were enough records to see it."""
        return self.total >= _MANY and hints(self.path, naming.KEY)


def key_in(
    columns: Mapping[str, Column], times: Mapping[str, Times], refs: Sequence[str] = ()
) -> KeySeen | None:
    """The most likely key; None where nothing tells the records apart.

    ``refs``: of each record the id that his system knows it by.
    """
    possible = [c for path, c in columns.items() if path not in times and _may_be_key(c)]

    def likeness(column: Column) -> float:
        named = bool(refs) and [str(value).strip() for value in column.said] == list(refs)
        return _likeness(column) + 2.5 * named

    best = max((c for c in possible if _is_unique(c)), key=likeness, default=None)
    scope = ""
    if best is None or not hints(best.path, naming.KEY):
        best, scope = _scoped(possible, columns) or (best, "")
    if best is None:
        return None
    spelt = [str(value).strip() for value in best.said]
    return KeySeen(
        best.path,
        best.kind,
        len(set(spelt)),
        len(best.cells),
        scope,
        "" if scope else _maybe(best, columns),
        ours_in(columns),
        long=any(isinstance(value, int) and abs(value) >= EXACT for value in best.said),
        zeros=any(len(one) > 1 and one.isdigit() and one[0] == "0" for one in spelt),
    )


def _may_be_key(column: Column) -> bool:
    """It is said in all records, and a mapping can take it as a key."""
    if len(column.said) < len(column.cells) or not column.cells:
        return False
    blanks = sum(" " in str(value).strip() for value in column.said)
    if blanks > _PROSE * len(column.said):
        return False
    return column.kind in ("text", "integer", "mixed") and all(map(_is_key, column.said))


def _is_key(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value).strip()
    return 0 < len(text) <= LONGEST_KEY and text.isprintable()


def _is_unique(column: Column) -> bool:
    return len({str(value).strip() for value in column.said}) == len(column.said)


def _likeness(column: Column) -> float:
    """How much it looks like a key: by its name, and by what it is not."""
    words, count = pieces(column.path), len(column.said)
    name = 2.0 * hints(column.path, naming.KEY) + 1.0 * (words[-1:] in (("id",), ("key",)))
    name -= 2.0 * hints(column.path, _OTHER_NAMES) + 0.3 * (len(words) > 1)
    mean = sum(len(str(value)) for value in column.said) / count
    return name - mean / 40 + 0.5 * column.top


def _scoped(possible: Iterable[Column], columns: Mapping[str, Column]) -> tuple[Column, str] | None:
    """A key that repeats, and the place in which it does not."""
    for column in sorted(possible, key=_likeness, reverse=True):
        if hints(column.path, naming.KEY) and not _is_unique(column):
            for path in sorted(columns, key=lambda path: not hints(path, naming.SCOPE)):
                if path != column.path and _tells_apart(column, columns[path]):
                    return column, path
    return None


def _tells_apart(key: Column, scope: Column) -> bool:
    if scope.kind not in ("text", "integer") or scope.filled < 1:
        return False
    few = len(scope.counted) <= min(_SCOPES, max(2, len(scope.said) // 2))
    pairs = zip(key.said, scope.said, strict=True)
    both = {(str(one).strip(), str(other).rstrip()) for one, other in pairs}
    return few and len(both) == len(key.said)


def _maybe(key: Column, columns: Mapping[str, Column]) -> str:
    """A site or company among his keys: a number may be there once more in another one."""
    if "id" in pieces(key.path) or not hints(key.path, naming.KEY):
        return ""
    named = (c for path, c in columns.items() if hints(path, naming.SCOPE) and c.filled == 1)
    return next((c.path for c in named if 1 < len(c.counted) <= _SCOPES), "")


def ours_in(columns: Mapping[str, Column]) -> str:
    """A place that is called TracOS's, or is for other systems' numbers and empty in most records;
    "" where there is none.
    """
    named = [c for path, c in columns.items() if hints(path, naming.OURS) and c.top]
    own = [c.path for c in named if is_for_us(c.path)]
    return next(iter([*own, *(c.path for c in named if c.filled < _EMPTY)]), "")


def is_for_us(path: str) -> bool:
    """The place is called TracOS's."""
    return "tracos" in "".join(pieces(path))
