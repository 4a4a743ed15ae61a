"""Whatever the records hold, a proposal is made, and its file says what is meant and no more."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.discovering import mapping, proposed, refused, said
from tests.unit.test_discover import plain
from tracbridge.config.yamlfile import parse
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.declared import Declared
from tracbridge.proof.proposal.sketch import Item, Row, Table, meant, text_of

HOSTILE = (
    *("", " ", "\n", "a: b", "a #b", "- x", "# x", "<<", "null", "~", "true", "no", "on", "0640"),
    *("1e5", "1.5e5", "-.5", ".inf", "0x1F", "1_000", "[x", "{x", "&a", "*a", "!t", "%TAG", "@x"),
    *("'", '"', "\\", "\0", "\x07", "\x1b[2J", "\x85", "\u2028", "\u202e", "\ufeff", "\ud800"),
    *("a.b", "a[0]", "a=b", "id", "status", "?", "[?]", "\U0001f527", "é", "e\u0301", "a\r\nb"),
    "key: {path: evil}\nfields: {}",
)
keys = st.sampled_from(HOSTILE) | st.text(max_size=12)
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(HOSTILE)
    | st.text(max_size=30)
    | st.datetimes().map(str)
)
anything = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=6,
)
bodies = st.lists(st.dictionaries(keys, anything, max_size=8) | anything, max_size=12)


@settings(max_examples=150, deadline=None)
@given(bodies, st.sampled_from(["", "UTC"]))
def test_no_record_makes_it_fail_and_its_gaps_are_what_is_refused(
    records: list[Any], zone: str
) -> None:
    proposal = proposed(records, zone)
    assert proposal.records + proposal.odd == len(records)
    assert set(proposal.gaps) == refused(proposal)
    assert repr(said(proposal)) == repr(meant(proposal.table))
    if "key" not in proposal.gaps:
        made = mapping(proposal, "UTC")
        assert proposal.understood == sum(understood(made, record) for record in records)


def understood(made: Declared, record: Any) -> bool:
    try:
        made.from_customer(record if isinstance(record, dict) else {})
    except RecordError:
        return False
    return isinstance(record, dict)


same = st.dictionaries(keys, st.sampled_from([values, anything]), min_size=1, max_size=6).flatmap(
    lambda shape: st.lists(st.fixed_dictionaries(shape), min_size=1, max_size=25)
)


@settings(max_examples=100, deadline=None)
@given(same)
def test_nor_do_records_of_one_shape(records: list[dict[str, Any]]) -> None:
    proposal = proposed(records, presets=True)
    assert set(proposal.gaps) == refused(proposal)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=70), min_size=1, max_size=6), keys)
def test_hostile_words_are_told_and_quoted(words: list[str], title: str) -> None:
    over = {"status": lambda n: words[n % len(words)], "title": title}
    records = plain(40, **over)
    proposal = proposed(records)
    assert set(proposal.gaps) == refused(proposal)
    status = said(proposal)["fields"].get("status", {})
    told = {*status.get("values", {}), *(str(c["when"]) for c in status.get("cases", ()))}
    assert all(isinstance(word, str) for word in told)
    printable = proposal.text(["\x1b]0;evil\x07\nmapping: evil"])
    assert all(line.isprintable() for line in printable.splitlines())


@pytest.mark.parametrize("records", [[], [{}], [None], ["x", 7, []], [{"": {}}], [{"id": 1}]])
def test_with_next_to_nothing_the_gaps_are_named(records: list[Any]) -> None:
    proposal = proposed(records)
    assert "fields.status" in proposal.gaps
    assert set(proposal.gaps) == refused(proposal)


def test_a_record_of_very_many_keys_is_looked_at_in_part() -> None:
    records = [{f"k{n}": n for n in range(3_000)} | {"id": n} for n in range(3)]
    assert "fields.status" in proposed(records).gaps


def test_a_deep_record_is_looked_at_to_some_depth() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    assert proposed(plain(30, deep=deep)).gaps == ()


def test_numbers_beyond_64_bits_are_quoted_nowhere_and_refused_nowhere() -> None:
    proposal = proposed(plain(30, status=lambda n: 2**64 + n % 3))
    assert proposal.gaps == ("fields.status",)
    assert refused(proposal) == {"fields.status"}


# -- the writer ------------------------------------------------------------------------------

plain_values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
texts = st.sampled_from([one for one in HOSTILE if one != "\ud800"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=40
)
flows = st.recursive(
    plain_values | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=8,
)
rows = st.builds(Row, texts.filter(lambda key: key != "<<"), flows, texts, st.tuples(texts))


@settings(max_examples=400, deadline=None)
@given(st.lists(rows, max_size=5, unique_by=lambda row: row.key), st.lists(texts, max_size=2))
def test_what_is_written_reads_back_the_same(top: list[Row], head: list[str]) -> None:
    inner = Table(tuple(top), tuple(head))
    items = tuple(Item(row.value, row.why) for row in top)
    whole = Table((Row("a", inner, "why"), *([Row("b", items)] if items else [])), tuple(head))
    assert repr(parse(text_of(whole, head), "x").value) == repr(meant(whole))


def test_comments_stay_on_their_lines() -> None:
    written = text_of(Table((Row("a", 1, "x\nb: 2"), Row("c", 3, "y\u2028d: 4", ("z\re: 5",)))))
    assert parse(written, "x").value == {"a": 1, "c": 3}


def test_what_could_not_be_read_back_is_never_written() -> None:
    with pytest.raises(ValueError, match="does not read back"):
        text_of(Table((Row("a", 1.5),)))


def test_moments_beyond_all_calendars_are_no_moments() -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC).isoformat()
    assert "updated" not in said(proposed(plain(30, updated=far)))
