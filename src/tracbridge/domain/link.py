"""The link: what we remember of one order on one connection."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from tracbridge.domain.errors import Reason
from tracbridge.domain.workorder import KIND, Fields, Value


class Phase(StrEnum):
    """How far a version has come on its way to the customer."""

    INTENT = "intent"
    """The content is frozen; nothing has left us."""
    STAGED = "staged"
    """It lies beside its place, durable; one rename publishes it."""
    PUBLISHED = "published"
    """The customer can see it."""


class Claim(Struct, frozen=True):
    """The pass that took a record: its number, and the last pass complete when it began.

    ``position``: the record's place among those of the pass, as text that sorts in their order and
    is the same when the record is read again after a crash; "" where the system has no such places,
    and for a record that a person wants tried again.
    """

    pass_: int
    complete: int
    position: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """Sorts records as they were claimed."""
        return self.pass_, self.position


class Out(Struct, frozen=True):
    """One version on its way to the customer. Its content is frozen when it is made.

    ``over``: it replaced a version that may just have been read, so its absence proves nothing.
    ``overtakes``: that one was still on its way, so an acknowledgement may have been meant for it.
    ``at``: when the version was made (our clock, UTC); TracOS's ``syncedAt`` once it is published.
    ``error``: what the customer's system answered when it refused this version. ``state``: the
    state of his system that it spells, where his system refuses to jump, "" where any will do;
    ``last``: no further one follows. ``asked``: when his system was first asked what became of it,
    because no answer came.
    """

    seq: int
    key: str
    fields: Fields
    created_at: datetime
    updated_at: datetime
    at: datetime
    phase: Phase = Phase.INTENT
    over: bool = False
    overtakes: bool = False
    error: str | None = None
    state: str = ""
    last: bool = True
    asked: datetime | None = None


class Window(Struct, frozen=True):
    """While it is open nobody can know whether a record was made before or after our version was
    read.

    ``pass_``: the pass in which the version was published. ``repeat``: it equals the version
    before. ``gone``: the pass counter when the customer was seen to have taken it, else None.
    ``old``: per changed field the prints of the earlier values that he may still show.
    """

    pass_: int
    repeat: bool
    gone: int | None
    old: Mapping[str, tuple[Value, ...]]


class Seen(Struct, frozen=True):
    """The customer's last accepted record.

    Its time (never ahead of our clock), pass, prints of its values, and place in the pass ("" =
    unknown). ``words``: of the mapping by which it was read ("" = unknown).
    """

    at: datetime
    pass_: int
    prints: Mapping[str, Value]
    position: str = ""
    words: str = ""


class Held(Struct, frozen=True):
    """A field that waits for a person: each side keeps its own value."""

    tracos: Value
    customer: Value


class Turns(Struct, frozen=True):
    """How often the customer's records have turned an order's content to and fro.

    ``last`` and ``before``: prints of what the last two of them made of it. ``since``: when the
    counting of ``flips`` began.
    """

    last: str
    before: str
    since: datetime
    flips: int = 0


class Theirs(Struct, frozen=True):
    """How the customer's system names its record of an order, and in which version it is.

    ``version``: "" where it is not known.
    """

    ref: str
    version: str = ""


class Refused(Struct, frozen=True):
    """TracOS's content that the customer's system would not take, and why."""

    fields: Fields
    why: Reason


class Link(Struct, frozen=True):
    """The memory of agreement about one order: the three-way merge's base and what is on its way.

    ``base``: what the customer is known to hold and both sides agreed on. ``extra``: the customer's
    own keys, passed through. ``repush``: send again although nothing differs. ``given``: the ``at``
    of the last publication. ``missing``: gone from TracOS, a person is asked; ``dropped``: it was
    decided that it stays gone. ``turns``: for the loop breaker. ``state``: the state of his system
    that we gave last, "" once he has shown one himself. ``stuck``: why he cannot be given TracOS's
    status. ``unknown``: values of his that a table does not know, by field. ``said``: what his own
    words in ``extra`` meant when he said them, by field. ``theirs``: his record as his system
    names it. ``refused``: what it would not take; that is not tried again while nothing changes.
    ``changes``: history entries written. ``rev`` and ``fence`` guard every update.
    """

    id: str
    connection: str
    ref: str
    scope: str = ""
    kind: str = KIND
    tracos: object = None
    base: Fields | None = None
    extra: str = ""
    seen: Seen | None = None
    out: Out | None = None
    window: Window | None = None
    times: Mapping[str, datetime] = {}
    held: Mapping[str, Held] = {}
    missing: bool = False
    dropped: bool = False
    repush: bool = False
    given: datetime | None = None
    turns: Turns | None = None
    state: str = ""
    stuck: str = ""
    unknown: Mapping[str, str] = {}
    said: Fields = {}
    theirs: Theirs | None = None
    refused: Refused | None = None
    seq: int = 0
    changes: int = 0
    rev: int = 0
    fence: int = 0

    @property
    def last_given(self) -> Fields | None:
        """What the customer holds or is about to hold, as far as we know."""
        return self.out.fields if self.out else self.base
