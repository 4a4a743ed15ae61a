"""Which records a page has."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby, islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.testing.erp.conditions import EVERYTHING, Condition, holds, lowest
from tracbridge.testing.erp.store import Row, Store

Value = Callable[[Row, str], Any]
"""A record's value of a field, comparable."""


class Query(Struct, frozen=True, kw_only=True):
    """What is asked for. ``order``: fields, each with whether it descends."""

    condition: Condition = EVERYTHING
    order: tuple[tuple[str, bool], ...] = ()
    offset: int = 0
    limit: int


class View(Struct, frozen=True, kw_only=True):
    """How a system's records are looked at.

    ``value``: of a field, comparable. ``mark``: the field of the time of change, which is
    `Row.mark`. ``born``: a field whose values ascend as records are made. ``hidden``: keys that are
    not shown.
    """

    value: Value
    mark: str
    born: str = ""
    hidden: list[str] = []


def pick(store: Store, query: Query, view: View) -> list[Row]:
    """The page's records, and one more where there is one."""
    if query.offset or not _streams(query, view):
        rows = whole(store, query, view)
        return rows[query.offset : query.offset + query.limit + 1]
    return list(islice(_stream(store, query, view), query.limit + 1))


def whole(store: Store, query: Query, view: View) -> list[Row]:
    """All records that are asked for; remembered, since the next page asks the same."""
    wanted = (store.changes, replace(query, offset=0, limit=0), list(view.hidden))
    if store.memo is None or store.memo[0] != wanted:
        if _streams(query, view):
            rows = list(_stream(store, query, view))
        else:
            rows = ordered(list(matching(store, query.condition, view)), query.order, view.value)
        store.memo = (wanted, rows)
    return store.memo[1]


def matching(store: Store, condition: Condition, view: View) -> Iterator[Row]:
    """The records that are asked for, in order of change."""
    return _wanted(store.since(lowest(condition, view.mark)), condition, view)


def _streams(query: Query, view: View) -> bool:
    """Whether the records are kept in that order."""
    return query.order[:1] == ((view.mark, False),) or query.order == ((view.born, False),)


def _stream(store: Store, query: Query, view: View) -> Iterator[Row]:
    if query.order[0][0] == view.mark:
        ties = groupby(matching(store, query.condition, view), key=lambda row: row.mark)
        return (row for _, tied in ties for row in ordered(list(tied), query.order[1:], view.value))
    rows = list(store)
    low = lowest(query.condition, view.born)
    start = 0 if low is None else bisect_left(rows, low, key=lambda row: view.value(row, view.born))
    return _wanted(islice(rows, start, None), query.condition, view)


def _wanted(rows: Iterable[Row], condition: Condition, view: View) -> Iterator[Row]:
    gone = frozenset(view.hidden)
    for row in rows:
        if row.key not in gone and holds(condition, partial(view.value, row)):
            yield row


def ordered(rows: list[Row], order: Iterable[tuple[str, bool]], value: Value) -> list[Row]:
    """Sorted by these fields; nothing comes first."""
    for field, descends in reversed(list(order)):
        ranks = {row.key: _rank(value(row, field)) for row in rows}
        rows.sort(key=lambda row: ranks[row.key], reverse=descends)
    return rows


def _rank(value: Any) -> tuple[bool, Any]:
    given = value not in (None, False, "")
    return given, value if given else 0
