"""Expressions: what they are good for, and what hostile ones may cost.

Nothing is said of time: what would take long is stopped by a budget, and that is what is seen here.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import NOW
from tracbridge.expression.program import (
    LARGEST,
    LONGEST,
    MEMORY,
    ExpressionError,
    Program,
    program,
)

SCOPE: Mapping[str, Any] = {
    "new": {"status": "completed", "title": "Pump P-101", "ext": {"priority": 3, "cost": 1.5}},
    "old": {"status": "pending", "title": None, "deleted": False},
    "record": {"lines": [{"n": 1}, {"n": 2}], "äé": "ü", "a-b": True},
    "now": NOW,
}


def value(source: str, scope: Mapping[str, Any] = SCOPE) -> Any:
    return program(source, scope)(scope)


def refusal(source: str, scope: Mapping[str, Any] = SCOPE) -> str:
    with pytest.raises(ExpressionError) as caught:
        value(source, scope)
    return str(caught.value)


# -- ordinary ones -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("new.status == 'completed'", True),
        ("new.status != old.status && new.ext.priority > 2", True),
        ("old.title == null", True),
        ("has(new.ext.priority)", True),
        ("has(new.ext.nothing)", False),
        ("has(new.ext.nothing) ? new.ext.nothing : 'none'", "none"),
        ("new.title.startsWith('Pump') || new.title.contains('x')", True),
        ("new.title.matches('P-[0-9]+$')", True),
        ("new.title + '!'", "Pump P-101!"),
        ("new.title.size()", 10),
        ("new.title.lowerAscii()", "pump p-101"),
        ("new.title.replace('Pump', 'Valve')", "Valve P-101"),
        ("new.title.split(' ')[1]", "P-101"),
        ("new.ext.priority * 2 + 1", 7),
        ("new.ext.cost * 2.0", 3.0),
        ("string(new.ext.priority)", "3"),
        ("int('42')", 42),
        ("7 / 2", 3),
        ("record.lines.size()", 2),
        ("record.lines[1].n", 2),
        ("record.lines.exists(line, line.n == 2)", True),
        ("record.lines.all(line, line.n == 2)", False),
        ("record['äé']", "ü"),
        ("record.`a-b`", True),
        ("new.status in ['completed', 'cancelled']", True),
        ("timestamp(now) > timestamp('2026-01-01T00:00:00Z')", True),
        ("timestamp(now).getFullYear()", 2026),
        ("timestamp(now)", NOW),
        ("timestamp(now) + duration('1h')", NOW + timedelta(hours=1)),
        ("now", "2026-03-20T12:00:00.000Z"),
        ("old.deleted", False),
        ("null", None),
        ("''", ""),
    ],
)
def test_an_ordinary_expression_has_its_value(source: str, expected: object) -> None:
    found = value(source)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 20, 12, 0, 0, 999_999, tzinfo=UTC), "2026-03-20T12:00:00.999Z"),
        (
            datetime(2026, 3, 20, 9, tzinfo=timezone(-timedelta(hours=3))),
            "2026-03-20T12:00:00.000Z",
        ),
    ],
)
def test_an_instant_is_seen_as_text_in_utc_wherever_it_stands(moment: datetime, text: str) -> None:
    assert value("x", {"x": moment}) == text
    assert value("x.y[0].z", {"x": {"y": [{"z": moment}]}}) == text
    assert value("timestamp(x) == timestamp(y)", {"x": moment, "y": text}) is True


def test_one_program_is_asked_again_and_again() -> None:
    compiled = program("x + 1", ["x"])
    assert [compiled({"x": number}) for number in (1, 2, 3)] == [2, 3, 4]
    assert compiled.source == "x + 1"


def test_what_is_not_asked_for_may_be_there() -> None:
    assert program("x", ["x"])({"x": 1, "y": object()} | {"y": 2}) == 1


@given(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
)
def test_a_value_goes_in_and_comes_out_as_it_is(given_value: Any) -> None:
    found = value("x", {"x": given_value})
    assert (found, type(found)) == (given_value, type(given_value))
    assert value("x.y[0] == x.z", {"x": {"y": [given_value], "z": given_value}}) is True


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_comes_out_cut_to_milliseconds(moment: datetime) -> None:
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert value("timestamp(x)", {"x": moment}) == cut


# -- what cannot be understood, or has no value --------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "Syntax error"),
        ("1 +", "1:4: Syntax error"),
        ("'open", "Syntax error"),
        ("nothing", "undeclared reference to 'nothing'"),
        ("nothing(1)", "undeclared reference to 'nothing'"),
        ("new.title.nothing()", "undeclared reference to 'nothing'"),
        ("status == 'x'", "undeclared reference to 'status'"),
        ("1 + 'a'", "no matching overload"),
        ("true ? 1 : 'a'", "no matching overload"),
        ("__import__('os')", "undeclared reference to '__import__'"),
        ("new = 1", "Syntax error"),
        ("for x in y: z", "reserved identifier"),
        ("99999999999999999999", "invalid int literal"),
        ("'\\ud800'", "Invalid string literal"),
    ],
)
def test_what_cannot_be_understood_is_refused_when_it_is_read(source: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        program(source, SCOPE)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("new.nothing", '"nothing"'),
        ("new.ext.nothing.more", '"nothing"'),
        ("record.lines[2].n", "Index error"),
        ("new.ext.priority > 'x'", "No matching overloads"),
        ("new.status + 1", "No matching overloads"),
        ("new.status.__class__", "SELECT"),
        ("now > timestamp('2026-01-01T00:00:00Z')", "No matching overloads"),
        ("timestamp('yesterday')", "String to Timestamp"),
        ("int(new.status)", "cannot convert string to int"),
        ("1 / 0", "divide by zero"),
        ("new.ext.priority % 0", "modulus by zero"),
        ("9223372036854775807 + new.ext.priority", "integer overflow"),
        ("-9223372036854775807 * new.ext.priority", "integer overflow"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('100000h')", "overflow"),
        ("'%.100000000f'.format([1.0])", "precision"),
        ("'abc'.substring(9)", "substring"),
        ("new.title.matches('[')", "invalid regular expression"),
        ("new.title.matches('(?=a)')", "invalid regular expression"),
    ],
)
def test_what_has_no_value_is_an_expression_error(source: str, words: str) -> None:
    message = refusal(source)
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "source",
    ["[1, 2]", "{'a': 1}", "new", "record.lines", "duration('1h')", "b'ab'", "type(1)", "int"],
)
def test_a_result_is_a_single_value(source: str) -> None:
    assert refusal(source).startswith("the result is no single value but ")


@pytest.mark.parametrize("odd", [2**70, -(2**70), {1, 2}, object(), 1j, NOW.date()])
def test_what_cel_does_not_know_is_no_value(odd: object) -> None:
    refusal("x.y == 1", {"x": {"y": odd}})


def test_a_name_without_a_value_is_no_value() -> None:
    with pytest.raises(ExpressionError, match="x"):
        program("x", ["x"])({})


def test_a_record_that_is_nested_without_end_is_no_value() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    refusal("has(record.a)", {"record": deep})


# -- hostile ones --------------------------------------------------------------------------------


def test_an_expression_has_a_longest() -> None:
    assert value("1" + " " * (LONGEST - 1)) == 1
    message = refusal("1" + " " * LONGEST)
    assert message == "an expression has at most 2,000 characters; this one has 2,001"


@pytest.mark.parametrize(
    ("opens", "middle", "closes"),
    [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{1:", "1", "}"),
        ("!(", "true", ")"),
        ("true?(", "1", "):1"),
        ("size([", "1", "])"),
        ("[1].map(x,", "1", ")"),
        ("", "1", "+1"),
        ("", "new", ".a"),
        ("", "new", "[0]"),
        ("", "'a'", ".trim()"),
        ("1+(", "1", ")"),
    ],
)
def test_depth_is_bounded_however_it_is_made(opens: str, middle: str, closes: str) -> None:
    times = (LONGEST - len(middle)) // len(opens + closes)
    message = refusal(opens * times + middle + closes * times)
    assert "recursion" in message


TEN = "[0,1,2,3,4,5,6,7,8,9]"


@pytest.mark.parametrize(
    "macro", ["all(x{n}, {inner})", "exists(x{n}, x{n} > 9 || ({inner}) && false)"]
)
@pytest.mark.parametrize("levels", [4, 6, 8])
def test_loops_within_loops_are_stopped_by_a_budget(macro: str, levels: int) -> None:
    inner = "true"
    for n in range(levels):
        inner = f"{TEN}.{macro.format(n=n, inner=inner)}"
    assert "Iteration budget exceeded" in refusal(inner)


@pytest.mark.parametrize(
    "source",
    [
        "x.all(i, i >= 0)",
        "x.exists(i, i < 0)",
        "x.exists_one(i, i == 1)",
        "x.all(i, x.all(j, x.all(k, true)))",
    ],
)
def test_a_long_list_of_his_is_not_walked_to_its_end(source: str) -> None:
    message = "a list or table has more than 1,000 items: it has 20,000"
    assert refusal(source, {"x": list(range(20_000))}) == message
    assert refusal("x.y.size()", {"x": {"y": {str(n): n for n in range(1_001)}}}) == (
        "a list or table has more than 1,000 items: it has 1,001"
    )
    assert value("x.filter(i, i >= 0).size()", {"x": list(range(1_000))}) == 1_000


@pytest.mark.parametrize("source", ["x.split('').all(i, true)", "x.all(i, x.all(j, true))"])
def test_many_turns_are_stopped_by_a_budget(source: str) -> None:
    long = "a" * 20_000 if "split" in source else list(range(1_000))
    assert "Iteration budget exceeded" in refusal(source, {"x": long})


def sums(number: int) -> str:
    """``x`` so many times, added in pairs: no deeper than needed."""
    half = number // 2
    return "x" if number == 1 else f"({sums(half)} + {sums(number - half)})"


GROWING = [
    '"x"' + ".replace('t','tttttttttt')" * 30,
    "x" + ".replace('t','tttttttttt')" * 2,
    "x.replace(x, x)",
    "x.replace('', x)",
    "x.replace('a', y)",
    "x.format([x])",
    "x.join(y)",
    "'%s'.format([x])" + ".replace('', '%')" * 8,
    "[x]" + ".map(y, y + y)" * 24 + "[0].size()",
    "[x]" + ".map(y, [y, y].join())" * 24 + "[0].size()",
    "[[x]].map(a, a.map(b, b + b + b + b + b + b + b + b + b + b + b + b)[0])[0]",
    "x.map(i, i + y)",
    "x.exists(i, i + y == 'a')",
    "x.map(i, x.map(j, j))",
    "x.split(',').map(i, i)",
    "x.split('').filter(i, true)",
    f"{sums(200)}.size()",
    "bytes(x) == " + " + ".join(["bytes(x)"] * 20),
    "strings.quote(strings.quote(strings.quote(strings.quote(strings.quote(strings.quote(x))))))",
    "{'a': x}.map(k, k + x)",
]


@pytest.mark.parametrize("source", GROWING, ids=range(len(GROWING)))
def test_what_may_grow_too_far_is_refused_when_it_is_read(source: str) -> None:
    with pytest.raises(ExpressionError, match="more than 80 MB of memory"):
        program(source, ["x", "y"])


HEAVY = [
    sums(16),
    "x.replace('t', 'tttttttt').replace('tt', 'ttt').replace('ttt', 'tttt')",
    "x.split('').size()",
    "x.split('').exists(i, i + 'b' == 'tb')",
    "x.split('', 1000).map(i, i + 'b').filter(i, true).join(', ')",
    "'%s %s'.format([x, x]).upperAscii().reverse()",
    "[x, x].map(i, i + i)[0]",
    "l.map(i, i + 'b').map(i, i.trim()).join(', ')",
    "l.map(i, i).size() + l.filter(i, true).size()",
]

MEASURED = """
import resource, sys
from tracbridge.expression.program import ExpressionError, program

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

