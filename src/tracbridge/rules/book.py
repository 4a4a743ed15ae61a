"""Rules over orders: what is rejected, held, ignored, changed or warned of. Pure.

A rule sees the order as it is (``old``, null in each field where there is none), as it would be
(``new``), the customer's record where one is at hand (``record``), and the time (``now``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Fields, Value
from tracbridge.expression.program import ExpressionError, Program, either, program
from tracbridge.rules.spec import Rule, Then
from tracbridge.rules.values import fitted

SCOPE = ("old", "new", "record", "now")
FIELDS = ("status", "title", "description", "deleted")
"""Fields that every order has; a rule may ask for them without `has`."""

Flow = Literal["inbound", "outbound"]
HELD = "held_by_rule"
"""The code of what waits for somebody to approve it."""


class Situation(Struct, frozen=True):
    """What a rule is asked about."""

    flow: Flow
    old: Fields | None
    new: Fields
    now: datetime
    record: Mapping[str, Any] = {}


class Held(Struct, frozen=True):
    """Something that waits for approval; ``rule``: whose."""

    rule: str
    message: str

    def error(self) -> RecordError:
        """As a refusal; its case is what is approved."""
        hint = "Approve it: tracbridge approve CASE."
        return RecordError(HELD, self.message, value=self.rule, hint=hint)


class Verdict(Struct, frozen=True):
    """What the rules make of it. ``new``: the fields, perhaps changed; ``by``: by which rules."""

    new: Fields
    holds: tuple[Held, ...] = ()
    ignored: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    by: tuple[str, ...] = ()


class Written(Struct, frozen=True):
    """One rule, ready to be asked. ``about``: of which flows, each without and with a change of the
    status.
    """

    rule: Rule
    when: Program
    sets: Mapping[str, Program]
    about: frozenset[tuple[str, bool]]

    def counts_on(self, day: date) -> bool:
        """It is asked on that day, in UTC."""
        start, end = self.rule.from_, self.rule.until
        return (start is None or day >= start) and (end is None or day <= end)


class Book(Struct, frozen=True):
    """The rules of a connection, those that are asked first first. ``digest``: of their words."""

    rules: tuple[Written, ...] = ()
    digest: str = ""

    @property
    def holds(self) -> bool:
        """Something may have to be approved."""
        return any(written.rule.then.hold is not None for written in self.rules)

    def judge(self, situation: Situation, *, transition: bool = False) -> Verdict:
        """All rules that count, one after the other, each over what those before it made of it.

        ``transition``: those about changes of the status, which are asked once it is known that
        there is one; else the others. Raises `RecordError` for what is rejected, and where a rule
        cannot be evaluated: nothing passes unjudged.
        """
        this, day = (situation.flow, transition), situation.now.astimezone(UTC).date()
        asked = [one for one in self.rules if this in one.about and one.counts_on(day)]
        verdict = Verdict(situation.new)
        if _none_holds(asked, situation):
            return verdict
        for written in asked:
            verdict = _after(verdict, written, situation)
            if verdict.ignored:
                break
        return verdict


def _none_holds(asked: Sequence[Written], situation: Situation) -> bool:
    """Told at once, as of most orders; where it is not so clear, each rule is asked."""
    if len(asked) < _SOME:
        return not asked
    scope = scope_of(situation, situation.new)
    try:
        return either(tuple(one.when.source for one in asked), SCOPE)(scope) is False
    except ExpressionError:
        return False


_SOME = 2


def _after(verdict: Verdict, written: Written, situation: Situation) -> Verdict:
    """What has come out so far, and what one more rule makes of it."""
    scope = scope_of(situation, verdict.new)
    if not _holds(written, scope):
        return verdict
    name, then = written.rule.name, written.rule.then
    if then.reject is not None:
        hint = f"Rule {name!r} rejects it."
        raise RecordError("rejected_by_rule", then.reject, value=name, hint=hint)
    if then.ignore is not None:
        return replace(verdict, ignored=then.ignore or name)
    if then.hold is not None:
        return replace(verdict, holds=(*verdict.holds, Held(name, then.hold)))
    if then.warn is not None:
        return replace(verdict, warnings=(*verdict.warnings, (name, then.warn)))
    fields = {**verdict.new, **_set(written, scope)}
    return replace(verdict, new=fields, by=(*verdict.by, name))


def flows(rule: Rule) -> Sequence[str]:
    """The flows that a rule is about."""
    return [rule.on] if isinstance(rule.on, str) else rule.on


def _about(rule: Rule) -> Iterator[tuple[str, bool]]:
    for on in flows(rule):
        flow, _, turn = on.rpartition(" ") if on.endswith("transition") else (on, "", "")
        for one in (flow,) if flow else ("inbound", "outbound"):
            yield one, bool(turn)


def _holds(written: Written, scope: Mapping[str, Any]) -> bool:
    try:
        found = written.when(scope)
    except ExpressionError as error:
        raise _unjudged(written.rule.name, str(error)) from None
    if not isinstance(found, bool):
        raise _unjudged(written.rule.name, "its when is neither true nor false")
    return found


def _set(written: Written, scope: Mapping[str, Any]) -> Mapping[str, Value]:
    name = written.rule.name
    try:
        return {field: fitted(field, made(scope)) for field, made in written.sets.items()}
    except ValueError as error:  # no value, or none that fits
        raise _unjudged(name, str(error)) from None


def _unjudged(name: str, why: str) -> RecordError:
    hint = f"Mend the rule {name!r}; use has() for keys that may be missing."
    return RecordError("rule_error", f"cannot be judged: {why}.", value=name, hint=hint)


def scope_of(situation: Situation, fields: Fields) -> Mapping[str, Any]:
    """The names of an expression, and what they stand for."""
    return {
        "old": tabled(situation.old or {}),
        "new": tabled(fields),
        "record": situation.record,
        "now": situation.now,
    }


def tabled(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields as expressions see them: ``new.ext.priority``; null where there is no value."""
    table: dict[str, Any] = dict.fromkeys(FIELDS)
    more: dict[str, Any] = {}
    for name, value in fields.items():
        if name.startswith("ext."):
            more[name.removeprefix("ext.")] = value
        else:
            table[name] = value
    return {**table, "ext": more}


def written(rule: Rule) -> Written:
    """The rule, ready to be asked; raises `ExpressionError` for what cannot be understood."""
    problem = wrong_with(rule)
    if problem:
        raise ExpressionError(problem)
    sets = {name: program(source, SCOPE) for name, source in rule.then.set.items()}
    return Written(rule, program(rule.when, SCOPE), sets, frozenset(_about(rule)))


def wrong_with(rule: Rule) -> str:
    """What a rule cannot mean, or ""."""
    deeds = deeds_of(rule.then)
    if len(deeds) != 1:
        said = " and ".join(deeds) or "nothing"
        return f"then says {said}; it says one of reject, hold, ignore, warn and set"
    for name in rule.then.set:
        if name not in FIELDS and not name.startswith("ext."):
            return f"set: {name!r} is none of {', '.join(FIELDS)}; other fields are called ext.NAME"
    if rule.then.set and any(flow.endswith("transition") for flow in flows(rule)):
        return "a transition is judged, not changed: set belongs to inbound or outbound"
    if rule.from_ and rule.until and rule.from_ > rule.until:
        return f"it ends on {rule.until} before it begins on {rule.from_}"
    return ""


def deeds_of(then: Then) -> list[str]:
    """What a rule does, by the words of its ``then``."""
    words = ("reject", "hold", "ignore", "warn")
    said = [word for word in words if getattr(then, word) is not None]
    return said + (["set"] if then.set else [])
