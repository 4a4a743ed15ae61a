"""What a rule file says: when something holds, then something happens. Explained in
``docs/reference/rules.md``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Flow = Literal["inbound", "outbound", "transition", "inbound transition", "outbound transition"]
Expected = Literal["pass", "reject", "hold", "ignore", "warn", "set"]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a rule file: what it does not know is refused."""


class Then(Part, frozen=True, kw_only=True):
    """What happens; one of these.

    ``reject``: to quarantine, with this message. ``hold``: not applied until somebody approves it.
    ``ignore``: passed over, and counted. ``warn``: applied, and said. ``set``: these fields get
    what their expressions say.
    """

    reject: str | None = None
    hold: str | None = None
    ignore: str | None = None
    warn: str | None = None
    set: Mapping[str, str] = {}


class Case(Part, frozen=True, kw_only=True):
    """A test of one rule: what is shown to it, and what it has to do.

    ``values``: the fields after a ``set``. ``on``: the day on which it is asked.
    """

    old: Mapping[str, Any] = {}
    new: Mapping[str, Any] = {}
    record: Mapping[str, Any] = {}
    expect: Expected
    values: Mapping[str, Any] = {}
    on: date | None = None


class Rule(Part, frozen=True, kw_only=True):
    """One rule. Of several the one with the higher ``priority`` is asked first, then file order.

    ``from_`` and ``until``: the days on which it counts, both included, in UTC.
    """

    name: str
    on: Flow | Annotated[list[Flow], Meta(min_length=1)]
    when: str
    then: Then
    priority: int = 0
    from_: date | None = field(default=None, name="from")
    until: date | None = None
    tests: list[Case] = []


class Rules(Part, frozen=True, kw_only=True):
    """A whole rule file."""

    rules: list[Rule]
