"""TracOS's order on its way to the customer: whether, what, and when it has arrived. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Link, Out, Phase, Refused, Window
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder, settled
from tracbridge.sync.fields import NONE, Rules, alike, kept, print_in, same
from tracbridge.sync.identity import version_key
from tracbridge.sync.policy import Ack

TICK = timedelta(milliseconds=1)

EARLIER = 32
"""Earlier values of a field that are remembered while a window is open: a customer may leave years
of our versions unread.
"""


class Need(StrEnum):
    """What the customer's copy of one order needs."""

    NOTHING = "nothing"
    PUBLISH = "publish"
    WAIT = "wait"
    """A version is on its way, and this system takes one at a time."""
    MARK = "mark"
    """He was given exactly this; only ``isSynced`` has to be set."""
    UNMARK = "unmark"
    """A field is held, each side keeps its own value: ``isSynced`` must not say that they agree."""


class Shown(Struct, frozen=True):
    """What TracOS shows: the order, its flag, and the time beside it."""

    order: WorkOrder
    synced: bool
    synced_at: datetime | None


def content(link: Link, order: WorkOrder) -> Fields:
    """TracOS's fields with instants settled by what was last agreed."""
    return settled(order.fields, link.last_given, when=order.updated_at)


def wanted(link: Link, fields: Fields, rules: Rules = NONE) -> Fields:
    """What the customer is to hold: TracOS's content, but his own value in fields that are held, or
    whose changes TracOS does not pass on.
    """
    given = link.last_given
    fields = kept(rules, fields, given)
    if given is not None and (link.unknown or not fields.keys() <= given.keys()):
        fields = _spoken_of(link, fields, given, rules)
    if not link.held:
        return fields
    return {**fields, **{n: h.customer for n, h in link.held.items() if n in fields}}


def _spoken_of(link: Link, fields: Fields, given: Fields, rules: Rules) -> Fields:
    """Without fields of which nobody has said anything, such as those that are new in the mapping.

    Where he says something that no table knows, he was given what stands there before, if anything.
    """
    his = {name: given[name] for name in link.unknown if name in given}
    kept_from_him = {n for n, rule in rules.items() if Side.CUSTOMER not in rule.into}
    silent = {*link.unknown, *kept_from_him}
    return {
        name: value
        for name, value in {**fields, **his}.items()
        if name in given or (value not in NOTHING and name not in silent)
    }


NOTHING: Final = (None, "")
"""Values of a field of which nothing is said."""


def agreed(link: Link, values: Fields) -> Link:
    """The link of an order that the customer is known to show so in these fields, too.

    They are such as he has spoken of before we could understand them.
    """
    base = link.base if link.base is None else {**link.base, **values}
    out = link.out and replace(link.out, fields={**link.out.fields, **values})
    unknown = {name: said for name, said in link.unknown.items() if name not in values}
    return replace(link, base=base, out=out, unknown=unknown)


def need(
    link: Link,
    shown: Shown,
    *,
    supersedes: bool,
    resend: bool,
    rules: Rules = NONE,
    creates: bool = True,
) -> Need:
    """What is to be done for this order now. ``creates``: new orders are made at the customer's."""
    if not link.rev:
        return Need.PUBLISH if creates and unsent(shown) else Need.NOTHING
    fields = content(link, shown.order)
    if not differs(link, fields, rules) and not (resend and wished(link, shown)):
        return view_of(link, shown, fields, rules)
    if waits_for_step(link):
        return Need.WAIT
    if link.out and (link.out.phase is not Phase.PUBLISHED or not supersedes):
        return Need.WAIT
    return Need.PUBLISH


def declined(link: Link, fields: Fields) -> bool:
    """His system has refused this content of TracOS's; a wish to send it again tries once more."""
    return link.refused is not None and not link.repush and fields == link.refused.fields


def view_of(link: Link, shown: Shown, fields: Fields, rules: Rules = NONE) -> Need:
    """What is to be done for the flag alone, where the customer has what he is to have."""
    if link.held or link.unknown:
        return Need.UNMARK if shown.synced else Need.NOTHING
    given = link.out is None or link.out.phase is Phase.PUBLISHED
    unmarked = given and not shown.synced and _has(link, wanted(link, fields, rules), rules)
    return Need.MARK if unmarked else Need.NOTHING


def waits_for_step(link: Link) -> bool:
    """A state on the way to another is on its way: the next step comes after it has arrived."""
    return link.out is not None and bool(link.out.state) and not link.out.last


def unsent(shown: Shown) -> bool:
    """An order that we have never linked: its flag is believed, unless it was edited after it was
    set.
    """
    if not shown.synced:
        return True
    return shown.synced_at is not None and shown.order.updated_at > shown.synced_at


def differs(link: Link, fields: Fields, rules: Rules = NONE) -> bool:
    """The customer does not have what he is to have, or is to be told again."""
    if link.repush or link.last_given is None:
        return True
    return not _has(link, wanted(link, fields, rules), rules)


def _has(link: Link, fields: Fields, rules: Rules) -> bool:
    """He has these values, whatever else he was given that the mapping knows no more."""
    given = link.last_given
    if given is not None and given.keys() > fields.keys():
        given = {name: given[name] for name in fields}
    return alike(rules, fields, given)


def wished(link: Link, shown: Shown) -> bool:
    """Somebody reset ``isSynced`` of an order that we had marked: a wish to send it again."""
    return not shown.synced and link.given is not None and shown.synced_at == link.given


