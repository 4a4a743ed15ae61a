"""Rule files: what is refused, what the version says, and the tests that stand in them."""

from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tracbridge.config.rules import RuleSource, book_of, from_words, rule_source
from tracbridge.domain.errors import SettingError
from tracbridge.expression.program import ExpressionError
from tracbridge.rules.book import Book, written
from tracbridge.rules.spec import Case, Rule, Then
from tracbridge.rules.trial import tried

DAY = date(2026, 3, 20)
WARN = Then(warn="look")


def rule(name: str, then: Then = WARN, when: str = "true", **more: Any) -> Rule:
    return Rule(**{"name": name, "on": "inbound", "when": when, "then": then, **more})


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (rule("a", Then()), "then says nothing; it says one of reject, hold, ignore, warn and set"),
        (rule("a", Then(hold="", warn="")), "then says hold and warn; it says one of"),
        (rule("a", Then(reject="x", set={"title": "1"})), "then says reject and set; it says one"),
        (rule("a", Then(set={"title": "1"}), on="transition"), "a transition is judged, not chang"),
        (
            rule("a", Then(set={"title": "1"}), on=["inbound", "outbound transition"]),
            "a transition is judged, not changed: set belongs to inbound or outbound",
        ),
        (rule("a", Then(set={"titel": "1"})), "set: 'titel' is none of status, title, description"),
        (rule("a", from_=DAY + timedelta(days=1), until=DAY), "it ends on 2026-03-20 before it b"),
        (rule("a", when="new.status ="), "Syntax error"),
        (rule("a", when="status == 'x'"), "undeclared reference to 'status'"),
        (rule("a", Then(set={"title": "nothing"})), "undeclared reference to 'nothing'"),
    ],
)
def test_a_rule_that_cannot_mean_anything_is_refused(one: Rule, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        written(one)
    assert words in str(caught.value)


FILE = """\
rules:
  - name: no empty titles
    on: inbound
    when: new.title == ''
    then: {reject: a title is needed}
    priority: 3
    from: 2026-01-01
    until: 2026-12-31
    tests:
      - {new: {title: ''}, expect: reject}
  - {name: loud, on: [outbound], when: 'true', then: {set: {title: new.title + '!'}}}
"""


def source(folder: Path, *texts: str) -> RuleSource:
    names = [f"{n}.yaml" for n, _ in enumerate(texts)]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    return rule_source(names, folder)


def test_a_rule_file_says_what_it_says(tmp_path: Path) -> None:
    first, second = source(tmp_path, FILE).rules
    assert (first.name, first.on, first.priority) == ("no empty titles", "inbound", 3)
    assert (first.from_, first.until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert first.tests == [Case(new={"title": ""}, expect="reject")]
    assert (second.on, second.then) == (["outbound"], Then(set={"title": "new.title + '!'"}))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "rules:\n- {name: a, on: inbund, when: 'true', then: {warn: x}}",
            "0.yaml:2: rules.0.on: ",
        ),
        (
            "- {name: a, on: inbound, wen: x}",
            "0.yaml:1: 0.wen: is no key here. The nearest is when",
        ),
        (
            "- name: a\n  on: inbound\n  when: ''\n  then:\n    wan: x",
            "0.yaml:5: 0.then.wan: is no",
        ),
        ("- {name: a, on: inbound, when: true, then: {warn: x}}", "0.yaml:1: 0.when: "),
        ("- {name: a, on: inbound, then: {warn: x}}", "0.yaml:1: 0.when: is missing."),
        ("- {name: a, on: inbound, when: ')', then: {warn: x}}", "0.yaml:1: rule 'a': 1:1: Syntax"),
        ("- {name: a, on: inbound, when: 'true', then: {}}", "0.yaml:1: rule 'a': then says noth"),
        (
            "- {name: a, on: [], when: 'true', then: {warn: x}}",
            "0.yaml:1: 0.on: expected `array` of length >= 1.",
        ),
        ("a: 1\nrulse: []", "0.yaml:1: a: is no key here. The nearest is rules."),
        ("rules: []\nrulse: []", "0.yaml:2: rulse: is no key here. The nearest is rules."),
        ("word", "0.yaml:1: holds no list of rules."),
        ("rules: 5", "0.yaml:1: holds no list of rules."),
        (
            "- {name: a, on: inbound, when: 'true', then: {warn: x}}\n" * 2,
            "two rules are called 'a'",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(SettingError) as caught:
        source(tmp_path, text)
    assert str(caught.value).startswith(line)


def test_all_that_is_wrong_in_all_rule_files_is_told_at_once(tmp_path: Path) -> None:
    bad = "- {name: a, on: x}\n- {name: b, on: inbound, when: '', then: {warn: x}}"
    with pytest.raises(SettingError) as caught:
        source(tmp_path, bad, "a: [", "5")
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["0.yaml", "0.yaml", "1.yaml", "2.yaml"]


@pytest.mark.parametrize("name", ["a\0b.yaml", "none.yaml"])
def test_a_file_that_there_is_not_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match=r"yaml\"? cannot be read: "):
        rule_source([name], tmp_path)


# -- the version ---------------------------------------------------------------------------------


def test_the_digest_is_the_same_while_the_words_mean_the_same(tmp_path: Path) -> None:
    digest = source(tmp_path, FILE).digest
    respelt = FILE.replace("rules:\n", "# a comment\nrules:\n\n").replace("'true'", '"true"')
    assert source(tmp_path, respelt).digest == digest
    listed = FILE.removeprefix("rules:\n")
    assert source(tmp_path, listed).digest == digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("no empty titles", "none"),
        ("on: inbound", "on: outbound"),
        ("new.title == ''", "new.title == ' '"),
        ("a title is needed", "a title is needed!"),
        ("reject:", "hold:"),
        ("priority: 3", "priority: 4"),
        ("2026-01-01", "2026-01-02"),
        ("2026-12-31", "2027-12-31"),
        ("new.title + '!'", "new.title + '.'"),
        ("set: {title:", "set: {description:"),
    ],
)
def test_the_digest_changes_when_anything_does(tmp_path: Path, old: str, new: str) -> None:
    assert FILE.count(old) == 1
    assert source(tmp_path, FILE).digest != source(tmp_path, FILE.replace(old, new)).digest


