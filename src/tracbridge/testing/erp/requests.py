"""What a simulator was asked."""

from collections import Counter, deque
from typing import Any

from msgspec import Struct

from tracbridge.testing.erp.wire import Asked, Deed

KEPT = 10_000


class Seen(Struct, frozen=True, kw_only=True):
    """One request and its status; 0 where the connection was closed without an answer."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: bytes
    status: int


class Requests:
    """Counts of all requests, and the last ones themselves (``seen``)."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.reads = self.writes = 0
        self.seen: deque[Seen] = deque(maxlen=KEPT)

    def __getitem__(self, operation: str) -> int:
        """How many of that operation."""
        return self.operations[operation]

    @property
    def total(self) -> int:
        """How many there were."""
        return self.statuses.total()

    def note(self, asked: Asked, deed: Deed | None, status: int) -> None:
        """Count a request."""
        operation = deed.operation if deed else "unknown"
        self.operations[operation] += 1
        self.statuses[status] += 1
        self.writes += bool(deed and deed.writes)
        self.reads += bool(deed and not deed.writes)
        self.seen.append(
            Seen(
                operation=operation,
                method=asked.method,
                path=asked.path,
                query=dict(asked.query),
                headers=dict(asked.headers),
                data=asked.data,
                status=status,
            )
        )

    def clear(self) -> None:
        """Count anew."""
        self.operations.clear()
        self.statuses.clear()
        self.seen.clear()
        self.reads = self.writes = 0

    def as_json(self) -> dict[str, Any]:
        """The counts."""
        return {
            "total": self.total,
            "reads": self.reads,
            "writes": self.writes,
            "operations": dict(self.operations),
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }
