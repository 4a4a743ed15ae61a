"""How far apart two names are, to recognise a misspelt setting."""

import re
from collections.abc import Iterable

NAME = r"^[a-z0-9](?:[a-z0-9_-]{0,62})$"
"""A name that people type, and that stands in file names and in our memory."""

TYPO = 2
"""Letters by which a name may differ from a setting's and still be taken for a slip of the pen."""

SHORT = 6
"""Below this many letters everything is near everything (PACK, AC and ACK): no guessing there."""


def distance(one: str, other: str) -> int:
    """Letters to insert, delete or replace to make ``other`` of ``one`` (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, theirs in enumerate(other, 1):
            replaced = diagonal + (mine != theirs)
            diagonal, row[j] = row[j], min(replaced, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def within(one: str, other: str, edits: int) -> bool:
    """Whether their `distance` is at most ``edits``; quick where ``edits`` is small."""
    if abs(len(one) - len(other)) > edits:
        return False
    if not one or not other:
        return True
    if one[0] == other[0]:
        return within(one[1:], other[1:], edits)
    return edits > 0 and (
        within(one[1:], other[1:], edits - 1)
        or within(one[1:], other, edits - 1)
        or within(one, other[1:], edits - 1)
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that ``name`` most probably stands for; case is no difference."""
    return min(known, key=lambda candidate: distance(name.upper(), candidate.upper()))


def is_slip(name: str, known: Iterable[str]) -> bool:
    """Whether ``name`` is a known name with up to `TYPO` wrong letters, or in another case."""
    return any(
        within(name.upper(), candidate, TYPO) and name != candidate
        for candidate in known
        if len(candidate) >= SHORT
    )


_SECRETS = re.compile(r"^uri$|^previous$|passw|secret|token|api_?key|credential", re.IGNORECASE)


def may_be_secret(key: str) -> bool:
    """What stands under a key of that name is shown in no message."""
    return bool(_SECRETS.search(key))