def test_the_order_of_equal_priorities_is_part_of_what_is_said(tmp_path: Path) -> None:
    a = "- {name: a, on: inbound, when: 'true', then: {warn: x}}\n"
    b = a.replace("name: a", "name: b")
    digests = {source(tmp_path, *files).digest for files in permutations((a, b))}
    assert len(digests) == 2
    assert source(tmp_path, a + b).digest == source(tmp_path, a, b).digest


def test_without_rules_there_is_no_digest(tmp_path: Path) -> None:
    assert source(tmp_path, "[]", "rules: []").digest == ""
    assert book_of(RuleSource()) == Book()


def test_rules_come_back_from_their_words(tmp_path: Path) -> None:
    made = source(tmp_path, FILE)
    again = from_words(made.words)
    assert (again.rules, again.digest, again.words) == (made.rules, made.digest, made.words)
    assert book_of(made).digest == made.digest


# -- the tests in rule files ---------------------------------------------------------------------


def trials(one: Rule, *cases: Case) -> list[tuple[str, bool]]:
    found = tried(written(replace(one, tests=list(cases))), NOW)
    assert [trial.number for trial in found] == list(range(1, len(cases) + 1))
    return [(trial.found, trial.passed) for trial in found]


@pytest.mark.parametrize(
    ("then", "found"),
    [
        (Then(reject="no"), "reject"),
        (Then(hold="wait"), "hold"),
        (Then(ignore=""), "ignore"),
        (Then(warn=""), "warn"),
        (Then(set={"title": "'x'"}), "set"),
    ],
)
def test_a_test_says_what_a_rule_does_and_that_it_does_nothing(then: Then, found: str) -> None:
    hit, miss = Case(new={"title": "x"}, expect="pass"), Case(new={"title": "y"}, expect="pass")
    assert trials(rule("a", then, "new.title == 'x'"), hit, miss) == [
        (found, False),
        ("pass", True),
    ]


def test_a_test_looks_at_what_is_set() -> None:
    sets = rule("a", Then(set={"title": "new.title + '!'"}), "new.title != null")
    right, wrong = ({"title": "x!"}, {"title": "x"})
    cases = [Case(new={"title": "x"}, expect="set", values=values) for values in (right, wrong)]
    assert trials(sets, *cases) == [("set {'title': 'x!'}", True), ("set {'title': 'x!'}", False)]
    assert trials(sets, Case(expect="set", values=right)) == [("pass", False)]


def test_a_test_of_a_transition_is_asked_as_one() -> None:
    gate = rule("a", when="old.status == 'pending' && new.title == 'x'", on="outbound transition")
    case = Case(old={"status": "pending", "title": "x"}, new={"status": "done"}, expect="warn")
    assert trials(gate, case) == [("warn", True)]


def test_a_test_names_its_day_or_is_asked_today() -> None:
    one = rule("a", from_=DAY, until=DAY)
    days = [Case(expect="warn", on=day) for day in (None, DAY, DAY + timedelta(days=1))]
    assert trials(one, *days) == [("warn", True), ("warn", True), ("pass", False)]


def test_a_test_that_cannot_be_judged_says_why() -> None:
    ((found, passed),) = trials(rule("a", when="record.none == 1"), Case(expect="pass"))
    assert "cannot be judged" in found
    assert not passed
