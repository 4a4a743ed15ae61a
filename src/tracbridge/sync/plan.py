"""One record from the customer against what we remember and what TracOS holds: what to do. Pure.

The rules and their order are explained in ``docs/explanation/engine.md``.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from tracbridge.domain.link import Claim, Held, Link, Seen
from tracbridge.domain.outcome import Kind, Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, WorkOrder, settled, unsaid_status
from tracbridge.sync.fields import NONE, Rules, news, put_right, respelt, shown_as
from tracbridge.sync.identity import prints_of
from tracbridge.sync.loop import loops, turned
from tracbridge.sync.merge import Decision, Incoming, Merge, disagreement, seen_now
from tracbridge.sync.policy import FirstContact, Policies

SAME_ORDER = timedelta(hours=24)
"""Two orders of one number created within this time of each other are one order."""


def decide(
    incoming: Incoming,
    link: Link,
    tracos: WorkOrder | None,
    policies: Policies,
    now: datetime,
) -> Decision:
    """The decision on one record; ``link.rev`` 0 means that there is no link yet."""
    known = link if link.rev else None
    if known and tracos and at_rest(incoming, known, tracos, policies.rules):
        return Decision(Outcome.UNCHANGED)
    if known is None and tracos is None and incoming.order.fields.keys() == {DELETED}:
        return Decision(Outcome.SKIPPED)  # gone before anybody here knew it
    return news_of(incoming, link, tracos, policies, now)


def news_of(
    incoming: Incoming, link: Link, tracos: WorkOrder | None, policies: Policies, now: datetime
) -> Decision:
    """The same, where it is not all at rest."""
    known = link if link.rev else None
    order = completed(incoming.order, known, tracos, policies.rules)
    tracos = tracos and dated(tracos, order, link)
    if known and known.seen:
        if applied(known.seen, incoming.claim):
            return Decision(Outcome.UNCHANGED)
        if outdated(order, known, known.seen, incoming.claim):
            return stale(replace(incoming, order=order), known, tracos)
        if said := said_before(order, known.seen, policies.words):
            order, link = without(said, order, known)
    if order is not incoming.order:
        incoming = replace(incoming, order=order)
    if tracos is None:
        new = create(order, link, incoming.claim, policies, now)
        return missing(order, known) if known else unresolved(new, order, link, {})
    decision = met(incoming, link, tracos, policies, now)
    return unresolved(decision, order, link, tracos.fields)


def met(
    incoming: Incoming, link: Link, tracos: WorkOrder, policies: Policies, now: datetime
) -> Decision:
    """The decision on a record of an order that TracOS holds."""
    order = incoming.order
    first = not link.rev or (link.seen is None and link.base is None)
    if first and strangers(order, link, tracos, policies.first_contact):
        return hold_all(incoming, link, tracos, policies.words, now)
    return unlooped(incoming, link, tracos, policies, now)


def unresolved(decision: Decision, order: WorkOrder, link: Link, shown: Fields) -> Decision:
    """With a record of the values that a table of the connection does not know; the fields wait,
    and nothing else does.
    """
    if not order.unresolved:
        return decision
    names = list(order.unresolved)
    taken = dict.fromkeys(names)
    note = disagreement(Kind.UNRESOLVED, names, link, shown, order.unresolved, taken)
    notes = (*decision.disagreements, note)
    return replace(decision, outcome=Outcome.HELD, disagreements=notes)


def outdated(order: WorkOrder, link: Link, seen: Seen, claim: Claim) -> bool:
    """From before the last accepted record, or that one once more."""
    return older(order, seen, claim) or repeated(order, link, seen, claim)


def at_rest(incoming: Incoming, link: Link, tracos: WorkOrder, rules: Rules) -> bool:
    """He shows what was agreed, nothing is on its way, and nothing else waits: most records of all.

    Only a short cut: the rules below come to the same.
    """
    order, seen = incoming.order, link.seen
    if order.fields != link.base or link.out or link.window or order.extra != link.extra:
        return False
    late = seen and (order.updated_at < seen.at or incoming.claim.pass_ < seen.pass_)
    if late or link.missing or link.dropped or link.unknown:
        return False
    return not put_right(rules, order.fields, tracos.fields)


def unlooped(
    incoming: Incoming, link: Link, tracos: WorkOrder, policies: Policies, now: datetime
) -> Decision:
    """The merge; but what flips between two contents is held until a person looks at it."""
    merged = Merge(incoming, link, tracos, policies, now).decision()
    if merged.result is None or not link.rev:
        return merged
    turns = turned(link.turns, merged.result, now)
    if loops(turns):
        return Merge(incoming, link, tracos, policies, now, looping=True).decision()
    return replace(merged, link=replace(merged.link or link, turns=turns))


def completed(
    order: WorkOrder, link: Link | None, tracos: WorkOrder | None, rules: Rules = NONE
) -> WorkOrder:
    """The record with what it does not say: a field that is left out is no news, a delete may come
    without its instant, and his system may have shortened what we gave.
    """
    given = link.last_given if link else None
    if rules:
        fields = news(rules, order.fields) if link else order.fields
        order = order if fields is order.fields else replace(order, fields=fields)
        order = respelt(order, link, tracos, rules)
    fields = settled(order.fields, given, tracos.fields if tracos else None, when=order.updated_at)
    known = given or (tracos.fields if tracos else None) or {}
    if not known.keys() <= fields.keys() or "status" not in fields:
        fields = {**known, **fields}
    if "status" not in fields or DELETED not in fields:
        fields = {DELETED: False, **fields}
        fields = {"status": unsaid_status(fields), **fields}
    return order if fields is order.fields else replace(order, fields=fields)


def dated(tracos: WorkOrder, order: WorkOrder, link: Link) -> WorkOrder:
    """TracOS's order with an instant for a deletion that stands there without one."""
    fields = settled(tracos.fields, link.last_given, order.fields, when=tracos.updated_at)
    return tracos if fields is tracos.fields else replace(tracos, fields=fields)


