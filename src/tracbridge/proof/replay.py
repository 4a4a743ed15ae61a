"""What a mapping and a rule book make of recorded inputs, so that two of them can be compared.

Pure. Each record is applied as the last word on its fields: what the other side wrote at the same
time is not merged again, and what a rule holds stays held.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Fields, Value
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.route import Graph
from tracbridge.ports.connector import Body, Record
from tracbridge.rules.book import Book, Flow, Situation, Verdict

APPLIED = "applied"


class Setup(Struct, frozen=True):
    """A mapping with the rules over it. ``legal``: TracOS's own transitions, None: all are."""

    mapping: Declared
    book: Book = Book()
    legal: Graph | None = None


class End(Struct, frozen=True):
    """How an order stands. ``outcome``: of its last record or edit, in words."""

    outcome: str = ""
    fields: Fields | None = None


class Difference(Struct, frozen=True):
    """One order that ends otherwise. ``fields``: those that differ, old and new."""

    order: str
    old: str
    new: str
    fields: Mapping[str, tuple[Value, Value]]


class Course:
    """All inputs through one set-up, one after the other."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.ends: dict[str, End] = {}

    def name(self, record: Record) -> str:
        """Which order a record is of, for people; its place where it does not say."""
        body = record.body or {}
        ref = self.setup.mapping.customer_ref(body)
        scope = self.setup.mapping.customer_scope(body) if ref else ""
        if ref is None:
            return f"{record.source} {record.pointer}".strip()
        return f"{scope}/{ref}" if scope else ref

    def begin(self, order: str, fields: Fields | None) -> None:
        """How an order stood before; the first word on it counts."""
        self.ends.setdefault(order, End(fields=fields))

    def customer(self, record: Record, at: datetime) -> None:
        """A record of his."""
        order = self.name(record)
        end = self.ends.get(order, End())
        if record.error or record.body is None:
            self.ends[order] = replace(end, outcome=f"refused: {record.error or 'no content'}")
            return
        try:
            made = self.setup.mapping.from_customer(record.body)
        except RecordError as error:
            self.ends[order] = replace(end, outcome=f"refused: {error}")
            return
        body = {name: value for name, value in record.body.items() if name != "_id"}
        self.ends[order] = self._judged("inbound", end, made.fields, at, body)

    def tracos(self, order: str, edit: Fields, at: datetime) -> None:
        """An edit of a TracOS user that he was given."""
        end = self.ends.get(order, End())
        self.ends[order] = self._judged("outbound", end, {**(end.fields or {}), **edit}, at, {})

    def _judged(self, flow: Flow, end: End, new: Fields, at: datetime, body: Body) -> End:
        """As the engine does it: what is held is held although it would be ignored, and a change
        of the status is judged although the rest is.
        """
        old, book = end.fields, self.setup.book
        situation = Situation(flow, old, new, at, body)
        try:
            said = book.judge(situation)
            if said.holds:
                return _held(end, said)
            result = {**(old or {}), **said.new}
            ignored = said.ignored
            if old is not None and old.get("status") != result.get("status"):
                self._refuse_illegal(flow, old, result)
                then = book.judge(replace(situation, new=result), transition=True)
                if then.holds:
                    return _held(end, then)
                ignored = ignored or then.ignored
        except RecordError as error:
            return replace(end, outcome=f"refused: {error}")
        if ignored:
            return replace(end, outcome=f"ignored: {ignored}")
        return End(APPLIED, result)

    def _refuse_illegal(self, flow: Flow, old: Fields, new: Fields) -> None:
        start, end = str(old.get("status")), str(new.get("status"))
        legal = self.setup.legal
        if flow == "inbound" and legal is not None and legal.way(start, {end}) is None:
            why = f"would take TracOS's order from {start} to {end}: {legal.why_not(start, {end})}."
            raise RecordError("transition", why, value=end)


def _held(end: End, said: Verdict) -> End:
    return replace(end, outcome=f"held by rule {said.holds[0].rule!r}")


def differences(old: Course, new: Course) -> list[Difference]:
    """The orders that end otherwise, by their names."""
    names = sorted({*old.ends, *new.ends}, key=_by_number)
    found = (_difference(n, old.ends.get(n, End()), new.ends.get(n, End())) for n in names)
    return [one for one in found if one.old != one.new or one.fields]


def _by_number(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdigit() else (1, 0, name)


def _difference(order: str, old: End, new: End) -> Difference:
    before, after = old.fields or {}, new.fields or {}
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    differ = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return Difference(order, old.outcome, new.outcome, differ)
