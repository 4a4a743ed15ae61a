"""The status and the tombstone in his spelling, both ways."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.mapping.codec import BoolCodec, MomentCodec, Source
from tracbridge.mapping.moments import Kind, Spelling
from tracbridge.mapping.path import MISSING, place
from tracbridge.mapping.states import (
    CasesCodec,
    DeletedCodec,
    Equals,
    Filled,
    FlagsCodec,
    Has,
    Hasnt,
    Match,
    State,
)

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SYSTEM = Source(place("system"))
EMPTY = Source(place("start"), ("", None))


def refusal(codec: FlagsCodec | CasesCodec | DeletedCodec, body: Mapping[str, Any]) -> Reason:
    with pytest.raises(RecordError) as caught:
        codec.read(body)
    return caught.value.why


def spelt(codec: CasesCodec | DeletedCodec, value: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """His whole record afterwards."""
    body = dict(known)
    codec.write(value, body, known)
    return body


# -- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "raw", "fits"),
    [
        (Equals(("A", "B")), "B", True),
        (Equals(("A",)), "a", False),
        (Equals((0,)), False, False),
        (Equals((None,)), None, True),
        (Equals((None,)), MISSING, False),
        (Has("REL"), "PRT REL", True),
        (Has("REL"), "NOREL", False),
        (Has("REL"), MISSING, False),
        (Has("REL"), None, False),
        (Hasnt("REL"), "PRT NOREL", True),
        (Hasnt("REL"), "REL", False),
        (Hasnt("REL"), "", True),
        (Hasnt("REL"), MISSING, False),
        (Filled(True), "x", True),
        (Filled(True), "", False),
        (Filled(True), None, False),
        (Filled(True), MISSING, False),
        (Filled(True), 0, True),
        (Filled(False), MISSING, True),
        (Filled(False), "", True),
        (Filled(False), "x", False),
    ],
)
def test_a_condition_says_what_has_to_stand_there(match: Match, raw: object, fits: bool) -> None:
    assert match.fits(raw, ("", None)) is fits


CODES = {"CRTD", "REL", "TECO"}


@pytest.mark.parametrize(
    ("match", "raw", "theirs"),
    [
        (Equals(("A", "B")), "B", "A"),
        (Has("REL"), MISSING, "REL"),
        (Has("REL"), "", "REL"),
        (Has("REL"), "CRTD PRT  NMAT", "REL PRT NMAT"),
        (Has("REL"), "PRT REL TECO", "PRT REL"),
        (Hasnt("REL"), "PRT REL TECO", "PRT TECO"),
        (Hasnt("REL"), MISSING, ""),
        (Filled(True), "x", MISSING),
        (Filled(False), "x", None),
    ],
)
def test_a_condition_is_written_so_that_it_holds(match: Match, raw: object, theirs: object) -> None:
    assert match.spell(raw, CODES) == theirs


# -- several places, several codes ---------------------------------------------------------------


def state(is_: str, code: str, only: str | None = None, name: str = "") -> State:
    return State(is_, ((SYSTEM, Has(code)),), (), name or code, only)


SAP = CasesCodec(
    (
        state("cancelled", "NOEX"),
        state("completed", "CLSD", only="read"),
        state("completed", "TECO"),
        State("in_progress", ((SYSTEM, Has("REL")), (EMPTY, Filled(True))), (), "started", "read"),
        state("pending", "CRTD"),
        state("pending", "REL"),
        state("in_progress", "REL", "write", "release"),
    ),
    None,
    {"on_hold": "in_progress"},
    "fields.status",
)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"system": "REL TECO CLSD"}, "completed"),
        ({"system": "NOEX CLSD"}, "cancelled"),
        ({"system": "REL", "start": "x"}, "in_progress"),
        ({"system": "REL", "start": ""}, "pending"),
        ({"system": "REL"}, "pending"),
        ({}, MISSING),
    ],
)
def test_of_several_states_that_fit_the_first_counts(body: dict[str, Any], status: object) -> None:
    assert SAP.read(body) is status or SAP.read(body) == status


def test_a_state_that_the_table_does_not_know_is_refused_and_the_line_is_named() -> None:
    why = refusal(SAP, {"system": "PRT", "start": None})
    assert (why.code, why.pointer) == ("unmapped_status", "/system")
    assert why.hint == "Add it to fields.status of the mapping."
    assert "PRT" in why.value
    one = CasesCodec((state("pending", "CRTD"),), None, {}, "fields.status")
    assert refusal(one, {"system": "PRT"}).value == '"PRT"'


def test_what_others_are_is_said_once() -> None:
    codec = CasesCodec((state("pending", "CRTD"),), "in_progress", {}, "fields.status")
    assert codec.read({"system": "PRT"}) == "in_progress"
    assert codec.read({"system": None}) == "in_progress"
    assert codec.read({}) is MISSING


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        pytest.param("completed", "REL CLSD PRT", "REL CLSD PRT", id="his own word stays"),
        pytest.param("completed", "REL PRT", "TECO PRT", id="the state's codes are changed"),
        pytest.param("in_progress", "CRTD PRT", "REL PRT", id="the one to be written"),
        pytest.param("on_hold", "CRTD PRT", "REL PRT", id="a state that he lacks"),
        pytest.param("pending", "TECO", "CRTD", id="the first that may be written"),
    ],
)
def test_a_state_is_written_beside_what_is_no_state(value: str, before: str, after: str) -> None:
    assert spelt(SAP, value, {"system": before})["system"] == after


def test_a_status_that_no_state_is_cannot_be_written() -> None:
    codec = CasesCodec((state("pending", "CRTD", only="read"),), None, {}, "fields.status")
    with pytest.raises(RecordError) as caught:
        codec.write("pending", {}, {})
    assert (caught.value.why.code, caught.value.why.value) == ("unmapped_status", '"pending"')


def test_what_belongs_to_a_state_is_written_with_it_and_only_with_it() -> None:
    done = State("completed", ((EMPTY, Filled(False)),), ((place("kanban.state"), "normal"),))
    codec = CasesCodec((done, state("pending", "CRTD")), None, {}, "fields.status")
    assert spelt(codec, "completed", {"start": "x"}) == {"start": "", "kanban": {"state": "normal"}}
    assert spelt(codec, "pending", {"start": "x"}) == {"start": "x", "system": "CRTD"}


def test_a_state_is_found_by_its_name() -> None:
    found = SAP.named("release")
    assert found
    assert found.is_ == "in_progress"
    assert SAP.named("renamed") is None
    assert SAP.state({"system": "REL"}) == SAP.named("REL")


STATES = ["pending", "in_progress", "completed", "on_hold", "cancelled"]


@UNHURRIED
@given(st.permutations(STATES), st.sets(st.sampled_from(STATES)), st.data())
def test_a_table_of_words_is_total_both_ways(
    words: list[str], lacking: set[str], data: st.DataObject
) -> None:
    own = [word for word in words if word not in lacking] or ["pending"]
    lacks = {word: data.draw(st.sampled_from(own)) for word in STATES if word not in own}
    states = tuple(State(w, ((SYSTEM, Equals((w[:3], w))),), (), w) for w in own)
    codec = CasesCodec(states, None, lacks, "fields.status")
    for value in STATES:
        body = spelt(codec, value, {})
        assert codec.read(body) == lacks.get(value, value)
        assert spelt(codec, codec.read(body), body) == body
    for word in own:
        assert spelt(codec, word, {"system": word}) == {"system": word}


@UNHURRIED
@given(
    st.lists(st.sampled_from(["CRTD", "REL", "TECO", "CLSD", "NOEX", "PRT", "NMAT"]), unique=True),
    st.sampled_from(["pending", "in_progress", "completed", "cancelled"]),
)
def test_other_codes_survive_any_change_of_the_state(codes: list[str], value: str) -> None:
    made = spelt(SAP, value, {"system": " ".join(codes)})
    shown = made["system"].split()
    assert [c for c in shown if c in ("PRT", "NMAT")] == [c for c in codes if c in ("PRT", "NMAT")]
    assert SAP.read(made) == value or (value, SAP.read(made)) == ("in_progress", "pending")
    assert spelt(SAP, SAP.read(made), made) == made


# -- the tombstone -------------------------------------------------------------------------------

DELETED_AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
FLAG = BoolCodec(Source(place("gone")))
WHEN = MomentCodec((Source(place("at")),), Spelling(Kind.INSTANT))
TEXT_AT = "2026-11-21T09:00:00.000+00:00"
WORDED = BoolCodec(Source(place("gone")), {"*": True, " ": False})
CASED = CasesCodec(
    (State("true", ((SYSTEM, Has("DLFL")),)), State("false", ((SYSTEM, Hasnt("DLFL")),))),
    None,
    {},
    "fields.deleted",
)


@pytest.mark.parametrize(
    ("codec", "body", "deleted"),
    [
        (DeletedCodec(FLAG), {"gone": False}, False),
        (DeletedCodec(FLAG), {"gone": True}, True),
        (DeletedCodec(FLAG), {}, MISSING),
        (DeletedCodec(FLAG, WHEN), {"gone": True, "at": TEXT_AT}, DELETED_AT),
        (DeletedCodec(FLAG, WHEN), {"gone": True, "at": None}, True),
        (DeletedCodec(FLAG, WHEN), {"gone": False, "at": None}, False),
        (DeletedCodec(FLAG, default=False), {}, False),
        (DeletedCodec(FLAG, default=True), {}, True),
        (DeletedCodec(WORDED, default=False), {"gone": None}, False),
        (DeletedCodec(WORDED), {"gone": "*"}, True),
        (DeletedCodec(CASED), {"system": "REL DLFL"}, True),
        (DeletedCodec(CASED), {"system": "REL"}, False),
        (DeletedCodec(CASED, default=False), {}, False),
    ],
)
def test_a_deletion_is_known_with_its_time_without_one_or_not(
    codec: DeletedCodec, body: dict[str, Any], deleted: object
) -> None:
    read = codec.read(body)
    assert read is deleted or read == deleted
    assert isinstance(read, bool) == isinstance(deleted, bool)


def test_a_flag_of_deletion_that_is_null_or_odd_is_refused() -> None:
    assert refusal(DeletedCodec(FLAG), {"gone": None}).pointer == "/gone"
    assert refusal(DeletedCodec(FLAG, default=False), {"gone": None}).code == "type"
    assert refusal(DeletedCodec(WORDED), {"gone": "x"}).code == "type"


@pytest.mark.parametrize("body", [{"gone": False, "at": TEXT_AT}, {"gone": False, "at": "odd"}])
def test_a_date_of_deletion_without_a_deletion_is_a_contradiction(body: dict[str, Any]) -> None:
    why = refusal(DeletedCodec(FLAG, WHEN), body)
    assert (why.code, why.pointer) == ("contradictory_delete", "/at")
    assert why.hint == "Send gone true, or at null."


@pytest.mark.parametrize(
    ("codec", "value", "body"),
    [
        (DeletedCodec(FLAG, WHEN), DELETED_AT, {"gone": True, "at": TEXT_AT}),
        (DeletedCodec(FLAG, WHEN), True, {"gone": True, "at": None}),
        (DeletedCodec(FLAG, WHEN), False, {"gone": False, "at": None}),
        (DeletedCodec(FLAG), DELETED_AT, {"gone": True}),
        (DeletedCodec(WORDED), DELETED_AT, {"gone": "*"}),
        (DeletedCodec(WORDED), False, {"gone": " "}),
        (DeletedCodec(CASED), DELETED_AT, {"system": "DLFL REL"}),
        (DeletedCodec(CASED), False, {"system": "REL"}),
    ],
)
def test_a_deletion_is_written_as_he_says_it(
    codec: DeletedCodec, value: Any, body: dict[str, Any]
) -> None:
    known = {"system": "REL"} if codec.flag is CASED else {}
    assert spelt(codec, value, known) == body


# -- flags ---------------------------------------------------------------------------------------


def flags(absent: str | None = None, deleted: DeletedCodec | None = None) -> FlagsCodec:
    words = {"isNew": "pending", "isDone": "completed"}
    table = {ours: {flag: o == ours for flag, o in words.items()} for ours in words.values()}
    return FlagsCodec(words, absent, deleted, tuple(map(place, words)), table)


def test_one_flag_is_true_and_all_are_written() -> None:
    body: dict[str, Any] = {}
    flags().write("completed", body, {})
    assert body == {"isNew": False, "isDone": True}
    assert flags().read(body) == "completed"
    assert flags().read({"isNew": True}) == "pending"


def test_a_status_without_a_flag_cannot_be_written() -> None:
    for value in ("on_hold", None):
        with pytest.raises(RecordError) as caught:
            flags().write(value, {}, {})
        assert (caught.value.why.code, caught.value.why.pointer) == ("unmapped_status", "/status")
        assert caught.value.why.hint == "Add it to fields.status of the mapping."


def test_no_flag_is_the_one_that_may_be_left_out_if_it_is() -> None:
    assert flags("isNew").read({"isDone": False}) == "pending"
    assert refusal(flags("isNew"), {"isNew": False}).code == "no_status"
    assert refusal(flags(), {}).pointer == "/isNew"
    assert flags(None, DeletedCodec(FLAG)).read({"gone": True}) is MISSING
    assert refusal(flags(None, DeletedCodec(FLAG)), {"gone": False}).code == "no_status"


def test_two_true_flags_are_refused_and_both_are_named() -> None:
    why = refusal(flags(), {"isNew": True, "isDone": True})
    assert (why.code, why.pointer) == ("contradictory_status", "/isDone")
    assert "/isNew" in why.reason
