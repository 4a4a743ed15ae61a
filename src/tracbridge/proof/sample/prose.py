"""The texts of a sample of records: which are prose, and what his system does to them. Pure."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from tracbridge.proof.sample.columns import Column
from tracbridge.proof.sample.naming import (
    DESCRIPTION,
    EQUIPMENT,
    LOCATION,
    PEOPLE,
    STATUS,
    TITLE,
    hints,
    pieces,
)

_TAG: Final = re.compile(r"<\s*/?\s*(?:p|br|div|span|ul|ol|li|b|i|strong|em|h[1-6]|table)\b[^<>]*>")
_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]{1,9}://\S*", re.IGNORECASE)

TITLE_FILLED: Final = 0.8
"""Share of the records that have a title, else it is none."""

TITLE_LONG: Final = 160
"""Characters of a title on the average, at most."""

DIFFERENT: Final = 0.4
"""Share of different texts from which on they are no words of a list."""

SOME: Final = 0.02
"""The same of what is called a text or is HTML: people write the same again."""

_OTHERS: Final = PEOPLE | EQUIPMENT | LOCATION

CUT: Final = 3
"""Different texts of exactly the greatest length from which on it looks like a limit."""

_VARIED: Final = 8
"""Different lengths, without which texts are alike and not cut."""

_LEAST: Final = 20
"""Characters: what is shorter is a code, not a text that was cut."""


class Prose(Struct, frozen=True):
    """A column of texts. ``limit``: the length at which they look cut; ``html``: share with tags;
    ``padded``: filled up with blanks.
    """

    path: str
    filled: float
    different: float
    words: float
    mean: float
    longest: int
    html: float
    lines: float
    limit: int | None = None
    padded: bool = False


def prose_in(columns: Mapping[str, Column], taken: Iterable[str]) -> list[Prose]:
    """The columns that hold texts written by people; ``taken``: are something else."""
    left = [c for path, c in columns.items() if path not in set(taken) and c.kind == "text"]
    once: dict[tuple[str, ...], Column] = {}
    for column in sorted(left, key=lambda c: len(c.path)):
        once.setdefault(tuple(column.said), column)  # shown once more under another name
    found = [prose_of(column) for column in left if any(column is one for one in once.values())]
    return [one for one in found if _is_prose(one)]


def prose_of(column: Column) -> Prose:
    """What can be said of a column that holds texts."""
    texts = [text.rstrip(" ") for text in column.said]
    count = len(texts)
    return Prose(
        column.path,
        column.filled,
        len(set(texts)) / count,
        sum(" " in text.strip() for text in texts) / count,
        sum(map(len, texts)) / count,
        max(map(len, texts)),
        sum(bool(_TAG.search(text)) for text in texts) / count,
        sum("\n" in text for text in texts) / count,
        limit_of(texts),
        _padded(column.said),
    )


def _is_prose(one: Prose) -> bool:
    parts = pieces(one.path)
    if not _OTHERS.isdisjoint(parts) or hints(one.path, STATUS):
        return False
    if hints(one.path, DESCRIPTION) or one.html:
        return one.different >= SOME and one.words >= DIFFERENT
    return one.different >= DIFFERENT and (one.words >= DIFFERENT or hints(one.path, TITLE))


def limit_of(texts: Iterable[str]) -> int | None:
    """The length at which a system seems to have cut texts: many of the longest have just that, and
    it is a length that people choose, or they end in the middle of words.
    """
    different = sorted(set(texts), key=len)
    lengths = Counter(map(len, different))
    most = len(different[-1]) if different else 0
    near = max(lengths[length] for length in range(most - 8, most))
    if most < _LEAST or lengths[most] < max(CUT, len(different) // 100, 2 * near + 1):
        return None
    varied = len(lengths) >= _VARIED and _is_round(most)
    return most if varied or _in_a_word(different, most) else None


def _is_round(length: int) -> bool:
    binary = (length + 1) & length == 0 or length & (length - 1) == 0
    return binary or length % 10 == 0 or length in {25, 35, 72, 132}


def _in_a_word(texts: Sequence[str], most: int) -> bool:
    """Some of the longest end with the beginning of a word that is whole in others."""
    known = sorted({word for text in texts for word in text.split()})
    ends = [text.split()[-1] for text in texts if len(text) == most and text.split()]
    return sum(word.isalpha() and _begins(word, known) for word in ends) >= CUT


def _begins(start: str, known: Sequence[str]) -> bool:
    """One of these words, which are sorted, goes on after it."""
    at = bisect_right(known, start)
    return at < len(known) and known[at].startswith(start)


def _padded(texts: Iterable[str]) -> bool:
    """Texts of different lengths, filled up with blanks."""
    padded = [text for text in texts if text.endswith(" ")]
    return len(padded) >= CUT and len({len(text) for text in padded}) == 1


class Texts(Struct, frozen=True):
    """What is taken for title and description, if anything."""

    title: Prose | None
    description: Prose | None


def texts_of(prose: Iterable[Prose]) -> Texts:
    """The most likely ones."""
    found = [one for one in prose if not _LINK.match(one.path)]
    text = max(found, key=_as_description, default=None)
    rest = [one for one in found if one is not text and _may_be_title(one)]
    title = max(rest, key=_as_title, default=None)
    alone = title is None and text is not None and _may_be_title(text)
    if text and alone and hints(text.path, TITLE) and not hints(text.path, DESCRIPTION):
        return Texts(text, None)
    return Texts(title, text)


def _as_description(one: Prose) -> float:
    name = 1.0 * hints(one.path, DESCRIPTION) - 1.0 * _short_by_name(one.path)
    return name + 2 * one.html + one.lines + min(one.mean / 100, 2.0) + 0.3 * one.filled


def _short_by_name(path: str) -> bool:
    return hints(path, TITLE) and not hints(path, DESCRIPTION)


def _as_title(one: Prose) -> float:
    return 2.0 * hints(one.path, TITLE) + hints(one.path, DESCRIPTION) + one.filled + one.different


def _may_be_title(one: Prose) -> bool:
    short = one.mean <= TITLE_LONG and not one.html and not one.lines
    return short and one.filled >= TITLE_FILLED
