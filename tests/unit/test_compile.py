"""What a mapping cannot mean: all of it at once, each with its place and its cure."""

from typing import Any

import msgspec
import pytest

from tests.unit.declaring import LINES, STATUS, made, told
from tracbridge.config.mappings import zone_named
from tracbridge.domain.errors import SettingError
from tracbridge.mapping.codec import (
    BoolCodec,
    ComputedCodec,
    ListCodec,
    MomentCodec,
    NumberCodec,
    TableCodec,
    TextCodec,
)
from tracbridge.mapping.compile import MappingError, compiled
from tracbridge.mapping.lines import Surroundings
from tracbridge.mapping.spec import Case, Mapped
from tracbridge.mapping.states import (
    CasesCodec,
    DeletedCodec,
    Equals,
    Filled,
    FlagsCodec,
    Has,
    Hasnt,
)
from tracbridge.mapping.words import condition, name_of, no_state, truth

AROUND = Surroundings(zones=zone_named, tables={"assets": {"P-101": "id1", "P-7": "id1"}})


def wrong(lines: dict[str, Any] | None = None, **top: Any) -> list[tuple[str, str]]:
    """Where, and what."""
    with pytest.raises(MappingError) as caught:
        compiled(msgspec.convert(told(lines, **top), Mapped), AROUND)
    return [(".".join(map(str, one.way)), one.what) for one in caught.value.wrong]


def line(**words: Any) -> dict[str, Any]:
    return {"ext.x": {"tracos": "x", **words}}


# -- lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({}, "one of path, flags, cases and read is needed, not none"),
        (
            {"path": "a", "cases": [{"is": "x", "when": {"a": 1}}]},
            "one of path, flags, cases and read is needed, not cases and path",
        ),
        ({"path": "a..b"}, "'a..b' is no path: write keys with dots, [0] or [key=value]"),
        ({"path": "[0].a"}, "'[0].a' is no path: write keys with dots, [0] or [key=value]"),
        ({"path": ["a", "b"]}, "two places are for dates and times only"),
        ({"path": "a", "table": "sites"}, "there is no table 'sites'; the connection's"),
        ({"read": "record.a"}, "expressions cannot be used here"),
        ({"path": "a", "as": "date", "format": "dd/mm/yyyy"}, "format 'dd/mm/yyyy' is neither iso"),
        (
            {"path": "a", "as": "local", "format": "YYYY-MM-DD HH:MM"},
            "format 'YYYY-MM-DD HH:MM' is neither iso, epoch, epoch_ms, sap nor made of "
            "YYYY MM DD, and HH mm ss f, each at most once: MM are months, mm minutes",
        ),
        (
            {"path": ["a", "b", "c"], "as": "local", "format": "YYYYMMDD HH mm"},
            "a moment stands at one place, or at two (day and time), not at 3",
        ),
        (
            {"path": ["a", "b"], "as": "local", "format": "HH:mm YYYYMMDD"},
            "two places need a format with one blank, between the day and the time",
        ),
        ({"flags": {"isX": "pending"}}, "flags are for the status; say values or cases"),
        ({"path": "a", "as": "instant", "zone": "Mars/X"}, "there is no time zone 'Mars/X'"),
        ({"path": ["a", "b"], "as": "local"}, "two places need a format with one blank"),
        ({"path": ["a", "b"], "as": "local", "format": "YYYYMMDDHHmm"}, "two places need a format"),
        ({"cases": [{"is": "x"}]}, "the case of 'x' has no when"),
        ({"cases": [{"is": "x", "when": {"a": {"like": "b"}}}]}, "{'like': 'b'} means nothing"),
        ({"cases": [{"is": "x", "when": {"a..": 1}}]}, "'a..' is no path"),
    ],
)
def test_a_line_that_means_nothing_is_told_with_its_cure(words: dict[str, Any], what: str) -> None:
    [(where, said)] = wrong(line(**words))
    assert where == "fields.ext.x"
    assert said.startswith(what)


