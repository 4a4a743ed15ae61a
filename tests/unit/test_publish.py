"""A version on its way to the customer: each step by an example."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.harness import CREATED, NOW
from tests.property.cases import agreed, link, order, out_of, window
from tracbridge.domain.link import Held, Link, Out, Phase, Window
from tracbridge.domain.workorder import DELETED, Fields
from tracbridge.sync.policy import Ack
from tracbridge.sync.publish import (
    TICK,
    Need,
    Shown,
    answered,
    asked,
    need,
    next_version,
    over,
    published,
    refused,
    sent_at,
    staged,
    taken,
    unweighed,
    withdrawn,
)

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
DONE: Fields = {**BASE, "status": "completed"}
GONE: Fields = {**BASE, DELETED: True}
ON_HOLD: Fields = {**BASE, "status": "on_hold"}


def test_the_first_version_of_an_order_born_in_tracos_names_no_earlier_values() -> None:
    made = next_version(link(rev=0), order(BASE, NOW), 7, NOW + TICK)
    assert made.out == Out(1, "L-1", BASE, CREATED, NOW, NOW + TICK)
    assert made.window == Window(7, False, None, dict.fromkeys(BASE, ()))
    assert made.times == dict.fromkeys(BASE, NOW)


def test_a_second_version_keeps_what_the_customer_may_still_show() -> None:
    unread = agreed(BASE, out=out_of(DONE), window=window(BASE, DONE), seq=3)
    on_hold = {**BASE, "status": "on_hold"}
    made = next_version(unread, order(on_hold), 7, NOW)
    assert made.window == Window(7, False, None, {"status": ("pending", "completed")})
    back = next_version(unread, order(BASE), 7, NOW)
    assert back.window == Window(7, False, None, {"status": ("pending", "completed")})


def test_a_version_that_equals_the_one_before_is_a_repeat() -> None:
    known = agreed(BASE, repush=True, times={"status": CREATED})
    made = next_version(known, order(BASE), 7, NOW)
    assert made.window == Window(7, True, None, {})
    assert (made.times, made.repush) == ({"status": CREATED}, False)


def test_a_version_shows_the_customers_own_value_in_a_held_field() -> None:
    known = agreed(BASE, held={"status": Held("completed", "cancelled"), "ext.none": Held(1, 2)})
    made = next_version(known, order({**DONE, "description": "Valve"}), 7, NOW)
    assert made.out is not None
    assert made.out.fields == {**DONE, "status": "cancelled", "description": "Valve"}


def test_a_delete_without_a_time_is_sent_with_a_known_one() -> None:
    at = NOW - timedelta(days=3)
    for known, expected in ((agreed({**BASE, DELETED: at}), at), (agreed(BASE), NOW)):
        made = next_version(known, order(GONE, NOW), 7, NOW + timedelta(hours=1))
        assert made.out is not None
        assert made.out.fields[DELETED] == expected


def test_a_delete_without_a_time_is_no_difference_to_the_one_that_was_agreed() -> None:
    known = agreed({**BASE, DELETED: NOW - timedelta(days=3)})
    shown = Shown(order(GONE), synced=True, synced_at=NOW)
    assert need(known, shown, supersedes=True, resend=False) is Need.NOTHING


@pytest.mark.parametrize(("edited", "expected"), [(0, TICK), (60, timedelta(seconds=60))])
def test_what_is_sent_is_later_than_what_the_customer_showed(
    edited: int, expected: timedelta
) -> None:
    known = agreed(BASE)
    assert known.seen is not None
    moment = known.seen.at + timedelta(seconds=edited)
    assert sent_at(known, order(BASE, moment)) == known.seen.at + expected
    assert sent_at(link(), order(BASE, moment)) == moment


def test_publishing_after_a_later_pass_began_says_so() -> None:
    made = staged(next_version(agreed(BASE), order(DONE), 7, NOW), over=True)
    then = published(made, 9)
    assert then.window is not None
    assert then.out is not None
    assert (then.window.pass_, then.out.phase, then.out.over) == (9, Phase.PUBLISHED, True)


@pytest.mark.parametrize(
    ("over", "ack", "gone", "again"),
    [
        (False, Ack.AUTO, 9, False),
        (False, Ack.CONTENT, None, False),
        (True, Ack.AUTO, None, True),
        (True, Ack.CONTENT, None, True),
    ],
)
def test_a_version_over_an_unread_one_is_sent_again_when_it_is_gone(
    over: bool, ack: Ack, gone: int | None, again: bool
) -> None:
    made = published(staged(next_version(agreed(BASE), order(DONE), 7, NOW), over=over), 7)
    then = taken(made, 9, ack)
    assert then.window is not None
    assert (then.base, then.out, then.window.gone, then.repush) == (DONE, None, gone, again)


def test_an_acknowledgement_is_for_our_version_unless_the_one_before_had_none_yet() -> None:
    first = published(staged(next_version(agreed(BASE), order(DONE), 7, NOW), over=True), 7)
    then = taken(first, 9, Ack.AUTO, told=True)
    assert then.window is not None
    assert (then.base, then.out, then.window.gone, then.repush) == (DONE, None, 9, False)
    second = published(staged(next_version(first, order(ON_HOLD), 8, NOW), over=True), 8)
    then = taken(second, 9, Ack.AUTO, told=True)
    assert then.window is not None
    assert (then.base, then.out, then.window.gone, then.repush) == (ON_HOLD, None, None, True)


def test_a_wish_to_send_again_survives_the_arrival_of_the_version_before() -> None:
    made = published(next_version(agreed(BASE), order(DONE), 7, NOW), 7)
    assert taken(replace(made, repush=True), 9, Ack.AUTO).repush


def test_nothing_can_be_staged_that_was_not_frozen() -> None:
    steps: tuple[Callable[[], Link], ...] = (
        lambda: staged(agreed(BASE), over=False),
        lambda: published(agreed(BASE), 7),
        lambda: taken(agreed(BASE), 7, Ack.AUTO),
        lambda: refused(agreed(BASE), "no"),
    )
    for step in steps:
        with pytest.raises(ValueError, match="nothing on its way"):
            step()


@pytest.mark.parametrize("phase", [Phase.INTENT, Phase.STAGED])
def test_a_version_that_is_not_shown_yet_is_finished_first(phase: Phase) -> None:
    known = agreed(BASE, out=out_of(DONE, phase), window=window(BASE, DONE))
    for shown in (DONE, {**DONE, "description": "Valve"}):
        state = Shown(order(shown), synced=False, synced_at=None)
        found = need(known, state, supersedes=True, resend=True)
        assert found is (Need.NOTHING if shown == DONE else Need.WAIT)


def test_a_system_that_takes_one_version_at_a_time_is_waited_for() -> None:
    known = agreed(BASE, out=out_of(DONE), window=window(BASE, DONE))
    state = Shown(order(BASE), synced=False, synced_at=None)
    assert need(known, state, supersedes=False, resend=False) is Need.WAIT
    assert need(known, state, supersedes=True, resend=False) is Need.PUBLISH


def test_an_order_with_held_fields_is_not_marked_as_synced() -> None:
    known = agreed({**BASE, "status": "cancelled"}, held={"status": Held("completed", "cancelled")})
    for synced, expected in ((True, Need.UNMARK), (False, Need.NOTHING)):
        state = Shown(order(DONE), synced, NOW)
        assert need(known, state, supersedes=True, resend=False) is expected


def test_a_version_that_is_surely_read_leaves_the_window_open_for_what_crosses_it() -> None:
    known = agreed(BASE, out=out_of(DONE, Phase.STAGED), window=window(BASE, DONE))
    assert answered(known).window is None
    opened = answered(known, 9).window
    assert opened
    assert (opened.pass_, opened.gone) == (9, 9)


def test_a_version_that_lies_aside_says_so_and_is_shown_next() -> None:
    made = next_version(agreed(BASE), order(DONE), 7, NOW)
    aside = staged(made, over=False)
    assert [link_.out.phase for link_ in (made, aside, published(aside, 7)) if link_.out] == [
        Phase.INTENT,
        Phase.STAGED,
        Phase.PUBLISHED,
    ]


def test_a_version_keeps_the_document_that_it_was_made_from() -> None:
    made = next_version(agreed(BASE), order(DONE), 7, NOW, "id 1")
    assert made.tracos == "id 1"
    assert next_version(made, order(ON_HOLD), 8, NOW).tracos == "id 1"


def test_a_version_is_published_whether_or_not_a_window_was_remembered() -> None:
    bare = agreed(BASE, out=out_of(DONE, Phase.STAGED))
    assert published(bare, 9).window is None
    opened = replace(bare, window=window(BASE, DONE))
    made = published(opened, 9).window
    assert made
    assert made.pass_ == 9


def test_a_version_without_an_answer_is_waited_for_from_when_it_was_first_looked_for() -> None:
    """When it was sent nobody knows: perhaps long after it was made, and just before we died."""
    within, look = timedelta(seconds=60), NOW + timedelta(hours=1)
    made = next_version(agreed(BASE), order(DONE), 7, NOW)
    assert not over(made, within, look)
    noted = asked(made, look)
    assert not over(noted, within, look + within - TICK)
    assert over(noted, within, look + within)


def test_a_version_of_a_system_that_is_never_late_is_looked_for_once() -> None:
    made = next_version(agreed(BASE), order(DONE), 7, NOW)
    assert over(made, timedelta(0), NOW)


def test_what_he_showed_before_a_version_was_given_up_is_no_repetition_afterwards() -> None:
    made = next_version(agreed(BASE), order(DONE), 7, NOW)
    back = unweighed(withdrawn(made))
    assert made.seen
    assert back.seen
    assert made.seen.at - back.seen.at == TICK
    assert unweighed(link()).seen is None
