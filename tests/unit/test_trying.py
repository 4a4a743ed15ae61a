"""One record shown as it comes in, as we hold it and as it would go back."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mappings import mapping
from tests.unit.declaring import CHANGED, MADE, RECORD, made, told
from tracbridge.proof.trying import Row, Try, tried
from tracbridge.proof.trying import given as given_to_him

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rows(shown: Try) -> dict[str, Row]:
    return {row.field or row.path: row for row in shown.rows}


def test_each_field_is_shown_as_it_came_as_it_is_and_as_it_goes_back() -> None:
    shown = tried(made({"title": {"path": "name", "limit": 3}}), RECORD)
    found = rows(shown)
    assert list(found) == ["key", "created", "updated", "status", "title", "description", "deleted"]
    assert found["key"] == Row("key", "no", "7", "7", "7")
    assert found["created"].ours == MADE
    assert found["status"] == Row("status", "state", "P", "pending", "P")
    assert found["title"] == Row("title", "name", "Pump", "Pump", "Pum")
    assert found["deleted"] == Row("deleted", "gone", "false", False, "false")


def test_the_order_both_documents_and_no_error_are_shown() -> None:
    shown = tried(made(), RECORD)
    assert shown.error is None
    assert shown.output == RECORD
    assert shown.order
    assert shown.tracos
    assert (shown.order.ref, shown.order.updated_at) == ("7", CHANGED)
    assert (shown.tracos["number"], shown.tracos["title"]) == (7, "Pump")


def test_a_key_of_his_own_is_no_number_of_ours_yet() -> None:
    shown = tried(made(key={"path": "no", "as": "text"}), {**RECORD, "no": "A-1"})
    assert shown.order
    assert shown.output
    assert (shown.order.ref, shown.order.key, shown.output["no"]) == ("", "A-1", "A-1")
    assert rows(shown)["key"].ours == "A-1"


@pytest.mark.parametrize(
    ("changes", "field", "wrong"),
    [
        ({"no": "x"}, "key", "/no"),
        ({"changed": "yesterday"}, "updated", "/changed"),
        ({"state": "?"}, "status", "/state"),
        ({"name": 7}, "title", "/name"),
    ],
)
def test_a_refused_record_has_rows_and_the_row_that_is_wrong_says_why(
    changes: dict[str, Any], field: str, wrong: str
) -> None:
    shown = tried(made(), {**RECORD, **changes})
    assert (shown.order, shown.tracos, shown.output) == (None, None, None)
    assert shown.error
    assert shown.error.why.pointer == wrong
    told_of = {name: row.wrong for name, row in rows(shown).items() if row.wrong}
    assert told_of == {field: str(shown.error)}
    assert rows(shown)[field].ours is None
    assert {row.back for row in shown.rows} == {""}


def test_what_is_said_nothing_of_or_only_written_is_said() -> None:
    used = made({"ext.a": {"path": "a", "tracos": "a", "only": "write"}})
    body = {key: value for key, value in RECORD.items() if key != "name"}
    found = rows(tried(used, {**body, "a": "x"}))
    assert (found["title"].ours, found["title"].wrong) == ("", "says nothing")
    assert (found["ext.a"].theirs, found["ext.a"].wrong) == ("x", "only written")


def test_a_word_that_a_table_does_not_know_waits() -> None:
    words = told({"ext.asset": {"path": "asset", "table": "assets", "tracos": "asset"}})
    shown = tried(mapping(words, None, assets={"P-1": "id1"}), {**RECORD, "asset": "P-9"})
    row = rows(shown)["ext.asset"]
    assert row.wrong == "waits: table 'assets' does not know 'P-9'"
    assert (row.theirs, row.ours, row.back) == ("P-9", None, "P-9")
    assert shown.error is None


@pytest.mark.parametrize(
    ("words", "back", "wrong"), [("pass", '{"a":1}', ""), ("drop", "", "is not passed on")]
)
def test_a_key_that_no_line_knows_is_passed_on_or_not(words: str, back: str, wrong: str) -> None:
    row = rows(tried(made(extra=words), {**RECORD, "note": {"a": 1}}))["note"]
    assert row == Row("", "note", '{"a":1}', None, back, wrong)


def test_several_places_of_one_field_show_what_is_true_or_all_they_say() -> None:
    used = made({"status": {"flags": {"isNew": "pending", "isDone": "completed"}}})
    body = {**RECORD, "isNew": False, "isDone": True}
    assert rows(tried(used, body))["status"] == Row(
        "status", "isNew isDone", "isDone", "completed", "isDone"
    )
    line = {"path": ["day", "time"], "as": "local", "format": "DD/MM/YYYY HH:mm", "tracos": "x"}
    row = rows(tried(made({"ext.x": line}), {**RECORD, "day": "20/11/2026", "time": "10:00"}))
    assert (row["ext.x"].path, row["ext.x"].theirs) == ("day time", "20/11/2026 10:00")
    assert row["ext.x"].ours == "2026-11-20T10:00:00"


def test_the_bytes_count_for_what_is_handed_back() -> None:
    body = {**RECORD, "note": 1.5}
    raw = orjson.dumps(body).replace(b"1.5", b"1.50")
    shown = tried(made(), body, raw)
    assert shown.order
    assert '"note":1.50' in shown.order.extra
    assert given_to_him(made(), shown.order) == body


def test_a_record_without_a_status_becomes_what_a_new_order_gets() -> None:
    shown = tried(made(), {key: value for key, value in RECORD.items() if key != "state"})
    assert shown.error is None
    assert shown.tracos
    assert shown.tracos["status"] == "pending"
    assert shown.output is not None


ODD = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
KEYS = st.sampled_from([*RECORD, "note", "org"])


@UNHURRIED
@given(st.dictionaries(KEYS, ODD | st.lists(ODD, max_size=2)))
def test_whatever_is_wrong_each_line_has_its_row_and_nothing_is_raised(odd: dict[str, Any]) -> None:
    used = made({"ext.site": {"path": "org.site", "tracos": "site", "only": "read"}})
    shown = tried(used, {**RECORD, **odd})
    fields = [row.field for row in shown.rows if row.field]
    assert fields == ["key", "created", "updated", *(name for name, _ in used.fields)]
    assert (shown.error is None) == (shown.order is not None) == (shown.output is not None)
    assert bool(shown.error) == any(row.wrong.startswith("/") for row in shown.rows)
