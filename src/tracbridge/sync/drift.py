"""Whether what TracOS shows of an order is what both sides last agreed on; what heals it. Pure.

It asks the same questions as a pass (see `need`), so that what is found here is what a pass would
act on, and nothing else.
"""

from collections.abc import Mapping
from enum import StrEnum

from tracbridge.domain.link import Link, Phase
from tracbridge.domain.workorder import Fields, Value
from tracbridge.sync.fields import NONE, Rules, same
from tracbridge.sync.publish import Need, Shown, content, unsent, view_of, wanted, wished


class Drift(StrEnum):
    """Why an order is not as both sides last agreed."""

    WAITING = "waiting"
    """TracOS has changed since, or the order is to be sent again, and no pass has sent it yet."""
    TAMPERED = "tampered"
    """TracOS shows other content, though its flag says synced and its time was not moved."""
    WRONG_FLAG = "wrong flag"
    """Marked as synced without the customer having been given this; or not marked though he has."""
    MISSING_FILE = "missing file"
    """A version was published, and is not there any more."""
    ALTERED_FILE = "altered file"
    """What the customer can see of a version is not what was published."""
    MISSING_LINK = "missing link"
    """Marked as synced in TracOS, and we know nothing of it."""
    MISSING_DOCUMENT = "missing document"
    """We know of it, and it is gone from TracOS."""
    DUPLICATE = "duplicate number"
    """Several documents of TracOS carry its number."""
    UNREADABLE = "unreadable"
    """TracOS's document cannot be translated."""
    HELD = "held"
    """It waits for a person, on record."""
    REFUSED = "refused"
    """The customer's system has refused the version, on record."""


OPEN = frozenset({Drift.HELD, Drift.REFUSED})
"""Known differences that wait for a person: listed, and no drift."""


class Cure(StrEnum):
    """What heals an order; always through a pass, which decides about the content."""

    PASS = "pass"  # noqa: S105 (no password)
    """The next pass does it by itself."""
    AGAIN = "again"
    """It is given to the customer again, as TracOS shows it."""
    LINK = "link"
    """Linked where the customer's inbound record is equal, else given to him again."""
    UNMARK = "unmark"
    """The mark is taken back."""
    ASK = "ask"
    """It is put on record as a conflict; a person decides."""
    NONE = "none"
    """Only a person can."""


def drift_of(
    link: Link, shown: Shown, *, resend: bool, rules: Rules = NONE, creates: bool = True
) -> Drift | None:
    """What is wrong between the link (``rev`` 0: there is none) and TracOS's order, if anything.

    ``resend``: a flag that was set back is a wish to send the order again.
    """
    if not link.rev:
        if not creates:
            return None
        return Drift.WAITING if unsent(shown) else Drift.MISSING_LINK
    if link.repush or (link.out and link.out.phase is not Phase.PUBLISHED):
        return Drift.WAITING
    fields = content(link, shown.order)
    if resend and wished(link, shown):
        return Drift.WAITING
    if apart(link, fields, rules):
        return _unlike(link, shown)
    return None if view_of(link, shown, fields, rules) is Need.NOTHING else Drift.WRONG_FLAG


def apart(link: Link, fields: Fields, rules: Rules = NONE) -> Mapping[str, tuple[Value, Value]]:
    """Per field that the customer does not have as he is to have it: what he has, what he is to
    have.
    """
    given = link.last_given or {}
    to_have = wanted(link, fields, rules)
    return {
        n: (given.get(n), v)
        for n, v in to_have.items()
        if n not in given or not same(rules, n, given[n], v)
    }


def _unlike(link: Link, shown: Shown) -> Drift:
    """The content differs: was it edited as usual, or past the flag?"""
    if not shown.synced:
        return Drift.WAITING
    if link.last_given is None or (link.given and shown.synced_at != link.given):
        return Drift.WRONG_FLAG
    moved = shown.synced_at is not None and shown.order.updated_at > shown.synced_at
    return Drift.WAITING if moved else Drift.TAMPERED


def cure_of(drift: Drift, link: Link, shown: Shown, rules: Rules = NONE) -> Cure:
    """What heals a drift that `drift_of` has found."""
    if drift is Drift.MISSING_LINK:
        return Cure.LINK
    if not link.rev or not shown.synced:
        return Cure.PASS
    if apart(link, content(link, shown.order), rules):
        # A marked order is found by chance only, once its time is past.
        return Cure.AGAIN
    return Cure.UNMARK if drift is Drift.WRONG_FLAG else Cure.PASS
