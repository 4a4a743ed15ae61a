"""Names that are always the same for the same thing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import NOW
from tests.property.cases import STEADY
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Value
from tracbridge.sync.identity import (
    canonical,
    link_id,
    print_of,
    prints_of,
    record_id,
    version_key,
)

texts = st.text(max_size=60) | st.sampled_from(["x" * 32, "x" * 33, "#", "#" + "0" * 24])


def test_a_link_is_named_by_connection_kind_scope_and_ref() -> None:
    names = {
        link_id("default", "workorder", "", "7"),
        link_id("other", "workorder", "", "7"),
        link_id("default", "comment", "", "7"),
        link_id("default", "workorder", "plant 2", "7"),
        link_id("default", "workorder", "", "70"),
        link_id("default", "workorder", "7", ""),
    }
    assert len(names) == 6
    assert all(len(name) == 32 for name in names)


def test_the_names_of_stored_things_never_change() -> None:
    # They are in databases: a new spelling would lose every link.
    assert link_id("default", "workorder", "", "4711") == "6b59b749858a44f897bbebd137426a46"
    assert record_id("default", 1, None) == "a5ed397587c7bb70f69c895c5b18c13a"
    assert print_of("Replace the bearing of the pump P-101") == "#0713e9d57d8e2a1ecf1f2e04"


def test_each_version_of_a_link_has_its_own_key() -> None:
    assert version_key("L", 1) == version_key("L", 1)
    assert len({version_key("L", 1), version_key("L", 2), version_key("M", 1)}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [((1,), ("1",)), (("a", "b"), ("ab",)), (("a", None), ("a",)), ((True,), (1,)), (((),), ())],
)
def test_different_facts_have_different_names(
    one: tuple[object, ...], other: tuple[object, ...]
) -> None:
    assert record_id(*one) != record_id(*other)


def test_the_same_fact_has_the_same_name_whatever_the_order_of_its_fields() -> None:
    one: dict[str, Value] = {"status": "pending", "deleted": NOW}
    other: dict[str, Value] = dict(reversed(one.items()))
    assert record_id(Kind.CLASH, canonical(one)) == record_id(Kind.CLASH, canonical(other))
    assert canonical(None) is None
    assert canonical({}) == ()


def test_a_text_of_32_characters_is_its_own_print_and_a_longer_one_is_not() -> None:
    assert print_of("x" * 32) == "x" * 32
    assert str(print_of("x" * 33)).startswith("#")


def test_half_a_character_can_be_named() -> None:
    assert record_id("\ud800") != record_id("\ud801")
    assert link_id("acme", "workorder", "", "\ud800") != link_id("acme", "workorder", "", "\ud801")
    assert print_of("\ud800" * 40) != print_of("\ud801" * 40)


@STEADY
@given(texts, texts)
def test_prints_are_equal_only_for_equal_texts(one: str, other: str) -> None:
    assert (print_of(one) == print_of(other)) == (one == other)


@STEADY
@given(texts)
def test_prints_are_short(text: str) -> None:
    shown = print_of(text)
    assert isinstance(shown, str)
    assert len(shown) <= 32


@pytest.mark.parametrize("value", [None, True, 7, 1.5, NOW, NOW + timedelta(days=1), ""])
def test_what_is_short_anyway_is_its_own_print(value: Value) -> None:
    assert print_of(value) == value


def test_each_field_has_its_print() -> None:
    assert prints_of({"a": 1, "b": "x" * 33}) == {"a": 1, "b": print_of("x" * 33)}


def test_a_short_text_that_looks_like_a_print_is_another_text() -> None:
    long = "Replace the bearing of the pump P-101"
    looks = print_of(long)
    assert isinstance(looks, str)
    assert print_of(looks) != looks
