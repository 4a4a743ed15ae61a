"""Places in a record: what a text names, reading, and writing what was not there before."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.path import MISSING, Pick, Place, id_of, place, place_of

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Step = str | int | Pick


def asset() -> dict[str, Any]:
    return {
        "asset": {"code": "P-101", "site": None},
        "lines": [{"text": "one"}, {"text": "two"}, ["deep"]],
        "marks": [{"name": "PRIO", "value": 3}, {"name": "PRIO", "value": 4}, "odd", {"name": 7}],
    }


# -- what a text names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "steps", "pointer"),
    [
        ("number", ("number",), "/number"),
        ("asset.code", ("asset", "code"), "/asset/code"),
        ("lines[0].text", ("lines", 0, "text"), "/lines/0/text"),
        ("grid[1][22]", ("grid", 1, 22), "/grid/1/22"),
        (
            "marks[name=PRIO].value",
            ("marks", Pick("name", "PRIO"), "value"),
            "/marks/name=PRIO/value",
        ),
        ("marks[url=a?b=c]", ("marks", Pick("url", "a?b=c")), "/marks/url=a?b=c"),
        ("marks[name=]", ("marks", Pick("name", "")), "/marks/name="),
        ("a b.ç/d", ("a b", "ç/d"), "/a b/ç~1d"),
        ("a~b", ("a~b",), "/a~0b"),
        ("~1", ("~1",), "/~01"),
    ],
)
def test_a_text_names_its_steps_and_its_json_pointer(
    text: str, steps: tuple[Step, ...], pointer: str
) -> None:
    made = place(text)
    assert (made.text, made.steps, made.pointer) == (text, steps, pointer)
    assert made.top == steps[0]
    assert made.nested == (len(steps) > 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".a",
        "a..b",
        "[0]",
        "[0].a",
        "[k=v]",
        "a[",
        "a]",
        "a[]",
        "a[-1]",
        "a[x]",
        "a[1000]",
        "a[0]b",
        "a[k=v]b",
        "a=b",
        "a[=v]",
        "a[[0]]",
        "a.",
        "a[0].",
        "a.[0]",
        "a.[k=v]",
    ],
)
def test_a_text_that_names_no_place_is_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match="is no path: write keys with dots") as caught:
        place(text)
    assert str(caught.value).startswith(repr(text))


def test_what_was_refused_before_is_the_place_of_nothing() -> None:
    assert place_of("a..b") == place("?")
    assert place_of("a.b") == place("a.b")


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("asset.code", "P-101"),
        ("asset.site", None),
        ("lines[1].text", "two"),
        ("lines[2][0]", "deep"),
        ("marks[name=PRIO].value", 3),
        ("marks[name=7].name", 7),
        ("marks[2]", "odd"),
    ],
)
def test_the_value_at_a_place_is_read(text: str, value: object) -> None:
    assert place(text).get(asset()) == value


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "none.code",
        "asset.none",
        "asset.code.deep",
        "asset.site.deep",
        "asset[0]",
        "lines[3]",
        "lines[0][0]",
        "lines.text",
        "lines[2].text",
        "marks[name=LOW].value",
        "marks[name=PRIO].none",
        "asset[code=P-101]",
        "lines[0][text=one]",
        "marks[none=None]",
        "asset[site=None]",
    ],
)
def test_where_nothing_stands_is_missing_and_no_null(text: str) -> None:
    assert place(text).get(asset()) is MISSING


def test_a_key_with_a_dot_is_not_what_a_path_means() -> None:
    assert place("asset.code").get({"asset.code": "P-101"}) is MISSING


# -- writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a", {"a": "x"}),
        ("a.b.c", {"a": {"b": {"c": "x"}}}),
        ("a[0]", {"a": ["x"]}),
        ("a[2].b", {"a": [None, None, {"b": "x"}]}),
        ("a[1][1]", {"a": [None, [None, "x"]]}),
        ("a[k=v]", {"a": [{"k": "v"}]}),
    ],
)
def test_tables_and_lists_on_the_way_are_made(text: str, made: dict[str, Any]) -> None:
    body: dict[str, Any] = {}
    place(text).set(body, "x")
    assert body == made


def test_what_stands_beside_the_place_stays() -> None:
    body = asset()
    for text in ("asset.code", "lines[1].text", "marks[name=PRIO].value"):
        place(text).set(body, "new")
    expected = asset()
    expected["asset"]["code"] = "new"
    expected["lines"][1]["text"] = "new"
    expected["marks"][0]["value"] = "new"
    assert body == expected


def test_an_item_that_no_key_picks_is_added_behind_the_others() -> None:
    body = asset()
    place("marks[name=LOW]").set(body, {"value": 1})
    assert body["marks"] == [*asset()["marks"], {"name": "LOW", "value": 1}]


def test_an_item_that_is_added_on_the_way_holds_the_value() -> None:
    body: dict[str, Any] = {"marks": [{"name": "LOW"}]}
    made = place("marks[name=PRIO].value")
    made.set(body, 4)
    assert body == {"marks": [{"name": "LOW"}, {"name": "PRIO", "value": 4}]}
    assert made.get(body) == 4


def test_an_item_without_the_key_is_not_the_one_that_is_picked() -> None:
    body: dict[str, Any] = {"list": [{"n": 1}, {"k": None, "n": 2}, {"k": "None", "n": 3}]}
    assert place("list[k=None].n").get(body) == 3


@pytest.mark.parametrize(
    ("text", "body", "why"),
    [
        ("asset.code", {"asset": ["P-101"]}, "a list stands where its path needs a table."),
        ("lines[0].x", {"lines": {"x": 1}}, "a table stands where its path needs a list."),
        ("a[k=v].x", {"a": {"k": "v"}}, "a table stands where its path needs a list."),
        ("a[k=v]", {"a": {"k": "v"}}, "a table stands where its path needs a list."),
        ("a.b[0].c", {"a": {"b": [["x"]]}}, "a list stands where its path needs a table."),
        ("a[k=v][0]", {}, "a table stands where its path needs a list."),
    ],
)
def test_a_place_that_his_record_has_no_room_for_is_refused_and_nothing_is_lost(
    text: str, body: dict[str, Any], why: str
) -> None:
    made, before = place(text), copy.deepcopy(body)
    with pytest.raises(RecordError) as caught:
        made.set(body, "new")
    assert (caught.value.why.code, caught.value.why.pointer) == ("type", made.pointer)
    assert caught.value.why.reason == f"cannot be written: {why}"
    assert caught.value.why.hint
    assert not before or body == before


@pytest.mark.parametrize(
    ("raw", "value", "after"),
    [
        ([5, "North"], 5, [6, "North"]),
        ([], None, [6]),
        (False, False, [6]),
        (None, None, [6]),
        (7, 7, [6]),
    ],
)
def test_of_a_pair_the_id_is_the_value_also_alone(raw: Any, value: Any, after: list[Any]) -> None:
    body: dict[str, Any] = {"team": raw}
    made = id_of(place("team"))
    assert made.get(body) is value
    assert made.get({}) is MISSING
    made.set(body, 6)
    assert body == {"team": after}


def test_a_list_grows_up_to_the_place_and_keeps_its_items() -> None:
    body: dict[str, Any] = {"a": ["one"]}
    place("a[2]").set(body, "three")
    assert body == {"a": ["one", None, "three"]}


@pytest.mark.parametrize("scalar", [None, "text", 7, False])
def test_a_scalar_on_the_way_gives_way(scalar: object) -> None:
    body: dict[str, Any] = {"asset": scalar}
    place("asset.code").set(body, "x")
    assert body == {"asset": {"code": "x"}}


def test_an_item_that_is_picked_itself_is_replaced_and_keeps_what_picks_it() -> None:
    body = asset()
    place("marks[name=PRIO]").set(body, {"value": 9})
    assert body["marks"] == [{"name": "PRIO", "value": 9}, *asset()["marks"][1:]]


# -- properties ----------------------------------------------------------------------------------

KEYS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=".[]="), min_size=1, max_size=4
)
FURTHER: st.SearchStrategy[Step] = st.one_of(
    KEYS,
    st.integers(0, 4),
    st.builds(
        Pick,
        KEYS,
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]="), max_size=3),
    ),
)
WAYS: st.SearchStrategy[list[Step]] = st.builds(
    lambda top, rest: [top, *rest], KEYS, st.lists(FURTHER, max_size=4)
)
PLAIN_WAYS: st.SearchStrategy[list[Step]] = st.builds(
    lambda top, rest: [top, *rest], KEYS, st.lists(KEYS | st.integers(0, 4), max_size=4)
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
BODIES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)),
    max_size=3,
)


def written(steps: list[Step]) -> str:
    """The text that a mapping would have for these steps."""
    parts = {
        str: lambda step: f".{step}",
        int: lambda step: f"[{step}]",
        Pick: lambda step: f"[{step.key}={step.value}]",
    }
    return "".join(parts[type(step)](step) for step in steps)[1:]


@UNHURRIED
@given(WAYS)
def test_the_steps_are_those_that_were_written(steps: list[Step]) -> None:
    made = place(written(steps))
    assert list(made.steps) == steps
    assert made.pointer.count("/") == len(steps)
    assert "~" not in made.pointer.replace("~0", "").replace("~1", "")


@UNHURRIED
@given(PLAIN_WAYS, LEAVES)
def test_what_is_set_in_an_empty_record_is_read_there(steps: list[Step], value: object) -> None:
    made, body = place(written(steps)), dict[str, Any]()
    assert made.get(body) is MISSING
    made.set(body, value)
    assert made.get(body) == value
    assert list(body) == [made.top]


@UNHURRIED
@given(PLAIN_WAYS, BODIES, LEAVES)
def test_setting_what_stands_there_changes_nothing(
    steps: list[Step], body: dict[str, Any], value: object
) -> None:
    made = place(written(steps))
    body.pop(made.top, None)
    made.set(body, value)
    before = copy.deepcopy(body)
    made.set(body, made.get(body))
    assert body == before


@UNHURRIED
@given(KEYS, KEYS, st.lists(st.sampled_from(["A", "B", 7, None]), max_size=5), LEAVES)
def test_of_several_items_the_first_that_shows_the_word_is_set(
    picked: str, key: str, words: list[Any], value: object
) -> None:
    body: dict[str, Any] = {"list": [{picked: word, "n": n} for n, word in enumerate(words)]}
    assume(key not in (picked, "n") and picked != "n" and "A" in words)
    made = place(f"list[{picked}=A].{key}")
    made.set(body, value)
    assert made.get(body) == value
    changed = [item["n"] for item in body["list"] if key in item]
    assert changed == [words.index("A")]


@UNHURRIED
@given(WAYS, BODIES)
def test_reading_any_record_never_fails_and_changes_nothing(
    steps: list[Step], body: dict[str, Any]
) -> None:
    before = copy.deepcopy(body)
    place(written(steps)).get(body)
    assert body == before


@UNHURRIED
@given(PLAIN_WAYS, BODIES, LEAVES)
def test_setting_touches_no_other_key_of_the_record(
    steps: list[Step], body: dict[str, Any], value: object
) -> None:
    made = place(written(steps))
    body.pop(made.top, None)
    others = copy.deepcopy(body)
    made.set(body, value)
    assert {k: v for k, v in body.items() if k != made.top} == others


@UNHURRIED
@given(st.text(".[]=ab0", max_size=8))
def test_any_text_is_a_place_that_reads_or_is_refused(text: str) -> None:
    try:
        made = place(text)
    except ValueError:
        return
    assert isinstance(made, Place)
    assert made.get({}) is MISSING
