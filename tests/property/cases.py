"""Orders, links and times for the properties of the pure core."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.harness import CREATED, NOW
from tracbridge.domain.link import Claim, Held, Link, Out, Phase, Seen, Window
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import DELETED, Fields, Side, Status, Value, WorkOrder
from tracbridge.sync.identity import print_of, prints_of, version_key
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.plan import decide
from tracbridge.sync.policy import Ack, DeletePolicy, FirstContact, Policies, Policy

STEADY = settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""The same examples on every machine and in every run."""

NAMES = ("status", "description", DELETED)
GONE_AT = NOW - timedelta(days=1)
LONG = "Replace the bearing of the pump " + "x" * 40
DOMAIN: Mapping[str, list[Value]] = {
    "status": [status.value for status in Status],
    "description": ["Pump", "Pump, gasket", LONG, LONG + "y", "#Pump", ""],
    DELETED: [False, GONE_AT, GONE_AT + timedelta(hours=1)],
}


def order(shown: Fields, at: datetime = NOW, extra: str = "") -> WorkOrder:
    """An order as one side shows it."""
    return WorkOrder("1", shown, CREATED, at, extra)


def link(**changes: object) -> Link:
    """A link that was stored once."""
    return replace(Link("L", "test", "1", rev=1), **changes)


def agreed(shown: Fields, **changes: object) -> Link:
    """A link of an order on which both sides agreed."""
    seen = Seen(NOW - timedelta(hours=2), 1, prints_of(shown))
    return link(**{"base": shown, "seen": seen, **changes})


def out_of(shown: Fields, phase: Phase = Phase.PUBLISHED, seq: int = 3, **changes: object) -> Out:
    """A version on its way."""
    made = Out(seq, version_key("L", seq), shown, CREATED, NOW, NOW, phase)
    return replace(made, **changes)


def window(before: Fields | None, shown: Fields, **changes: object) -> Window:
    """The window that ``shown`` opened after ``before`` was given."""
    changed = [n for n in shown if before is None or before[n] != shown[n]]
    old = {n: (print_of(before[n]),) if before else () for n in changed}
    return replace(Window(1, before == shown, None, old), **changes)


def some_link(dice: Random) -> Link:
    """Any link that our own rules could have made."""
    base = dice.choice([None, some_fields(dice)])
    made = link(base=base, seen=some_seen(dice, base), repush=dice.random() < 0.5, seq=3)
    shape = "out" if base is None else dice.choice(["out", "window", "rest"])
    if shape == "out":
        phase = dice.choice(list(Phase))
        out = out_of(near(dice, base), phase, over=dice.random() < 0.5)
        opened = window(base, out.fields, pass_=dice.randint(1, 9))
        made = replace(made, out=out, window=replace(opened, old=widened(dice, opened.old)))
    elif base and shape == "window":
        gone = dice.choice([None, dice.randint(1, 9)])
        opened = window(near(dice, base), base, pass_=dice.randint(1, 9), gone=gone)
        made = replace(made, window=opened)
    held = {n: Held(some_value(dice, n), some_value(dice, n)) for n in some_names(dice)}
    return replace(made, held=held, times={n: some_time(dice) for n in some_names(dice)})


def some_names(dice: Random) -> list[str]:
    return [name for name in NAMES if dice.random() < 0.25]


def some_value(dice: Random, name: str) -> Value:
    return dice.choice(DOMAIN[name])


def some_fields(dice: Random) -> Fields:
    return {name: some_value(dice, name) for name in NAMES}


def some_time(dice: Random) -> datetime:
    return NOW + timedelta(seconds=dice.choice([dice.randint(-900, 900), dice.randint(-6, 6)]))


def near(dice: Random, shown: Fields | None) -> Fields:
    """Equal, or with one field changed, or all new."""
    if shown is None or dice.random() < 0.2:
        return some_fields(dice)
    if dice.random() < 0.4:
        return shown
    name = dice.choice(NAMES)
    return {**shown, name: some_value(dice, name)}


def some_seen(dice: Random, base: Fields | None) -> Seen | None:
    if dice.random() < 0.3:
        return None
    return Seen(some_time(dice), dice.randint(1, 9), prints_of(near(dice, base)))


def widened(dice: Random, old: Mapping[str, tuple[Value, ...]]) -> Mapping[str, tuple[Value, ...]]:
    """With earlier values from versions before."""
    more = {name: print_of(some_value(dice, name)) for name in some_names(dice)}
    return {
        **old,
        **{n: tuple(dict.fromkeys((*old.get(n, ()), shown))) for n, shown in more.items()},
    }


