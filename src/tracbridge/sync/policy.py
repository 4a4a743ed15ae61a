"""Who wins where both sides changed the same field. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from tracbridge.domain.workorder import Side, Status, Value
from tracbridge.sync.fields import BOTH, NONE, Rules

SKEW = timedelta(seconds=5)
"""Two clocks within this bound tell nothing; TracOS's value stands."""

AHEAD = timedelta(minutes=5)
"""A time further than this ahead of our clock is a wrong clock and wins nothing."""


class Policy(StrEnum):
    """``CONFLICT_POLICY``: what decides a clash."""

    NEWEST = "newest"
    TRACOS = "tracos"
    CUSTOMER = "customer"
    ASK = "ask"


class DeletePolicy(StrEnum):
    """``DELETE_CONFLICT``: a delete on one side against an edit on the other."""

    BOTH = "both"
    EDIT_WINS = "edit_wins"
    DELETE_WINS = "delete_wins"


class FirstContact(StrEnum):
    """``FIRST_CONTACT``: both sides hold a number that we have never linked."""

    CHECK = "check"
    LINK = "link"
    HOLD = "hold"


class Ack(StrEnum):
    """``ACK``: when a version counts as arrived."""

    AUTO = "auto"
    CONTENT = "content"
    ANSWER = "answer"


class Policies(Struct, frozen=True):
    """How one connection decides. ``receipts``: publish an order back after its change came in.

    ``rules``: what is particular to single fields. ``creators``: the sides whose new orders are
    made on the other side too. ``words``: the digest of the mapping's.
    """

    conflict: Policy = Policy.NEWEST
    delete: DeletePolicy = DeletePolicy.BOTH
    first_contact: FirstContact = FirstContact.CHECK
    ack: Ack = Ack.AUTO
    receipts: bool = True
    rules: Rules = NONE
    creators: frozenset[Side] = BOTH
    words: str = ""

    def of(self, field: str) -> Policy:
        """What decides a clash of that field."""
        rule = self.rules.get(field)
        return Policy(rule.policy) if rule and rule.policy else self.conflict


class Clash(Struct, frozen=True):
    """One field that both sides changed, each at its side's own time."""

    field: str
    tracos: Value
    customer: Value
    tracos_at: datetime
    customer_at: datetime


_ENDED = frozenset({Status.COMPLETED.value, Status.CANCELLED.value})


def winner(policy: Policy, clash: Clash, now: datetime) -> Side | None:
    """The side whose value stands, or None if a person must decide.

    Completed against cancelled always needs a person: no clock knows whether the work was done.
    """
    if clash.field == "status" and {clash.tracos, clash.customer} == _ENDED:
        return None
    match policy:
        case Policy.TRACOS:
            return Side.TRACOS
        case Policy.CUSTOMER:
            return Side.CUSTOMER
        case Policy.ASK:
            return None
        case Policy.NEWEST:
            return newer(clash, now)


def newer(clash: Clash, now: datetime) -> Side:
    """The side that changed the field later; TracOS within the skew bound or if the customer's
    clock is wrong.
    """
    later = clash.customer_at > clash.tracos_at + SKEW
    return Side.CUSTOMER if later and clash.customer_at <= now + AHEAD else Side.TRACOS
