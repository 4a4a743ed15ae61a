"""What documents looked like when we marked them as synced, for as long as a change stream may
still tell of the edits before.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from tracbridge.adapters.mongo.client import Document
from tracbridge.adapters.mongo.guard import shows

KEPT = 60.0
"""Seconds."""

MANY = 10_000
"""Documents that are remembered at most; of others an edit counts as news."""


class Marks:
    """Of one collection. ``clock``: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, Document]] = {}

    def note(self, seen: Iterable[Document]) -> None:
        """Documents with these values are about to be marked: the update is guarded by them."""
        now = self._clock()
        for one in seen:
            key = repr(one["_id"])
            self._seen.pop(key, None)  # the oldest stay in front
            self._seen[key] = (now, one)
        late = now - KEPT
        while self._seen:
            key = next(iter(self._seen))
            if len(self._seen) <= MANY and self._seen[key][0] > late:
                return
            del self._seen[key]

    def forget(self, ids: Iterable[Any]) -> None:
        """These are about to be changed by us, and not to be marked."""
        for id_ in ids:
            self._seen.pop(repr(id_), None)

    def clear(self) -> None:
        """Nobody asks any more."""
        self._seen.clear()

    def names(self, ids: Iterable[Any]) -> set[str]:
        """The fields that `cover` looks at in these documents."""
        known = (self._seen.get(repr(id_)) for id_ in ids)
        return {name for one in known if one for name in one[1]}

    def cover(self, document: Document) -> bool:
        """Whether it looks as it did when we marked it: each edit before that was seen."""
        known = self._seen.get(repr(document["_id"]))
        return known is not None and shows(document, known[1])
