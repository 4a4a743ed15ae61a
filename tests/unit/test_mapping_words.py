"""The words of a mapping as they are kept: what they say, and in which order."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config.mappings import from_words, source, spelt, value_of

KEYS = st.one_of(st.text(max_size=3), st.integers(0, 9), st.booleans())
TABLES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)


def mapping(**values: str) -> dict[str, Any]:
    return {
        "mapping": "acme",
        "key": {"path": "no"},
        "fields": {"status": {"path": "state", "values": values}},
    }


def where(_: object) -> str:
    return "here:1"


def pairs(value: Any) -> Any:
    """Tables as lists of pairs, so that the order of keys and their kinds count."""
    if isinstance(value, dict):
        return [(type(key), key, pairs(item)) for key, item in value.items()]
    return [pairs(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(KEYS, TABLES, max_size=4))
def test_words_read_back_say_the_same_in_the_same_order(value: dict[Any, Any]) -> None:
    assert pairs(value_of(spelt(value))) == pairs(value)


def test_which_of_several_words_is_written_makes_another_version() -> None:
    one = source(mapping(waiting="on_hold", blocked="on_hold"), Path(), where)
    other = source(mapping(blocked="on_hold", waiting="on_hold"), Path(), where)
    assert one.digest != other.digest
    assert [list(from_words(s.words).spec.fields["status"].values) for s in (one, other)] == [
        ["waiting", "blocked"],
        ["blocked", "waiting"],
    ]
