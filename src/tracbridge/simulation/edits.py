"""Who had seen what: each edit of a field is a token, and values carry theirs through the engine.

The engine compares values and hands them on; it never looks at a token. So wherever a value turns
up (in TracOS, in a file, in a conflict), the oracle knows whose edit it is, exactly.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.domain.workorder import DELETED, Fields, Value

NAMES = ("status", "description", DELETED)
"""The fields that are played with."""


class Text(str):
    """A text with its edit."""

    edit: int = -1


class Instant(datetime):
    """An instant with its edit."""

    edit: int = -1


class No(int):
    """``False`` with its edit; equal to it, which is all that is asked of it."""

    edit: int = -1


Carrier = Text | Instant | No


def carrying(value: Value, edit: int) -> Any:
    """The same value with the token of its edit."""
    made: Carrier
    if isinstance(value, datetime):
        made = Instant.combine(value.date(), value.timetz())
    else:
        made = Text(value) if isinstance(value, str) else No(0)
    made.edit = edit
    return made


def content(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """The played fields as one value to compare."""
    return tuple([fields.get(name) for name in NAMES])


class Oracle(Struct):
    """All edits so far, as bit sets: ``seen[edit]`` are those its author had in view, and itself.

    ``born``: the same as it was then, before both sides turned out to show one value. ``noted``:
    what stands in a conflict or in quarantine. ``own``: what a side threw away itself.
    ``idle``: edits whose net effect was none (there and back again).
    """

    seen: list[int] = []
    born: list[int] = []
    values: list[Any] = []
    noted: set[int] = set()
    own: int = 0
    idle: int = 0

    def edit(self, value: Value, before: Any = None) -> Any:
        """Somebody who sees ``before`` writes ``value``."""
        token = len(self.seen)
        self.seen.append(1 << token | (self.seen[before.edit] if before is not None else 0))
        self.born.append(self.seen[token])
        self.values.append(value)
        return carrying(value, token)

    def edited(self, before: Fields | None, changes: Fields) -> dict[str, Any]:
        """A whole record after somebody changed some fields of it; what stays keeps its edit."""
        if before is None:
            return {name: self.edit(changes[name]) for name in NAMES}
        new = {n: self.edit(v, before[n]) for n, v in changes.items() if v != before[n]}
        return {**{name: before[name] for name in NAMES}, **new}

    def knows(self, one: Any, other: Any) -> bool:
        """The author of ``one`` had ``other`` in view when he made it."""
        return bool(self.born[one.edit] >> other.edit & 1)

    def same(self, one: Any, other: Any) -> None:
        """Both sides hold this value: from here on each includes the edits of the other."""
        seen, a, b = self.seen, one.edit, other.edit
        if seen[a] >> b & 1 and seen[b] >> a & 1:
            return
        both = seen[a] | seen[b]
        either = 1 << a | 1 << b
        for token, mask in enumerate(seen):
            if mask & either:
                seen[token] = mask | both

    def overwrite(self, old: Any, new: Any) -> int:
        """What is gone when ``new`` takes the place of ``old``; to and fro is no loss."""
        before: int = self.seen[old.edit]
        after: int = self.seen[new.edit]
        gone = before & ~after
        if not gone:
            return 0
        if old == new:
            self.same(old, new)
            return 0
        common = before & after
        if common and self.values[common.bit_length() - 1] == old:
            self.idle |= gone
            return 0
        return gone

    def note(self, fields: Mapping[str, Any]) -> None:
        """These values are on record, with every edit behind them."""
        for value in fields.values():
            if isinstance(value, Carrier):
                self.noted.add(value.edit)

    def compared(self, record: Fields, others: Sequence[Fields | None]) -> None:
        """A customer's record was compared with what TracOS shows, what he was last given, and
        what he holds in held fields.
        """
        for name in NAMES:
            for other in others:
                if other and other.get(name) == record[name]:
                    self.same(record[name], other[name])

    def missing(self, kept: int) -> list[Any]:
        """The values of edits that are nowhere; ``kept``: the edits behind what both sides show."""
        for token in self.noted:
            kept |= self.seen[token]
        lost = (1 << len(self.seen)) - 1 & ~(kept | self.own | self.idle)
        return [value for token, value in enumerate(self.values) if lost >> token & 1]