def applied(seen: Seen, claim: Claim) -> bool:
    """This very record, or a later one of its pass, was accepted: it is read again because of a
    crash.

    Comparing would not tell: TracOS may have changed since, or a later record have taken its place.
    Of an earlier pass, it may also be one that a process claimed after it had been replaced.
    """
    same = claim.pass_ == seen.pass_
    return bool(claim.position) and same and claim.position <= seen.position


def older(order: WorkOrder, seen: Seen, claim: Claim) -> bool:
    """A record from before the last accepted one, with other content."""
    late = order.updated_at < seen.at or claim.pass_ < seen.pass_
    return late and prints_of(shown_as(order)) != seen.prints


def repeated(order: WorkOrder, link: Link, seen: Seen, claim: Claim) -> bool:
    """The last accepted record once more, although he has surely read something else since."""
    if order.updated_at > seen.at or order.fields == link.last_given:
        return False
    window = link.window
    if window and (window.gone is None or claim.complete <= window.gone):
        return False
    return prints_of(shown_as(order)) == seen.prints


def said_before(order: WorkOrder, seen: Seen, words: str) -> list[str]:
    """Fields of which a record says what its author said last, though another mapping reads it now.

    It is no newer than the last accepted one: only what the new mapping makes of it is news.
    """
    if not (seen.words and words) or seen.words == words or order.updated_at > seen.at:
        return []
    prints = prints_of(shown_as(order))
    return [name for name, shown in prints.items() if seen.prints.get(name, MISSING) == shown]


MISSING = object()


