"""The canonical work order: the shape in which both sides are compared and merged."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

KIND = "workorder"
"""The kind of record that flows today; comments, labour and attachments are kinds of their own."""


class Side(StrEnum):
    """One of the two systems that a connection keeps the same."""

    TRACOS = "tracos"
    CUSTOMER = "customer"

    @property
    def other(self) -> "Side":
        """The system across."""
        return Side.CUSTOMER if self is Side.TRACOS else Side.TRACOS


class Status(StrEnum):
    """The five states that TracOS knows."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ON_HOLD = "on_hold"
    CANCELLED = "cancelled"


Value = str | int | float | bool | datetime | None
"""What one field holds: a scalar. Instants are aware, in UTC, cut to milliseconds."""

Fields = Mapping[str, Value]
"""Field name to value; two work orders are the same if their fields are equal.

Core names: ``status`` (text of a `Status`), ``title``, ``description``, ``deleted``. Everything
else is an ``ext.`` path. Each field merges, is held and is recorded by itself.

``deleted`` is a group in one value, so that the flag never travels without its time: ``False``, the
instant of the deletion, or ``True`` where the instant is not known (equal to any instant, see
`settled`).
"""

DELETED = "deleted"


class WorkOrder(Struct, frozen=True):
    """One order as one side shows it.

    ``ref``: TracOS's number as text; of a record that comes in from a customer who has keys of his
    own, first that key. ``created_at`` and ``updated_at`` are that side's own times (aware, UTC);
    they are no business fields. ``extra``: JSON text of an object with what of the customer's
    record is remembered word by word, or "". ``warnings``: codes of what was accepted although it
    looks odd. ``key``: the customer's own key, in its ``scope``, "" where it is the number.
    ``ours``: TracOS's number as his record has it, or "". ``unresolved``: values that a table does
    not know, by field. ``spelt``: the fields as he spelt them, where ``fields`` has what we know to
    be behind that. ``said``: what the words of his that are kept in ``extra`` mean. ``state``: the
    state of his system that is to be spelt, where any will not do.
    """

    ref: str
    fields: Fields
    created_at: datetime
    updated_at: datetime
    extra: str = ""
    scope: str = ""
    kind: str = KIND
    warnings: tuple[str, ...] = ()
    key: str = ""
    ours: str = ""
    unresolved: Mapping[str, str] = {}
    spelt: Fields | None = None
    said: Fields = {}
    state: str = ""


def to_milliseconds(moment: datetime) -> datetime:
    """The same instant in UTC, cut (not rounded) to milliseconds, as MongoDB keeps it."""
    # A subtraction takes a third of the time of `replace`: each record has two or three of these.
    moment = moment.astimezone(UTC)
    return moment - _BELOW_A_MILLISECOND[moment.microsecond % 1000]


_BELOW_A_MILLISECOND = tuple(timedelta(microseconds=rest) for rest in range(1000))


def unsaid_status(fields: Fields) -> str:
    """The status of a new order whose record says none."""
    return (Status.CANCELLED if fields.get(DELETED) else Status.PENDING).value


def settled(fields: Fields, *known: Fields | None, when: datetime) -> Fields:
    """``fields`` with an instant for a deletion that came without one.

    Taken from the first of ``known`` that has one, since an unknown instant equals any; else
    ``when``.
    """
    if fields.get(DELETED) is not True:
        return fields
    instants = (other.get(DELETED) for other in known if other)
    at = next((at for at in instants if isinstance(at, datetime)), when)
    return {**fields, DELETED: at}