def next_version(  # noqa: PLR0913 - what it is made of, and of when
    link: Link,
    order: WorkOrder,
    counter: int,
    now: datetime,
    tracos: object = None,
    rules: Rules = NONE,
    step: tuple[str, bool] = ("", True),
) -> Link:
    """The link with a new version frozen in it, and the window opened or widened.

    ``tracos``: TracOS's id of the document that it was made from. ``step``: the state of his system
    that it spells, and whether that is the end of its way.
    """
    fields = wanted(link, content(link, order), rules)
    before = link.last_given
    changed = [
        n for n, v in fields.items() if before is None or not same(rules, n, before.get(n), v)
    ]
    seq = link.seq + 1
    out = Out(
        seq,
        version_key(link.id, seq),
        fields,
        order.created_at,
        sent_at(link, order),
        now,
        overtakes=link.out is not None and link.out.phase is Phase.PUBLISHED,
        state=step[0],
        last=step[1],
    )
    return replace(
        link,
        out=out,
        seq=seq,
        window=Window(counter, before == fields, None, earlier(link, before, changed, rules)),
        times={**link.times, **dict.fromkeys(changed, order.updated_at)},
        repush=False,
        tracos=tracos or link.tracos,
    )


def sent_at(link: Link, order: WorkOrder) -> datetime:
    """The time to send: later than the customer's own, else a system that takes only newer drops
    it.
    """
    return max(order.updated_at, link.seen.at + TICK) if link.seen else order.updated_at


def earlier(
    link: Link, before: Fields | None, changed: list[str], rules: Rules = NONE
) -> Mapping[str, tuple[Value, ...]]:
    """Per changed field the prints of what the customer may still show."""
    old = dict(link.window.old) if link.window else {}
    for name in changed:
        values = old.get(name, ())
        if before is not None:
            values = one_more(link, name, values, print_in(rules, name, before.get(name)))
        old[name] = values
    return old


def one_more(link: Link, name: str, values: tuple[Value, ...], value: Value) -> tuple[Value, ...]:
    """The earlier values of a field, and one more that he may still show: `EARLIER` at most.

    The first one stays, and the one that he was last seen with; of the others those go first that
    were left longest ago. Should he show one that went, it is a clash, as with any value that
    nobody knows.
    """
    first, rest = values[:1] or (value,), [one for one in values[1:] if one != value]
    rest += [value] if value not in first else []
    left = rest[-(EARLIER - 1) :]
    seen = link.seen.prints.get(name) if link.seen else None
    if seen in rest and seen not in left:
        left[0] = seen
    return (*first, *left)


def staged(link: Link, *, over: bool) -> Link:
    """Its version lies durable beside its place."""
    return replace(link, out=_out(link, phase=Phase.STAGED, over=over))


def published(link: Link, counter: int) -> Link:
    """The customer can see it: from now on he may have it."""
    out, window = _out(link, phase=Phase.PUBLISHED), link.window
    if window and window.pass_ != counter:
        window = replace(window, pass_=counter)
    return replace(link, out=out, given=out.at, window=window)


def answered(link: Link, counter: int | None = None) -> Link:
    """It holds what was sent: the system answered the write, or surely reads it before it exports.

    ``counter``: the pass, where what he exported before that may still lie unread with us.
    """
    out, window = _out(link), None
    if link.window and counter is not None:
        window = replace(link.window, pass_=counter, gone=counter)
    made = replace(link, base=out.fields, out=None, window=window, given=out.at, refused=None)
    return replace(made, state=out.state or link.state)


def asked(link: Link, now: datetime) -> Link:
    """His system was asked what became of its version, and does not show it (yet)."""
    return replace(link, out=_out(link, asked=now))


def over(link: Link, within: timedelta, now: datetime) -> bool:
    """By now its version has had its effect or never will: so long after it was sent at the latest.

    Nobody knows when that was, it may have waited long for its turn; but it was before we asked.
    """
    return now - (_out(link).asked or now) >= within


def unweighed(link: Link) -> Link:
    """His last record was weighed against a version of which nobody knew whether he had it; now it
    is known, and the same record once more is no repetition.
    """
    seen = link.seen
    return replace(link, seen=replace(seen, at=seen.at - TICK)) if seen else link


def withdrawn(link: Link, refused: Refused | None = None) -> Link:
    """Its version has surely had no effect: he holds what he held before.

    ``refused``: his system would not take it.
    """
    return replace(link, out=None, window=None, refused=refused)


def taken(link: Link, counter: int, ack: Ack, *, told: bool = False) -> Link:
    """Its file is gone, or was acknowledged (``told``): the base is what was sent, never what
    TracOS holds now.

    A version that lay over another proves nothing: the reader may have removed ours unread, or have
    acknowledged the other one late. It goes out again.
    """
    out, window = _out(link), link.window
    unsure = out.overtakes if told else out.over
    if window and not unsure and ack is not Ack.CONTENT:
        window = replace(window, gone=counter)
    repush, state = link.repush or unsure, out.state or link.state
    return replace(link, base=out.fields, out=None, window=window, repush=repush, state=state)


def refused(link: Link, reason: str) -> Link:
    """The customer's system refused this version; it stays on its way, with the reason."""
    return replace(link, out=_out(link, error=reason))


def _out(link: Link, **changes: object) -> Out:
    if link.out is None:
        msg = f"link {link.id} has nothing on its way"
        raise ValueError(msg)
    return replace(link.out, **changes)
