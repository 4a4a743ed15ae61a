"""Bytes of a customer's file to records: every bad input has its code, and nothing is lost."""

import contextlib
import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.mapping.decode import (
    DEEPEST,
    INCOMPLETE,
    _ends_early,
    decode,
    incomplete,
    parsed,
)

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
JSONS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, JSONS, max_size=6)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:"), ("\r\n,", "\r:\n")])


OF_THE_WHOLE_FILE = INCOMPLETE - {"non_finite_number", "number_too_long", "invalid_unicode"}


def refusal(data: bytes) -> Reason:
    with pytest.raises(RecordError) as caught:
        decode(data)
    return caught.value.why


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        pytest.param(b"", "empty_file", "empty", id="row 1: no bytes"),
        pytest.param(b'{"orderNo": 4', "truncated_json", "byte 13", id="row 2: half an object"),
        pytest.param(b'{"a": "b', "truncated_json", "byte 8", id="row 2: in a text"),
        pytest.param(b'{"a": tr', "truncated_json", "byte 8", id="row 2: in a literal"),
        pytest.param(b'{"a": "\\u12', "truncated_json", "byte 11", id="row 2: in an escape"),
        pytest.param(b'{"a": "\xc3', "truncated_json", "byte 8", id="row 2: in a character"),
        pytest.param(b'{"a": NaN, "b":', "truncated_json", "byte 15", id="row 2: after NaN"),
        pytest.param(b'[{"a": 1},', "truncated_json", "byte 10", id="row 2: half an array"),
        pytest.param(b" \r\n\t ", "empty_file", "empty", id="row 4: blanks"),
        pytest.param(b"\xef\xbb\xbf", "empty_file", "empty", id="row 4: BOM"),
        pytest.param('{"a":1}'.encode("utf-16"), "encoding", "UTF-16", id="row 6: UTF-16"),
        pytest.param('{"a":1}'.encode("utf-32"), "encoding", "UTF-32", id="row 6: UTF-32"),
        pytest.param('{"a":1}'.encode("utf-16-le"), "encoding", "UTF-16-LE", id="row 6: no BOM LE"),
        pytest.param('[{"a":1}]'.encode("utf-16-be"), "encoding", "UTF-16-BE", id="row 6: BE"),
        pytest.param('{"a":1}'.encode("utf-32-le"), "encoding", "UTF-32-LE", id="row 6: 32 LE"),
        pytest.param('{"a":1}'.encode("utf-32-be"), "encoding", "UTF-32-BE", id="row 6: 32 BE"),
        pytest.param(b'{"a": "caf\xe9"}', "encoding", "Byte 10 (0xe9)", id="row 7: Latin-1"),
        pytest.param(b"\0" * 64, "nul_bytes", "Byte 0", id="row 8: nothing but NUL"),
        pytest.param(b'{"a": 1\0\0\0\0', "nul_bytes", "Byte 7", id="row 8: sparse"),
        pytest.param(b"X\0" * 4, "nul_bytes", "Byte 1", id="row 8: wide, but no JSON"),
        pytest.param(b"{" + b"\0" * 64, "nul_bytes", "Byte 1", id="row 8: after one byte"),
        pytest.param(b'{"a": 1}\nx', "trailing_data", "line 2, column 1", id="row 9: text"),
        pytest.param(b"[{}] x", "trailing_data", "line 1, column 6", id="row 9: after an array"),
        pytest.param(b"[{}]x", "trailing_data", "line 1, column 5", id="row 9: close to an array"),
        pytest.param(b"[] x", "trailing_data", "line 1, column 4", id="row 9: after an empty one"),
        pytest.param(b"[{}}]", "invalid_json", "line 1, column 4", id="row 9: mixed brackets"),
        pytest.param(b'{"a":1}\n{"a":2}', "trailing_data", "line 2", id="row 10: NDJSON"),
        pytest.param(b'"text"', "not_an_object", "no object", id="row 12: text"),
        pytest.param(b"42", "not_an_object", "42", id="row 12: number"),
        pytest.param(b"null", "not_an_object", "None", id="row 12: null"),
        pytest.param(b"{'a': 1}", "invalid_json", "line 1, column 2", id="row 13: quotes"),
        pytest.param(b'{"a": 1,\n}', "invalid_json", "line", id="row 13: trailing comma"),
        pytest.param(b'[{"a": 1},]', "invalid_json", "line 1, column 1", id="row 13: in array"),
        pytest.param(b'[{"a": NaN}}', "invalid_json", "line 1, column 12", id="NaN and a brace"),
        pytest.param(b'[{"a": NaN}', "truncated_json", "byte 11", id="NaN and no bracket"),
        pytest.param(b'{\n // x\n "a": 1}', "invalid_json", "line 2", id="row 13: comment"),
        pytest.param(b"\xef\xbb\xbf\xef\xbb\xbf{}", "invalid_json", "column 1", id="two BOMs"),
        pytest.param(b'{"a": 01}', "invalid_json", "line 1", id="leading zero"),
        pytest.param(b'{"a": "\x01"}', "invalid_json", "line 1, column 8", id="bare control"),
        pytest.param(b'{"a": NaN}', "non_finite_number", "/a", id="row 14: NaN"),
        pytest.param(b' \n{"a": NaN}', "non_finite_number", "/a", id="row 14: after blanks"),
        pytest.param(b'{"a": [-Infinity]}', "non_finite_number", "/a/0", id="row 14: Infinity"),
        pytest.param(b'{"a": 1e400}', "non_finite_number", "1e400", id="row 14: 1e400"),
        pytest.param(b'{"a": -1e400}', "non_finite_number", "-1e400", id="row 14: -1e400"),
        pytest.param(b'{"n":1, "n":1}', "duplicate_key", '/n "n"', id="row 15: twice"),
        pytest.param(b'{"n":1,"n" \n:1}', "duplicate_key", "/n", id="row 15: blanks"),
        pytest.param(b'{"n":1,"n"\t:1}', "duplicate_key", "/n", id="row 15: a tab"),
        pytest.param(b'{"n":1,"n"\r:1}', "duplicate_key", "/n", id="row 15: a carriage return"),
        pytest.param(b'{"n":1,"\\u006e":1}', "duplicate_key", "/n", id="row 15: escaped"),
        pytest.param(b'{"a":[{"n":1,"n":1}]}', "duplicate_key", "/a/0/n", id="row 15: inside"),
        pytest.param(b'{"":1,"":1}', "duplicate_key", "/", id="row 15: empty key"),
        pytest.param(nested(DEEPEST + 1), "too_deep", "64", id="row 16: one too deep"),
        pytest.param(nested(2000), "too_deep", "64", id="row 16: beyond the parser"),
        pytest.param(b'{"a":' + b"[" * 100_000, "too_deep", "64", id="row 16: 100 000 arrays"),
        pytest.param(b"[" * 100_000, "too_deep", "64", id="row 16: from the top"),
        pytest.param(b'{"a":' * 100_000, "too_deep", "64", id="row 16: objects"),
        pytest.param(b'{"a":' + b"7" * 5000 + b"}", "number_too_long", "5000", id="row 17"),
        pytest.param(b'{"a":18446744073709551616}', "number_too_long", "/a", id="row 17: 2^64"),
        pytest.param(b'{"a":-9223372036854775809}', "number_too_long", "19 digits", id="negative"),
        pytest.param(b'{"a":{"b":[123456789012345678901]}}', "number_too_long", "/a/b/0", id="in"),
        pytest.param(gzip.compress(b"{}"), "not_json", "gzip", id="row 20: gzip"),
        pytest.param(b"PK\x03\x04{}", "not_json", "zip", id="row 20: zip"),
        pytest.param(b'\n<?xml version="1.0"?>', "not_json", "XML", id="row 20: XML"),
        pytest.param(b'{"s": "\\ud800"}', "invalid_unicode", "/s", id="row 43: half a pair"),
        pytest.param(b'{"\\udfff": 1}', "invalid_unicode", "udfff", id="row 43: in a key"),
        pytest.param(b'{"s": "a\\u0000b"}', "nul_character", "/s", id="row 44: NUL"),
        pytest.param(b'{"s": {"\\u0000": 1}}', "nul_character", "/s/", id="row 44: in a key"),
        pytest.param(b"[]", "no_records", "empty", id="empty array"),
        pytest.param(b"[ \n]", "no_records", "empty", id="empty array with blanks"),
    ],
)
def test_a_bad_file_is_refused_with_its_code_and_its_place(
    data: bytes, code: str, words: str
) -> None:
    why = refusal(data)
    assert why.code == code
    assert words in str(why)
    assert why.hint
    assert str(why).isprintable()
    assert why.pointer == "" or code not in OF_THE_WHOLE_FILE


