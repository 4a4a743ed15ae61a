"""The shapes of records before and now, and how they differ."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import order
from tests.mappings import flags
from tracbridge.domain.errors import RecordError
from tracbridge.ports.connector import Record
from tracbridge.proof.shapes import DEEP, MANY, Drift, Kind, Shapes, drift, kept_shapes

FLAGS = flags()
REFUSED = RecordError("broken", "is no JSON.")


def shapes(*bodies: Mapping[str, Any]) -> Shapes:
    seen = Shapes()
    for number, body in enumerate(bodies):
        seen.see(Record(body, source=f"{number}.json"), FLAGS)
    return seen


def found(before: Shapes, now: Shapes) -> list[tuple[Kind, str, bool]]:
    return [(one.kind, one.path, one.matters) for one in drift(before, now, FLAGS)]


def test_each_place_is_remembered_with_its_kinds_and_an_example() -> None:
    seen = shapes(order(1, extra={"a": [{"b": 1}, {"b": 2}]}), order(2, extra=None, summary="x"))
    assert seen.records == 2
    assert seen.places["extra"].kinds == {"table": "{'a': [{'b': 1}, {'b': 2}]}", "null": "None"}
    assert seen.places["extra.a[].b"].records == 1
    assert set(seen.places["extra.a[].b"].kinds) == {"number"}
    assert seen.places["summary"].kinds == {"text": "'Inspect conveyor 1'"}
    assert seen.places["isPending"].kinds == {"bool": "True"}
    assert "extra.a[]" in seen.places
    assert not seen.refused


def test_a_list_of_several_kinds_is_remembered_with_all_of_them() -> None:
    seen = shapes(order(1, a=[1, "x", None, {"b": 1}, {"b": "y"}, 2]))
    assert set(seen.places["a[]"].kinds) == {"number", "text", "null", "table"}
    assert set(seen.places["a[].b"].kinds) == {"number", "text"}
    assert (seen.places["a[]"].records, seen.places["a[].b"].records) == (1, 1)


def test_an_example_is_short_and_kinds_are_those_of_json() -> None:
    seen = shapes(order(1, a="x" * 999, b=1, c=1.5, d=True, e=[], f={}, g=None))
    assert all(len(text) <= 40 for place in seen.places.values() for text in place.kinds.values())
    kinds = {name: next(iter(seen.places[name].kinds)) for name in "abcdefg"}
    assert list(kinds.values()) == ["text", "number", "number", "bool", "list", "table", "null"]


def test_what_is_nested_deeply_or_without_end_is_not_remembered() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    seen = shapes({**order(1, a=deep), **{f"key{n}": n for n in range(MANY + 50)}})
    assert max(path.count(".") for path in seen.places) == DEEP - 1
    assert len(seen.places) == MANY


def test_records_of_one_shape_do_not_drift() -> None:
    before = shapes(*(order(n) for n in range(1, 5)))
    assert found(before, shapes(order(9, "completed"), order(10, summary=""))) == []


def test_what_the_mapping_refuses_is_told_once_with_its_number_and_an_example() -> None:
    bad = [order(n, summary=...) for n in range(1, 4)]
    now = shapes(order(9), *bad)
    refusals = [one for one in drift(shapes(order(1)), now, FLAGS) if one.kind is Kind.REFUSED]
    assert [(one.path, one.matters) for one in refusals] == [("1.json", True)]
    assert refusals[0].what.startswith("3 x /summary is missing or null.")


def test_what_cannot_even_be_read_is_refused() -> None:
    now = Shapes()
    now.see(Record(None, source="a.json", error=REFUSED), FLAGS)
    now.see(Record(None, source="b.json", pointer="/3"), FLAGS)
    assert now.records == 0
    assert drift(shapes(order(1)), now, FLAGS) == [
        Drift(Kind.REFUSED, "a.json", "1 x is no JSON.", matters=True),
        Drift(Kind.REFUSED, "b.json /3", "1 x carries no content.", matters=True),
    ]


@pytest.mark.parametrize(
    ("body", "drifts"),
    [
        ({"weight": 5}, [(Kind.NEW, "weight", False)]),
        ({"isUrgent": True}, [(Kind.NEW, "isUrgent", False)]),
        ({"more": {"inner": {"deep": 1}}}, [(Kind.NEW, "more", False)]),
        ({"note": 5}, [(Kind.KIND, "note", False)]),
        ({"note": None}, [(Kind.KIND, "note", False)]),
        ({"note": ...}, [(Kind.GONE, "note", False)]),
        ({"summary": "x", "site": ...}, [(Kind.GONE, "site", False)]),
        ({"site": {"plant": 1, "city": "x"}}, [(Kind.NEW, "site.city", False)]),
        ({"site": {}}, [(Kind.GONE, "site.plant", False)]),
        (
            {"isDeleted": True, "deletedDate": "2026-03-20T12:00:00Z"},
            [(Kind.KIND, "deletedDate", True)],
        ),
        ({"isDeleted": ...}, [(Kind.GONE, "isDeleted", True)]),
    ],
)
def test_what_is_other_than_before_is_told(
    body: dict[str, Any], drifts: list[tuple[Kind, str, bool]]
) -> None:
    usual: dict[str, Any] = {"note": "x", "site": {"plant": 1}}
    before = shapes(*(order(n, **usual) for n in range(1, 4)))
    assert found(before, shapes(order(9, **{**usual, **body}))) == drifts


def test_a_difference_is_told_in_words() -> None:
    before = shapes(order(1, a=1, b="x", c=1), order(2, a=1, b=None, c=1))
    now = shapes(order(3, b=5, d="y"), order(4, b=5))
    told = {(one.kind, one.path): one.what for one in drift(before, now, FLAGS)}
    assert told == {
        (Kind.KIND, "b"): "was null or text and is number, such as 5",
        (Kind.GONE, "a"): "was in 2 of 2 records and is in none",
        (Kind.GONE, "c"): "was in 2 of 2 records and is in none",
        (Kind.NEW, "d"): "is new, in 1 of 2 records, such as 'y'",
    }


@pytest.mark.parametrize(("having", "gone"), [(20, True), (19, True), (18, False)])
def test_only_what_nearly_all_records_had_can_be_gone(having: int, gone: bool) -> None:
    bodies = [order(n, note=1 if n <= having else ...) for n in range(1, 21)]
    assert found(shapes(*bodies), shapes(order(99))) == [(Kind.GONE, "note", False)] * gone


def test_a_place_that_one_record_of_now_still_has_is_not_gone() -> None:
    before = shapes(order(1, note=1), order(2, note=1))
    assert found(before, shapes(order(3), order(4), order(5, note=2))) == []


def test_what_matters_comes_first_and_the_gravest_of_it() -> None:
    before = shapes(order(1, a=1, note="x"))
    now = shapes(order(2, note=5, b=1, isDeleted=..., deletedDate=5))
    kinds = found(before, now)
    assert [matters for _, _, matters in kinds] == sorted((m for *_, m in kinds), reverse=True)
    assert [(kind, path) for kind, path, _ in kinds[:3]] == [
        (Kind.REFUSED, "0.json"),
        (Kind.KIND, "deletedDate"),
        (Kind.GONE, "isDeleted"),
    ]
    assert [(kind, path) for kind, path, _ in kinds[3:]] == [
        (Kind.KIND, "note"),
        (Kind.GONE, "a"),
        (Kind.NEW, "b"),
    ]


def test_without_records_on_both_sides_nothing_can_have_changed() -> None:
    some = shapes(order(1, note=1))
    assert found(Shapes(), some) == found(some, Shapes()) == []


BODIES = st.lists(
    st.dictionaries(
        st.sampled_from(["summary", "note", "site"]),
        st.none()
        | st.text(max_size=3)
        | st.integers()
        | st.dictionaries(st.sampled_from("ab"), st.integers() | st.none(), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@given(BODIES)
def test_the_same_records_again_are_no_drift_but_for_what_is_refused(
    bodies: list[dict[str, Any]],
) -> None:
    seen = shapes(*(order(n, **body) for n, body in enumerate(bodies, 1)))
    assert all(kind is Kind.REFUSED for kind, *_ in found(seen, seen))
    assert sum(seen.refused.values()) <= seen.records == len(bodies)


@given(BODIES, BODIES)
def test_what_is_new_from_one_side_was_in_no_record_of_the_other(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    before, now = (
        shapes(*(order(n, **body) for n, body in enumerate(each, 1))) for each in (one, other)
    )
    for kind, path, _ in found(before, now):
        if kind is Kind.NEW:
            assert path in now.places.keys() - before.places.keys()
        if kind is Kind.GONE:
            assert path in before.places.keys() - now.places.keys()


# -- kept for long ---------------------------------------------------------------------------


BODIES = st.lists(
    st.dictionaries(
        st.sampled_from("abc"),
        st.one_of(
            st.none(), st.integers(), st.text(max_size=3), st.lists(st.booleans(), max_size=2)
        ),
    ),
    max_size=6,
)


def walked(bodies: list[dict[str, Any]]) -> Shapes:
    seen = Shapes()
    for body in bodies:
        seen.walk(body)
    return seen


@given(BODIES, BODIES)
def test_shapes_that_were_kept_and_joined_are_those_of_all_records(
    before: list[dict[str, Any]], later: list[dict[str, Any]]
) -> None:
    kept = kept_shapes(walked(before).bare())
    kept.join(walked(later))
    assert sorted(kept.bare()["places"]) == sorted(walked(before + later).bare()["places"])
    assert kept.records == len(before) + len(later)


@given(BODIES)
def test_of_what_is_kept_no_value_can_be_read(bodies: list[dict[str, Any]]) -> None:
    for seen in kept_shapes(walked(bodies).bare()).places.values():
        assert set(seen.kinds.values()) == {""}


def test_what_no_record_had_is_news_and_what_one_had_is_none() -> None:
    seen = walked([{"a": 1, "b": "x"}])
    assert not seen.join(walked([{"a": 2}]))
    assert seen.join(walked([{"a": "text"}]))
    assert seen.join(walked([{"c": 1}]))
    assert not seen.join(walked([{"a": "text", "c": 9}, {"a": 1}]))


def test_records_whose_keys_are_data_fill_no_memory() -> None:
    seen = walked([{f"a{number}": 1 for number in range(MANY)}])
    assert not seen.join(walked([{"z": 1}]))
    assert len(seen.places) == MANY
