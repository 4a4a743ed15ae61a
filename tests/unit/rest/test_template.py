"""Templates: values come in encoded, and none comes in empty."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.adapters.connectors.rest.template import template
from tracbridge.domain.errors import RecordError

GIVEN = frozenset({"ref", "since", "record", "number"})


def filled(text: str, **names: Any) -> str:
    return template(text, GIVEN).text({"record": {}, **names})


def path(text: str, **names: Any) -> str:
    return template(text, GIVEN).path({"record": {}, **names})


@given(st.text(min_size=1))
def test_a_value_in_a_path_never_adds_a_separator_a_query_or_a_fragment(value: str) -> None:
    try:
        found = path("/orders/{ref}/lines", ref=value)
    except RecordError:
        return
    start, rest = found[: len("/orders/")], found[len("/orders/") : -len("/lines")]
    assert start == "/orders/"
    assert set(rest).isdisjoint("/?#\\;&=% " if "%" not in rest else "/?#\\;&= ")
    assert unquote(rest) == value


@given(st.sampled_from([".", "..", "...", "a.", ".a"]))
def test_a_value_never_leads_to_another_folder(value: str) -> None:
    if value in (".", ".."):
        with pytest.raises(RecordError, match="another address"):
            path("/orders/{ref}", ref=value)
    else:
        assert path("/orders/{ref}", ref=value) == f"/orders/{value}"


@given(st.text(alphabet="'\"\\ab", min_size=1))
def test_quotes_in_a_value_do_not_end_the_text_that_it_stands_in(value: str) -> None:
    odata = filled("'{ref|odata}'", ref=value)[1:-1]
    assert odata.replace("''", "") == odata.replace("''", "").replace("'", "")
    assert odata.replace("''", "'") == value
    quoted = filled('"{ref|quoted}"', ref=value)[1:-1]
    assert quoted.replace("\\\\", "\0").replace('\\"', "\1").count('"') == 0


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("text", ["/orders/{ref}", "{ref}", "x{ref}"])
def test_a_missing_value_is_an_error_and_no_empty_text(text: str, value: Any) -> None:
    with pytest.raises(RecordError, match="has no value"):
        path(text, ref=value)


def test_a_hole_names_a_place_in_the_record() -> None:
    record = {"asset": {"code": 7}, "site.id": "A", "lines": [{"no": 1}]}
    assert filled("{record.asset.code}-{record.lines[0].no}", record=record) == "7-1"
    assert filled("{record.site.id}", record=record) == "A"


def test_a_hole_that_stands_alone_keeps_the_kind_of_its_value() -> None:
    made = template("{ref|number}", GIVEN)
    assert made.value({"ref": "412"}) == 412
    assert template("{record}", GIVEN).value({"record": {"a": 1}}) == {"a": 1}
    assert template("n{ref}", GIVEN).value({"ref": 412}) == "n412"


def test_braces_are_written_twice() -> None:
    assert filled('{{"a": {ref}}}', ref=1) == '{"a": 1}'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{sinse}", "there is .*since"),
        ("{ref|upper}", "no filter 'upper'"),
        ("{ref", "brace alone"),
        ("ref}", "brace alone"),
        ("{record.a..b}", "no path"),
        ("{}", "not known"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        template(text, GIVEN)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\0", "é", "a\tb"])
def test_a_value_that_would_break_a_header_is_refused(value: str) -> None:
    with pytest.raises(RecordError, match="header"):
        template("{ref}", GIVEN).header({"ref": value})


@pytest.mark.parametrize(
    "value", ["12a", "", "1.5", "\uff11\uff12", True, [True], ["1", "x"], "9" * 20]
)
def test_what_is_no_whole_number_is_not_sent_as_one(value: Any) -> None:
    with pytest.raises(RecordError):
        template("{ref|number}", GIVEN).value({"ref": value})


@pytest.mark.parametrize("value", [{"a": 1}, [1], b"x"])
def test_a_table_cannot_stand_in_a_text(value: Any) -> None:
    with pytest.raises(RecordError, match="cannot stand"):
        filled("x{ref}", ref=value)


def test_a_half_of_a_pair_of_surrogates_cannot_stand_in_a_path() -> None:
    with pytest.raises(RecordError, match="no proper text"):
        path("/{ref}", ref="\ud800")


def test_bools_and_numbers_have_a_text() -> None:
    assert filled("{ref}/{since}/{number}", ref=True, since=1.5, number=7) == "true/1.5/7"


@pytest.mark.parametrize(
    "href", ["https://mx/os/mxwo/_A-", "/os/mxwo/_A-/", "_A-", "https://mx/os/_A-?lean=1"]
)
def test_the_tail_of_an_address_is_its_last_part(href: str) -> None:
    assert filled("{ref|tail}", ref=href) == "_A-"


def test_names_in_the_record_need_no_prefix_where_there_is_nothing_else() -> None:
    assert template("{site}/{no}", None).text({"record": {"site": "A", "no": 7}}) == "A/7"
