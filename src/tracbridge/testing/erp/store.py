"""What a simulated system holds, in order of change, with what it held before."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

NEVER = datetime.min.replace(tzinfo=UTC)


class Row(Struct, frozen=True, kw_only=True):
    """One record in one of its versions.

    ``at``: when that came about. ``mark``: the time of change that the system shows; None where it
    shows none. ``ordinal``: the how-manieth record. ``version``: of all changes of the system.
    """

    key: str
    fields: dict[str, Any]
    at: datetime
    mark: datetime | None
    ordinal: int
    version: int


class Store:
    """Records by key. A row and its fields are never changed in place. ``memo``: of `paging`."""

    def __init__(self) -> None:
        self.changes = 0
        self.memo: tuple[Any, list[Row]] | None = None
        self._rows: dict[str, Row] = {}
        self._order: list[tuple[datetime, int, str]] = []
        self._past: dict[str, list[tuple[datetime, Row | None]]] = {}
        self._earlier: tuple[datetime, int, Store] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[Row]:
        """In the order in which they were made."""
        return iter(self._rows.values())

    def get(self, key: str) -> Row | None:
        """The record of that key."""
        return self._rows.get(key)

    def put(self, key: str, fields: dict[str, Any], at: datetime, mark: datetime | None) -> Row:
        """Make a record, or a new version of one."""
        self.changes += 1
        old = self._rows.get(key)
        ordinal = old.ordinal if old else len(self._past)
        row = Row(key=key, fields=fields, at=at, mark=mark, ordinal=ordinal, version=self.changes)
        if old:
            self._forget(old)
        self._rows[key] = row
        insort(self._order, (mark or NEVER, ordinal, key))
        self._past.setdefault(key, []).append((at, row))
        return row

    def drop(self, key: str, at: datetime) -> None:
        """Delete a record."""
        self.changes += 1
        self._forget(self._rows.pop(key))
        self._past[key].append((at, None))

    def since(self, low: datetime | None = None) -> Iterator[Row]:
        """In order of their marks, from that one on; those without one come first of all."""
        start = bisect_left(self._order, (low,)) if low else 0
        for index in range(start, len(self._order)):
            yield self._rows[self._order[index][2]]

    def at(self, moment: datetime) -> "Store":
        """As it was then."""
        if self._earlier and self._earlier[:2] == (moment, self.changes):
            return self._earlier[2]
        earlier = Store()
        for key, versions in self._past.items():
            held = [row for at, row in versions if at <= moment]
            if held and (row := held[-1]):
                earlier._take(key, row)
        self._earlier = (moment, self.changes, earlier)
        return earlier

    def _take(self, key: str, row: Row) -> None:
        self._rows[key] = row
        insort(self._order, (row.mark or NEVER, row.ordinal, key))

    def _forget(self, old: Row) -> None:
        entry = (old.mark or NEVER, old.ordinal, old.key)
        del self._order[bisect_left(self._order, entry)]
