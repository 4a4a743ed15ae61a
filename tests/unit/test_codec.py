"""Each kind of field in the customer's spelling, both ways."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import Value
from tracbridge.mapping.codec import (
    BoolCodec,
    Codec,
    ComputedCodec,
    ListCodec,
    NumberCodec,
    Source,
    TableCodec,
    TextCodec,
    Unresolved,
    is_one_of,
)
from tracbridge.mapping.path import MISSING, place
from tracbridge.mapping.texts import Habit

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT = Source(place("box.x"))
BLANK = Source(place("box.x"), ("", None))


def said(value: object) -> dict[str, Any]:
    return {"box": {"x": value, "other": 1}}


def written(codec: Codec, value: Value, known: object = MISSING) -> Any:
    """What stands at the place then; ``known``: what stood there in his last record."""
    body: dict[str, Any] = {"box": {"other": 1}}
    codec.write(value, body, {} if known is MISSING else said(known))
    assert body["box"]["other"] == 1
    return body["box"].get("x", MISSING)


def refusal(codec: Codec, value: object) -> Reason:
    with pytest.raises(RecordError) as caught:
        codec.read(said(value) if value is not MISSING else {})
    assert caught.value.why.pointer == "/box/x"
    return caught.value.why


# -- the place -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "raw", "value"),
    [
        (AT, "a", "a"),
        (AT, None, None),
        (AT, "", ""),
        (AT, MISSING, MISSING),
        (BLANK, "", None),
        (BLANK, None, None),
        (Source(AT.place, ()), None, None),
        (Source(AT.place, (0,)), False, False),
        (Source(AT.place, (0,)), 0, None),
        (Source(AT.place, (0,)), 0.0, 0.0),
        (Source(AT.place, absent=True), MISSING, None),
        (Source(AT.place, absent=True), "a", "a"),
        (Source(AT.place, required=True), "", ""),
    ],
)
def test_what_stands_for_nothing_is_nothing_and_a_missing_key_says_nothing(
    source: Source, raw: object, value: object
) -> None:
    read = source.get({} if raw is MISSING else said(raw))
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("raw", [MISSING, None, ""])
def test_a_place_that_must_not_be_empty_is_refused_where_it_is(raw: object) -> None:
    codec = TextCodec(Source(AT.place, (None, ""), required=True), Habit(), 10)
    assert refusal(codec, raw).code == "required"


@pytest.mark.parametrize(
    ("value", "found"), [(0, True), (False, False), (0.0, False), ("0", False)]
)
def test_equal_values_of_other_kinds_are_not_the_same(value: object, found: bool) -> None:
    assert is_one_of(value, (0, None)) is found


CODECS: list[Codec] = [
    TextCodec(AT, Habit(), 10),
    NumberCodec(AT, whole=True),
    BoolCodec(AT),
    BoolCodec(AT, {"Y": True}),
    ListCodec(AT),
    ListCodec(AT, ";", 1),
    TableCodec(AT, "assets", {}, {}),
]


@pytest.mark.parametrize("codec", CODECS)
def test_what_his_record_does_not_say_is_missing_and_what_is_null_is_nothing(codec: Codec) -> None:
    assert codec.read({}) is MISSING
    assert codec.read({"box": 7}) is MISSING
    assert codec.read(said(None)) is None
    assert codec.places == (AT.place,)


# -- texts ---------------------------------------------------------------------------------------


def test_nothing_is_a_text_of_ours_where_the_order_needs_one() -> None:
    core, ext = TextCodec(BLANK, Habit(), 10, none=""), TextCodec(BLANK, Habit(), 10)
    assert (core.read(said("")), core.read(said(None))) == ("", "")
    assert (ext.read(said("")), ext.read(said(None))) == (None, None)
    assert core.read({}) is MISSING


@pytest.mark.parametrize(
    ("source", "value", "theirs"),
    [(AT, None, None), (BLANK, None, ""), (Source(AT.place, ()), None, None), (BLANK, "a", "a")],
)
def test_nothing_is_written_as_the_first_word_for_it(
    source: Source, value: Value, theirs: object
) -> None:
    assert written(TextCodec(source, Habit(), 10), value) == theirs


def test_a_text_is_read_and_written_by_its_habit() -> None:
    codec = TextCodec(AT, Habit(limit=4, pad=6), 10, changes=True)
    assert written(codec, "Pumps") == "Pump  "
    assert codec.read(said("Pump  ")) == "Pump"
    assert refusal(codec, "x" * 11).code == "too_long"
    assert refusal(codec, 7).code == "type"


# -- numbers and bools ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "raw", "value"),
    [
        (NumberCodec(AT, whole=True), 7, 7),
        (NumberCodec(AT, whole=True), 7.0, 7),
        (NumberCodec(AT, whole=True), "7", 7),
        (NumberCodec(AT, whole=True), "-7.0", -7),
        (NumberCodec(AT, whole=False), 7, 7.0),
        (NumberCodec(AT, whole=False), "0.125", 0.125),
        (NumberCodec(AT, whole=False, decimals=2), 2.345678, 2.35),
    ],
)
def test_a_number_is_read_also_from_digits(codec: NumberCodec, raw: object, value: float) -> None:
    read = codec.read(said(raw))
    assert (read, type(read)) == (value, type(value))


ODD_NUMBERS = [
    "",
    "seven",
    "1,5",
    "1.5.2",
    "1_0",
    "0x10",
    "\u0661",
    "\u00b2",
    ".",
    "nan",
    "inf",
    "1e",
]


@pytest.mark.parametrize("raw", [True, False, *ODD_NUMBERS, [], ["."], {}, {".": 1}])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_no_number_is_refused(raw: object, whole: bool) -> None:
    why = refusal(NumberCodec(AT, whole), raw)
    assert (why.code, why.reason) == (
        "type",
        f"is not a {'whole ' if whole else ''}number.",
    )


@pytest.mark.parametrize(
    ("raw", "whole"),
    [
        ("1.0e999", True),
        ("1.0e999", False),
        ("9" * 400, True),
        ("9" * 400, False),
        ("9" * 5000, True),
        (str(2**63), True),
        (2**63, True),
        (-(2**63) - 1, True),
        (2.0**53, True),
        ("9007199254740993.0", True),
        (1e300, True),
    ],
)
def test_a_number_that_cannot_be_kept_exactly_is_refused(raw: object, whole: bool) -> None:
    why = refusal(NumberCodec(AT, whole), raw)
    assert why.code == "out_of_range"
    assert why.hint == "Send a smaller number, or map the field as a text."


def test_the_longest_numbers_are_taken_and_a_fraction_may_be_of_any_size() -> None:
    for whole in (2**63 - 1, -(2**63), str(2**63 - 1), " -7 ", "1e3"):
        assert NumberCodec(AT, whole=True).read(said(whole)) == int(
            float(whole) if whole == "1e3" else whole
        )
    assert NumberCodec(AT, whole=False).read(said("1.5e300")) == 1.5e300
    assert NumberCodec(AT, whole=False).read(said(2**64 - 1)) == float(2**64 - 1)


@pytest.mark.parametrize("raw", [7.5, "7.5"])
def test_a_fraction_is_no_whole_number(raw: object) -> None:
    assert refusal(NumberCodec(AT, whole=True), raw).reason == "is not a whole number."


@pytest.mark.parametrize(
    ("value", "decimals", "theirs"),
    [(7, None, 7), (0.125, None, 0.125), (0.126, 2, 0.13), (7, 2, 7), (None, 2, None)],
)
def test_a_number_is_written_in_the_decimals_that_he_keeps(
    value: Value, decimals: int | None, theirs: object
) -> None:
    assert written(NumberCodec(AT, whole=False, decimals=decimals), value) == theirs


WORDS = BoolCodec(AT, {"Y": True, "yes": True, 1: True, "N": False, 0: False})


@pytest.mark.parametrize(
    ("codec", "raw", "value"),
    [
        (BoolCodec(AT), True, True),
        (BoolCodec(AT), False, False),
        (WORDS, "yes", True),
        (WORDS, 1, True),
        (WORDS, 0, False),
        (WORDS, "N", False),
    ],
)
def test_a_bool_is_read_in_his_words(codec: BoolCodec, raw: object, value: bool) -> None:
    assert codec.read(said(raw)) is value


@pytest.mark.parametrize(
    ("codec", "raw"),
    [(BoolCodec(AT), "true"), (BoolCodec(AT), 1), (WORDS, True), (WORDS, "y"), (WORDS, 1.0)],
)
def test_a_word_that_is_no_bool_is_refused(codec: BoolCodec, raw: object) -> None:
    assert refusal(codec, raw).reason == "is not a bool."


def test_a_bool_is_written_by_the_first_of_his_words() -> None:
    assert (written(WORDS, True), written(WORDS, False)) == ("Y", "N")
    assert (written(BoolCodec(AT), True), written(BoolCodec(AT), False)) == (True, False)
    assert written(WORDS, None) is None


# -- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "raw", "value"),
    [
        (ListCodec(AT), ["a", "ç"], '["a", "ç"]'),
        (ListCodec(AT), [], "[]"),
        (ListCodec(AT, ";"), "a; b ;c", '["a", "b", "c"]'),
        (ListCodec(AT, ", "), "a, b,c", '["a", "b,c"]'),
        (ListCodec(AT, ";"), ["a;b"], '["a;b"]'),
        (ListCodec(AT, ";", 1), "a; b ;c", "b"),
        (ListCodec(AT, ";", 3), "a;b;c", None),
        (ListCodec(AT, None, 0), ["a", "b"], "a"),
    ],
)
def test_a_list_is_json_text_with_us_and_a_part_of_it_a_text(
    codec: ListCodec, raw: object, value: object
) -> None:
    assert codec.read(said(raw)) == value


@pytest.mark.parametrize(
    ("codec", "raw", "what"),
    [
        (ListCodec(AT), "a", "a list of texts"),
        (ListCodec(AT), ["a", 1], "a list of texts"),
        (ListCodec(AT, ";"), 7, "a text"),
        (ListCodec(AT, ";", 0), {"a": 1}, "a text"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(codec: ListCodec, raw: object, what: str) -> None:
    why = refusal(codec, raw)
    assert (why.code, why.reason) == ("type", f"is not {what}.")


@pytest.mark.parametrize(
    ("codec", "value", "known", "theirs"),
    [
        (ListCodec(AT), '["a", "b"]', MISSING, ["a", "b"]),
        (ListCodec(AT, ";"), '["a", "b"]', "x;y", "a;b"),
        (ListCodec(AT, ";"), None, "x;y", ""),
        (ListCodec(AT, ";", 1), "B", "a;b;c", "a;B;c"),
        (ListCodec(AT, ";", 1), None, "a;b;c", "a;;c"),
        (ListCodec(AT, ";", 2), "C", "a", "a;;C"),
        (ListCodec(AT, ";", 1), "B", MISSING, ";B"),
        (ListCodec(AT, ";", 1), "B", None, ";B"),
        (ListCodec(AT, None, 1), "B", ["a", "b", "c"], ["a", "B", "c"]),
        (ListCodec(AT, "-", 1), "B", "a  - b - c ", "a  - B - c "),
        (ListCodec(AT, "-", 1), "B", "a - -c", "a -B-c"),
    ],
)
def test_a_list_is_written_whole_and_a_part_among_the_others(
    codec: ListCodec, value: Value, known: object, theirs: object
) -> None:
    assert written(codec, value, known) == theirs


@pytest.mark.parametrize("value", ["free text", "", '{"a": 1}', "[1]", '["a"', "[" * 9999])
def test_what_is_no_list_of_ours_cannot_be_written(value: str) -> None:
    with pytest.raises(RecordError) as caught:
        written(ListCodec(AT), value)
    assert (caught.value.why.code, caught.value.why.pointer) == ("type", "/box/x")
    assert caught.value.why.hint == 'Write it as JSON, such as ["a", "b"].'


# -- tables and expressions ----------------------------------------------------------------------

ASSETS = TableCodec(AT, "assets", {"P-101": "id1", "7": "id7"}, {"id1": "P-101", "id7": "7"})


def test_a_table_translates_both_ways_also_numbers() -> None:
    assert (ASSETS.read(said("P-101")), ASSETS.read(said(7))) == ("id1", "id7")
    assert (written(ASSETS, "id1"), written(ASSETS, None)) == ("P-101", None)


def test_what_the_table_does_not_know_waits_with_its_word() -> None:
    assert ASSETS.read(said("P-999")) == Unresolved("assets", "P-999")


@pytest.mark.parametrize(
    ("known", "theirs"), [("P-999", "P-999"), (None, None), (MISSING, MISSING)]
)
def test_what_the_table_does_not_know_of_ours_leaves_his_word_as_it_is(
    known: object, theirs: object
) -> None:
    assert written(ASSETS, "id9", known) is theirs


def test_a_computed_value_is_read_of_the_whole_record_and_never_written() -> None:
    codec = ComputedCodec(lambda body: body["a"] + body["b"])
    assert codec.read({"a": 1, "b": 2}) == 3
    assert codec.places == ()
    assert written(codec, 3) is MISSING


# -- properties ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
WORD = TEXTS.map(lambda text: text.replace(";", "").strip())


@UNHURRIED
@given(TEXTS.filter(bool))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    codec = TextCodec(AT, Habit(), 10)
    assert codec.read(said(written(codec, text))) == text


@UNHURRIED
@given(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_number_comes_back_as_it_was(whole: int | None, number: float | None) -> None:
    codec = NumberCodec(AT, whole=True)
    assert codec.read(said(written(codec, whole))) == whole
    codec = NumberCodec(AT, whole=False)
    assert codec.read(said(written(codec, number))) == number


@UNHURRIED
@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_rounded_number_is_near_and_comes_back_the_same(number: float, decimals: int) -> None:
    codec = NumberCodec(AT, whole=False, decimals=decimals)
    once = codec.read(said(written(codec, number)))
    assert abs(once - number) <= 0.5 * 10**-decimals + 1e-6
    assert written(codec, once) == once


@UNHURRIED
@given(st.lists(TEXTS), st.lists(WORD.filter(bool), min_size=1))
def test_a_list_comes_back_as_it_was(items: list[str], words: list[str]) -> None:
    for codec, value in ((ListCodec(AT), items), (ListCodec(AT, ";"), words)):
        text = json.dumps(value, ensure_ascii=False)
        assert codec.read(said(written(codec, text))) == text


@UNHURRIED
@given(st.lists(WORD, min_size=1, max_size=5), st.integers(0, 6), WORD)
def test_writing_a_part_leaves_the_others_as_they_are(
    items: list[str], part: int, word: str
) -> None:
    codec, before = ListCodec(AT, ";", part), ";".join(items)
    after = str(written(codec, word, before)).split(";")
    assert after[part] == word
    assert codec.read(said(";".join(after))) == word
    others = [item for n, item in enumerate(items) if n != part]
    assert [item for n, item in enumerate(after) if n != part and n < len(items)] == others


@UNHURRIED
@given(st.dictionaries(TEXTS, TEXTS), TEXTS)
def test_a_table_gives_back_a_word_that_means_the_same(table: dict[str, str], word: str) -> None:
    ours = {mine: his for his, mine in table.items()}
    codec = TableCodec(AT, "t", table, ours)
    for his, mine in table.items():
        assert codec.read(said(his)) == mine
        assert table[str(written(codec, mine, his))] == mine
    if word not in table:
        assert codec.read(said(word)) == Unresolved("t", word)
