"""What is said of a mapping before orders flow: each kind of finding, and none for a clean one."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mappings import mapping
from tests.unit.declaring import STATUS, told
from tracbridge.config.mappings import preset_names, source
from tracbridge.proof.guesses import guessed
from tracbridge.proof.lint import Finding, Level, explained, findings

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
CLEAN: dict[str, Any] = {"status": {**STATUS, "others": "pending"}}
VALUES: dict[str, str] = {"P": "pending", "I": "in_progress", "C": "completed", "X": "cancelled"}


def found(
    lines: Mapping[str, Any] | None = None,
    zone: ZoneInfo | None = None,
    tables: Mapping[str, dict[str, str]] | None = None,
    **top: Any,
) -> list[Finding]:
    words = told({**CLEAN, **(lines or {})}, **top)
    used = mapping(words, zone, **(tables or {}))
    return findings(source(words, Path(), str).spec, used)


def only(level: Level, **changes: Any) -> Finding:
    [one] = found(**changes)
    assert one.level is level
    return one


def extra(**words: Any) -> dict[str, Any]:
    return {"ext.x": {"path": "x", "tracos": "x", **words}}


# -- a clean mapping -----------------------------------------------------------------------------


def test_a_clean_mapping_has_no_findings() -> None:
    assert found() == []
    forms: list[dict[str, Any]] = [
        {},
        {"path": "deep.place"},
        {"path": "list[0].place", "as": "integer"},
        {"path": "codes", "separator": ";", "part": 1},
        {"as": "bool"},
        {"as": "number"},
        {"as": "list"},
        {"as": "list", "separator": "|"},
        {"as": "date", "format": "epoch", "zone": "America/Sao_Paulo"},
        {"as": "instant"},
        {"as": "instant", "format": "epoch_ms"},
        {"as": "date"},
        {"as": "date", "format": "YYYYMMDD"},
        {"as": "local"},
        {"only": "read"},
        {"only": "write"},
        {"only": "create"},
    ]
    lines = {
        f"ext.x{n}": {"path": f"x{n}", "tracos": f"x{n}", **one} for n, one in enumerate(forms)
    }
    assert found(lines) == []


def test_a_clean_table_of_the_connection_has_no_findings() -> None:
    assert found(extra(table="assets"), tables={"assets": {"P-1": "id1", "P-2": "id2"}}) == []


@pytest.mark.parametrize("name", preset_names())
def test_no_preset_has_a_grave_finding_and_each_says_what_is_unverified(name: str) -> None:
    spec = source(name, Path(), str).spec
    said = findings(spec, mapping(name, SAO_PAULO))
    assert [one for one in said if one.grave or one.level is Level.UNCLEAR] == []
    assert [one.what for one in said if one.where == "unverified"] == spec.unverified


# -- gaps ----------------------------------------------------------------------------------------


def test_records_without_a_status_are_a_gap() -> None:
    gap, note = found({"status": None})
    assert (gap.level, gap.where, gap.what) == (
        Level.GAP,
        "fields.status",
        "his records say no status",
    )
    assert (note.level, note.where) == (Level.NOTE, "fields.status")


def test_a_status_of_ours_without_a_counterpart_is_a_gap_with_its_cure() -> None:
    lines = {"status": {"path": "state", "values": VALUES, "others": "pending"}}
    [one] = found(lines)
    assert (one.level, one.where, one.example) == (Level.GAP, "fields.status", "on_hold")
    assert one.cure == "Add his word for it to values, or lacks: {on_hold: ...}."
    assert one.grave


def test_a_state_that_is_only_read_is_no_counterpart() -> None:
    cases = [{"is": ours, "when": {"state": his}} for his, ours in VALUES.items()]
    cases.append({"is": "on_hold", "when": {"state": "H"}, "only": "read"})
    gaps = [one for one in found({"status": {"cases": cases, "others": "pending"}}) if one.grave]
    assert [one.example for one in gaps] == ["on_hold"]


def test_a_status_without_a_flag_is_a_gap() -> None:
    flags = {"isPending": "pending", "isActive": "in_progress", "isDone": "completed"}
    [one] = [one for one in found({"status": {"flags": flags}}) if one.grave]
    assert one.level is Level.GAP
    assert "has no counterpart at the customer's" in one.what


def test_a_table_that_is_empty_is_a_gap() -> None:
    one = only(Level.GAP, lines=extra(table="assets"), tables={"assets": {}})
    assert (one.where, one.what) == ("tables.assets", "is empty, so ext.x always waits")


@pytest.mark.parametrize("format_", ["YYYY-MM-DD HH:mm", "YYYYMMDD"])
def test_a_time_without_offset_and_zone_is_a_gap(format_: str) -> None:
    said = found(updated={"path": "changed", "format": format_})
    assert (said[0].level, said[0].where) == (Level.GAP, "updated")
    assert said[0].cure == "Set zone in the connection or in the line."


def test_what_cannot_be_written_and_read_at_all_is_a_gap_with_an_example() -> None:
    one = only(Level.GAP, lines={"deleted": {"path": "gone", "values": {"*": "deleted"}}})
    assert (one.where, one.what.split(" ")[0]) == ("/gone", "/gone")
    assert "'deleted': False" in one.example


# -- unclear -------------------------------------------------------------------------------------


def test_two_states_that_look_the_same_are_unclear() -> None:
    cases = [{"is": ours, "when": {"state": his}} for his, ours in STATUS["values"].items()]  # type: ignore[attr-defined]
    cases.append({"is": "on_hold", "when": {"state": "P"}, "only": "read", "name": "parked"})
    said = found({"status": {"cases": cases, "others": "pending"}})
    [unclear] = [one for one in said if one.level is Level.UNCLEAR]
    assert unclear.what == "looks like 'P': it is never read"
    assert (unclear.example, unclear.cure) == ("parked", "Tell them apart.")


def test_two_words_for_one_of_ours_are_unclear() -> None:
    table = {"P-1": "id1", "P-1A": "id1", "P-2": "id2"}
    one = only(Level.UNCLEAR, lines=extra(table="assets"), tables={"assets": table})
    assert one.what == "P-1 and P-1A are all 'id1'; 'P-1' is written"
    assert one.cure == "Keep one of them."


# -- lossy ---------------------------------------------------------------------------------------


def test_what_his_system_does_not_keep_is_said_with_an_example() -> None:
    forms: list[dict[str, Any]] = [
        {"limit": 20},
        {"case": "upper"},
        {"limit": 9, "html": True, "pad": 9},
        {"as": "number", "decimals": 1},
        {"as": "instant", "format": "epoch"},
        {"as": "instant", "format": "DD/MM/YYYY HH:mm", "zone": "UTC"},
        {"as": "local", "format": "YYYYMMDD HH:mm"},
        {"as": "list", "separator": ","},
    ]
    lines = {
        f"ext.x{n}": {"path": f"x{n}", "tracos": f"x{n}", **one} for n, one in enumerate(forms)
    }
    status = {"path": "state", "values": VALUES, "others": "pending"}
    lines["status"] = {**status, "lacks": {"on_hold": "pending"}}
    said = found(lines)
    assert {one.where for one in said} == {f"fields.{name}" for name in lines}
    for one in said:
        assert one.level is Level.LOSSY
        assert " of 2,000 come back shorter or otherwise; ours is kept" in one.what
        assert " -> " in one.example
        assert not one.grave


# -- broken --------------------------------------------------------------------------------------


def test_two_fields_in_one_place_are_broken_and_what_went_in_and_came_out_is_shown() -> None:
    broken = found({**extra(), "ext.y": {"path": "x", "tracos": "y"}})
    assert {(one.level, one.where, one.what) for one in broken} == {
        (Level.BROKEN, "fields.ext.x", "comes back as something else")
    }
    assert " -> " in broken[0].example


def test_a_value_that_he_would_be_handed_back_otherwise_is_broken() -> None:
    own = {"path": "state", "values": {**VALUES, "H": "on_hold"}, "others": "pending"}
    said = found({"status": {**own, "lacks": {"pending": "in_progress"}}})
    broken = [one for one in said if one.level is Level.BROKEN]
    assert ("does not come back as it was", "P") in [(one.what, one.example) for one in broken]


def test_what_comes_back_otherwise_than_his_system_shortens_it_is_broken_and_not_lossy() -> None:
    lines = {**extra(limit=20), "ext.y": {"path": "x", "tracos": "y", "limit": 20}}
    assert (Level.BROKEN, "fields.ext.x") in [(one.level, one.where) for one in found(lines)]


def test_what_he_shows_of_ours_and_is_handed_back_otherwise_is_broken() -> None:
    lacks = {"on_hold": "pending", "pending": "in_progress"}
    said = found(
        {"status": {"path": "state", "values": VALUES, "others": "pending", "lacks": lacks}}
    )
    broken = {one.what: one.example for one in said if one.level is Level.BROKEN}
    assert broken == {
        "comes back as something else": "'P' -> 'I'",
        "does not come back as it was": "P",
    }


def test_a_long_text_is_shown_by_its_end() -> None:
    [one] = found({"title": {"path": "name", "limit": 60}})
    assert one.example.startswith("...'")
    assert " characters -> ...'" in one.example
    assert len(one.example) < 80


# -- zones and notes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "what"),
    [
        ("YYYY-MM-DD HH:mm", "a time without offset is one of America/Sao_Paulo"),
        ("sap", "a time without offset is one of America/Sao_Paulo"),
        ("YYYYMMDD", "a date without time is read as 00:00 America/Sao_Paulo"),
    ],
)
def test_a_time_without_offset_is_said_with_the_zone_that_is_meant(format_: str, what: str) -> None:
    said = found(updated={"path": "changed", "format": format_}, zone=SAO_PAULO)
    assert [(one.level, one.where, one.what) for one in said] == [(Level.ZONE, "updated", what)]


@pytest.mark.parametrize("format_", ["iso", "epoch", "epoch_ms"])
def test_a_time_that_carries_its_offset_needs_no_zone(format_: str) -> None:
    assert found(updated={"path": "changed", "format": format_}) == []


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"lines": {"status": STATUS}}, "fields.status", "states that the table does not know are"),
        ({"lines": {"description": None}}, "fields.description", "has no place in his records"),
        ({"lines": {"deleted": None}}, "fields.deleted", "has no place in his records"),
        ({"updated": None}, "updated", "his records do not say when they were changed"),
        ({"key": {"path": "no", "as": "text"}}, "key.ours", "orders that TracOS had first are kno"),
        ({"unverified": ["The limit."]}, "unverified", "The limit."),
    ],
)
def test_what_is_worth_knowing_is_a_note(changes: dict[str, Any], where: str, what: str) -> None:
    one = only(Level.NOTE, **changes)
    assert one.where == where
    assert one.what.startswith(what)
    assert not one.grave


def test_states_that_are_one_to_us_are_a_note_that_says_which_is_written() -> None:
    values = {**VALUES, "H": "on_hold", "D": "completed"}
    one = only(
        Level.NOTE, lines={"status": {"path": "state", "values": values, "others": "pending"}}
    )
    assert one.what == "C, D are all completed; his own stays while the status is the same"
    assert one.example == "completed -> C"


# -- the order and the words ---------------------------------------------------------------------


def test_the_gravest_stands_first_and_all_is_told_the_same_again() -> None:
    lines = {
        "title": {"path": "name", "limit": 9},
        **extra(),
        "ext.y": {"path": "x", "tracos": "y"},
    }
    lines["status"] = {"path": "state", "values": VALUES}
    used: dict[str, Any] = {"zone": SAO_PAULO, "updated": {"path": "changed", "format": "YYYYMMDD"}}
    said = found(lines, **used)
    levels = [one.level for one in said]
    assert levels == sorted(levels, key=list(Level).index)
    assert {Level.GAP, Level.BROKEN, Level.LOSSY, Level.ZONE, Level.NOTE} == set(levels)
    assert found(lines, **used) == said


def test_a_finding_is_a_line_and_its_cure_another() -> None:
    short = Finding(Level.NOTE, "updated", "is odd")
    long = Finding(Level.GAP, "fields.status", "has no counterpart", "on_hold", "Add it.")
    assert explained([long, short]) == [
        "GAP      fields.status        has no counterpart  on_hold",
        "                              Add it.",
        "NOTE     updated              is odd",
    ]


# -- orders that are made up ---------------------------------------------------------------------


def test_orders_are_made_up_also_of_what_is_only_written() -> None:
    assert "ext.x" in guessed(mapping(told(extra(only="write"))), Random(1))


@UNHURRIED
@given(st.integers(), st.sampled_from(preset_names()))
def test_orders_are_made_up_of_all_fields_and_the_same_for_the_same_seed(
    seed: int, name: str
) -> None:
    used = mapping(name, SAO_PAULO)
    fields = guessed(used, Random(seed))
    assert guessed(used, Random(seed)) == fields
    assert set(fields) == {name for name, _ in (*used.fields, *used.written)}
    assert fields["status"] in ("pending", "in_progress", "completed", "on_hold", "cancelled")
