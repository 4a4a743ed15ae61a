"""What is wrong in a file, as sentences for the person who wrote it."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from tracbridge.config import names
from tracbridge.config.model import Connection, Part, Retention, Whole
from tracbridge.config.refusal import keys_at, sentence, told
from tracbridge.domain.errors import SHOWN


class Inner(Part):
    size: int = 1
    weight: float = Field(1.0, alias="mass")


class Model(Part):
    word: str = ""
    flag: bool = False
    colour: Literal["red", "green"] = "red"
    name: str = Field("x", pattern=names.NAME)
    inner: Inner = Inner()
    maybe: Inner | None = None
    either: str | Inner = ""
    listed: list[Inner] = Field([])
    by_name: dict[str, Inner] = Field({})
    by_name_listed: dict[str, list[Inner]] = Field({})
    needed: int


def errors(model: type[BaseModel], value: Any) -> dict[tuple[str | int, ...], Any]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return {error["loc"]: error for error in caught.value.errors()}


def said(value: Any, model: type[BaseModel] = Model) -> list[str]:
    found = errors(model, value)
    return [sentence(model, error, told(error["input"])) for error in found.values()]


def one(**given: Any) -> str:
    (line,) = said({"needed": 1, **given})
    return line


# -- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"word": 5}, "5 is not a text."),
        ({"word": None}, "null is not a text."),
        ({"word": [5]}, "is not a text."),
        ({"flag": "maybe"}, '"maybe" is not true or false.'),
        ({"flag": {}}, "is not true or false."),
        ({"inner": 5}, "5 is not a table of keys and values."),
        ({"inner": []}, "is not a table of keys and values."),
        ({"inner": {"size": "x"}}, '"x" is not a whole number.'),
        ({"inner": {"size": []}}, "is not a whole number."),
        ({"inner": {"mass": "x"}}, '"x" is not a number.'),
        ({"inner": {"mass": {}}}, "is not a number."),
        ({"listed": "x"}, '"x" is not a list.'),
        ({"by_name": "x"}, '"x" is not a table of keys and values.'),
        ({"colour": "blue"}, '"blue" is not accepted; it takes red or green.'),
        ({"colour": 5}, "5 is not accepted; it takes red or green."),
        ({"needed": None}, "null is not a whole number."),
    ],
)
def test_a_wrong_kind_is_named_by_what_would_be_right(given: dict[str, Any], words: str) -> None:
    assert one(**given) == words


def test_a_name_is_refused_with_the_rule_for_names() -> None:
    assert one(name="A b") == (
        '"A b" is not accepted: a name has small letters, digits, - and _, and begins with a '
        "letter or a digit."
    )


def test_a_filter_is_refused_with_the_rule_for_fields_of_tracos() -> None:
    value = {"customer": {"inbound": "i", "outbound": "o"}, "tracos": {"filter": {"$where": "1"}}}
    assert said(value, Connection) == [
        '"$where" is not accepted: a field of TracOS is named by letters, digits and _.'
    ]


def test_any_other_pattern_is_shown() -> None:
    class Coded(Part):
        code: str = Field(pattern="^[0-9]+$")

    assert said({"code": "x"}, Coded) == ['"x" is not accepted: it has to match ^[0-9]+$.']


def test_what_is_missing_is_said_to_be_missing() -> None:
    assert said({}) == ["is missing."]


def test_a_reader_of_a_setting_says_itself_what_it_takes() -> None:
    assert said({"archive_days": "often"}, Retention) == [
        '"often" is not accepted; it takes a whole number from 0 to 36500.'
    ]


def test_a_hidden_value_is_left_out_of_each_kind_of_sentence() -> None:
    value = {
        "word": 4711,
        "flag": "hunter2",
        "colour": "hunter2",
        "name": "hunter2 ",
        "inner": {"size": "hunter2"},
        "listed": "hunter2",
        "needed": "hunter2",
        "hunted": "hunter2",
    }
    lines = [sentence(Model, error, "") for error in errors(Model, value).values()]
    assert len(lines) == len(value)
    assert not any("hunter2" in line or "4711" in line for line in lines)
    assert all(line.startswith("is ") and line.endswith(".") for line in lines)


def test_several_wrong_things_are_several_sentences() -> None:
    value = {"flag": "x", "inner": {"siz": 1, "size": "y"}, "colour": "blue"}
    assert sorted(said(value)) == [
        '"blue" is not accepted; it takes red or green.',
        '"x" is not true or false.',
        '"y" is not a whole number.',
        "is missing.",
        "is no key here. The nearest is size.",
    ]


# -- the nearest key -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"wrod": 1}, "word"),
        ({"LISTED": 1}, "listed"),
        ({"inner": {"weigth": 1, "size": 1}}, "size"),
        ({"inner": {"masss": 1}}, "mass"),
        ({"maybe": {"siez": 1}}, "size"),
        ({"listed": [{"size": 1}, {"siez": 1}]}, "size"),
        ({"by_name": {"a": {"siez": 1}}}, "size"),
        ({"by_name_listed": {"a": [{}, {"siez": 1}]}}, "size"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_of_that_place(
    given: dict[str, Any], nearest: str
) -> None:
    assert one(**given) == f"is no key here. The nearest is {nearest}."


@pytest.mark.parametrize("key", sorted(Connection.model_fields))
def test_each_key_of_a_connection_is_the_nearest_to_itself_with_a_slip(key: str) -> None:
    value = {"customer": {"inbound": "i", "outbound": "o"}, f"{key}x": 1}
    assert said(value, Connection) == [f"is no key here. The nearest is {key}."]


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        ((), list(Whole.model_fields)),
        (("connections", "any"), list(Connection.model_fields)),
        (("connections", "any", "fields", "status"), ["owner", "direction", "conflict"]),
        (
            ("connections", "a", "tracos", "transitions"),
            ["steps", "irreversible", "allow"],
        ),
        (("tenants", "any"), ["name", "passes"]),
        (("log",), ["level", "format"]),
        (("connections",), []),
        (("nothing", "of", "this"), []),
        (("log", "level", "deeper"), []),
    ],
)
def test_the_keys_of_a_place_are_those_of_its_table(
    way: tuple[str | int, ...], keys: list[str]
) -> None:
    assert keys_at(Whole, way) == keys


@given(st.lists(st.text(max_size=9) | st.integers() | st.sampled_from(sorted(Whole.model_fields))))
def test_any_place_has_keys_or_none(way: list[str | int]) -> None:
    assert isinstance(keys_at(Whole, tuple(way)), list)


KNOWN = sorted(Connection.model_fields)


@given(st.text(max_size=12))
def test_no_known_key_is_nearer_than_the_nearest(key: str) -> None:
    apart = {known: names.distance(key.upper(), known.upper()) for known in KNOWN}
    assert apart[names.nearest(key, KNOWN)] == min(apart.values())


# -- values in messages --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ("word", '"word"'),
        (5, "5"),
        (True, "True"),
        ("", ""),
        ({"password": "hunter2"}, ""),
        (["hunter2"], ""),
    ],
)
def test_a_refused_value_is_told_in_short_and_tables_not_at_all(value: object, words: str) -> None:
    assert told(value) == words


@given(st.text() | st.integers() | st.floats() | st.booleans())
def test_whatever_is_refused_fits_on_one_line(value: object) -> None:
    words = told(value)
    assert len(words) <= SHOWN
    assert words.isprintable()
