"""The field-by-field decision on an order that both sides hold. Pure."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Claim, Held, Link, Phase, Seen
from tracbridge.domain.outcome import Disagreement, Kind, Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, Value, WorkOrder
from tracbridge.sync.fields import edited, print_in, put_right, shown_as
from tracbridge.sync.identity import print_of, prints_of
from tracbridge.sync.judge import Verdict, judge
from tracbridge.sync.policy import Ack, Clash, DeletePolicy, Policies, winner


class Incoming(Struct, frozen=True):
    """The customer's record and the pass that claimed it.

    ``removes``: he was seen to remove our files. ``unmarked``: TracOS's ``isSynced`` is not true.
    ``unsure``: fields that this record perhaps changed in TracOS already, and somebody back again.
    """

    order: WorkOrder
    claim: Claim
    removes: bool = False
    unmarked: bool = False
    unsure: frozenset[str] = frozenset()


class Decision(Struct, frozen=True):
    """What one record makes us do.

    ``result``: what TracOS shall show, None if nothing is to be written there. ``link``: the link
    to store, None if it stays as it is. ``why``: per changed field what decided it.
    """

    outcome: Outcome
    result: Fields | None = None
    link: Link | None = None
    disagreements: tuple[Disagreement, ...] = ()
    why: Mapping[str, str] | None = None

    @property
    def clashes(self) -> bool:
        """A field was changed on both sides (or nobody knows), decided or not."""
        notes = self.disagreements
        return bool(notes) and any(d.kind not in (Kind.STALE, Kind.DOUBT) for d in notes)


def seen_now(
    order: WorkOrder, claim: Claim, before: Seen | None, now: datetime, words: str = ""
) -> Seen:
    """Remember the record: its time never ahead of our clock; time and place never go back.

    ``words``: of the mapping that has read it.
    """
    at, place = min(order.updated_at, now), claim.order
    if before:
        at, place = max(at, before.at), max(place, (before.pass_, before.position))
    return Seen(at, place[0], prints_of(shown_as(order)), place[1], words)


def disagreement(  # noqa: PLR0913 - three states of the fields, and what they are of
    kind: Kind,
    names: list[str],
    link: Link,
    tracos: Fields,
    customer: Fields,
    taken: Mapping[str, Side | None],
    policy: str | None = None,
) -> Disagreement:
    """The record of what differs in ``names``."""
    given = link.last_given or {}

    def part(fields: Fields) -> dict[str, Value]:
        return {name: fields.get(name) for name in names}

    return Disagreement(kind, part(given), part(tracos), part(customer), dict(taken), policy)


class Merge:
    """The field-by-field decision on one record of an order that both sides hold."""

    def __init__(
        self,
        incoming: Incoming,
        link: Link,
        tracos: WorkOrder,
        policies: Policies,
        now: datetime,
        *,
        looping: bool = False,
    ) -> None:
        self.looping = looping
        self.order, self.claim, self.link = incoming.order, incoming.claim, link
        self.unmarked = incoming.unmarked
        # What nobody can know, a person decides.
        self.unbelieved = frozenset(incoming.order.fields) if looping else incoming.unsure
        self.tracos, self.policies, self.now = tracos, policies, now
        self.rules = policies.rules
        self.shown = tracos.fields
        self.arrived = self._arrived(incoming.removes)
        self.window = None if self.arrived or self._closed() else link.window
        self.verdicts: dict[str, Verdict] = {}
        self.result: dict[str, Value] = {}
        self.held: dict[str, Held] = {}
        self.times: dict[str, datetime] = {}
        self.why: dict[str, str] = {}
        self.repush = link.repush

    def _closed(self) -> bool:
        """This record was claimed after a whole pass that began after our version was gone.

        Not while our last word is still to be sent: until then the base does not know what was
        merged meanwhile, and an edit that goes back to it would look like none.
        """
        window, out = self.link.window, self.link.out
        if self.policies.ack is Ack.CONTENT or window is None or out is not None:
            return False
        if self.link.repush:
            return False
        return window.gone is not None and self.claim.complete > window.gone

    def _arrived(self, removes: bool) -> bool:
        """The record is our version in every field, and was surely made after it."""
        window, out, given = self.link.window, self.link.out, self.link.last_given
        if window is None or window.repeat or self.link.seen is None or given is None:
            return False
        if self.claim.pass_ <= window.pass_ or (removes and self.policies.ack is Ack.AUTO):
            return False
        if prints_of(shown_as(self.order)) == self.link.seen.prints:
            return False  # he shows what he showed before: no sign that he has read ours
        shown = out.phase is Phase.PUBLISHED if out else self.policies.ack is Ack.CONTENT
        return shown and all(given.get(n) == v for n, v in self.order.fields.items())

    def decision(self) -> Decision:
        """The outcome, TracOS's new content, the link to store and what to put on record."""
        if self._echo():
            return self._unchanged()
        self.result = dict(self.shown)
        self.held, self.times = dict(self.link.held), dict(self.link.times)
        self.verdicts = {
            name: self._verdict(name, value) for name, value in self.order.fields.items()
        }
        notes = self._settle_fields()
        link = self._link()
        changed = any(self.shown.get(n) != v for n, v in self.result.items())
        outcome = self._outcome(changed, notes)
        return Decision(outcome, self.result if changed else None, link, notes, self.why)

    def _echo(self) -> bool:
        """Our own last version, or what was agreed, comes back: nothing has happened."""
        if not self.link.rev or self.arrived or self.order.fields != self.link.last_given:
            return False
        return not put_right(self.rules, self.order.fields, self.shown)

    def _unchanged(self) -> Decision:
        """Only the keys that we pass through may be new, or TracOS's document back again."""
        link, extra, unknown = self.link, self.order.extra, self.order.unresolved
        notes = self._notes(self._by_himself(), {})
        said = self.order.said
        same = (extra, unknown, said) == (link.extra, link.unknown, link.said)
        if same and not (link.missing or link.dropped):
            return Decision(Outcome.UNCHANGED, disagreements=notes)
        told = replace(link, extra=extra, unknown=unknown, said=said)
        made = replace(told, missing=False, dropped=False)
        return Decision(Outcome.UNCHANGED, link=made, disagreements=notes)

    def _by_himself(self) -> list[str]:
        """Fields that he perhaps set back to what our unread version says, by his own hand.

        TracOS holds what he showed there last, and now he shows ours: he has read it, or edited.
        """
        seen = self.link.seen if self.window else None
        if seen is None:
            return []
        differ = [n for n, value in self.order.fields.items() if self.shown.get(n) != value]
        return [
            name
            for name in differ
            if name not in self.link.held
            and seen.prints.get(name) == print_in(self.rules, name, self.shown[name])
        ]

    def _verdict(self, name: str, value: Value) -> Verdict:
        verdict = judge(name, self.shown.get(name), value, self.link, self.window, self.rules)
        if name in self.rules:
            verdict = self._owned(name, verdict)
        alone = verdict is Verdict.CUSTOMER
        return Verdict.CLASH if alone and name in self.unbelieved else verdict

    def _owned(self, name: str, verdict: Verdict) -> Verdict:
        """A field that one side alone may change never clashes."""
        rule = self.rules[name]
        if Side.TRACOS not in rule.into and verdict in (Verdict.CUSTOMER, Verdict.CLASH):
            self.repush = self.repush or rule.corrects
            return Verdict.TRACOS
        if Side.CUSTOMER not in rule.into:
            theirs = (Verdict.TRACOS,) if rule.corrects else ()
            if verdict in (Verdict.CLASH, Verdict.DOUBT, *theirs):
                return Verdict.CUSTOMER
        return verdict

    def _settle_fields(self) -> tuple[Disagreement, ...]:
        doubts: list[str] = []
        clashes: dict[str, Side | None] = {}
        for name, verdict in self.verdicts.items():
            match verdict:
                case Verdict.AGREE:
                    self.held.pop(name, None)
                case Verdict.HELD:
                    self._keep_held(name, doubts, clashes)
                case Verdict.CUSTOMER:
                    self._take_customer(name, "changed by the customer")
                case Verdict.DOUBT:
                    doubts.append(name)
                case Verdict.CLASH:
                    clashes[name] = self._clash(name)
                case Verdict.TRACOS:
                    pass
        self._delete_against_edit(clashes)
        return self._notes(doubts, clashes)

    def _take_customer(self, name: str, why: str) -> None:
        given = (self.link.last_given or {}).get(name)
        value, ours = self.order.fields[name], self.shown.get(name)
        self.result[name] = edited(self.rules, name, value, given, ours)
        self.times[name] = self.order.updated_at
        self.why[name] = why

    def _keep_held(self, name: str, doubts: list[str], clashes: dict[str, Side | None]) -> None:
        """T keeps its own; a newer value of the customer's becomes the one that he keeps."""
        value = self.order.fields[name]
        if value == self.held[name].customer:
            return
        if self.window and print_in(self.rules, name, value) in self.window.old.get(name, ()):
            doubts.append(name)
        else:
            self.held[name] = Held(self.shown.get(name), value)
            clashes[name] = None
        self.repush = self.repush or self.window is not None

    def _clash(self, name: str) -> Side | None:
        at = self._clash_at(name)
        believed = name not in self.unbelieved
        policy = self.policies.of(name)
        side = winner(policy, at, self.now) if believed else None
        if side is None:
            self.held[name] = Held(self.shown.get(name), self.order.fields[name])
        elif side is Side.CUSTOMER:
            self._take_customer(name, f"clash, policy {policy.value}")
        return side

    def _clash_at(self, name: str) -> Clash:
        """Both values, each at the time when *that field* was last changed there."""
        ours, theirs, link = self.shown.get(name), self.order.fields[name], self.link
        seen, given = link.seen, link.last_given
        ours_at, theirs_at = self.tracos.updated_at, self.order.updated_at
        if given is not None and given.get(name) == ours:
            ours_at = link.times.get(name, ours_at)
        spelt = shown_as(self.order)[name]
        if seen and seen.prints.get(name) == print_of(spelt):
            theirs_at = link.times.get(name, theirs_at)
        return Clash(name, ours, theirs, ours_at, theirs_at)

    def _delete_against_edit(self, clashes: dict[str, Side | None]) -> None:
        """By default both stay: a deleted order with the newer text."""
        if self.policies.delete is DeletePolicy.BOTH or self.looping:
            return
        deleter = self._deleter()
        if deleter is None:
            return
        edits = self._edited_by(deleter.other)
        if not edits:
            return
        if self.policies.delete is DeletePolicy.EDIT_WINS:
            self._undelete(deleter)
            clashes[DELETED] = deleter.other
            return
        for name in edits:
            self._give_to(name, deleter)
            clashes[name] = deleter

    def _deleter(self) -> Side | None:
        """The side that alone has deleted the order since both last agreed."""
        ours, theirs = self.shown.get(DELETED), self.order.fields[DELETED]
        match self.verdicts.get(DELETED):
            case Verdict.CUSTOMER if theirs and not ours:
                return Side.CUSTOMER
            case Verdict.TRACOS if ours and not theirs:
                return Side.TRACOS
        return None

    def _edited_by(self, side: Side) -> list[str]:
        verdict = Verdict.CUSTOMER if side is Side.CUSTOMER else Verdict.TRACOS
        return [n for n, v in self.verdicts.items() if v is verdict and n != DELETED]

    def _undelete(self, deleter: Side) -> None:
        self.result[DELETED] = False
        self.why[DELETED] = f"deleted by {deleter.value} but edited by the other, edit wins"
        self.repush = self.repush or deleter is Side.CUSTOMER

    def _give_to(self, name: str, side: Side) -> None:
        """The other side's edit of ``name`` gives way to the delete."""
        if side is Side.CUSTOMER:
            self._take_customer(name, "deleted by the customer, delete wins")
        else:
            self.result[name] = self.shown.get(name)
            del self.why[name]

    def _notes(
        self, doubts: list[str], clashes: Mapping[str, Side | None]
    ) -> tuple[Disagreement, ...]:
        theirs = self.order.fields
        notes = []
        if doubts:
            ours = dict.fromkeys(doubts, Side.TRACOS)
            notes.append(disagreement(Kind.DOUBT, doubts, self.link, self.shown, theirs, ours))
        if clashes:
            policies = {self.policies.of(name).value for name in clashes}
            policy = ", ".join(sorted(policies))
            names, kind = list(clashes), Kind.LOOP if self.looping else Kind.CLASH
            notes.append(disagreement(kind, names, self.link, self.shown, theirs, clashes, policy))
        return tuple(notes)

    def _link(self) -> Link | None:
        """The link after the record: base moves outside the window only, the last word inside is
        ours.
        """
        link, order = self.link, self.order
        echo, words = order.fields == link.last_given, self.policies.words
        made = replace(
            link,
            base=link.base if self.window else order.fields,
            out=None if self.arrived else link.out,
            window=self.window,
            extra=order.extra,
            said=order.said,
            seen=link.seen if echo else seen_now(order, self.claim, link.seen, self.now, words),
            times=self.times,
            held=self.held,
            missing=False,
            dropped=False,
            unknown=order.unresolved,
            state="" if not echo else link.state,
            repush=self.repush or self._must_tell(),
        )
        return made if made != link else None

    def _must_tell(self) -> bool:
        """The customer is to be sent the order though a plain comparison would not show it."""
        open_names = [name for name in self.order.fields if name not in self.held]
        if self.window and any(self._unlike_given(name) for name in open_names):
            return True
        if not self.policies.receipts:
            return False
        first = not self.link.rev and self.unmarked
        return first or any(self._news(name) for name in open_names)

    def _unlike_given(self, name: str) -> bool:
        given = self.link.last_given or {}
        result = self.result.get(name)
        return result != self.order.fields[name] or result != given.get(name)

    def _news(self, name: str) -> bool:
        """TracOS takes a value, or both made the same change."""
        ours, given = self.shown.get(name), self.link.last_given
        if self.result.get(name) != ours:
            return True
        same = ours == self.order.fields[name]
        return same and given is not None and given.get(name) != ours

    def _outcome(self, changed: bool, notes: tuple[Disagreement, ...]) -> Outcome:
        waiting = any(side is None for note in notes for side in note.taken.values())
        if waiting:
            return Outcome.HELD
        return Outcome.UPDATED if changed else Outcome.UNCHANGED
