"""What happens, as it happens: events in memory, for whoever looks on.

Nothing depends on them: they are news, what is true stands in the stores. Who was away asks for
what came after the last event that he saw; where that is too long ago, he is told so, and looks
anew.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

KEPT = 2_000
"""Events that are kept for those who come back."""

WAITING = 500
"""Events that wait for one who does not take them; then he is dropped, and may come back."""


class Event(Struct, frozen=True):
    """One thing that happened. ``id``: grows, and is unique over restarts of the process.

    ``kind``: ``batch``, ``incident``, ``run``, ``connection``, ``case``, ``conflict`` or ``gap``.
    """

    id: str
    at: datetime
    tenant: str
    connection: str
    kind: str
    data: Mapping[str, Any] = {}


class _Listener:
    """Who looks on. What is not his is not in his way: another tenant's flood drops nobody."""

    def __init__(self, tenants: frozenset[str] | None) -> None:
        self.tenants = tenants
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def hears(self, event: Event) -> bool:
        """Whether it is for him."""
        return self.tenants is None or event.tenant in self.tenants


class Hub:
    """The events of one process. ``born``: a name for it that no earlier process had. ``dropped``:
    how many listeners were let go because they took events too slowly.
    """

    def __init__(self, born: str) -> None:
        self.born = born
        self._count = self.dropped = 0
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._listeners: set[_Listener] = set()

    def tell(
        self, at: datetime, tenant: str, connection: str, kind: str, data: Mapping[str, Any]
    ) -> None:
        """Something happened; ``data`` is never a payload and never a secret."""
        self._count += 1
        event = Event(f"{self.born}-{self._count}", at, tenant, connection, kind, data)
        self._kept.append(event)
        for one in [one for one in self._listeners if one.hears(event)]:
            if one.queue.qsize() >= WAITING:
                self._listeners.discard(one)
                self.dropped += 1
                one.queue.put_nowait(None)
            else:
                one.queue.put_nowait(event)

    async def listen(self, tenants: frozenset[str] | None, after: str = "") -> AsyncIterator[Event]:
        """Events from now on, or all after that one; of these tenants, None is of all.

        The first one is a ``gap`` where some that he has not seen are not kept any more. Ends where
        he takes them too slowly.
        """
        listener = _Listener(tenants)
        missed, gap = self._after(after) if after else ([], False)
        self._listeners.add(listener)
        try:
            if gap:
                last = self._kept[-1] if self._kept else None
                yield Event(last.id if last else f"{self.born}-0", _now(last), "", "", "gap")
            for event in missed:
                if listener.hears(event):
                    yield event
            while (event_ := await listener.queue.get()) is not None:
                yield event_
        finally:
            self._listeners.discard(listener)

    def _after(self, id_: str) -> tuple[list[Event], bool]:
        """What came after that event, and whether some of it is missing."""
        kept = list(self._kept)
        ids = [event.id for event in kept]
        if id_ in ids:
            return kept[ids.index(id_) + 1 :], False
        return [], True


def _now(last: Event | None) -> datetime:
    return last.at if last else datetime.fromtimestamp(0, UTC)