scope = {"x": "t" * 1_000_000, "l": ["t" * 900] * 1_000}
program("x.size()", ["x"])(scope)
for source in sys.argv[1:]:
    before = peak()
    compiled = program(source, scope)
    try:
        compiled(scope)
    except ExpressionError:
        pass
    print(peak() - before)
"""


def test_what_is_accepted_stays_within_its_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *HEAVY], capture_output=True, text=True, check=True
    )
    assert sum(map(int, done.stdout.split())) < 1.5 * MEMORY / 1e6


def test_what_was_read_is_still_refused_for_more_than_it_can_take() -> None:
    compiled = program(sums(16), ["x"])
    with pytest.raises(ExpressionError) as caught:
        compiled({"x": "t" * 2_000_000})
    assert str(caught.value) == (
        "it may take more than 80 MB of memory for 2,000,032 bytes that it asks for"
    )


@pytest.mark.parametrize(
    "source",
    [
        "new.description.replace('Ms Miller', 'the planner')",
        "order.number + ': ' + order.title + ' ' + order.a + '/' + order.b + '/' + order.c",
        "record.tags.split(',', 100).map(t, t.trim()).join(', ')",
        "record.lines.exists(a, record.lines.exists(b, a.x == b.y && a.n > b.n))",
        "record.lines.map(l, l.text.trim() + '!').join(', ')",
        "timestamp(now) - timestamp(record.at) > duration('720h')",
        "'%s of %d: %.2f'.format([order.title, order.n, order.cost])",
        "new.status in ['a', 'b'] && record.list.all(i, i.startsWith(new.title))",
        "google.protobuf.Struct{fields: {'a': record.b}} == record.c",
    ],
)
def test_what_people_write_is_accepted(source: str) -> None:
    program(source, ["new", "order", "record", "now"])


# -- what goes in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope", [{"x": "a\0b"}, {"x": {"y": ["a\0"]}}, {"x": {"\0": 1}}, {"x": {"a\0b": 1}}]
)
def test_a_text_with_nul_is_not_cut_but_refused(scope: Mapping[str, Any]) -> None:
    assert refusal("x == null", scope) == "a text with NUL cannot be judged"


@pytest.mark.parametrize("source", ["'\ud800'", "x\0 == 1", "\udfff"])
def test_what_is_no_text_is_no_expression(source: str) -> None:
    message = refusal(source, {"x": 1})
    assert message == "an expression has no NUL and no half of a surrogate pair"


def test_half_of_a_surrogate_pair_is_no_value() -> None:
    assert "surrogates not allowed" in refusal("x == 'a'", {"x": "a\ud800"})


def test_what_is_not_asked_for_is_not_looked_at() -> None:
    record = {"kind": "a", "long": list(range(5_000)), "odd": "\0", "a-b": 1, "deep": object()}
    assert value("record.kind == 'a' && record['a-b'] == 1", {"record": record}) is True
    assert value("has(record.kind) && !has(record.none)", {"record": record}) is True
    refusal("record.odd == ''", {"record": record})
    refusal("record == null", {"record": record})


def test_no_memory_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def eval(self, data: object) -> None:
            raise MemoryError

    compiled = program("x", ["x"])
    with pytest.raises(ExpressionError, match="more memory than there is"):
        Program("x", Full(), compiled.need)({"x": 1})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[1][5] == 1", "Index error: index=5 size=1"),
        ("'a'.charAt(5) == 'b'", "<pos> is greater than <string>.size()"),
        ("[0,1,2,3,4,5,6,7,8,9].all(a, x.all(b, x.all(c, true)))", "Iteration budget exceeded"),
        ("9223372036854775807 + 1 == 1", "integer overflow"),
    ],
)
def test_no_codes_of_the_library_are_told(source: str, message: str) -> None:
    found = refusal(source, {"x": list(range(100))})
    assert message in found
    assert not re.search(r"[A-Z]{5,}", found)


def test_three_loops_over_ten_are_within_the_budget() -> None:
    assert value(f"{TEN}.all(a, {TEN}.all(b, {TEN}.all(c, a + b + c < 28)))") is True


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("^(a+)+$", False),
        ("^(a|a)*$", False),
        ("^(a|aa)+$", False),
        ("^(.*a){12}$", False),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", False),
        ("(a*)*b?!$", True),
    ],
)
def test_a_pattern_that_explodes_elsewhere_is_answered(pattern: str, matches: bool) -> None:
    assert value("x.matches(y)", {"x": "a" * 5_000 + "!", "y": pattern}) is matches


@pytest.mark.parametrize(
    "pattern", ["((a{1,1000}){1,1000}){1,1000}", "(x{1000}){1000}", "(?P<a", "\\"]
)
def test_a_pattern_that_is_too_large_or_none_is_refused(pattern: str) -> None:
    assert "invalid regular expression" in refusal("'a'.matches(y)", {"y": pattern})


def test_a_text_that_comes_out_has_a_largest() -> None:
    assert value("x", {"x": "a" * LARGEST}) == "a" * LARGEST
    assert refusal("x + 'a'", {"x": "a" * LARGEST}) == "the result has more than 10,000 characters"
    assert value("(x + x).size()", {"x": "a" * LARGEST}) == 2 * LARGEST


def outcome(source: str, scope: Mapping[str, Any] = SCOPE) -> object:
    try:
        return value(source, scope)
    except ExpressionError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either is right)
        return None


PLAIN = (str, int, float, bool, datetime, type(None))


@given(st.text(max_size=200))
def test_any_text_has_a_plain_value_or_is_an_expression_error(source: str) -> None:
    assert isinstance(outcome(source), PLAIN)


WORDS = st.sampled_from(
    [
        *("new", "old", "record", "now", ".status", ".ext", ".lines", ".title", "[0]", "[-1]"),
        *("1", "-1", "0", "2.5", "'a'", "''", "true", "null", "5u", "b'x'", "9223372036854775807"),
        *("+", "-", "*", "/", "%", "==", "<", "&&", "||", "!", "?", ":", "in", "(", ")", "[", "]"),
        *(",", "{", "}", "has(", "size(", "string(", "int(", "timestamp(", "duration(", "x"),
        *(".map(x,", ".all(x,", ".filter(x,", ".matches(", ".split(", ".format(", ".charAt("),
    ]
)


@given(st.lists(WORDS, max_size=20))
def test_any_row_of_words_has_a_plain_value_or_is_an_expression_error(words: list[str]) -> None:
    assert isinstance(outcome(" ".join(words)), PLAIN)


RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below),
    max_leaves=8,
)


@given(
    RECORDS,
    st.sampled_from(
        ["x", "x.a", "x[0]", "x.size()", "x == x", "x < 1", "x ? 1 : 2", "string(x)", "x in [x]"]
    ),
)
def test_any_record_gives_a_plain_value_or_an_expression_error(record: Any, source: str) -> None:
    assert isinstance(outcome(source, {"x": record}), PLAIN)
