"""The tests that stand inside rule files: each rule asked by itself. Pure."""

from datetime import UTC, datetime

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.rules.book import Book, Flow, Situation, Verdict, Written, flows
from tracbridge.rules.spec import Case


class Trial(Struct, frozen=True):
    """One test: which, whether it came out as expected, and what came out."""

    rule: str
    number: int
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """As expected."""
        return self.expected == self.found


def tried(written: Written, now: datetime) -> list[Trial]:
    """Each test of a rule; ``now``: where a test names no day."""
    book = Book((written,))
    return [
        Trial(written.rule.name, number, expected(case), found(book, written, case, now))
        for number, case in enumerate(written.rule.tests, 1)
    ]


def expected(case: Case) -> str:
    """What has to come out, in words."""
    return f"set {dict(case.values)}" if case.values else case.expect


def found(book: Book, written: Written, case: Case, now: datetime) -> str:
    """What came out, in the same words."""
    on = flows(written.rule)[0]
    flow: Flow = "outbound" if on.startswith("outbound") else "inbound"
    at = datetime(case.on.year, case.on.month, case.on.day, 12, tzinfo=UTC) if case.on else now
    new = {**case.old, **case.new}
    situation = Situation(flow, case.old or None, new, at, case.record)
    try:
        verdict = book.judge(situation, transition=on.endswith("transition"))
    except RecordError as error:
        return "reject" if error.why.code == "rejected_by_rule" else str(error)
    return in_words(verdict, case)


def in_words(verdict: Verdict, case: Case) -> str:
    """A verdict as tests spell it."""
    if verdict.holds:
        return "hold"
    if verdict.ignored:
        return "ignore"
    if verdict.warnings:
        return "warn"
    if verdict.by and case.values:
        return f"set { {name: verdict.new.get(name) for name in case.values} }"
    return "set" if verdict.by else "pass"