@pytest.mark.parametrize(
    ("name", "words", "what"),
    [
        ("status", {**STATUS, "values": {"P": "open"}}, "'open' is no status of TracOS"),
        ("status", {**STATUS, "lacks": {"paused": "on_hold"}}, "'paused' is no status of TracOS"),
        ("status", {**STATUS, "others": "open"}, "'open' is no status of TracOS"),
        ("status", {"flags": {"isX": "open"}}, "'open' is no status of TracOS"),
        ("status", {"flags": {"a.b": "pending"}}, "flags stand at the top of a record"),
        (
            "status",
            {"flags": {"isA": "pending"}, "absent": "typo"},
            "absent 'typo' is none of the flags: isA",
        ),
        ("status", {"path": "a"}, "status needs his word for each of TracOS's; say values, cases"),
        ("deleted", {"path": ["a", "b"]}, "deleted has one path, or cases"),
        ("deleted", {"path": "a", "default": "no"}, "default is true or false"),
        ("deleted", {"path": "a", "values": {"*": "maybe"}}, "'maybe' is neither deleted nor"),
        ("title", {"path": "a", "tracos": "x"}, "title has its place in TracOS"),
        ("priority", {"path": "a", "tracos": "x"}, "'priority' is none of status, title, descr"),
        ("ext.x", {"path": "a"}, "tracos is missing: the field of TracOS that holds it"),
    ],
)
def test_a_field_is_one_of_tracos_with_its_place(
    name: str, words: dict[str, Any], what: str
) -> None:
    [(where, said)] = wrong({name: words})
    assert where == f"fields.{name}"
    assert said.startswith(what)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"path": "a", "default": False}, "default is for deleted; it does nothing here, so leave"),
        ({"path": "a", "at": "b"}, "at is for deleted"),
        (
            {"path": "a", "as": "date", "required": True},
            "required is for a path, but not for dates",
        ),
        (
            {"path": "a", "values": {"x": "y"}, "required": True},
            "required is for a path, but not f",
        ),
        ({"path": "a", "as": "integer", "limit": 4}, "limit is for texts"),
        ({"path": "a", "values": {"x": "y"}, "case": "upper"}, "case is for texts"),
        ({"path": "a", "table": "assets", "html": True}, "html is for texts"),
        ({"path": "a", "separator": ";", "part": 0, "pad": 0}, "pad is for texts"),
        ({"path": "a", "as": "integer", "decimals": 2}, "decimals is for as: number"),
        ({"path": "a", "separator": ";"}, "separator is for lists (as: list), and for a text with"),
        ({"path": "a", "part": 1}, "part is for lists (as: list), and for a text with separator"),
        ({"path": "a", "format": "epoch"}, "format is for dates, and for the at of deleted"),
        ({"path": "a", "zone": "UTC"}, "zone is for dates, and for the at of deleted"),
        ({"path": "a", "absent": "b"}, "absent is for flags"),
        ({"path": "a", "others": "b"}, "others is for values and cases"),
        ({"path": "a", "lacks": {"b": "c"}}, "lacks is for values and cases"),
        ({"path": "a", "values": {"x": "y"}, "as": "integer"}, "as is for values as they stand at"),
        ({"path": "a", "values": {"x": "y"}, "table": "assets"}, "table is for a path without val"),
        ({"cases": [{"is": "x", "when": {"a": 1}}], "values": {"x": "y"}}, "values is for a path"),
        ({"path": "a", "limit": -1}, "limit is -1; it is 1 or more"),
        ({"path": "a", "limit": 0}, "limit is 0; it is 1 or more"),
        ({"path": "a", "pad": -1}, "pad is -1; it is 0 or more"),
        ({"path": "a", "as": "number", "decimals": -1}, "decimals is -1; it is 0 or more"),
        ({"path": "a", "as": "list", "part": -1}, "part is -1; it is 0 or more"),
    ],
)
def test_a_key_that_does_nothing_there_is_told_with_what_it_is_for(
    words: dict[str, Any], what: str
) -> None:
    [(where, said)] = wrong(line(**words))
    assert where == "fields.ext.x"
    assert said.startswith(what)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            {"path": "a", "required": True},
            "required is for a path, but not for dates, values and d",
        ),
        ({"path": "a", "as": "integer"}, "as is for values as they stand"),
        ({"path": "a", "format": "epoch"}, "format is for dates, and for the at of deleted"),
        ({"path": "a", "values": {"x": "deleted"}, "lacks": {"true": "x"}}, "lacks is for values"),
    ],
)
def test_the_tombstone_has_keys_of_its_own(words: dict[str, Any], what: str) -> None:
    [(where, said)] = wrong({"deleted": words})
    assert (where, said.startswith(what)) == ("fields.deleted", True)


def test_what_an_expression_reads_has_a_kind_and_cannot_be_written() -> None:
    words = {"read": "record.a", "tracos": "x"}
    made({"ext.x": {**words, "as": "number", "only": "read"}})
    with pytest.raises(SettingError, match="only: write is for what can be written"):
        made({"ext.x": {**words, "only": "write"}})


def test_all_keys_of_a_line_that_do_nothing_are_told() -> None:
    [(_, said)] = wrong(line(path="a", absent="b", default=1))
    assert said.count("it does nothing here, so leave it out") == 2


