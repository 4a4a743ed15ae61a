"""Who wins a clash."""

from datetime import datetime, timedelta

import pytest

from tests.harness import NOW
from tracbridge.domain.workorder import DELETED, Side
from tracbridge.sync.policy import AHEAD, SKEW, Clash, Policies, Policy, newer, winner

TICK = timedelta(milliseconds=1)


def clash(
    tracos_at: datetime, customer_at: datetime, field: str = "status", ours: str = "pending"
) -> Clash:
    return Clash(field, ours, "on_hold", tracos_at, customer_at)


@pytest.mark.parametrize(
    ("policy", "side"),
    [(Policy.TRACOS, Side.TRACOS), (Policy.CUSTOMER, Side.CUSTOMER), (Policy.ASK, None)],
)
@pytest.mark.parametrize("later", [timedelta(hours=-1), timedelta(0), timedelta(hours=1)])
def test_a_named_side_wins_whatever_the_clocks_say(
    policy: Policy, side: Side | None, later: timedelta
) -> None:
    assert winner(policy, clash(NOW, NOW + later), NOW + timedelta(hours=2)) is side


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize(
    ("ours", "theirs"), [("completed", "cancelled"), ("cancelled", "completed")]
)
def test_completed_against_cancelled_needs_a_person(policy: Policy, ours: str, theirs: str) -> None:
    later = NOW - timedelta(hours=1)
    assert winner(policy, Clash("status", ours, theirs, later, NOW), NOW) is None


@pytest.mark.parametrize("field", ["description", "ext.state"])
def test_only_the_status_can_be_completed_or_cancelled(field: str) -> None:
    words = Clash(field, "completed", "cancelled", NOW, NOW)
    assert winner(Policy.CUSTOMER, words, NOW) is Side.CUSTOMER


@pytest.mark.parametrize(("ours", "theirs"), [("completed", "pending"), ("pending", "cancelled")])
def test_one_ended_status_alone_needs_nobody(ours: str, theirs: str) -> None:
    one = Clash("status", ours, theirs, NOW, NOW)
    assert winner(Policy.CUSTOMER, one, NOW) is Side.CUSTOMER


def test_the_later_change_wins_beyond_the_skew_of_two_clocks() -> None:
    assert newer(clash(NOW, NOW + SKEW + TICK), NOW) is Side.CUSTOMER
    assert newer(clash(NOW, NOW + SKEW), NOW) is Side.TRACOS
    assert newer(clash(NOW, NOW), NOW) is Side.TRACOS
    assert newer(clash(NOW, NOW - timedelta(days=1)), NOW) is Side.TRACOS


def test_a_clock_far_ahead_of_ours_wins_nothing() -> None:
    earlier = NOW - timedelta(days=1)
    assert newer(clash(earlier, NOW + AHEAD), NOW) is Side.CUSTOMER
    assert newer(clash(earlier, NOW + AHEAD + TICK), NOW) is Side.TRACOS


def test_a_deletion_clashes_like_any_field() -> None:
    one = Clash(DELETED, NOW, NOW + TICK, NOW, NOW + timedelta(minutes=1))
    assert winner(Policy.NEWEST, one, NOW) is Side.CUSTOMER


def test_without_a_word_the_newest_wins_and_both_stay_in_a_delete_against_an_edit() -> None:
    assert Policies() == Policies(Policy.NEWEST)
    assert (Policies().delete, Policies().first_contact, Policies().ack) == (
        "both",
        "check",
        "auto",
    )
    assert Policies().receipts
