"""TracOS's documents with a title of the customer's and with further fields."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import Int64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import Fields, Status, Value, WorkOrder
from tracbridge.mapping.path import place
from tracbridge.mapping.tracos import Extra, TracosSide, value_of

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MADE, CHANGED = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 11, tzinfo=UTC)
AT = datetime(2026, 11, 20, 14, 14, 6, 785000, UTC)
TITLED = TracosSide(titled=True)
SIDE = TracosSide(
    titled=True,
    extras=(
        Extra("ext.priority", place("priority"), "integer"),
        Extra("ext.site", place("location.site"), "text"),
        Extra("ext.due", place("dueAt"), "instant"),
        Extra("ext.day", place("day"), "date"),
    ),
)
FURTHER: Fields = {"ext.priority": 3, "ext.site": "S", "ext.due": AT, "ext.day": "2026-11-20"}
CORE: Fields = {"status": "pending", "title": "T", "description": "D", "deleted": False}


def document(**changes: Any) -> dict[str, Any]:
    usual = {"number": 7, "status": "pending", "title": "T", "description": "D"}
    return {**usual, "createdAt": MADE, "updatedAt": MADE, "deleted": False, **changes}


def order(**fields: Value) -> WorkOrder:
    return WorkOrder("7", {**CORE, **fields}, MADE, CHANGED)


def shown(side: TracosSide, **changes: Any) -> Fields:
    return side.read(document(**changes), None).fields


def extra(name: str, value: Any, kind: str = "text") -> Value:
    return value_of(Extra("ext.x", place("deep.x"), kind), {"deep": {"x": value}})


def refusal(value: Any, kind: str) -> Reason:
    with pytest.raises(RecordError) as caught:
        extra("ext.x", value, kind)
    assert caught.value.why.pointer == "/deep/x"
    return caught.value.why


# -- a title of his own --------------------------------------------------------------------------


@pytest.mark.parametrize("text", [None, ""])
def test_with_a_title_of_its_own_the_text_may_be_empty(text: str | None) -> None:
    fields = shown(TITLED, description=text)
    assert (fields["title"], fields["description"]) == ("T", "")
    assert shown(TITLED, title=text)["title"] == ""


def test_without_one_the_title_is_no_field() -> None:
    assert "title" not in shown(TracosSide())
    assert shown(TracosSide(), description=None)["description"] == "T"


def test_title_and_text_change_each_by_itself() -> None:
    assert TITLED.write(order(title="New"), document()) == {"title": "New", "updatedAt": CHANGED}
    changes = TITLED.write(order(description="New"), document())
    assert changes == {"description": "New", "updatedAt": CHANGED}
    assert TITLED.write(order(title=""), document(title=None)) == {}


def test_a_title_that_is_no_text_is_refused_at_its_place() -> None:
    with pytest.raises(RecordError) as caught:
        shown(TITLED, title=7)
    assert (caught.value.why.code, caught.value.why.pointer) == ("type", "/title")
    with pytest.raises(RecordError) as caught:
        shown(TITLED, title="\udc80")
    assert caught.value.why.code == "invalid_unicode"


def test_a_new_document_has_his_title_and_only_fields_that_hold_something() -> None:
    made = SIDE.write(order(**{**FURTHER, "ext.due": None}), None)
    assert (made["title"], made["description"]) == ("T", "D")
    assert made["location"] == {"site": "S"}
    assert made["priority"] == 3
    assert "dueAt" not in made
    assert made["createdAt"] == MADE


def test_a_new_document_of_an_order_without_number_is_only_rehearsed() -> None:
    made = SIDE.write(WorkOrder("new", CORE, MADE, CHANGED), None)
    assert made["number"] == "new"


# -- further fields ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        (None, "text", None),
        ("a", "text", "a"),
        (7, "integer", 7),
        (Int64(7), "integer", 7),
        (7, "number", 7),
        (7.5, "number", 7.5),
        (True, "bool", True),
        ('["a"]', "list", '["a"]'),
        ('["a","\\u00e7"]', "list", '["a", "\u00e7"]'),
        (" [ ] ", "list", "[]"),
        ("2026-11-20T10:00", "local", "2026-11-20T10:00:00"),
        ("2026-11-20T10:00:00", "local", "2026-11-20T10:00:00"),
        (AT, "local", "2026-11-20T14:14:06.785000"),
        (AT, "date", "2026-11-20"),
        ("2026-11-20", "date", "2026-11-20"),
        (AT + timedelta(microseconds=999), "instant", AT),
        (AT.astimezone(timezone(timedelta(hours=-3))), "instant", AT),
    ],
)
def test_a_further_field_is_read_by_its_kind(raw: Any, kind: str, value: Value) -> None:
    read = extra("ext.x", raw, kind)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (7, "text"),
        ("7", "integer"),
        (7.5, "integer"),
        (True, "integer"),
        (False, "number"),
        (1, "bool"),
        ("true", "bool"),
        (["a"], "list"),
        ({}, "text"),
        (7, "date"),
        (AT.replace(tzinfo=None), "instant"),
        ("2026-11-20", "instant"),
        (AT, "text"),
    ],
)
def test_a_further_field_of_another_kind_is_refused_at_its_place(raw: Any, kind: str) -> None:
    assert refusal(raw, kind).code == "type"


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        ("free text", "list", "type"),
        ("[1]", "list", "type"),
        ("free text", "date", "invalid_date"),
        ("2026-02-30", "date", "invalid_date"),
        ("free text", "local", "invalid_date"),
        (float("nan"), "number", "non_finite_number"),
        (float("inf"), "number", "non_finite_number"),
    ],
)
def test_a_text_that_is_not_of_the_kind_is_refused_and_no_value_is_guessed(
    raw: Any, kind: str, code: str
) -> None:
    why = refusal(raw, kind)
    assert why.code == code
    assert why.hint


def test_a_new_document_of_an_order_without_a_status_has_the_usual_one() -> None:
    fields = {name: value for name, value in CORE.items() if name != "status"}
    assert SIDE.write(WorkOrder("7", fields, MADE, CHANGED), None)["status"] == "pending"
    gone = {**fields, "deleted": True}
    assert SIDE.write(WorkOrder("7", gone, MADE, CHANGED), None)["status"] == "cancelled"


def test_a_further_field_that_is_not_there_is_nothing() -> None:
    assert value_of(Extra("ext.x", place("deep.x"), "text"), {}) is None
    assert refusal("\udc80", "text").code == "invalid_unicode"
    assert SIDE.names == ("priority", "location.site", "dueAt", "day")


def test_a_further_field_is_set_by_its_path_and_emptied() -> None:
    before = document(priority=3, location={"site": "S", "building": "B"}, dueAt=AT)
    changes = SIDE.write(order(**{"ext.site": "T", "ext.due": None}), before)
    assert changes == {"location.site": "T", "dueAt": None, "updatedAt": CHANGED}


def test_a_field_that_the_order_does_not_speak_of_is_left_alone() -> None:
    before = document(priority=3, location={"site": "S"})
    assert SIDE.write(order(), before) == {}
    assert SIDE.write(WorkOrder("7", {}, MADE, CHANGED), before) == {}


# -- properties ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
INSTANTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 12, 30)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
FIELDS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([status.value for status in Status]),
        "title": TEXTS,
        "description": TEXTS,
        "deleted": st.just(value=False) | INSTANTS,
        "ext.priority": st.none() | st.integers(-9, 9),
        "ext.site": st.none() | TEXTS,
        "ext.due": st.none() | INSTANTS,
        "ext.day": st.none() | st.dates(date(1900, 1, 1), date(2200, 12, 31)).map(str),
    }
)


def after(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document as MongoDB keeps it then."""
    made = {**before, **{k: v for k, v in changes.items() if "." not in k}}
    if "location.site" in changes:
        made["location"] = {**made.get("location", {}), "site": changes["location.site"]}
    return made


