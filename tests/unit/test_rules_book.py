"""Rules over orders: which are asked, in which order, and what comes out."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.harness import NOW
from tracbridge.config.rules import RuleSource, book_of
from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Fields
from tracbridge.rules.book import Book, Flow, Held, Situation, Verdict, tabled
from tracbridge.rules.spec import Rule, Then

PUMP: Fields = {"status": "pending", "title": "Pump", "description": "", "deleted": False}
WARN = Then(warn="look")


def rule(name: str, then: Then = WARN, when: str = "true", **more: Any) -> Rule:
    return Rule(**{"name": name, "on": "inbound", "when": when, "then": then, **more})


def book(*rules: Rule) -> Book:
    return book_of(RuleSource(rules))


def asked(
    *rules: Rule,
    new: Fields = PUMP,
    old: Fields | None = None,
    flow: Flow = "inbound",
    now: datetime = NOW,
    record: Mapping[str, Any] | None = None,
    transition: bool = False,
) -> Verdict:
    situation = Situation(flow, old, new, now, record or {})
    return book(*rules).judge(situation, transition=transition)


def warned(*rules: Rule, **more: Any) -> list[str]:
    """The rules that say something, in the order in which they do."""
    return [name for name, _ in asked(*rules, **more).warnings]


# -- what comes out ------------------------------------------------------------------------------


def test_without_a_rule_nothing_happens() -> None:
    assert Book().judge(Situation("inbound", None, PUMP, NOW)) == Verdict(PUMP)
    assert asked(rule("a", when="false")) == Verdict(PUMP)


def test_a_warning_is_said_and_the_order_goes_on() -> None:
    assert asked(rule("a"), rule("b", Then(warn=""))) == Verdict(
        PUMP, warnings=(("a", "look"), ("b", ""))
    )


@pytest.mark.parametrize("message", ["not for us", ""])
def test_a_rejected_order_is_refused_with_message_and_rule(message: str) -> None:
    with pytest.raises(RecordError) as caught:
        asked(rule("a", Then(reject=message)), rule("b"))
    why = caught.value.why
    assert (why.code, why.value, why.reason) == ("rejected_by_rule", '"a"', message)
    assert why.hint == "Rule 'a' rejects it."


def test_a_held_order_waits_for_each_rule_that_holds_it() -> None:
    verdict = asked(rule("a", Then(hold="ask Ann")), rule("b", Then(hold="ask Bob")), rule("c"))
    assert verdict.holds == (Held("a", "ask Ann"), Held("b", "ask Bob"))
    assert verdict.warnings == (("c", "look"),)
    why = verdict.holds[0].error().why
    assert (why.code, why.reason, why.value) == ("held_by_rule", "ask Ann", '"a"')
    assert "approve" in why.hint


def test_only_a_book_with_a_holding_rule_asks_for_approvals() -> None:
    assert book(rule("a"), rule("b", Then(hold=""))).holds
    assert not book(rule("a"), rule("b", Then(reject="")), rule("c", Then(ignore=""))).holds
    assert not Book().holds


def test_after_an_order_is_ignored_no_more_rules_are_asked() -> None:
    rejects = rule("c", Then(reject="no"))
    verdict = asked(rule("a"), rule("b", Then(ignore="old plant")), rejects, rule("d"))
    assert verdict == Verdict(PUMP, ignored="old plant", warnings=(("a", "look"),))
    assert asked(rule("b", Then(ignore="")), rejects).ignored == "b"


def test_the_first_that_decides_decides() -> None:
    rejects, ignores = rule("a", Then(reject="no")), rule("b", Then(ignore="yes"))
    assert asked(ignores, rejects).ignored == "yes"
    with pytest.raises(RecordError):
        asked(rejects, ignores)
    with pytest.raises(RecordError):
        asked(rule("h", Then(hold="")), rejects)


def test_what_is_set_is_what_the_rules_after_it_see() -> None:
    first = rule("a", Then(set={"title": "new.title + '!'", "ext.n": "1 + 1"}), priority=2)
    second = rule("b", Then(set={"title": "new.title + '?'"}), "new.ext.n == 2", priority=1)
    verdict = asked(first, second, rule("c", when="new.title == 'Pump!?' && old.title == null"))
    assert verdict.new == {**PUMP, "title": "Pump!?", "ext.n": 2}
    assert (verdict.by, verdict.warnings) == (("a", "b"), (("c", "look"),))


def test_all_that_one_rule_sets_is_computed_before_any_of_it_is_set() -> None:
    swap = Then(set={"title": "new.description", "description": "new.title"})
    assert asked(rule("a", swap)).new == {**PUMP, "title": "", "description": "Pump"}


def test_what_was_given_is_not_changed() -> None:
    given_fields = dict(PUMP)
    asked(rule("a", Then(set={"title": "'x'"})), new=given_fields)
    assert given_fields == PUMP


def test_a_field_may_be_emptied() -> None:
    assert asked(rule("a", Then(set={"title": "''", "ext.n": "null"}))).new == {
        **PUMP,
        "title": "",
        "ext.n": None,
    }


@pytest.mark.parametrize(
    ("field", "source", "fault"),
    [
        ("status", "'done'", 'status is set to "done", which is none of pending, in_progress'),
        ("status", "null", "status is set to None, which is none of pending"),
        ("status", "true", "status is set to True, which is none of pending"),
        ("title", "null", "title is set to None, which is no text"),
        ("description", "5", "description is set to 5, which is no text"),
        ("deleted", "now", "which is neither true, false nor an instant: timestamp(now)"),
        ("deleted", "null", "which is neither true, false nor an instant: timestamp(now)"),
        ("ext.n", "18446744073709551615u", "which is beyond 64 bits"),
        ("ext.n", "1.0 / 0.0", "ext.n is set to inf, which is no number that can be kept"),
        ("ext.n", "double('nan')", "ext.n is set to nan, which is no number that can be kept"),
    ],
)
def test_what_a_field_never_holds_is_not_set(field: str, source: str, fault: str) -> None:
    with pytest.raises(RecordError) as caught:
        asked(rule("odd", Then(set={field: source})))
    why = caught.value.why
    assert (why.code, why.value) == ("rule_error", '"odd"')
    assert fault in why.reason


@pytest.mark.parametrize(
    ("field", "source", "value"),
    [
        ("status", "'on_hold'", "on_hold"),
        ("deleted", "false", False),
        ("deleted", "timestamp('2026-03-20T12:00:00.123456Z')", NOW.replace(microsecond=123_000)),
        ("ext.at", "timestamp('2026-03-20T09:00:00.000999-03:00')", NOW),
        ("ext.n", "-9223372036854775808", -(2**63)),
        ("ext.n", "1.5", 1.5),
    ],
)
def test_what_is_set_is_as_fields_hold_it(field: str, source: str, value: object) -> None:
    found = asked(rule("a", Then(set={field: source}))).new[field]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("then", "when", "words"),
    [
        (WARN, "new.ext.nothing == 1", "nothing"),
        (WARN, "new.title", "its when is neither true nor false"),
        (WARN, "1", "its when is neither true nor false"),
        (WARN, "null", "its when is neither true nor false"),
        (Then(set={"title": "new.ext.nothing"}), "true", "nothing"),
        (Then(set={"title": "[1]"}), "true", "no single value"),
    ],
)
def test_what_cannot_be_judged_does_not_pass(then: Then, when: str, words: str) -> None:
    with pytest.raises(RecordError) as caught:
        asked(rule("odd", then, when), rule("b"))
    why = caught.value.why
    assert (why.code, why.value) == ("rule_error", '"odd"')
    assert words in why.reason
    assert "'odd'" in why.hint


# -- what a rule sees ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    [
        "old.status == null && old.title == null && old.description == null",
        "old.deleted == null && !has(old.ext.asset)",
        "new.status == 'pending' && new.deleted == false",
        "new.ext.asset == 'P-1' && new.ext['a.b'] == 2",
        "record.orderNo == 7 && !has(record.none)",
        "timestamp(now) == timestamp('2026-03-20T12:00:00Z')",
    ],
)
def test_a_new_order_is_seen_with_null_for_what_was_not_there(when: str) -> None:
    new = {**PUMP, "ext.asset": "P-1", "ext.a.b": 2}
    assert warned(rule("a", when=when), new=new, record={"orderNo": 7}) == ["a"]


def test_an_old_order_is_seen_as_it_was() -> None:
    when = "old.status == 'pending' && new.status == 'completed' && old.ext.n == 1"
    new, old = {**PUMP, "status": "completed"}, {**PUMP, "ext.n": 1}
    assert warned(rule("a", when=when), new=new, old=old) == ["a"]
    assert warned(rule("a", when=when), new=new, old={**old, "status": "on_hold"}) == []


@given(
    st.dictionaries(
        st.sampled_from(["status", "title", "ext.a", "ext.b.c", "ext."]), st.integers(), max_size=5
    )
)
def test_each_field_has_its_place_in_the_table(given_fields: dict[str, int]) -> None:
    table = tabled(given_fields)
    for name, value in given_fields.items():
        place = table["ext"] if name.startswith("ext.") else table
        assert place[name.removeprefix("ext.")] == value
    assert set(table) == {"status", "title", "description", "deleted", "ext"}
    assert len(table["ext"]) == sum(name.startswith("ext.") for name in given_fields)


# -- which rules are asked -----------------------------------------------------------------------

KINDS = ("inbound", "outbound", "transition", "inbound transition", "outbound transition")


@pytest.mark.parametrize(
    ("flow", "transition", "asks"),
    [
        ("inbound", False, {"inbound"}),
        ("outbound", False, {"outbound"}),
        ("inbound", True, {"transition", "inbound transition"}),
        ("outbound", True, {"transition", "outbound transition"}),
    ],
)
def test_a_rule_is_asked_of_what_it_is_about(flow: Flow, transition: bool, asks: set[str]) -> None:
    rules = [rule(kind, on=kind) for kind in KINDS]
    assert set(warned(*rules, flow=flow, transition=transition)) == asks


def test_a_rule_may_be_about_several() -> None:
    both = rule("a", on=["outbound", "inbound transition"])
    assert warned(both, flow="outbound") == ["a"]
    assert warned(both, flow="inbound", transition=True) == ["a"]
    assert warned(both, flow="inbound") == []
    assert warned(both, flow="outbound", transition=True) == []


DAY = date(2026, 3, 20)
FIRST = datetime(2026, 3, 20, tzinfo=UTC)
LAST = FIRST + timedelta(days=1, microseconds=-1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("from_", "until", "now", "counts"),
    [
        (DAY, None, FIRST, True),
        (DAY, None, FIRST - TICK, False),
        (DAY, None, LAST + timedelta(days=900), True),
        (None, DAY, LAST, True),
        (None, DAY, LAST + TICK, False),
        (None, DAY, FIRST - timedelta(days=900), True),
        (DAY, DAY, FIRST, True),
        (DAY, DAY, LAST, True),
        (DAY, DAY, FIRST - TICK, False),
        (DAY, DAY, LAST + TICK, False),
    ],
)
def test_a_rule_counts_on_its_days_both_included(
    from_: date | None, until: date | None, now: datetime, counts: bool
) -> None:
    assert warned(rule("a", from_=from_, until=until), now=now) == (["a"] if counts else [])


@pytest.mark.parametrize("hours", [-12, -3, 0, 14])
def test_the_days_are_those_of_utc_whatever_the_clock_says(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    for now, counts in ((FIRST, True), (FIRST - TICK, False), (LAST, True), (LAST + TICK, False)):
        found = warned(rule("a", from_=DAY, until=DAY), now=now.astimezone(zone))
        assert found == (["a"] if counts else [])


def test_rules_with_a_higher_priority_are_asked_first_then_those_before_in_the_file() -> None:
    rules = [rule("a"), rule("b", priority=-1), rule("c", priority=5), rule("d"), rule("e")]
    assert warned(*rules) == ["c", "a", "d", "e", "b"]


SOME = (
    rule("reject", Then(reject="no"), "new.title.size() > 8"),
    rule("hold", Then(hold="wait"), "new.title.contains('!')"),
    rule("ignore", Then(ignore="away"), "new.title.contains('?')"),
    rule("warn", when="new.title.startsWith('P')"),
    rule("longer", Then(set={"title": "new.title + new.title"})),
    rule("louder", Then(set={"title": "new.title + '!'"}), "new.title.size() < 6"),
)


@given(
    st.permutations(SOME), st.permutations(range(6)), st.sampled_from(["P", "Pump", "?", "Pum!"])
)
def test_the_order_in_the_file_is_nothing_where_priorities_differ(
    rules: list[Rule], priorities: list[int], title: str
) -> None:
    ranked = {one.name: n for one, n in zip(SOME, priorities, strict=True)}
    shuffled = [replace(one, priority=ranked[one.name]) for one in rules]
    straight = [replace(one, priority=ranked[one.name]) for one in SOME]
    assert outcome(shuffled, title) == outcome(straight, title)


@given(st.permutations(SOME), st.sampled_from(["P", "Pump", "?", "Pum!"]))
def test_with_one_priority_for_all_the_order_in_the_file_counts(
    rules: list[Rule], title: str
) -> None:
    descending = [replace(one, priority=-n) for n, one in enumerate(rules)]
    assert outcome(rules, title) == outcome(descending, title)


def outcome(rules: list[Rule], title: str) -> object:
    try:
        return asked(*rules, new={**PUMP, "title": title})
    except RecordError as error:
        return str(error)
