"""What became of a record, and why."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from tracbridge.domain.workorder import Side, Value


class Outcome(StrEnum):
    """What became of one record from the customer; each record has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    HELD = "held"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"
    """New at the customer's, and his new orders are not made in TracOS."""


class Kind(StrEnum):
    """Why two sides could not simply be merged."""

    CLASH = "clash"
    """Both changed the same field; a policy or a person decides."""
    DOUBT = "doubt"
    """The customer shows an earlier value and may not have read ours yet: ours is sent again."""
    STALE = "stale"
    """A record older than one that was already applied."""
    FIRST_CONTACT = "first-contact"
    """Both sides hold an order of this number, and nothing says that it is the same one."""
    LOOP = "loop"
    """The order keeps flipping between two contents: two systems undo each other's changes."""
    MISSING = "missing"
    """The order is gone from TracOS; it is not created again by itself."""
    UNRESOLVED = "unresolved"
    """A value of his that a table of the connection does not know."""
    UNDO = "undo"
    """It was changed again after a run that was taken back: the later change stands."""


class Disagreement(Struct, frozen=True):
    """Fields of one record on which the sides differ, and whose value stands (None: a person
    decides).
    """

    kind: Kind
    base: Mapping[str, Value]
    tracos: Mapping[str, Value]
    customer: Mapping[str, Value]
    taken: Mapping[str, Side | None]
    policy: str | None