@UNHURRIED
@given(FIELDS)
def test_a_new_document_shows_the_order_and_needs_no_change(fields: Fields) -> None:
    wanted = WorkOrder("7", fields, MADE, CHANGED)
    made = SIDE.write(wanted, None)
    assert SIDE.read(made, None).fields == fields
    assert SIDE.ref(made) == "7"
    assert SIDE.write(wanted, made) == {}


@UNHURRIED
@given(FIELDS, FIELDS)
def test_an_update_sets_what_differs_and_nothing_else(one: Fields, other: Fields) -> None:
    before = SIDE.write(WorkOrder("7", one, MADE, MADE), None)
    wanted = WorkOrder("7", other, MADE, CHANGED)
    changes = SIDE.write(wanted, before)
    made = after(before, changes)
    assert SIDE.read(made, None).fields == other
    assert SIDE.write(wanted, made) == {}
    differ = {name for name in one if one[name] != other[name]}
    paths = {"ext.priority": "priority", "ext.site": "location.site", "ext.due": "dueAt"}
    expected = {paths.get(name, name.removeprefix("ext.")) for name in differ}
    assert set(changes) - {"updatedAt", "deletedAt"} == expected
    assert ("updatedAt" in changes) == bool(differ)
    assert "createdAt" not in changes
