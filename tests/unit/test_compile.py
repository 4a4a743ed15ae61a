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
