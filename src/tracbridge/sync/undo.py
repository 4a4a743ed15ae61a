"""Taking back what a run did to one order: which fields, to which values, and what not. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Link, Window
from tracbridge.domain.workorder import Fields, Side, Value
from tracbridge.sync.identity import print_of
from tracbridge.sync.publish import one_more


class Left(StrEnum):
    """Why something that stands in the history of a run is not taken back."""

    CREATED = "created"
    """The run made the order in TracOS; orders are never removed."""
    FIRST = "first"
    """The run gave the customer the order for the first time."""
    RECEIPT = "receipt"
    """The order was given once more; nothing had changed."""
    NO_EFFECT = "no effect"
    """It was put on record and is not known to have happened."""
    UNFINISHED = "unfinished"
    """A crash came in between; the next run goes on with it, and would do it again."""
    FORGOTTEN = "forgotten"
    """The values were forgotten because a person asked for it."""
    HELD = "held"
    """The field waits for a person; each side keeps its own value."""
    GONE = "gone"
    """TracOS holds the order no more."""
    TWICE = "twice"
    """TracOS holds the order more than once."""
    UNREADABLE = "unreadable"
    """TracOS's document cannot be understood."""
    UNLINKED = "unlinked"
    """We remember nothing of the order."""
    BUSY = "busy"
    """Others kept changing the order."""


HARMLESS = frozenset({Left.RECEIPT, Left.NO_EFFECT})
"""Nothing of the run stands because of these."""

ALONE = frozenset({Left.CREATED, Left.FIRST, Left.UNFINISHED})
"""Where one of these is found, the order is left alone: the run's other changes belong to it."""


class Trace(Struct, frozen=True):
    """One change of the run, as the history shows it; ``why``: what keeps it from being used."""

    side: Side
    before: Fields | None
    after: Fields
    why: Left | None = None


class Later(Struct, frozen=True):
    """A field that was changed again: what the run set, what stands now, what was there before."""

    by_run: Value
    now: Value
    before: Value


class Rest(Struct, frozen=True):
    """Something that is not taken back. ``side`` None: the order as a whole; ``field`` "": all."""

    why: Left
    side: Side | None = None
    field: str = ""


class Undo(Struct, frozen=True):
    """What taking a run back means for one order.

    ``fields``: per field of TracOS's order (the present value, the one to set back). ``sides``:
    where the order changes by that. ``later``: what is not overwritten.
    """

    ref: str
    fields: Mapping[str, tuple[Value, Value]] = {}
    sides: tuple[Side, ...] = ()
    later: Mapping[str, Later] = {}
    rest: tuple[Rest, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fields or self.later or self.rest)

    @property
    def whole(self) -> bool:
        """Nothing of what the run did to the order is left."""
        return not self.later and all(one.why in HARMLESS for one in self.rest)


def undo(
    ref: str,
    traces: Sequence[Trace],
    link: Link | None,
    shown: Fields | None,
    unfit: Left | None = None,
) -> Undo:
    """What to do; ``traces`` in their order, ``shown``: TracOS's present fields.

    ``unfit``: why the order cannot be touched, whatever its history says.
    """
    rest = [Rest(why, trace.side) for trace in traces if (why := irrevocable(trace))]
    alone = any(one.why in ALONE for one in rest)
    chains = {} if alone else chains_of([t for t in traces if irrevocable(t) is None])
    if alone or chains:
        rest = [one for one in rest if one.why is not Left.RECEIPT]
    if chains and (unfit or link is None or shown is None):
        return Undo(ref, rest=(*rest, Rest(unfit or Left.UNLINKED)))
    fields: dict[str, tuple[Value, Value]] = {}
    later: dict[str, Later] = {}
    for name, chain in chains.items():
        if link and name in link.held:
            rest.append(Rest(Left.HELD, None, name))
            continue
        now = (shown or {}).get(name)
        by_run, back = chain[-1][1], rewound(chain)
        if now == by_run and now != back:
            fields[name] = (now, back)
        stays = back if now == by_run else now
        if stays != chain[0][0]:
            later[name] = Later(by_run, stays, chain[0][0])
    return Undo(ref, fields, sides(link, fields), later, tuple(rest))


def irrevocable(trace: Trace) -> Left | None:
    """Why this change cannot be taken back by itself, None if it can."""
    if trace.why:
        return trace.why
    if trace.before is None:
        return Left.CREATED if trace.side is Side.TRACOS else Left.FIRST
    return None if trace.after else Left.RECEIPT


Chain = list[tuple[Value, Value]]
"""The steps of one field in one run: (before, after)."""


def chains_of(traces: Sequence[Trace]) -> Mapping[str, Chain]:
    """The steps per field.

    A version that went out counts only for fields that the run did not change in TracOS: else it
    only passed on what the run had done there.
    """
    ours: dict[str, Chain] = {}
    sent: dict[str, Chain] = {}
    for trace in traces:
        chains = ours if trace.side is Side.TRACOS else sent
        for name, value in trace.after.items():
            chains.setdefault(name, []).append(((trace.before or {}).get(name), value))
    return {**sent, **ours}


def rewound(chain: Chain) -> Value:
    """Back from the last value, as far as each step set what the next one found."""
    value = chain[-1][1]
    for before, after in reversed(chain):
        if value != after:
            break
        value = before
    return value


def sides(link: Link | None, fields: Mapping[str, tuple[Value, Value]]) -> tuple[Side, ...]:
    """Where the order changes: in TracOS, and at the customer's unless he shows that already."""
    if not fields or link is None:
        return ()
    given = link.last_given or {}
    showed = link.seen.prints if link.seen and link.window else {}
    differs = any(
        given.get(name) != value or (name in showed and showed[name] != print_of(value))
        for name, (_, value) in fields.items()
    )
    return tuple(Side) if differs else (Side.TRACOS,)


def remembered(link: Link, fields: Mapping[str, tuple[Value, Value]], at: datetime) -> Link:
    """The link after TracOS was set back: the customer is to be told.

    What he may still show of it, while the window is open, must not bring it back.
    """
    return replace(
        link,
        changes=link.changes + 1,
        times={**link.times, **dict.fromkeys(fields, at)},
        window=link.window and _widened(link, link.window, fields),
        repush=True,
    )


def _widened(link: Link, window: Window, fields: Mapping[str, tuple[Value, Value]]) -> Window:
    old = dict(window.old)
    for name, (value, _) in fields.items():
        old[name] = one_more(link, name, old.get(name, ()), print_of(value))
    return replace(window, old=old)