def test_one_byte_order_mark_is_accepted_and_is_no_part_of_the_record() -> None:
    [record] = decode(b'\xef\xbb\xbf{"orderNo": 1}')
    assert record.body == {"orderNo": 1}
    assert record.raw == b'{"orderNo": 1}'


def test_one_object_has_the_empty_pointer_and_all_the_bytes() -> None:
    data = b' {"a": 1} \n'
    [record] = decode(data)
    assert (record.body, record.pointer, record.raw, record.error) == ({"a": 1}, "", data, None)


def test_each_item_of_an_array_is_a_record_with_its_pointer_and_its_exact_bytes() -> None:
    records = decode(b' [ {"a": 1.0 } ,\n{"b":2}]\n')
    assert [(item.pointer, item.raw, item.body) for item in records] == [
        ("/0", b'{"a": 1.0 }', {"a": 1.0}),
        ("/1", b'{"b":2}', {"b": 2}),
    ]


@pytest.mark.parametrize(
    ("item", "code", "pointer"),
    [
        (b"7", "not_an_object", "/1"),
        (b"[{}]", "not_an_object", "/1"),
        (b'{"n":1,"n":2}', "duplicate_key", "/1/n"),
        (b'{"n":1,"x":{"n":1,"n":2}}', "duplicate_key", "/1/x/n"),
        (b'{"n": NaN}', "non_finite_number", "/1/n"),
        (b'{"n": 1e400}', "non_finite_number", "/1/n"),
        (b'{"n": [NaN]}', "non_finite_number", "/1/n/0"),
        (b'{"n": 123456789012345678901}', "number_too_long", "/1/n"),
        (b'{"n": "\\ud83d"}', "invalid_unicode", "/1/n"),
        (b'{"n": "\\u0000"}', "nul_character", "/1/n"),
        (b'{"n": "caf\xe9!"}', "encoding", "/1"),
        (b'{"n":' + nested(DEEPEST) + b"}", "too_deep", "/1"),
    ],
)
def test_an_item_at_fault_is_refused_alone(item: bytes, code: str, pointer: str) -> None:
    first, second, third = decode(b'[{"a": 1}, ' + item + b' , {"c": "\xc3\xa9"} ]')
    assert first.body == {"a": 1}
    assert third.body == {"c": "é"}
    assert second.body is None
    assert second.raw == item
    assert second.pointer == "/1"
    assert second.error is not None
    assert second.error.why.code == code
    assert second.error.why.pointer == pointer


