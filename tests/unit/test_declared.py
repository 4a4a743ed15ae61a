"""A mapping as a file declares it: what each word of a line does, both ways."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.mappings import mapping
from tests.unit.declaring import CHANGED, MADE, RECORD, STATUS, given_back, made, taken, told
from tracbridge.config.mappings import compile_mapping, source, zone_named
from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import Fields, Side, Status, WorkOrder
from tracbridge.mapping.declared import NEVER, Declared
from tracbridge.mapping.lines import Surroundings

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refusal(used: Declared, **changes: Any) -> Reason:
    with pytest.raises(RecordError) as caught:
        used.from_customer({**RECORD, **changes})
    return caught.value.why


# -- the whole -----------------------------------------------------------------------------------


def test_a_record_is_an_order_and_goes_back_as_it_came() -> None:
    used = made()
    order = taken(used)
    assert used.name == "his v1"
    assert order.fields == {
        "status": "pending",
        "title": "Pump",
        "description": "Bearing",
        "deleted": False,
    }
    assert (order.ref, order.created_at, order.updated_at) == ("7", MADE, CHANGED)
    assert given_back(used, order) == RECORD


def test_what_his_record_does_not_say_is_no_field_of_the_order() -> None:
    used = made()
    body = {key: value for key, value in RECORD.items() if key not in ("state", "name")}
    assert used.from_customer(body).fields == {"description": "Bearing", "deleted": False}


def test_the_names_are_those_of_all_lines_and_a_title_may_be_derived() -> None:
    assert made({"title": None}).names == {"status", "title", "description", "deleted"}
    assert made({"status": None}).names == {"title", "description", "deleted"}


# -- directions ----------------------------------------------------------------------------------

PRIORITY = {"path": "prio", "as": "integer", "tracos": "priority"}


def test_a_field_that_is_only_read_is_never_written() -> None:
    used = made({"ext.priority": {**PRIORITY, "only": "read"}})
    order = taken(used, prio=3)
    assert order.fields["ext.priority"] == 3
    assert "prio" not in used.to_customer(replace(order, fields={**order.fields}))
    assert used.one_way == {"ext.priority": Side.TRACOS}
    assert used.once == frozenset()


def test_a_field_that_is_only_written_is_never_read() -> None:
    used = made({"ext.priority": {**PRIORITY, "only": "write"}})
    order = taken(used, prio=3)
    assert "ext.priority" not in order.fields
    assert given_back(used, order, **{"ext.priority": 4})["prio"] == 4
    assert used.one_way == {"ext.priority": Side.CUSTOMER}


def test_a_field_that_counts_once_goes_both_ways_and_is_named() -> None:
    used = made({"ext.priority": {**PRIORITY, "only": "create"}})
    assert used.once == {"ext.priority"}
    assert used.one_way == {}
    order = taken(used, prio=3)
    assert order.fields["ext.priority"] == 3
    assert given_back(used, order)["prio"] == 3


def test_a_time_that_is_only_read_is_not_handed_back() -> None:
    used = made(updated={"path": "changed", "only": "read"})
    assert "changed" not in used.to_customer(taken(used))
    assert "made" in used.to_customer(taken(used))


def test_a_time_that_is_only_written_is_not_asked_for() -> None:
    used = made(created={"path": "made", "only": "write"})
    body = {key: value for key, value in RECORD.items() if key != "made"}
    order = used.from_customer(body)
    assert (order.created_at, order.updated_at) == (CHANGED, CHANGED)
    assert used.from_customer({**RECORD, "made": "odd"}).created_at == CHANGED
    assert used.to_customer(order)["made"] == RECORD["changed"]
    assert not used.observed
    seen = made(updated={"path": "changed", "only": "write"})
    assert seen.observed
    assert seen.from_customer(RECORD).updated_at == MADE


# -- constants, tenants, computed values ---------------------------------------------------------


def test_constants_are_written_over_whatever_stood_there() -> None:
    used = made(constants={"org.site": "BR01", "source": "tracos"})
    order = taken(used, org={"site": "XX", "name": "n"}, source="sap")
    body = given_back(used, order)
    assert (body["org"], body["source"]) == ({"site": "BR01", "name": "n"}, "tracos")


def tenant() -> Declared:
    around = Surroundings(zones=zone_named, expect={"company": 10})
    return compile_mapping(source(told(), Path(), str), around, str)


@pytest.mark.parametrize("shown", [11, "10", 10.0, True, None])
def test_a_record_of_another_tenant_is_refused(shown: object) -> None:
    why = refusal(tenant(), company=shown)
    assert (why.code, why.pointer) == ("tenant_mismatch", "/company")
    assert why.hint == "Send it to its own connection, or mend customer.expect."
    with pytest.raises(RecordError):
        tenant().from_customer(RECORD)


def test_a_record_of_this_tenant_is_taken_and_his_mark_is_written() -> None:
    used = tenant()
    assert given_back(used, taken(used, company=10))["company"] == 10
    assert used.to_customer(taken(used, company=10))["company"] == 10


def test_a_computed_field_is_read_and_a_computed_place_is_written() -> None:
    used = made(
        {"ext.area": {"read": 'record.text + "/" + record.name', "tracos": "area"}},
        computed={"label": 'order.number + ": " + order.title'},
    )
    order = taken(used)
    assert order.fields["ext.area"] == "Bearing/Pump"
    assert used.one_way == {"ext.area": Side.TRACOS}
    assert given_back(used, order, title="Valve")["label"] == "7: Valve"


def test_an_expression_that_cannot_be_computed_refuses_the_record() -> None:
    used = made({"ext.area": {"read": "record.nowhere.deep", "tracos": "area"}})
    why = refusal(used)
    assert (why.code, why.hint) == ("expression", "Use has() for keys.")


# -- times ---------------------------------------------------------------------------------------


def test_a_record_without_times_of_change_is_observed() -> None:
    used = made(updated=None)
    assert used.observed
    assert taken(used).updated_at == MADE
    assert not made().observed
    assert made(updated=None, created=None).from_customer(RECORD).updated_at == NEVER


@pytest.mark.parametrize(("changed", "at"), [(None, MADE), ("2026-11-20T12:00:00", CHANGED)])
def test_a_time_that_may_be_empty_is_that_of_the_making(changed: object, at: datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    words = told(updated={"path": "changed", "optional": True})
    assert mapping(words, zone).from_customer({**RECORD, "changed": changed}).updated_at == at


def test_a_record_that_says_no_time_at_all_is_refused_where_others_say_one() -> None:
    both = {"path": "made", "optional": True}, {"path": "changed", "optional": True}
    used = made(created=both[0], updated=both[1])
    assert used.from_customer({**RECORD, "changed": None}).updated_at == MADE
    assert used.from_customer({**RECORD, "made": None}).created_at == CHANGED
    why = refusal(used, made=None, changed=None)
    assert (why.code, why.pointer) == ("required", "/changed")
    assert why.hint.startswith("Send one of both, or leave updated out of the mapping")
    alone = made(created=None, updated=both[1])
    assert refusal(alone, changed=None).code == "required"


@pytest.mark.parametrize("moment", [{"path": "changed"}, {"path": "changed", "format": "epoch"}])
def test_a_time_that_must_be_there_is_refused_if_it_is_not(moment: dict[str, str]) -> None:
    why = refusal(made(updated=moment), changed=None)
    assert (why.code, why.pointer) == ("required", "/changed")
    assert why.hint


# -- lists, nested places, tables ----------------------------------------------------------------


def test_a_line_may_stand_deep_in_lists_and_its_neighbours_stay() -> None:
    used = made(
        {
            "ext.first": {"path": "lines[0].text", "tracos": "first"},
            "ext.prio": {"path": "marks[name=PRIO].value", "as": "integer", "tracos": "prio"},
            "ext.tags": {"path": "tags", "as": "list", "tracos": "tags"},
        }
    )
    lines = [{"text": "one", "n": 1}, {"text": "two"}]
    marks = [{"name": "LOW"}, {"name": "PRIO", "value": 3}]
    order = taken(used, lines=lines, marks=marks, tags=["a", "b"])
    assert order.fields["ext.first"] == "one"
    assert order.fields["ext.prio"] == 3
    assert order.fields["ext.tags"] == '["a", "b"]'
    edit = {"ext.first": "new", "ext.prio": 4, "ext.tags": '["c"]'}
    body = given_back(used, order, **edit)
    assert body["lines"] == [{"text": "new", "n": 1}, {"text": "two"}]
    assert body["marks"] == [{"name": "LOW"}, {"name": "PRIO", "value": 4}]
    assert body["tags"] == ["c"]


@pytest.mark.parametrize(
    ("edit", "codes"),
    [
        ({"ext.a": "A"}, "A;y;z"),
        ({"ext.b": "B"}, "x;B;z"),
        ({"ext.a": "A", "ext.b": "B"}, "A;B;z"),
    ],
)
def test_several_codes_in_one_text_are_fields_of_their_own(edit: Fields, codes: str) -> None:
    part = {"path": "codes", "separator": ";"}
    first, second = {**part, "part": 0, "tracos": "a"}, {**part, "part": 1, "tracos": "b"}
    used = made({"ext.a": first, "ext.b": second})
    order = taken(used, codes="x;y;z")
    assert (order.fields["ext.a"], order.fields["ext.b"]) == ("x", "y")
    assert given_back(used, order, **edit)["codes"] == codes


def test_a_pair_of_id_and_name_is_read_and_written_by_its_id() -> None:
    used = made({"ext.team": {"path": "team", "as": "integer", "tracos": "team"}}, pairs=["team"])
    order = taken(used, team=[5, "North"])
    assert order.fields["ext.team"] == 5
    assert given_back(used, order)["team"] == 5
    assert given_back(used, order, **{"ext.team": 6})["team"] == 6


@pytest.mark.parametrize("nothing", [False, None, []])
def test_a_pair_that_is_nothing_empties_the_field_and_is_written_as_nothing(nothing: Any) -> None:
    team = {"path": "team", "as": "integer", "tracos": "team"}
    word = {"path": "stage", "values": {1: "new"}, "tracos": "stage"}
    used = made({"ext.team": team, "ext.stage": word}, pairs=["team", "stage"], empty=[None, False])
    order = taken(used, team=nothing, stage=nothing)
    assert (order.fields["ext.team"], order.fields["ext.stage"]) == (None, None)
    assert given_back(used, order)["team"] is None
    assert given_back(used, order, **{"ext.team": 6})["team"] == 6
    assert "ext.team" not in taken(used).fields


def test_a_pair_that_is_only_read_is_handed_back_whatever_it_is() -> None:
    team = {"path": "team", "as": "integer", "tracos": "team", "only": "read"}
    used = made({"ext.team": team}, pairs=["team"])
    assert given_back(used, taken(used, team=[]))["team"] is None
    assert given_back(used, taken(used, team=[5, "North"]))["team"] == 5


@pytest.mark.parametrize(
    ("path", "raw"),
    [("asset.code", ["P-101"]), ("lines[0].x", {"a": 1}), ("marks[name=PRIO].value", {"a": 1})],
)
def test_what_his_record_has_no_place_for_refuses_that_order_alone(path: str, raw: Any) -> None:
    used = made({"ext.x": {"path": path, "tracos": "x"}})
    order = taken(used, **{path.partition(".")[0].partition("[")[0]: raw})
    assert "ext.x" not in order.fields
    with pytest.raises(RecordError) as caught:
        given_back(used, order, **{"ext.x": "new"})
    assert caught.value.why.code == "type"


def test_a_state_that_the_mapping_has_no_more_is_spelt_as_the_status() -> None:
    used = made()
    order = replace(taken(used), state="OLDNAME")
    assert given_back(used, order)["state"] == "P"
    assert given_back(used, order, status="completed")["state"] == "C"


def test_a_word_that_a_table_does_not_know_holds_its_field_and_no_other() -> None:
    words = told({"ext.asset": {"path": "asset", "table": "assets", "tracos": "asset"}})
    used = mapping(words, None, assets={"P-101": "id1", "P-101A": "id1", "P-102": "id2"})
    order = taken(used, asset="P-999")
    assert order.unresolved == {"ext.asset": "P-999"}
    assert "ext.asset" not in order.fields
    assert order.fields["title"] == "Pump"
    assert given_back(used, order)["asset"] == "P-999"
    assert taken(used, asset="P-102").unresolved == {}
    assert given_back(used, taken(used, asset="P-102"), **{"ext.asset": "id1"})["asset"] == "P-101"


def test_what_is_left_out_is_empty_where_the_mapping_says_so() -> None:
    used = made({"ext.priority": PRIORITY}, missing="empty", empty=[None, ""])
    body = {key: value for key, value in RECORD.items() if key != "name"}
    fields = used.from_customer(body).fields
    assert (fields["title"], fields["ext.priority"]) == ("", None)
    assert taken(used, prio="").fields["ext.priority"] is None


def test_where_a_bool_stands_false_says_something_whatever_stands_for_nothing_elsewhere() -> None:
    flag = {"path": "urgent", "as": "bool", "tracos": "urgent"}
    used = made({"ext.urgent": flag, "ext.priority": PRIORITY}, empty=[None, False])
    fields = taken(used, urgent=False, gone=False, prio=False).fields
    assert (fields["ext.urgent"], fields["deleted"], fields["ext.priority"]) == (False, False, None)
    assert used.from_customer({**RECORD, "gone": True}).fields["deleted"] is True
    words = made({"deleted": {"path": "gone", "values": {True: "deleted"}, "default": True}})
    with pytest.raises(RecordError):
        words.from_customer({**RECORD, "gone": False})


# -- what is remembered word by word -------------------------------------------------------------


def test_keys_that_no_line_knows_come_back_as_they_were_spelt() -> None:
    used = made({"ext.site": {"path": "org.site", "tracos": "site"}}, ignore=["noise"])
    body = {**RECORD, "org": {"site": "S", "n": 1.50}, "noise": 1, "note": "x"}
    raw = orjson.dumps(body).replace(b"1.5", b"1.50")
    extra = used.extra(body, raw)  # noqa: S610 - this is no database's
    assert extra == '{"state":"P","org":{"site":"S","n":1.50},"note":"x"}'
    order = replace(used.from_customer(body), extra=extra)
    assert given_back(used, order) == {k: v for k, v in body.items() if k != "noise"}
    dropped = made(extra="drop")
    assert dropped.extra(body, raw) == '{"state":"P"}'  # noqa: S610 - this is no database's


def test_a_mapping_says_of_which_fields_his_system_keeps_less() -> None:
    used = made({"title": {"path": "name", "limit": 4}, "status": {**STATUS, "lacks": {}}})
    assert set(used.lossy) == {"title"}
    assert used.lossy["title"]("Pumps") == "Pump"
    lacking = {k: v for k, v in STATUS["values"].items() if k != "H"}  # type: ignore[attr-defined]
    status = {"path": "state", "values": lacking, "lacks": {"on_hold": "in_progress"}}
    fold = made({"status": status}).lossy["status"]
    assert [fold(word) for word in ("on_hold", "pending")] == ["in_progress", "pending"]


ECHOES: dict[str, dict[str, Any]] = {
    "text": {"path": "x"},
    "worded": {"path": "x", "limit": 9},
    "list": {"path": "x", "as": "list"},
    "codes": {"path": "x", "as": "list", "separator": ";"},
    "part": {"path": "x", "separator": ";", "part": 0},
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", ""),
        ("text", "-"),
        ("worded", ""),
        ("list", None),
        ("list", "[]"),
        ("list", '["a","b"]'),
        ("list", '["\\u00e7"]'),
        ("codes", None),
        ("codes", '["a;b"]'),
        ("part", " a "),
        ("part", None),
    ],
)
def test_what_comes_back_of_nothing_or_in_another_spelling_is_an_echo(
    kind: str, value: str | None
) -> None:
    used = made({"ext.x": {**ECHOES[kind], "tracos": "x"}}, empty=[None, "-"])
    order = taken(used)
    back = used.from_customer(given_back(used, order, **{"ext.x": value})).fields["ext.x"]
    fold = used.lossy["ext.x"]
    assert fold(value) == back == fold(back)


def test_what_cannot_be_spelt_has_no_echo_and_is_refused_when_it_is_written() -> None:
    used = made({"ext.x": {**ECHOES["list"], "tracos": "x"}})
    assert used.lossy["ext.x"]("free text") == "free text"
    with pytest.raises(RecordError):
        given_back(used, taken(used), **{"ext.x": "free text"})


# -- properties ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FULL = made(
    {
        "ext.site": {"path": "org.site", "tracos": "site"},
        "ext.prio": {"path": "marks[0].prio", "as": "integer", "tracos": "prio"},
        "ext.tags": {"path": "tags", "as": "list", "tracos": "tags"},
    }
)
FIELDS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([status.value for status in Status]),
        "title": TEXTS,
        "description": TEXTS,
        "deleted": st.booleans(),
        "ext.site": TEXTS.filter(bool) | st.none(),
        "ext.prio": st.integers(0, 9) | st.none(),
        "ext.tags": st.just('["a", "b"]'),
    }
)


@UNHURRIED
@given(FIELDS, st.dictionaries(st.sampled_from(["org", "marks", "note", "tags"]), st.just({})))
def test_an_order_comes_back_whole_whatever_he_had(fields: Fields, had: dict[str, Any]) -> None:
    body = {**RECORD, **{k: [] if k in ("marks", "tags") else v for k, v in had.items()}}
    extra = FULL.extra(body, orjson.dumps(body))  # noqa: S610 - this is no database's
    order = WorkOrder("7", fields, MADE, CHANGED, extra=extra)
    again = given_back(FULL, order)
    back = FULL.from_customer(again)
    assert (back.fields, back.ref) == (fields, "7")
    assert (back.created_at, back.updated_at) == (MADE, CHANGED)
    assert ("note" in again) == ("note" in had)


ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS


@UNHURRIED
@given(st.dictionaries(st.sampled_from([*RECORD, "org", "marks", "tags"]), ODD | st.lists(ODD)))
def test_any_record_is_an_order_or_refused_with_a_place(odd: dict[str, Any]) -> None:
    found = outcome({**RECORD, **odd})
    if isinstance(found, Reason):
        assert found.pointer
        assert found.reason
        return
    assert FULL.customer_ref({**RECORD, **odd}) == found.ref
    assert set(found.fields) <= FULL.names


def outcome(body: dict[str, Any]) -> WorkOrder | Reason:
    try:
        return FULL.from_customer(body)
    except RecordError as error:
        return error.why