@pytest.mark.parametrize(
    "words",
    [
        {"path": "a", "at": "b", "format": "YYYYMMDD", "zone": "UTC", "default": False},
        {"path": "a", "values": {"x": "deleted"}},
        {"cases": [{"is": "true", "when": {"a": 1}}], "others": "false", "default": True},
    ],
)
def test_what_belongs_to_the_tombstone_is_taken(words: dict[str, Any]) -> None:
    made({"deleted": words})


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "a.b"), ("a.b", "a"), ("a.b", "a.b")])
def test_a_place_in_tracos_is_one_fields_alone(one: str, other: str) -> None:
    lines = {"ext.x": {"path": "x", "tracos": one}, "ext.y": {"path": "y", "tracos": other}}
    assert wrong(lines) == [
        ("fields.ext.y.tracos", f"{one!r} holds ext.x already; two fields cannot share it")
    ]
    made({"ext.x": {"path": "x", "tracos": "a"}, "ext.y": {"path": "y", "tracos": "ab"}})


def test_a_place_in_tracos_that_is_none_is_told_at_its_word() -> None:
    [(where, said)] = wrong({"ext.x": {"path": "a", "tracos": "a..b"}})
    assert where == "fields.ext.x.tracos"
    assert said.startswith("'a..b' is no path")


# -- the other parts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top", "where", "what"),
    [
        ({"key": {"path": "a..b"}}, "key", "'a..b' is no path"),
        ({"key": {"path": "no", "scope": "s"}}, "key", "a key that is TracOS's number has neither"),
        ({"key": {"path": "no", "ours": "s"}}, "key", "a key that is TracOS's number has neither"),
        ({"key": {"path": "no", "read": "x"}}, "key", "expressions cannot be used here"),
        ({"created": {"path": "[0]"}}, "created", "'[0]' is no path"),
        ({"updated": {"path": "u", "format": "rfc"}}, "updated", "format 'rfc' is neither iso"),
        ({"updated": {"path": "u", "zone": "X"}}, "updated", "there is no time zone 'X'"),
        ({"constants": {"a[": 1}}, "constants.a[", "'a[' is no path"),
        ({"computed": {"a": "order.title"}}, "computed.a", "expressions cannot be used here"),
        ({"transitions": {"steps": {"P": ["Z"]}}}, "transitions.steps.P", "'Z' is no state"),
        ({"transitions": {"steps": {}, "allow": ["Z"]}}, "transitions.allow", "'Z' is no state"),
        ({"transitions": {"steps": {}, "costs": {"Z": 1}}}, "transitions.costs", "'Z' is no state"),
        (
            {"transitions": {"steps": {}, "costs": {"P": -1}}},
            "transitions.costs",
            "a step into 'P' costs -1; it costs 0 or more",
        ),
        ({"created": {"path": []}}, "created", "a moment stands at one place, or at two"),
        ({"pairs": ["a.b"]}, "pairs", "'a.b' stands below a key; pairs stand at the top"),
        ({"transitions": {"steps": {}, "irreversible": ["Z"]}}, "transitions.irreversible", "'Z'"),
    ],
)
def test_each_part_that_means_nothing_is_told_with_its_place(
    top: dict[str, Any], where: str, what: str
) -> None:
    [(place, said)] = wrong(**top)
    assert place == where
    assert said.startswith(what)


def test_all_that_is_wrong_is_told_at_once_in_one_sentence_each() -> None:
    words = told({"ext.x": {"path": "a"}, "title": {}}, constants={"b[": 1})
    with pytest.raises(MappingError) as caught:
        compiled(msgspec.convert(words, Mapped))
    assert len(caught.value.wrong) == 3
    assert "fields.ext.x: tracos is missing" in str(caught.value)
    assert "fields.title: one of path" in str(caught.value)
    assert "constants.b[: 'b[' is no path" in str(caught.value)


def test_a_file_that_is_read_says_the_same_as_a_setting() -> None:
    with pytest.raises(SettingError, match=r"fields\.ext\.x: tracos is missing: the field of Tr"):
        made({"ext.x": {"path": "a"}})