def test_the_deepest_record_is_accepted_alone_and_in_an_array() -> None:
    assert decode(nested(DEEPEST))[0].error is None
    for start in (b"[", b" ["):
        assert decode(start + nested(DEEPEST) + b',{"a": NaN}]')[0].error is None


def test_brackets_in_texts_are_no_depth() -> None:
    data = json.dumps({"a": '\\"' + "[{" * 500, "b": 1e300}).encode()
    assert decode(data)[0].error is None


def test_an_open_text_full_of_brackets_is_truncated_and_not_deep() -> None:
    assert refusal(b'{"a": "' + b"[" * 500).code == "truncated_json"


@pytest.mark.parametrize("number", [2**64 - 1, 2**63, -(2**63), 0, -1])
def test_integers_of_64_bits_keep_their_digits(number: int) -> None:
    assert decode(b'{"a": %d, "b": 1e30}' % number)[0].body == {"a": number, "b": 1e30}


def test_large_numbers_with_a_point_are_no_long_integers() -> None:
    assert decode(b'{"a": 123456789012345678901234.0}')[0].error is None


def test_a_text_that_looks_like_a_key_is_no_duplicate() -> None:
    body = {"a": 'x":', "b": '":":":', "c": '{"a":1}'}
    for blank in (b"", b"\n"):
        assert decode(blank + json.dumps(body).encode())[0].body == body


