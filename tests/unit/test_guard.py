"""What counts as grave, how much of it is ordinary, and when something goes round in circles."""

from datetime import timedelta

import pytest

from tests.harness import NOW
from tracbridge.domain.link import Turns
from tracbridge.domain.workorder import Fields, Side
from tracbridge.sync.guard import Grave, Limit, Withheld, grave
from tracbridge.sync.loop import SPAN, loops, turned

MINUTE = timedelta(minutes=1)
OPEN: Fields = {"status": "pending", "description": "Pump", "deleted": False}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"status": "cancelled"}, Grave.REMOVAL),
        ({"deleted": True}, Grave.REMOVAL),
        ({"deleted": NOW}, Grave.REMOVAL),
        ({"status": "completed"}, Grave.COMPLETION),
        ({"status": "completed", "deleted": NOW}, Grave.REMOVAL),
        ({"status": "on_hold"}, None),
        ({"description": "Valve"}, None),
        ({}, None),
    ],
)
def test_the_end_of_an_order_is_grave(change: Fields, kind: Grave | None) -> None:
    assert grave(OPEN, {**OPEN, **change}) is kind


def test_a_change_is_judged_by_the_changed_fields_alone() -> None:
    assert grave({"status": "pending"}, {"status": "completed"}) is Grave.COMPLETION
    assert grave({"description": "Pump"}, {"description": "Valve"}) is None
    assert grave({}, {"deleted": True}) is Grave.REMOVAL


@pytest.mark.parametrize("before", [{**OPEN, "deleted": NOW}, {**OPEN, "status": "cancelled"}])
def test_what_has_ended_already_does_not_end_again(before: Fields) -> None:
    assert grave(before, {**before, "description": "Valve"}) is None


def test_a_new_order_ends_nothing_whatever_it_shows() -> None:
    assert grave(None, {**OPEN, "status": "cancelled"}) is None


@pytest.mark.parametrize(("linked", "room"), [(0, 20), (400, 20), (401, 20), (1000, 50)])
def test_the_larger_of_number_and_share_is_ordinary(linked: int, room: int) -> None:
    assert Limit(20, 0.05).room(linked) == room


@pytest.mark.parametrize(
    ("side", "kind", "what"),
    [
        (Side.TRACOS, Grave.REMOVAL, "deletions and cancellations in TracOS"),
        (Side.CUSTOMER, Grave.COMPLETION, "completions in the customer's"),
        (Side.CUSTOMER, Grave.ACKNOWLEDGEMENT, "outbound files gone at once, the customer's side"),
    ],
)
def test_whoever_is_asked_reads_what_would_have_changed_where_and_how_much(
    side: Side, kind: Grave, what: str
) -> None:
    assert str(Withheld(side, kind, 1200, 4000, 1000)) == (
        f"1,200 {what}, with 4,000 orders linked; more than 1,000 in one pass are not applied "
        "unasked"
    )


def after(*contents: str, apart: timedelta = timedelta(minutes=1)) -> Turns:
    turns = None
    for index, content in enumerate(contents):
        turns = turned(turns, {"status": content}, NOW + index * apart)
    assert turns is not None
    return turns


def test_a_content_that_somebody_keeps_undoing_is_a_loop_at_the_fifth_time() -> None:
    assert not loops(after(*"bbbb"))
    assert loops(after(*"bbbbb"))


def test_a_customer_who_alternates_between_two_contents_is_a_loop_at_the_seventh_flip() -> None:
    assert not loops(after(*"abababab"))
    assert loops(after(*"ababababa"))


def test_the_count_knows_the_last_two_contents_and_when_it_began() -> None:
    first, second = after("a"), after("a", "b")
    assert (second.before, second.since, second.flips) == (first.last, NOW + MINUTE, 0)
    again = after("a", "b", "b")
    assert (again.last, again.before, again.since, again.flips) == (
        second.last,
        first.last,
        NOW + MINUTE,
        2,
    )


def test_a_count_that_is_too_old_begins_anew_with_the_same_contents() -> None:
    old = after("a", "b", apart=SPAN)
    late = turned(old, {"status": "a"}, old.since + SPAN + MINUTE)
    assert (late.last, late.before, late.flips) == (old.before, old.last, 1)
    same = turned(old, {"status": "b"}, old.since + SPAN + MINUTE)
    assert (same.last, same.before, same.flips) == (old.last, old.before, 2)
    assert turned(old, {"status": "a"}, old.since + SPAN).since == old.since


def test_each_new_content_begins_the_count_anew() -> None:
    assert not loops(after(*"aaaabbbbcccc"))


def test_the_same_flips_over_hours_are_no_loop() -> None:
    assert not loops(after(*"b" * 40, apart=SPAN / 2))