# -- each form of a line is its codec ------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ({"path": "a"}, TextCodec),
        ({"path": "a", "as": "integer"}, NumberCodec),
        ({"path": "a", "as": "number", "decimals": 2}, NumberCodec),
        ({"path": "a", "as": "bool"}, BoolCodec),
        ({"path": "a", "as": "list"}, ListCodec),
        ({"path": "a", "separator": ";", "part": 1}, ListCodec),
        ({"path": "a", "as": "date"}, MomentCodec),
        ({"path": ["a", "b"], "as": "local", "format": "YYYYMMDD HH:mm"}, MomentCodec),
        ({"path": "a", "table": "assets"}, TableCodec),
        ({"path": "a", "values": {"x": "y"}}, CasesCodec),
        ({"cases": [{"is": "y", "when": {"a": 1}}]}, CasesCodec),
    ],
)
def test_each_form_of_a_line_is_its_codec(words: dict[str, Any], kind: type) -> None:
    used = compiled(msgspec.convert(told(line(**words)), Mapped), AROUND)
    codec = dict(used.fields)["ext.x"]
    assert type(codec) is kind
    assert dict(used.written)["ext.x"] is codec
    if isinstance(codec, TableCodec):
        assert (codec.ours, used.asks_tables) == ({"id1": "P-101"}, True)


def test_status_and_tombstone_have_codecs_of_their_own() -> None:
    used = made({"status": {"flags": {"isA": "pending"}}, "ext.x": {"read": "1", "tracos": "x"}})
    codecs = dict(used.fields)
    assert isinstance(codecs["status"], FlagsCodec)
    assert codecs["status"].deleted is codecs["deleted"]
    assert isinstance(codecs["deleted"], DeletedCodec)
    assert isinstance(codecs["ext.x"], ComputedCodec)
    assert list(codecs) == [*LINES, "ext.x"]


def test_a_zone_is_that_of_the_line_else_of_the_mapping_else_of_the_connection() -> None:
    own = {"path": "a", "as": "instant", "format": "YYYYMMDD", "tracos": "x"}
    around = Surroundings(zone_named("Asia/Tokyo"), zone_named)

    def zone(lines: dict[str, Any], **top: Any) -> str:
        used = compiled(msgspec.convert(told({"ext.x": lines}, **top), Mapped), around)
        codec = dict(used.fields)["ext.x"]
        assert isinstance(codec, MomentCodec)
        return str(codec.spelling.zone)

    assert zone({**own, "zone": "UTC"}, zone="Europe/Berlin") == "UTC"
    assert zone(own, zone="Europe/Berlin") == "Europe/Berlin"
    assert zone(own) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("lines", "top", "kept"),
    [
        ({}, {}, {"state"}),
        ({"ext.x": {"path": "org.site", "tracos": "x"}}, {}, {"state", "org"}),
        ({"ext.x": {"path": "a", "separator": ";", "part": 0, "tracos": "x"}}, {}, {"state", "a"}),
        ({"ext.x": {"path": "a", "as": "list", "tracos": "x"}}, {}, {"state"}),
        ({}, {"key": {"path": "no", "as": "text", "ours": "ref"}}, {"state", "no", "ref"}),
        ({}, {"key": {"path": "no", "strip": "0"}}, {"state", "no"}),
        ({}, {"constants": {"org.site": 1}}, {"state", "org"}),
        ({"status": {"flags": {"isA": "pending"}}}, {}, set()),
    ],
)
def test_what_the_next_version_needs_or_shares_is_kept(
    lines: dict[str, Any], top: dict[str, Any], kept: set[str]
) -> None:
    used = made(lines, **top)
    assert used.kept == kept
    assert used.kept <= used.known


# -- single words --------------------------------------------------------------------------------


def test_a_condition_is_a_value_some_or_one_of_three_words() -> None:
    assert condition("A") == Equals(("A",))
    assert condition(["A", None]) == Equals(("A", None))
    assert condition({"has": "A"}) == Has("A")
    assert condition({"hasnt": "A"}) == Hasnt("A")
    assert condition({"set": False}) == Filled(False)


@pytest.mark.parametrize("value", [{}, {"has": 1}, {"has": "A", "hasnt": "B"}, {"set": "yes"}])
def test_a_condition_that_means_nothing_is_refused_with_all_forms(value: object) -> None:
    with pytest.raises(ValueError, match="means nothing here; a condition is a value, a list"):
        condition(value)


def test_a_state_is_called_by_what_it_looks_like() -> None:
    assert name_of(Case(is_="x", when={"a": ["A", "B"], "b": {"has": "C"}})) == "A/C"
    assert no_state("Z", {"B", "A"}) == "'Z' is no state of the status: A, B"
    assert no_state("Z", set()) == "'Z' is no state of the status: it has no cases"


@pytest.mark.parametrize(("word", "gone"), [(True, True), ("deleted", True), ("Active", False)])
def test_a_word_for_deleted_may_be_a_bool(word: str | bool, gone: bool) -> None:
    assert truth(word) is gone