def test_an_escaped_backslash_before_u0000_is_no_nul_character() -> None:
    assert decode(rb'{"a": "\\u0000"}')[0].body == {"a": r"\u0000"}


def test_emoji_combining_marks_and_both_halves_of_a_pair_survive() -> None:
    [record] = decode('{"a": "🔧 e\u0301 修理 \\ud83d\\ude00"}'.encode())
    assert record.body == {"a": "🔧 e\u0301 修理 😀"}


def test_pointers_escape_slashes_tildes_and_control_characters() -> None:
    assert refusal(b'{"a/b~c": NaN}').pointer == "/a~1b~0c"
    assert refusal(b'{"a\\nb": NaN}').pointer == "/a\\nb"
    assert refusal('{"größe": NaN}'.encode()).pointer == "/größe"
    assert len(refusal(b'{"' + b"k" * 5000 + b'": NaN}').pointer) < 100


def test_a_refused_value_is_shown_short() -> None:
    assert len(str(refusal(b'{"a":' + b"7" * 5000 + b"}"))) < 300


def test_only_codes_of_unfinished_files_are_incomplete() -> None:
    for data in (b"", b"{", b"{'", b'{"a":1} x', b"\0", b"\xff\xfe", b"\x1f\x8b", b'{"a":NaN'):
        assert incomplete(refusal(data).code)
    for data in (b"[]", b"1", b'{"a":1,"a":1}', b'{"a":"\\u0000"}'):
        assert not incomplete(refusal(data).code)
    assert not incomplete("required")