def some_situation(dice: Random) -> tuple[Incoming, Link, WorkOrder, Policies]:
    """A record of an order that both sides hold, with everything that decides about it.

    Values repeat often: the record is near what we gave, and TracOS too.
    """
    known = some_link(dice)
    ours = near(dice, dice.choice([known.base, known.last_given]))
    theirs = near(dice, dice.choice([known.base, known.last_given, ours]))
    at, number = some_time(dice), dice.randint(1, 9)
    later = {n: min(t, at) for n, t in known.times.items()}
    incoming = Incoming(
        order(theirs, some_time(dice), dice.choice(["", '{"x":1}'])),
        Claim(number, dice.randrange(number)),
        dice.random() < 0.3,
        dice.random() < 0.5,
    )
    return incoming, replace(known, times=later), order(ours, at), some_policies(dice)


def some_policies(dice: Random) -> Policies:
    return Policies(
        conflict=dice.choice(list(Policy)),
        delete=dice.choice(list(DeletePolicy)),
        first_contact=dice.choice(list(FirstContact)),
        ack=dice.choice([Ack.AUTO, Ack.CONTENT]),
        receipts=dice.random() < 0.5,
    )


T = TypeVar("T")


dices = st.integers(0, 2**32 - 1).map(Random)


def rolled(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """Made by dice from one number: a whole situation costs hypothesis one draw."""
    return dices.map(make)


situations = rolled(some_situation)
links = rolled(some_link)
fields = rolled(some_fields)
times = rolled(some_time)
policies = rolled(some_policies)
passes = st.integers(1, 9)


def value(name: str) -> st.SearchStrategy[Value]:
    return st.sampled_from(DOMAIN[name])


def decided(
    incoming: Incoming, known: Link, tracos: WorkOrder | None, chosen: Policies
) -> Decision:
    """The decision at `NOW`."""
    return decide(incoming, known, tracos, chosen, NOW)


def after(known: Link, decision: Decision) -> Link:
    """The link as it is stored then."""
    made = decision.link or known
    return replace(made, rev=made.rev + 1) if decision.link else known


def applied(tracos: WorkOrder, decision: Decision, incoming: Incoming) -> WorkOrder:
    """TracOS's order after the decision; its time never goes back."""
    if decision.result is None:
        return tracos
    at = max(tracos.updated_at, min(incoming.order.updated_at, NOW))
    return replace(tracos, fields=decision.result, updated_at=at)


def is_stale(incoming: Incoming, known: Link) -> bool:
    """Older than the last accepted record, with other content; or that record once more, although
    he has read another version since.
    """
    seen = known.seen
    if seen is None:
        return False
    older = incoming.order.updated_at < seen.at or incoming.claim.pass_ < seen.pass_
    if prints_of(incoming.order.fields) != seen.prints:
        return older
    gone = known.window.gone if known.window else 0
    read = gone is not None and (not known.window or incoming.claim.complete > gone)
    again = incoming.order.updated_at <= seen.at and incoming.order.fields != known.last_given
    return read and again


def is_first_contact(known: Link) -> bool:
    """We have never agreed on anything, nor seen a record."""
    return known.seen is None and known.base is None


def proves_arrival(incoming: Incoming, known: Link, ack: Ack) -> bool:
    """The record is our version in EVERY field, from a later pass, no repeat, not the first, and
    not what he showed before.
    """
    opened, given = known.window, known.last_given
    if opened is None or opened.repeat or known.seen is None:
        return False
    if incoming.claim.pass_ <= opened.pass_ or (incoming.removes and ack is Ack.AUTO):
        return False
    if prints_of(incoming.order.fields) == known.seen.prints:
        return False
    if known.out is None and ack is not Ack.CONTENT:
        return False
    if known.out is not None and known.out.phase is not Phase.PUBLISHED:
        return False
    return incoming.order.fields == given


def is_past(incoming: Incoming, known: Link, ack: Ack) -> bool:
    """The record was claimed after a whole pass that began after our version was gone, and nothing
    is left to be sent.
    """
    opened = known.window
    if opened is None or known.out is not None or ack is Ack.CONTENT or opened.gone is None:
        return False
    if known.repush:
        return False
    return incoming.claim.complete > opened.gone


def noted(decision: Decision, name: str, side: Side) -> list[Value]:
    """The values of this side that the decision's disagreements keep for a field."""
    notes = [note for note in decision.disagreements if name in note.taken]
    return [(note.tracos if side is Side.TRACOS else note.customer)[name] for note in notes]


def kinds(decision: Decision) -> list[Kind]:
    return [note.kind for note in decision.disagreements]
