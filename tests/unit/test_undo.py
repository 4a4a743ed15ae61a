"""What taking a run back means for one order, each rule by an example."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import agreed, decided, kinds, link, order, out_of, window
from tracbridge.domain.link import Claim, Held
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import DELETED, Fields, Side
from tracbridge.sync.identity import print_of, prints_of
from tracbridge.sync.merge import Incoming
from tracbridge.sync.policy import Policies
from tracbridge.sync.publish import Need, Shown, need
from tracbridge.sync.undo import Later, Left, Rest, Trace, Undo, remembered, undo

BEFORE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
AFTER: Fields = {**BEFORE, "status": "on_hold"}
STEP = Trace(Side.TRACOS, {"status": "pending"}, {"status": "on_hold"})
SENT = Trace(Side.CUSTOMER, {"status": "pending"}, {"status": "on_hold"})
RECEIPT = Trace(Side.CUSTOMER, {}, {})
LINK = agreed(AFTER)


def rests(found: Undo) -> list[Left]:
    return [one.why for one in found.rest]


@pytest.mark.parametrize("trace", [STEP, SENT], ids=["written to TracOS", "sent to the customer"])
def test_what_the_run_set_and_still_stands_is_set_back_on_both_sides(trace: Trace) -> None:
    found = undo("1", [trace], LINK, AFTER)
    assert found == Undo("1", {"status": ("on_hold", "pending")}, tuple(Side))
    assert found.whole


def test_a_version_that_only_passes_on_what_the_run_did_counts_once() -> None:
    sent = replace(SENT, before={"status": "completed"})
    assert undo("1", [STEP, sent], LINK, AFTER).fields == {"status": ("on_hold", "pending")}


def test_several_steps_of_one_run_are_taken_back_to_the_first() -> None:
    steps = [STEP, Trace(Side.TRACOS, {"status": "on_hold"}, {"status": "completed"})]
    shown = {**BEFORE, "status": "completed"}
    assert undo("1", steps, LINK, shown).fields == {"status": ("completed", "pending")}


def test_an_edit_between_two_steps_of_the_run_is_brought_back_and_no_further() -> None:
    steps = [STEP, Trace(Side.TRACOS, {"status": "cancelled"}, {"status": "completed"})]
    found = undo("1", steps, LINK, {**BEFORE, "status": "completed"})
    assert found.fields == {"status": ("completed", "cancelled")}
    assert found.later == {"status": Later("completed", "cancelled", "pending")}
    again = undo("1", steps, LINK, {**BEFORE, "status": "cancelled"})
    assert (again.fields, again.later) == ({}, found.later)


def test_what_was_changed_since_is_not_overwritten() -> None:
    found = undo("1", [STEP], LINK, {**BEFORE, "status": "completed"})
    assert found == Undo("1", later={"status": Later("on_hold", "completed", "pending")})
    assert not found.whole


def test_what_shows_the_value_before_already_needs_nothing() -> None:
    found = undo("1", [STEP], LINK, BEFORE)
    assert not found
    assert found.whole


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (Trace(Side.TRACOS, None, BEFORE), Left.CREATED),
        (Trace(Side.CUSTOMER, None, BEFORE), Left.FIRST),
        (replace(STEP, why=Left.UNFINISHED), Left.UNFINISHED),
    ],
)
def test_an_order_that_cannot_be_taken_back_is_left_alone_as_a_whole(
    trace: Trace, why: Left
) -> None:
    found = undo("1", [trace, STEP, RECEIPT], LINK, AFTER)
    assert found == Undo("1", rest=(Rest(why, trace.side),))
    assert not found.whole


@pytest.mark.parametrize(
    "trace", [RECEIPT, replace(STEP, why=Left.NO_EFFECT)], ids=["receipt", "no effect"]
)
def test_what_had_no_effect_is_listed_and_leaves_nothing_to_undo(trace: Trace) -> None:
    found = undo("1", [trace], LINK, AFTER)
    assert len(found.rest) == 1
    assert found.whole
    assert not found.fields


def test_a_receipt_beside_a_change_is_not_worth_a_word() -> None:
    assert undo("1", [STEP, RECEIPT], LINK, AFTER).rest == ()


def test_a_held_field_is_left_to_the_person_who_decides_it() -> None:
    held = replace(LINK, held={"status": Held("on_hold", "completed")})
    found = undo("1", [STEP], held, AFTER)
    assert found == Undo("1", rest=(Rest(Left.HELD, None, "status"),))


@pytest.mark.parametrize("unfit", [Left.GONE, Left.TWICE, Left.UNREADABLE])
def test_an_order_that_cannot_be_read_is_left_alone(unfit: Left) -> None:
    assert rests(undo("1", [STEP], LINK, None, unfit)) == [unfit]
    assert rests(undo("1", [RECEIPT], LINK, None, unfit)) == [Left.RECEIPT]


def test_an_order_without_a_link_or_without_a_document_is_left_alone() -> None:
    left = Undo("1", rest=(Rest(Left.UNLINKED),))
    assert undo("1", [STEP], None, AFTER, Left.UNLINKED) == left
    assert undo("1", [STEP], None, AFTER) == left
    assert undo("1", [STEP], LINK, None) == left


def test_a_held_field_keeps_no_other_from_being_taken_back() -> None:
    held = replace(LINK, held={"status": Held("on_hold", "completed")})
    text = Trace(Side.TRACOS, {"description": "Valve"}, {"description": "Pump"})
    found = undo("1", [STEP, text], held, AFTER)
    assert found.fields == {"description": ("Pump", "Valve")}
    assert rests(found) == [Left.HELD]


@pytest.mark.parametrize(
    "found",
    [
        undo("1", [STEP], LINK, AFTER),
        undo("1", [STEP], LINK, {**BEFORE, "status": "completed"}),
        undo("1", [RECEIPT], LINK, AFTER),
    ],
    ids=["to take back", "changed since", "listed"],
)
def test_an_order_is_worth_a_word_if_anything_of_the_run_is_left(found: Undo) -> None:
    assert found


def test_a_customer_who_shows_the_value_before_already_does_not_change() -> None:
    assert undo("1", [STEP], agreed(BEFORE), AFTER).sides == (Side.TRACOS,)


def test_a_customer_who_showed_another_value_while_ours_lies_unread_changes() -> None:
    open_ = agreed(BEFORE, out=out_of(BEFORE), window=window(AFTER, BEFORE))
    assert open_.seen
    showed = replace(open_, seen=replace(open_.seen, prints=prints_of(AFTER)))
    assert undo("1", [STEP], showed, AFTER).sides == tuple(Side)
    # Once the window is closed, what he showed before it is past.
    closed = replace(showed, out=None, window=None)
    assert undo("1", [STEP], closed, AFTER).sides == (Side.TRACOS,)
    assert undo("1", [STEP], replace(open_, seen=None), AFTER).sides == (Side.TRACOS,)
    shows = replace(open_, seen=replace(open_.seen, prints=prints_of(BEFORE)))
    assert undo("1", [STEP], shows, AFTER).sides == (Side.TRACOS,)


def test_after_it_the_customer_is_told_although_he_was_last_given_the_same() -> None:
    made = remembered(agreed(BEFORE), {"status": ("on_hold", "pending")}, NOW)
    shown = Shown(order(BEFORE), synced=True, synced_at=NOW)
    assert need(made, shown, supersedes=True, resend=True) is Need.PUBLISH
    assert (made.changes, made.times) == (1, {"status": NOW})


def test_his_own_record_sent_again_does_not_bring_back_what_was_undone() -> None:
    """He edited while our version lay unread; his edit was undone; he knows nothing of it yet."""
    given = {**BEFORE, "description": "Pumps"}
    unread = agreed(given, out=out_of(BEFORE), window=window(given, BEFORE))
    assert unread.seen
    edited = replace(unread, seen=replace(unread.seen, prints=prints_of(AFTER)), repush=True)
    undone = remembered(edited, {"status": ("on_hold", "pending")}, NOW)
    incoming = Incoming(order(AFTER, NOW + timedelta(hours=1)), Claim(9, 8))
    decision = decided(incoming, undone, order(BEFORE), Policies())
    assert decision.result is None
    assert kinds(decision) == [Kind.DOUBT]
    assert decided(incoming, edited, order(BEFORE), Policies()).result == AFTER


def test_what_he_may_still_show_stays_in_the_window_beside_what_was_undone() -> None:
    fields = {"status": ("on_hold", "pending")}
    made = remembered(link(window=window(AFTER, BEFORE)), fields, NOW)
    assert made.window
    assert made.window.old["status"] == (print_of("on_hold"),)
    both = remembered(made, {"status": ("completed", "pending")}, NOW)
    assert both.window
    assert both.window.old["status"] == (print_of("on_hold"), print_of("completed"))


def test_undoing_once_more_does_not_widen_the_window_again() -> None:
    fields = {"status": ("on_hold", "pending")}
    made = remembered(link(window=window(None, BEFORE)), fields, NOW)
    assert made.window
    assert made.window.old["status"] == (print_of("on_hold"),)
    assert remembered(made, fields, NOW).window == made.window
