"""Orders, links and times for the properties of the pure core."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
    max_examples=200,
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

fields = st.fixed_dictionaries({name: st.sampled_from(DOMAIN[name]) for name in NAMES})
times = st.integers(-900, 900).map(lambda seconds: NOW + timedelta(seconds=seconds))
passes = st.integers(1, 9)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """A pass and the last complete one before it."""
    number = draw(passes)
    return Claim(number, draw(st.integers(0, number - 1)))


policies = st.builds(
    Policies,
    conflict=st.sampled_from(Policy),
    delete=st.sampled_from(DeletePolicy),
    first_contact=st.sampled_from(FirstContact),
    ack=st.sampled_from([Ack.AUTO, Ack.CONTENT]),
    receipts=st.booleans(),
)


def order(shown: Fields, at: datetime = NOW, extra: str = "") -> WorkOrder:
    """An order as one side shows it."""
    return WorkOrder("1", shown, CREATED, at, extra)


def link(**changes: object) -> Link:
    """A link that was stored once."""
    return replace(Link("L", "test", "1", rev=1), **changes)  # type: ignore[arg-type]


def agreed(shown: Fields, **changes: object) -> Link:
    """A link of an order on which both sides agreed."""
    seen = Seen(NOW - timedelta(hours=2), 1, prints_of(shown))
    return link(**{"base": shown, "seen": seen, **changes})


def out_of(shown: Fields, phase: Phase = Phase.PUBLISHED, seq: int = 3, **changes: object) -> Out:
    """A version on its way."""
    made = Out(seq, version_key("L", seq), shown, CREATED, NOW, NOW, phase)
    return replace(made, **changes)  # type: ignore[arg-type]


def window(before: Fields | None, shown: Fields, **changes: object) -> Window:
    """The window that ``shown`` opened after ``before`` was given."""
    changed = [n for n in shown if before is None or before[n] != shown[n]]
    old = {n: (print_of(before[n]),) if before else () for n in changed}
    return replace(Window(1, before == shown, None, old), **changes)  # type: ignore[arg-type]


@st.composite
def links(draw: st.DrawFn) -> Link:
    """Any link that our own rules could have made."""
    base = draw(st.none() | fields)
    made = link(base=base, seen=draw(seens(base)), repush=draw(st.booleans()), seq=3)
    shape = draw(st.sampled_from(["out", "window", "rest"]))
    if base is None or shape == "out":
        out = out_of(draw(fields), draw(st.sampled_from(Phase)), over=draw(st.booleans()))
        opened = window(base, out.fields, pass_=draw(passes))
        made = replace(made, out=out, window=replace(opened, old=draw(widened(opened.old))))
    elif shape == "window":
        opened = window(draw(fields), base, pass_=draw(passes), gone=draw(st.none() | passes))
        made = replace(made, window=opened)
    held = {n: Held(draw(value(n)), draw(value(n))) for n in draw(some_names)}
    return replace(made, held=held, times={n: draw(times) for n in draw(some_names)})


some_names = st.lists(st.sampled_from(NAMES), unique=True)


def value(name: str) -> st.SearchStrategy[Value]:
    return st.sampled_from(DOMAIN[name])


def seens(base: Fields | None) -> st.SearchStrategy[Seen | None]:
    shown = fields if base is None else st.one_of(st.just(base), fields)
    return st.none() | st.builds(Seen, at=times, pass_=passes, prints=shown.map(prints_of))


@st.composite
def widened(
    draw: st.DrawFn, old: Mapping[str, tuple[Value, ...]]
) -> Mapping[str, tuple[Value, ...]]:
    """With earlier values from versions before."""
    more = {name: print_of(draw(value(name))) for name in draw(some_names)}
    return {
        **old,
        **{n: tuple(dict.fromkeys((*old.get(n, ()), shown))) for n, shown in more.items()},
    }


@st.composite
def situations(draw: st.DrawFn) -> tuple[Incoming, Link, WorkOrder, Policies]:
    """A record of an order that both sides hold, with everything that decides about it.

    Values repeat often: the record is near what we gave, and TracOS too.
    """
    known = draw(links())
    near = [st.just(f) for f in (known.base, known.last_given) if f]
    ours = mixed(draw, draw(st.one_of(fields, *near)))
    theirs = mixed(draw, draw(st.one_of(fields, *near, st.just(ours))))
    at = draw(times)
    later = {n: min(t, at) for n, t in known.times.items()}
    extra = draw(st.sampled_from(["", '{"x":1}']))
    incoming = Incoming(
        order(theirs, draw(times), extra), draw(claims()), draw(st.booleans()), draw(st.booleans())
    )
    return incoming, replace(known, times=later), order(ours, at), draw(policies)


def mixed(draw: st.DrawFn, shown: Fields) -> Fields:
    """``shown``, perhaps with one field changed."""
    if draw(st.booleans()):
        return shown
    name = draw(st.sampled_from(NAMES))
    return {**shown, name: draw(value(name))}


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
    """Older than the last accepted record, with other content."""
    seen = known.seen
    if seen is None:
        return False
    older = incoming.order.updated_at < seen.at or incoming.claim.pass_ < seen.pass_
    return older and prints_of(incoming.order.fields) != seen.prints


def is_first_contact(known: Link) -> bool:
    """We have never agreed on anything, nor seen a record."""
    return known.seen is None and known.base is None


def proves_arrival(incoming: Incoming, known: Link, ack: Ack) -> bool:
    """The record is our version in EVERY field, from a later pass, no repeat, and not the first one."""
    opened, given = known.window, known.last_given
    if opened is None or opened.repeat or known.seen is None:
        return False
    if incoming.claim.pass_ <= opened.pass_ or (incoming.removes and ack is Ack.AUTO):
        return False
    if known.out is None and ack is not Ack.CONTENT:
        return False
    if known.out is not None and known.out.phase is not Phase.PUBLISHED:
        return False
    return incoming.order.fields == given


def is_past(incoming: Incoming, known: Link, ack: Ack) -> bool:
    """The record was claimed after a whole pass that began after our version was gone."""
    opened = known.window
    if opened is None or known.out is not None or ack is Ack.CONTENT or opened.gone is None:
        return False
    return incoming.claim.complete > opened.gone


def noted(decision: Decision, name: str, side: Side) -> list[Value]:
    """The values of this side that the decision's disagreements keep for a field."""
    notes = [note for note in decision.disagreements if name in note.taken]
    return [(note.tracos if side is Side.TRACOS else note.customer)[name] for note in notes]


def kinds(decision: Decision) -> list[Kind]:
    return [note.kind for note in decision.disagreements]