@UNHURRIED
@given(OBJECTS, SEPARATORS, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_any_object_is_decoded_as_it_is(
    body: dict[str, Any], separators: tuple[str, str], ascii_only: bool, indent: int | str | None
) -> None:
    data = json.dumps(body, separators=separators, ensure_ascii=ascii_only, indent=indent).encode()
    [record] = decode(data)
    assert record.error is None
    assert record.body == body
    assert record.raw == data


@UNHURRIED
@given(st.lists(OBJECTS, min_size=1, max_size=4), SEPARATORS)
def test_any_array_is_decoded_item_by_item(
    bodies: list[dict[str, Any]], separators: tuple[str, str]
) -> None:
    records = decode(json.dumps(bodies, separators=separators).encode())
    assert [record.body for record in records] == bodies
    assert [json.loads(record.raw) for record in records] == bodies
    assert [record.pointer for record in records] == [f"/{index}" for index in range(len(bodies))]


def spelt(pairs: list[tuple[str, Any]], separators: tuple[str, str]) -> bytes:
    comma, colon = separators
    items = (json.dumps(key) + colon + json.dumps(value) for key, value in pairs)
    return ("{" + comma.join(items) + "}").encode()


@UNHURRIED
@given(OBJECTS, TEXTS, st.tuples(JSONS, JSONS), SEPARATORS, st.integers(0, 6))
def test_a_repeated_key_is_always_found(
    body: dict[str, Any],
    key: str,
    values: tuple[Any, Any],
    separators: tuple[str, str],
    place: int,
) -> None:
    pairs = [(key, values[0]), *((name, value) for name, value in body.items() if name != key)]
    pairs.insert(place, (key, values[1]))
    data = spelt(pairs, separators)
    assert refusal(data).code == "duplicate_key"
    assert refusal(b'{"in": [' + data + b', {"x": ":"}]}').code == "duplicate_key"


@UNHURRIED
@given(OBJECTS, st.data())
def test_a_cut_file_is_never_accepted_and_may_still_grow(
    body: dict[str, Any], data: st.DataObject
) -> None:
    whole = orjson.dumps(body) if all_fit(body) else b'{"a": "b"}'
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    why = refusal(part)
    assert why.code == ("truncated_json" if part else "empty_file")
    assert incomplete(why.code)


def all_fit(body: dict[str, Any]) -> bool:
    return bool(orjson.loads(orjson.dumps(body)) == body)


@UNHURRIED
@given(st.binary(max_size=40))
@example(b"\xef\xbb\xbf[")
@example(b"[\xff]")
@example(b'[{"a":"\xff')
def test_any_bytes_raise_nothing_but_record_errors(data: bytes) -> None:
    with contextlib.suppress(RecordError):
        assert decode(data)


JSON_LIKE = st.lists(
    st.sampled_from(
        [
            *(b"{", b"}", b"[", b"]", b",", b":", b'"a"', b'"b"', b'"', b"\\", b"1", b"-", b"e9"),
            *(b" ", b"\n", b"NaN", b"true", b"nul", b"\\ud800", b"\\u0000", b"\xe9", b"\0", b"/"),
        ]
    ),
    max_size=14,
).map(b"".join)


@UNHURRIED
@given(JSON_LIKE)
def test_what_is_accepted_is_what_the_strict_parser_accepts(data: bytes) -> None:
    try:
        records = decode(data)
    except RecordError:
        return
    if all(record.error is None for record in records):
        value = orjson.loads(data)
        assert [record.body for record in records] == (
            value if isinstance(value, list) else [value]
        )


def test_whole_bytes_do_not_end_early() -> None:
    assert not _ends_early(b"{}", "{}")


DOUBTED = b'"t": "\\":", "s": [[], [{}], {}], '
"""Looks like a repeated key at first sight, and has shallow neighbours before the deep value."""


@pytest.mark.parametrize(
    "place", [b"%s", b" [%s]", b'[1, "]", %s]'], ids=["alone", "item", "third"]
)
@pytest.mark.parametrize("doubt", [b"", DOUBTED], ids=["read once", "read twice"])
def test_the_deepest_record_is_accepted_and_a_deeper_one_is_not(place: bytes, doubt: bytes) -> None:
    for deeper in (0, 1):
        depth = DEEPEST - 1 + deeper
        record = b"{" + doubt + b'"a": ' + b"[" * depth + b"]" * depth + b"}"
        try:
            (found,) = [one for one in decode(place % record) if one.raw.lstrip() == record]
            error = found.error
        except RecordError as alone:
            error = alone
        assert (error.why.code if error else "") == ("too_deep" if deeper else "")


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (b'{"n":1}', [({"n": 1}, b'{"n":1}')]),
        (b'{"n":1,"n":2}', [({"n": 2}, b'{"n":1,"n":2}')]),
        (b'{"n":1', [(None, b'{"n":1')]),
        (b"\xff", [(None, b"\xff")]),
        (b"7", [(None, b"7")]),
        (b'{"a":' * 100_000, [(None, b'{"a":' * 100_000)]),
        (
            b'[{"n":1},{"m":NaN,"m":2},7]',
            [({"n": 1}, b'{"n":1}'), ({"m": 2}, b'{"m":NaN,"m":2}'), (None, b"7")],
        ),
    ],
    ids=["good", "refused", "cut", "no text", "no object", "too deep", "an array"],
)
def test_whose_a_refused_record_is_can_still_be_told_so_that_it_can_be_forgotten(
    data: bytes, bodies: list[tuple[dict[str, Any] | None, bytes]]
) -> None:
    assert parsed(data) == bodies
