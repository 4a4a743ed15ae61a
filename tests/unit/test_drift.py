"""What a comparison says of one order: an example for each reason, and for each cure."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import agreed, link, order, out_of
from tracbridge.domain.link import Held, Link, Phase
from tracbridge.domain.workorder import DELETED, Fields
from tracbridge.sync.drift import Cure, Drift, apart, cure_of, drift_of
from tracbridge.sync.publish import Shown

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
DONE: Fields = {**BASE, "status": "completed"}
GIVEN = NOW - timedelta(hours=1)
MARKED = agreed(BASE, given=GIVEN)


def shown(
    fields: Fields, at: datetime = GIVEN, *, synced: bool = True, synced_at: datetime | None = GIVEN
) -> Shown:
    """TracOS's order; by default untouched since it was marked."""
    return Shown(order(fields, at), synced, synced_at)


LATER = GIVEN + timedelta(minutes=1)

CASES: dict[str, tuple[Link, Shown, Drift | None, Cure | None]] = {
    "both agree": (MARKED, shown(BASE), None, None),
    "edited past flag and time": (MARKED, shown(DONE), Drift.TAMPERED, Cure.AGAIN),
    "edited, the flag left": (MARKED, shown(DONE, LATER), Drift.WAITING, Cure.AGAIN),
    "edited as usual": (MARKED, shown(DONE, LATER, synced=False), Drift.WAITING, Cure.PASS),
    "somebody else's mark": (MARKED, shown(DONE, synced_at=LATER), Drift.WRONG_FLAG, Cure.AGAIN),
    "other content, never marked by us": (
        agreed(BASE),
        shown(DONE, synced_at=None),
        Drift.TAMPERED,
        Cure.AGAIN,
    ),
    "never given, and marked": (
        replace(link(), base=None),
        shown(BASE, synced_at=None),
        Drift.WRONG_FLAG,
        Cure.AGAIN,
    ),
    "not marked though he has it": (
        MARKED,
        shown(BASE, synced=False, synced_at=None),
        Drift.WRONG_FLAG,
        Cure.PASS,
    ),
    "marked though a field is held": (
        replace(MARKED, held={"status": Held("completed", "pending")}),
        shown(DONE),
        Drift.WRONG_FLAG,
        Cure.UNMARK,
    ),
    "set back: a wish": (MARKED, shown(BASE, synced=False), Drift.WAITING, Cure.PASS),
    "to be sent again": (replace(MARKED, repush=True), shown(BASE), Drift.WAITING, Cure.PASS),
    "a version not yet published": (
        replace(MARKED, out=out_of(BASE, Phase.STAGED)),
        shown(BASE),
        Drift.WAITING,
        Cure.PASS,
    ),
    "unknown, and marked": (link(rev=0), shown(BASE), Drift.MISSING_LINK, Cure.LINK),
    "unknown, and to be sent": (link(rev=0), shown(BASE, LATER), Drift.WAITING, Cure.PASS),
}


@pytest.mark.parametrize("case", CASES)
def test_an_order_has_one_reason_and_one_cure(case: str) -> None:
    link, tracos, drift, cure = CASES[case]
    assert drift_of(link, tracos, resend=True) is drift
    if drift:
        assert cure_of(drift, link, tracos) is cure


def test_a_flag_that_was_set_back_is_no_wish_where_nothing_is_sent_again() -> None:
    assert drift_of(MARKED, shown(BASE, synced=False), resend=False) is Drift.WRONG_FLAG


def test_what_differs_is_named_with_what_he_has_and_what_he_is_to_have() -> None:
    assert apart(MARKED, DONE) == {"status": ("pending", "completed")}
    assert apart(link(), BASE) == {name: (None, value) for name, value in BASE.items()}
    held = replace(MARKED, held={"status": Held("completed", "pending")})
    assert apart(held, DONE) == {}
