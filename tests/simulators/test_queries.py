"""What all systems share: conditions, the store and its pages. Any query finds what a look at each
record finds.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracbridge.testing.erp.conditions import Condition, Every, Not, Some, Test, holds, lowest
from tracbridge.testing.erp.paging import Query, View, pick
from tracbridge.testing.erp.store import Row, Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def moment(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def value(row: Row, field: str) -> Any:
    return row.mark if field == "changed" else row.fields.get(field)


VIEW = View(value=value, mark="changed", born="id")

ops = st.sampled_from(["=", "!=", ">", ">=", "<", "<="])
tests: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Test, st.just("changed"), ops, st.integers(0, 9).map(moment)),
    st.builds(Test, st.just("id"), ops, st.integers(0, 9)),
    st.builds(Test, st.just("color"), ops, st.sampled_from(["red", "blue"])),
    st.builds(Test, st.just("color"), st.just("in"), st.just(["red", None])),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
orders = st.sampled_from(
    [
        (("changed", False), ("id", False)),
        (("changed", False), ("id", True)),
        (("changed", True), ("id", False)),
        (("id", False),),
        (("color", False), ("id", False)),
    ]
)
changes = st.lists(
    st.tuples(
        st.integers(0, 7), st.sampled_from(["red", "blue", None]), st.none() | st.integers(0, 9)
    ),
    max_size=15,
)


def filled(edits: list[tuple[int, str | None, int | None]]) -> Store:
    """Eight records at most; the mark of each is where its last edit put it, or nowhere."""
    store = Store()
    for id_ in sorted({id_ for id_, _, _ in edits}):
        store.put(str(id_), {"id": id_, "color": None}, NOON, NOON)
    for id_, color, second in edits:
        mark = None if second is None else moment(second)
        store.put(str(id_), {"id": id_, "color": color}, NOON, mark)
    return store


def keys(rows: list[Row]) -> list[str]:
    return [row.key for row in rows]


@given(changes, conditions, orders, st.integers(0, 4), st.integers(1, 4))
def test_a_page_has_what_a_look_at_each_record_finds(
    edits: list[tuple[int, str | None, int | None]],
    condition: Condition,
    order: tuple[tuple[str, bool], ...],
    offset: int,
    limit: int,
) -> None:
    store = filled(edits)
    found = [row for row in store if holds(condition, partial(value, row))]
    for field, descends in reversed(order):
        found.sort(key=partial(_rank, field=field), reverse=descends)
    query = Query(condition=condition, order=order, offset=offset, limit=limit)
    expected = keys(found[offset : offset + limit + 1])
    assert keys(pick(store, query, VIEW)) == expected
    assert keys(pick(store, query, VIEW)) == expected  # what is remembered is the same


def _rank(row: Row, field: str) -> tuple[bool, Any]:
    held = value(row, field)
    return held is not None, held if held is not None else 0


def test_the_next_page_is_of_the_records_as_they_are_by_then() -> None:
    store = filled([(1, "red", 1), (2, "red", 2), (3, "red", 3)])
    query = Query(order=(("color", False), ("id", False)), offset=1, limit=1)
    assert keys(pick(store, query, VIEW)) == ["2", "3"]
    store.put("2", {"id": 2, "color": "white"}, NOON, NOON)
    assert keys(pick(store, query, VIEW)) == ["3", "2"]
    hidden = View(value=value, mark="changed", hidden=["1"])
    assert keys(pick(store, query, hidden)) == ["2"]


def test_what_is_asked_for_begins_as_late_as_it_can() -> None:
    late, early = Test("changed", ">=", moment(5)), Test("changed", ">", moment(2))
    red = Test("color", "=", "red")
    assert lowest(Every((early, late, red)), "changed") == moment(5)
    assert lowest(Some((early, late)), "changed") == moment(2)
    assert lowest(Some((late, red)), "changed") is None
    assert lowest(Not(late), "changed") is None


def test_nothing_is_neither_more_nor_less_than_anything() -> None:
    for nothing in (None, False):
        for op in ("<", "<=", ">", ">="):
            assert not holds(Test("x", op, 5), {"x": nothing}.get)
    assert not holds(Test("x", "<", 5), {"x": "text"}.get)


def test_the_store_knows_what_was_at_any_moment() -> None:
    store = Store()
    store.put("a", {"color": "red"}, moment(1), None)
    store.put("b", {"color": "red"}, moment(2), None)
    store.put("a", {"color": "blue"}, moment(3), None)
    store.drop("b", moment(4))

    def held(second: int) -> dict[str, str]:
        return {row.key: row.fields["color"] for row in store.at(moment(second))}

    assert [held(second) for second in range(5)] == [
        {},
        {"a": "red"},
        {"a": "red", "b": "red"},
        {"a": "blue", "b": "red"},
        {"a": "blue"},
    ]
