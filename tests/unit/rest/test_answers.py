"""Answers: every one means something, and its words can be shown to people."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.rest.saved import NOW, reply, saved
from tracbridge.adapters.connectors.rest.answers import (
    BY_STATUS,
    WORDS,
    Kind,
    Reading,
    by_status,
    classify,
    items_of,
    plausible,
    retry_after,
    spot,
    told,
    value_of,
)
from tracbridge.adapters.connectors.rest.calls import BadReplyError, Reply
from tracbridge.adapters.connectors.rest.spec import Rule

STRICT = Reading(
    (
        Rule(is_="conflict", code="BMXAA8229W"),
        Rule(is_="already", code="BMXAA0032E"),
        Rule(is_="busy", code="is being processed by", after=120.0),
        Rule(is_="business", code="odoo.exceptions"),
        Rule(is_="conflict", code="TimestampMismatchError"),
        Rule(is_="repeated", status=409),
    ),
    tuple(map(spot, ("Error.reasonCode", "error.code", "name", "exc_type", "error.data.name"))),
    tuple(
        map(
            spot,
            (
                "Error.message",
                "error.message.value",
                "error.data.message",
                "error.message",
                "message",
                "_server_messages",
            ),
        )
    ),
    spot("error"),
)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("maximo_page", Kind.OK, ""),
        ("maximo_same_status", Kind.ALREADY, "the same as the current status"),
        ("maximo_changed", Kind.CONFLICT, "updated by another user"),
        ("maximo_domain", Kind.BUSINESS, "not in the value list"),
        ("sap_open", Kind.BUSY, "processed by user JSILVA"),
        ("odoo_refused", Kind.BUSINESS, "without a duration"),
        ("odoo_rpc_error", Kind.BUSINESS, "not allowed to modify"),
        ("erpnext_stale", Kind.CONFLICT, "after you have opened it (2026-11-20 11:14:06)"),
        ("d365_limit", Kind.THROTTLE, "exceeded the limit"),
        ("oracle_refused", Kind.BUSINESS, "from On Hold to Completed"),
        ("bad_gateway", Kind.UNKNOWN, ""),
        ("login_page", Kind.OK, ""),
    ],
)
def test_what_systems_really_say_is_understood(name: str, kind: Kind, words: str) -> None:
    verdict = classify(saved(name), STRICT, NOW)
    assert verdict.kind is kind
    assert words in verdict.words
    assert "Traceback" not in verdict.words
    assert "<" not in verdict.words


def test_how_long_to_wait_is_understood() -> None:
    assert classify(saved("d365_limit"), STRICT, NOW).after == timedelta(seconds=27)
    assert classify(saved("sap_open"), STRICT, NOW).after == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5),
        ("0", 0),
        ("2.5", 2.5),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("99999999", 3600),
        ("Mon, 23 Nov 2099 12:00:00 GMT", 3600),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("\u0661", None),
        ("1e9", None),
        ("Mon, 99 Foo 2026", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    found = retry_after(reply({}, 429, retry_after=text), NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


@given(st.integers(100, 599), st.binary(max_size=200), st.sampled_from(["", "text/plain", "x"]))
def test_every_answer_means_something(status: int, data: bytes, kind: str) -> None:
    verdict = classify(Reply(status, {"content-type": kind}, data), STRICT, NOW)
    assert verdict.words.isprintable()
    assert len(verdict.words) <= WORDS
    assert str(verdict.refusal).isprintable()
    if 200 <= status < 300 and verdict.kind is not Kind.OK:
        assert b"error" in data


@given(st.integers(100, 599))
def test_the_table_by_status_is_complete(status: int) -> None:
    kind = by_status(status)
    assert kind is BY_STATUS.get(status, kind)
    assert kind is not Kind.OK
    if status >= 500 and status != 503:
        assert kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.BUSINESS),
        (401, Kind.AUTH),
        (403, Kind.AUTH),
        (404, Kind.MISSING),
        (408, Kind.THROTTLE),
        (409, Kind.CONFLICT),
        (412, Kind.CONFLICT),
        (413, Kind.BUSINESS),
        (422, Kind.BUSINESS),
        (425, Kind.THROTTLE),
        (429, Kind.THROTTLE),
        (500, Kind.UNKNOWN),
        (502, Kind.UNKNOWN),
        (503, Kind.RETRY),
        (304, Kind.UNKNOWN),
    ],
)
def test_what_a_status_means_by_itself(status: int, kind: Kind) -> None:
    assert classify(reply({}, status), Reading(), NOW).kind is kind


def test_one_that_is_away_wants_fewer_calls_only_if_he_asks_for_a_pause() -> None:
    asking = Reply(503, {"retry-after": "7"}, b"")
    verdict = classify(asking, Reading(), NOW)
    assert (verdict.kind, verdict.after) == (Kind.THROTTLE, timedelta(seconds=7))
    again = Reading((Rule(is_="retry", status=503),))
    assert classify(asking, again, NOW).kind is Kind.RETRY


def test_the_first_rule_that_fits_counts() -> None:
    rules = (Rule(is_="busy", status=400, code="A"), Rule(is_="conflict", status=400))
    reading = Reading(rules, (spot("code"),))
    assert classify(reply({"code": "A"}, 400), reading, NOW).kind is Kind.BUSY
    assert classify(reply({"code": "B"}, 400), reading, NOW).kind is Kind.CONFLICT
    assert classify(reply({"code": "A"}, 409), reading, NOW).kind is Kind.CONFLICT
    assert classify(reply({"code": "A.b"}, 400), reading, NOW).kind is Kind.BUSY
    assert classify(reply({"code": "Ab"}, 400), reading, NOW).kind is Kind.CONFLICT


def test_a_code_is_found_at_the_far_end_of_a_long_message() -> None:
    reading = Reading((Rule(is_="busy", code="X99"),), (), (spot("m"),))
    verdict = classify(reply({"m": "a" * 3000 + " X99"}, 400), reading, NOW)
    assert verdict.kind is Kind.BUSY
    assert len(verdict.words) == WORDS


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a\nb\tc", "a b c"),
        ("a\x1b[31mred\x07", "a\\x1b[31mred\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("<b>Bold</b> words", "Bold words"),
        ("Bad.\nTraceback (most recent call last):\n  File x", "Bad."),
        ("größer 🔧", "größer 🔧"),
    ],
)
def test_words_are_made_fit_to_be_shown(words: str, shown: str) -> None:
    assert told(words) == shown


def test_of_an_error_without_known_words_nothing_is_shown() -> None:
    verdict = classify(reply({"debug": "Traceback secret"}, 400), Reading(), NOW)
    assert "secret" not in str(verdict.refusal)
    assert "status 400" in str(verdict.refusal)


# -- lists -----------------------------------------------------------------------------------------


def test_records_keep_their_own_bytes() -> None:
    data = b'{"d": {"results": [ {"a" : 1.50, "b":[1, 2]} ,{"a":9007199254740993}]}}'
    one, two = items_of(reply(data), spot("d.results"))
    assert (one.raw, two.raw) == (b'{"a" : 1.50, "b":[1, 2]}', b'{"a":9007199254740993}')
    assert two.body == {"a": 9007199254740993}


@pytest.mark.parametrize(
    ("name", "where", "count"),
    [
        ("maximo_page", "member", 1),
        ("sap_page", "d.results", 2),
        ("odoo_page", "", 1),
        ("erpnext_page", "data", 1),
        ("d365_delta", "value", 2),
        ("oracle_page", "items", 2),
    ],
)
def test_the_lists_of_real_systems_are_found(name: str, where: str, count: int) -> None:
    assert len(items_of(saved(name), spot(where))) == count


def test_ids_beyond_what_a_double_can_hold_survive() -> None:
    _, two = items_of(saved("oracle_page"), spot("items"))
    assert two.body is not None
    assert two.body["WorkOrderId"] == 9007199254740993


def test_one_record_that_is_none_does_not_hurt_the_others() -> None:
    data = b'{"x": [{"a": 1}, 7, "t", null, [1], {"a": NaN}, {"a": 1, "a": 2}, {"b": 2}]}'
    found = items_of(reply(data), spot("x"))
    good = [one.body for one in found if one.error is None]
    assert good[0] == {"a": 1}
    assert good[-1] == {"b": 2}
    assert len(found) == 8


def test_half_a_character_in_one_record_does_not_hurt_the_others() -> None:
    for other in (b"", b', {"a": NaN}'):
        found = items_of(reply(b'{"x": [{"a": "\xff"}, {"a": "b"}' + other + b"]}"), spot("x"))
        assert [one.body for one in found if one.error is None] == [{"a": "b"}]


def test_another_encoding_is_read_as_the_answer_says() -> None:
    data = '{"x": [{"a": "Vibração"}]}'.encode("cp1252")
    kind = {"content-type": "application/json; charset=windows-1252"}
    (one,) = items_of(Reply(200, kind, data), spot("x"))
    assert one.body == {"a": "Vibração"}
    unknown = {"content-type": "application/json; charset=klingon"}
    assert items_of(Reply(200, unknown, b'{"x": []}'), spot("x")) == []


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b'{"x": [1', "x"),
        (b'{"x": [{"a": 1}, ', "x"),
        (b'{"y": []}', "x"),
        (b'{"x": null}', "x"),
        (b'{"x": {}}', "x"),
        (b"{}", ""),
        (b"[" * 5000, ""),
    ],
)
def test_an_answer_without_the_list_is_no_empty_list(data: bytes, where: str) -> None:
    with pytest.raises(BadReplyError):
        items_of(reply(data), spot(where))


def test_what_came_instead_is_named() -> None:
    with pytest.raises(BadReplyError, match=r"text/html.*DOCTYPE html"):
        items_of(saved("login_page"), spot(""))
    with pytest.raises(BadReplyError) as caught:
        value_of(reply(b'{"name": "secret of a person'))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [b"[]", b" [ ] ", b"\xef\xbb\xbf[]", b"[\n]"])
def test_an_empty_list_is_empty(data: bytes) -> None:
    assert items_of(reply(data), spot("")) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whole_json_is_plausible_and_read(value: Any) -> None:
    whole = reply(json.dumps(value).encode())
    assert plausible(whole)
    assert value_of(whole) == value


@pytest.mark.parametrize("data", [b"", b"  ", b"<html>", b'{"a": 1', b"[1, 2"])
def test_what_is_cut_off_is_not_plausible(data: bytes) -> None:
    assert not plausible(reply(data))
    assert plausible(replace(reply(data), status=204))


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("", [1], [1]),
        ("[0]", [7], 7),
        ("[0].id", [{"id": 7}], 7),
        ("a.b", {"a": {"b": 7}}, 7),
        ("@odata.deltaLink", {"@odata.deltaLink": "x"}, "x"),
        ("a.b", {"a.b": 1, "a": {"b": 7}}, 1),
    ],
)
def test_places_in_answers(text: str, value: Any, found: Any) -> None:
    assert spot(text).get(value) == found


def test_a_list_under_a_key_with_dots_is_found() -> None:
    assert items_of(reply({"a.b": [{"x": 1}]}), spot("a.b"))[0].body == {"x": 1}
    assert items_of(reply({"a": [{"b": [{"x": 1}]}]}), spot("a[0].b"))[0].body == {"x": 1}
