"""Recorded inputs through two set-ups: how each order ends, and where they differ."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import NOW, order
from tests.mappings import flags, mapping
from tracbridge.config.rules import RuleSource, book_of
from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Fields
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.route import Graph
from tracbridge.ports.connector import Record
from tracbridge.proof.replay import APPLIED, Course, Difference, End, Setup, differences
from tracbridge.rules.spec import Rule, Then

FLAGS = flags()
UPPER: dict[str, Any] = {
    "mapping": "upper",
    "key": {"path": "orderNo", "as": "text", "scope": "plant"},
    "fields": {"description": {"path": "text"}},
}


def rule(name: str, then: Then, when: str = "true", **more: Any) -> Rule:
    return Rule(**{"name": name, "on": "inbound", "when": when, "then": then, **more})


def course(*rules: Rule, spelt: Declared = FLAGS) -> Course:
    return Course(Setup(spelt, book_of(RuleSource(rules))))


def record(number: int = 7, status: str = "pending", **over: Any) -> Record:
    return Record(order(number, status, **over), source="f.json", pointer="/0")


def shown(number: int, status: str = "pending") -> Fields:
    made = FLAGS.from_customer(order(number, status)).fields
    return dict(made)


# -- one course ----------------------------------------------------------------------------------


def test_a_record_without_rules_is_applied_as_the_mapping_says() -> None:
    taken = course()
    taken.customer(record(7, "pending"), NOW)
    assert taken.ends == {"7": End(APPLIED, shown(7))}


def test_the_last_record_of_an_order_counts_and_what_it_does_not_say_stays() -> None:
    taken = course()
    taken.begin("7", {"status": "on_hold", "title": "Ours", "description": "Old"})
    taken.customer(record(7, "pending"), NOW)
    taken.customer(record(7, "completed"), NOW)
    assert taken.ends["7"].fields == {**shown(7, "completed"), "title": "Ours"}


def test_an_edit_of_tracos_changes_its_fields_only() -> None:
    taken = course()
    taken.customer(record(7), NOW)
    taken.tracos("7", {"title": "Ours"}, NOW)
    assert taken.ends["7"] == End(APPLIED, {**shown(7), "title": "Ours"})
    taken.tracos("8", {"title": "New"}, NOW)
    assert taken.ends["8"] == End(APPLIED, {"title": "New"})


def test_the_first_word_on_how_an_order_stood_counts() -> None:
    taken = course()
    taken.begin("7", {"status": "pending"})
    taken.begin("7", {"status": "completed"})
    taken.begin("8", None)
    assert taken.ends == {"7": End("", {"status": "pending"}), "8": End()}


def test_an_order_is_named_by_its_key_its_scope_or_its_place() -> None:
    assert course().name(record(7)) == "7"
    assert course().name(record(7, orderNo="x")) == "f.json /0"
    assert course().name(Record(None, source="f.json")) == "f.json"
    scoped = course(spelt=mapping(UPPER))
    assert scoped.name(Record({"orderNo": "A1", "plant": "BR01"})) == "BR01/A1"
    assert scoped.name(Record({"orderNo": "A1"})) == "A1"


REFUSED = RecordError("broken", "is no JSON.")


@pytest.mark.parametrize(
    ("broken", "name", "outcome"),
    [
        (record(7, summary=...), "7", "refused: /summary is missing or null."),
        (Record(None, source="f.json", error=REFUSED), "f.json", "refused: is no JSON."),
        (Record(None, source="f.json"), "f.json", "refused: no content"),
    ],
)
def test_what_cannot_be_read_is_refused_and_changes_nothing(
    broken: Record, name: str, outcome: str
) -> None:
    taken = course()
    taken.begin(name, {"status": "on_hold"})
    taken.customer(broken, NOW)
    assert taken.ends[name].outcome.startswith(outcome)
    assert taken.ends[name].fields == {"status": "on_hold"}


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        (Then(reject="no"), "refused: "),
        (Then(hold="ask"), "held by rule 'a'"),
        (Then(ignore="away"), "ignored: away"),
        (Then(ignore=""), "ignored: a"),
    ],
)
@pytest.mark.parametrize("on", ["inbound", "transition", "inbound transition"])
def test_what_a_rule_stops_leaves_the_order_as_it_was(then: Then, outcome: str, on: str) -> None:
    taken = course(rule("a", then, "new.status == 'completed'", on=on))
    taken.customer(record(7, "pending"), NOW)
    taken.customer(record(7, "completed"), NOW)
    assert taken.ends["7"].outcome.startswith(outcome)
    assert taken.ends["7"].fields == shown(7)


def test_what_a_rule_sets_is_what_the_order_gets_and_a_warning_stops_nothing() -> None:
    sets = rule("a", Then(set={"title": "record.summary + '!'"}))
    taken = course(sets, rule("b", Then(warn="look")))
    taken.customer(record(7, summary="Pump"), NOW)
    fields = taken.ends["7"].fields
    assert fields is not None
    assert (taken.ends["7"].outcome, fields["title"]) == (APPLIED, "Pump!")


def test_a_transition_is_asked_only_where_a_known_order_changes_its_status() -> None:
    gate = rule("gate", Then(reject="no"), on="transition")
    taken = course(gate)
    taken.customer(record(7, "pending"), NOW)
    taken.customer(record(7, "pending", summary="Other"), NOW)
    assert taken.ends["7"].outcome == APPLIED
    taken.customer(record(7, "on_hold"), NOW)
    assert taken.ends["7"].outcome.startswith("refused: ")


def test_a_transition_is_seen_with_what_the_rules_before_have_set() -> None:
    reopens = rule("a", Then(set={"status": "'on_hold'"}), "new.status == 'completed'")
    gate = rule("b", Then(hold=""), "new.status == 'on_hold'", on="transition")
    taken = course(reopens, gate)
    taken.customer(record(7), NOW)
    taken.customer(record(7, "completed"), NOW)
    assert taken.ends["7"].outcome == "held by rule 'b'"


def test_an_edit_of_tracos_is_judged_by_the_rules_about_what_goes_out() -> None:
    taken = course(
        rule("in", Then(reject="no"), "new.status == 'completed'"),
        rule("out", Then(hold=""), "old.status == 'pending' && new.title == 'x'", on="outbound"),
        rule("turn", Then(ignore="away"), "new.status == 'cancelled'", on="outbound transition"),
    )
    taken.customer(record(7), NOW)
    taken.tracos("7", {"title": "x"}, NOW)
    assert taken.ends["7"].outcome == "held by rule 'out'"
    taken.tracos("7", {"status": "cancelled"}, NOW)
    assert taken.ends["7"].outcome == "ignored: away"
    taken.tracos("7", {"status": "completed"}, NOW)
    assert taken.ends["7"].outcome == APPLIED


def test_what_is_held_is_held_although_a_later_rule_would_ignore_it() -> None:
    holds = rule("first", Then(hold="ask"), priority=9)
    taken = course(holds, rule("then", Then(ignore="away")))
    taken.customer(record(7), NOW)
    assert taken.ends["7"].outcome == "held by rule 'first'"


@pytest.mark.parametrize(
    ("then", "outcome"), [(Then(reject="no"), "refused: "), (Then(hold=""), "held by rule 'gate'")]
)
def test_a_change_of_the_status_is_judged_although_the_record_is_ignored(
    then: Then, outcome: str
) -> None:
    ignores = rule("away", Then(ignore="away"), "new.status == 'completed'")
    taken = course(ignores, rule("gate", then, on="transition"))
    taken.customer(record(7), NOW)
    taken.customer(record(7, "completed"), NOW)
    assert taken.ends["7"].outcome.startswith(outcome)
    taken.begin("8", None)
    taken.customer(record(8, "completed"), NOW)
    assert taken.ends["8"].outcome == "ignored: away"


def test_a_record_is_judged_by_what_it_says_and_a_transition_by_the_whole_order() -> None:
    taken = course(
        rule("says", Then(ignore="says a title"), "new.title != null"),
        rule("whole", Then(hold=""), "new.title == 'Ours'", on="transition"),
    )
    taken.begin("7", {"status": "pending", "title": "Ours"})
    taken.customer(record(7, "pending"), NOW)
    assert taken.ends["7"].outcome == APPLIED
    taken.customer(record(7, "completed"), NOW)
    assert taken.ends["7"].outcome == "held by rule 'whole'"


def test_tracos_own_transitions_refuse_what_the_engine_refuses() -> None:
    legal = Graph({"pending": ["in_progress"], "in_progress": ["completed"]})
    taken = Course(Setup(FLAGS, legal=legal))
    taken.customer(record(7, "completed"), NOW)
    taken.customer(record(7, "pending"), NOW)
    assert taken.ends["7"].outcome.startswith(
        'refused: "pending" would take TracOS\'s order from completed to pending: '
    )
    assert taken.ends["7"].fields == shown(7, "completed")
    taken.tracos("7", {"status": "pending"}, NOW)
    assert taken.ends["7"].outcome == APPLIED


def test_a_rule_counts_on_the_day_on_which_the_input_came() -> None:
    taken = course(rule("a", Then(reject="no"), from_=NOW.date(), until=NOW.date()))
    for day, outcome in ((-1, APPLIED), (1, APPLIED), (0, "refused: ")):
        taken.customer(record(7), NOW + timedelta(days=day))
        assert taken.ends["7"].outcome.startswith(outcome)


# -- two courses ---------------------------------------------------------------------------------


def test_two_that_end_alike_differ_in_nothing() -> None:
    old, new = course(), course(rule("a", Then(warn="look")))
    for taken in (old, new):
        taken.customer(record(7), NOW)
    assert differences(old, new) == []
    assert differences(course(), course()) == []


def test_orders_that_end_otherwise_are_told_with_the_fields_that_differ() -> None:
    old = course()
    new = course(
        rule("a", Then(set={"title": "'x'"}), "new.status == 'pending'"),
        rule("b", Then(ignore="away"), "new.status == 'completed'"),
    )
    for taken in (old, new):
        for number, status in ((10, "pending"), (9, "completed"), (8, "on_hold")):
            taken.begin(str(number), {"status": "pending"})
            taken.customer(record(number, status), NOW)
    nine, ten = differences(old, new)
    assert ten == Difference("10", APPLIED, APPLIED, {"title": (None, "x")})
    assert (nine.order, nine.old, nine.new) == ("9", APPLIED, "ignored: away")
    assert nine.fields["status"] == ("completed", "pending")
    assert nine.fields["deleted"] == (False, None)
    assert set(nine.fields) == {"status", "description", "deleted"}


def test_numbers_are_told_by_their_size_and_before_names() -> None:
    new = course()
    for name in ("b", "10", "9", "a", "007"):
        new.begin(name, {"title": "x"})
    assert [one.order for one in differences(course(), new)] == ["007", "9", "10", "a", "b"]


ENDS = st.dictionaries(
    st.sampled_from(["1", "2", "a"]),
    st.builds(
        End,
        st.sampled_from(["", APPLIED, "held"]),
        st.none() | st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2) | st.none()),
    ),
)


@given(ENDS, ENDS)
def test_differences_are_the_same_from_both_sides(
    one: dict[str, End], other: dict[str, End]
) -> None:
    first, second = course(), course()
    first.ends, second.ends = one, other
    assert differences(first, first) == []
    there, back = differences(first, second), differences(second, first)
    assert [(d.order, d.old, d.new) for d in there] == [(d.order, d.new, d.old) for d in back]
    for out, home in zip(there, back, strict=True):
        assert dict(out.fields) == {name: pair[::-1] for name, pair in home.fields.items()}
        assert all(old != new for old, new in out.fields.values())