def without(said: list[str], order: WorkOrder, link: Link) -> tuple[WorkOrder, Link]:
    """The record with what we gave him last in these fields, and the link: it is sent once more
    where he shows otherwise.
    """
    given = link.last_given or {}
    fields = {n: given.get(n, v) if n in said else v for n, v in order.fields.items()}
    unlike = any(fields[name] != order.fields[name] for name in said)
    return replace(order, fields=fields, spelt=None), replace(link, repush=link.repush or unlike)


def stale(incoming: Incoming, link: Link, tracos: WorkOrder | None) -> Decision:
    """On record, not applied; the present state is sent again, else the sides would differ for
    ever.
    """
    order, seen = incoming.order, link.seen
    retried = seen is not None and incoming.claim.pass_ < seen.pass_
    there = tracos is not None and not link.repush
    again = there and not retried and order.fields != link.last_given
    shown = tracos.fields if tracos else {}
    lost = [name for name, value in order.fields.items() if shown.get(name) != value]
    note = disagreement(
        Kind.STALE, lost, link, shown, order.fields, dict.fromkeys(lost, Side.TRACOS)
    )
    return Decision(
        Outcome.STALE,
        link=replace(link, repush=True) if again else None,
        disagreements=(note,) if lost else (),
    )


def missing(order: WorkOrder, link: Link) -> Decision:
    """TracOS's document is gone: a person decides, nothing is created again by itself.

    Once it was decided that it stays gone, only news asks again.
    """
    if link.dropped and order.fields == link.base:
        return Decision(Outcome.UNCHANGED)
    names = list(order.fields)
    note = disagreement(Kind.MISSING, names, link, {}, order.fields, dict.fromkeys(names))
    changed = None if link.missing else replace(link, missing=True, dropped=False)
    return Decision(Outcome.HELD, link=changed, disagreements=(note,))


def create(
    order: WorkOrder, link: Link, claim: Claim, policies: Policies, now: datetime
) -> Decision:
    """An order that neither TracOS nor we have ever seen."""
    if Side.CUSTOMER not in policies.creators:
        return Decision(Outcome.SKIPPED)
    made = replace(
        link,
        base=order.fields,
        extra=order.extra,
        said=order.said,
        seen=seen_now(order, claim, None, now, policies.words),
        repush=policies.receipts,
        unknown=order.unresolved,
    )
    return Decision(Outcome.CREATED, order.fields, made, why=dict.fromkeys(order.fields, "new"))


def strangers(order: WorkOrder, link: Link, tracos: WorkOrder, mode: FirstContact) -> bool:
    """Nothing says that the two orders of one number are the same one."""
    ours = tracos.fields
    if order.fields == link.last_given or all(ours.get(n) == v for n, v in order.fields.items()):
        return False
    if mode is not FirstContact.CHECK:
        return mode is FirstContact.HOLD
    if abs(order.created_at - tracos.created_at) <= SAME_ORDER:
        return False
    return not (same_words(order.fields, ours) or same_words(order.fields, link.last_given))


def same_words(one: Fields, other: Fields | None) -> bool:
    """Both carry the same texts."""
    texts = [name for name in ("title", "description") if name in one]
    return other is not None and bool(texts) and all(one[n] == other.get(n) for n in texts)


def hold_all(
    incoming: Incoming, link: Link, tracos: WorkOrder, words: str, now: datetime
) -> Decision:
    """Perhaps two different orders of one number: each side keeps its own, nothing is sent."""
    order = incoming.order
    names = [n for n, value in order.fields.items() if tracos.fields.get(n) != value]
    note = disagreement(
        Kind.FIRST_CONTACT, names, link, tracos.fields, order.fields, dict.fromkeys(names)
    )
    held = {n: Held(tracos.fields.get(n), order.fields[n]) for n in names}
    linked = replace(
        link,
        base=order.fields,
        extra=order.extra,
        said=order.said,
        held=held,
        seen=seen_now(order, incoming.claim, None, now, words),
    )
    return Decision(Outcome.HELD, link=linked, disagreements=(note,))
