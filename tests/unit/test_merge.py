"""Field by field, inside and outside the window: each rule by an example."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import agreed, decided, link, order, out_of, window
from tracbridge.domain.link import Claim, Held, Link, Phase, Seen
from tracbridge.domain.outcome import Kind, Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, WorkOrder
from tracbridge.sync.identity import prints_of
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.policy import Ack, DeletePolicy, Policies, Policy

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
DONE: Fields = {**BASE, "status": "completed"}
GASKET: Fields = {**BASE, "description": "Pump, gasket"}
GONE: Fields = {**BASE, DELETED: NOW - timedelta(days=1)}
CLAIM = Claim(5, 4)
QUIET = Policies(receipts=False)


def incoming(shown: Fields, minutes: float = 0, claim: Claim = CLAIM) -> Incoming:
    return Incoming(order(shown, NOW + timedelta(minutes=minutes)), claim)


def unread(base: Fields = BASE, sent: Fields = DONE, **changes: object) -> Link:
    """Our version lies unread."""
    return agreed(base, **{"out": out_of(sent), "window": window(base, sent), **changes})


def then(decision: Decision) -> Link:
    assert decision.link is not None
    return decision.link


def taken(decision: Decision) -> dict[str, Side | None]:
    return {n: side for note in decision.disagreements for n, side in note.taken.items()}


# -- the window: the examples of a Monday and a Tuesday ------------------------------------------


def test_an_export_from_before_our_version_does_not_revert_it_and_its_other_edit_survives() -> None:
    decision = decided(incoming(GASKET), unread(), order(DONE), QUIET)
    assert decision.result == {**DONE, "description": "Pump, gasket"}
    assert [note.kind for note in decision.disagreements] == [Kind.DOUBT]
    assert (then(decision).repush, then(decision).base, then(decision).out) == (
        True,
        BASE,
        unread().out,
    )


def test_after_our_version_was_taken_the_earlier_value_is_an_edit() -> None:
    known = agreed(DONE, window=window(BASE, DONE, gone=3))
    reopened = {**BASE, "status": "in_progress"}
    assert decided(incoming(reopened), known, order(DONE), QUIET).result == reopened
    back = decided(incoming(BASE), known, order(DONE), QUIET)
    assert (back.result, then(back).window) == (BASE, None)


@pytest.mark.parametrize(
    ("gone", "complete", "ack", "closes"),
    [
        (3, 4, Ack.AUTO, True),
        (4, 4, Ack.AUTO, False),
        (None, 4, Ack.AUTO, False),
        (3, 4, Ack.CONTENT, False),
    ],
)
def test_the_window_closes_by_a_complete_pass_after_our_version_was_gone(
    gone: int | None, complete: int, ack: Ack, closes: bool
) -> None:
    known = agreed(DONE, window=window(BASE, DONE, gone=gone))
    record = incoming(BASE, claim=Claim(9, complete))
    decision = decided(record, known, order(DONE), replace(QUIET, ack=ack))
    assert (decision.result == BASE) == closes
    assert (then(decision).window is None) == closes


def test_each_record_that_is_no_echo_is_remembered_as_his_last() -> None:
    later = incoming(GASKET, minutes=-1, claim=Claim(7, 6, "0003"))
    seen = then(decided(later, agreed(BASE), order(BASE), QUIET)).seen
    assert seen == Seen(NOW - timedelta(minutes=1), 7, prints_of(GASKET), "0003")


def test_a_version_that_is_on_its_way_again_keeps_the_window_open() -> None:
    known = unread(window=window(BASE, DONE, gone=1))
    decision = decided(incoming(BASE), known, order(DONE), QUIET)
    assert decision.result is None


def test_our_version_that_comes_back_whole_has_arrived() -> None:
    decision = decided(incoming(DONE), unread(), order(DONE), QUIET)
    made = then(decision)
    assert (made.base, made.out, made.window) == (DONE, None, None)
    assert (made.seen, made.repush, decision.outcome) == (
        unread().seen,
        False,
        Outcome.UNCHANGED,
    )


def test_our_version_that_comes_back_while_tracos_went_on_has_arrived_too() -> None:
    on = {**DONE, "description": "Pump, changed"}
    decision = decided(incoming(DONE), unread(), order(on), QUIET)
    assert (decision.result, then(decision).base) == (None, DONE)


@pytest.mark.parametrize("phase", [Phase.INTENT, Phase.STAGED])
def test_what_was_not_published_cannot_have_arrived(phase: Phase) -> None:
    known = unread(out=out_of(DONE, phase))
    assert decided(incoming(DONE), known, order(DONE), QUIET).link is None


def test_a_customer_who_removes_files_is_believed_by_that_alone() -> None:
    removes = replace(incoming(DONE), removes=True)
    assert decided(removes, unread(), order(DONE), QUIET).link is None
    by_content = replace(QUIET, ack=Ack.CONTENT)
    assert then(decided(removes, unread(), order(DONE), by_content)).window is None


def test_by_content_a_version_may_arrive_after_its_file_is_gone() -> None:
    known = agreed(BASE, base=DONE, window=window(BASE, DONE))
    by_content = replace(QUIET, ack=Ack.CONTENT)
    assert then(decided(incoming(DONE), known, order(DONE), by_content)).window is None
    assert decided(incoming(DONE), known, order(DONE), QUIET).link is None


def test_what_he_showed_before_does_not_prove_that_he_has_read_it_from_us() -> None:
    known = agreed(DONE, out=out_of(DONE), window=window(BASE, DONE))
    assert decided(incoming(DONE), known, order(DONE), QUIET).link is None


def test_a_doubt_in_two_fields_is_one_note() -> None:
    sent = {**DONE, "description": "Valve"}
    known = unread(BASE, sent)
    decision = decided(incoming(BASE), known, order(sent), QUIET)
    assert taken(decision) == {"status": Side.TRACOS, "description": Side.TRACOS}
    assert len(decision.disagreements) == 1
    assert decision.outcome is Outcome.UNCHANGED


def test_a_second_edit_of_the_customers_in_our_field_is_a_clash_inside_the_window() -> None:
    theirs = {**BASE, "status": "on_hold"}
    decision = decided(
        incoming(theirs, minutes=1), unread(), order(DONE), Policies(Policy.TRACOS, receipts=False)
    )
    assert (taken(decision), then(decision).repush) == ({"status": Side.TRACOS}, True)


# -- clashes by time -----------------------------------------------------------------------------


def test_a_later_edit_of_another_field_does_not_make_this_one_newer() -> None:
    early = NOW - timedelta(hours=3)
    on_hold, active = {**BASE, "status": "on_hold"}, {**GASKET, "status": "in_progress"}
    known = agreed(BASE, seen=Seen(early, 1, prints_of(on_hold)), times={"status": early})
    # The customer set the status three hours ago, the text just now; TracOS the status between.
    theirs = {**on_hold, "description": "Pump, gasket"}
    ours = order({**BASE, "status": "in_progress"}, NOW - timedelta(hours=1))
    decision = decided(incoming(theirs), known, ours, QUIET)
    assert decision.result == active
    assert taken(decision) == {"status": Side.TRACOS}


def test_a_later_edit_in_tracos_does_not_make_what_was_given_before_newer() -> None:
    early = NOW - timedelta(hours=3)
    known = unread(times={"status": early})
    ours = order({**DONE, "description": "Valve"}, NOW)
    theirs = incoming({**BASE, "status": "on_hold"}, minutes=-60)
    decision = decided(theirs, replace(known, seen=None), ours, QUIET)
    assert taken(decision) == {"status": Side.CUSTOMER}
    assert then(decision).times["status"] == NOW - timedelta(hours=1)
    assert decision.why == {"status": "clash, policy newest"}


def test_without_a_time_of_the_field_the_records_times_count() -> None:
    both = agreed(BASE), order({**BASE, "status": "in_progress"}, NOW - timedelta(minutes=1))
    theirs = {**BASE, "status": "on_hold"}
    assert taken(decided(incoming(theirs), *both, QUIET)) == {"status": Side.CUSTOMER}
    assert taken(decided(incoming(theirs, -2), *both, QUIET)) == {"status": Side.TRACOS}


def test_the_time_of_what_the_customer_changed_is_his() -> None:
    decision = decided(incoming(GASKET, -1), agreed(BASE), order(BASE), QUIET)
    assert then(decision).times == {"description": NOW - timedelta(minutes=1)}
    assert decision.why == {"description": "changed by the customer"}


# -- held fields ---------------------------------------------------------------------------------

HELD = {"status": Held("completed", "cancelled")}
CANCELLED: Fields = {**BASE, "status": "cancelled"}


def test_a_field_that_needs_a_person_is_held_and_all_else_flows() -> None:
    theirs = {**GASKET, "status": "cancelled"}
    decision = decided(incoming(theirs), agreed(BASE), order(DONE), QUIET)
    assert (decision.outcome, decision.result) == (Outcome.HELD, {**GASKET, "status": "completed"})
    assert (then(decision).held, then(decision).base) == (HELD, theirs)


def test_a_held_field_stays_as_it_is_while_nobody_changes_it() -> None:
    known = agreed(CANCELLED, held=HELD)
    decision = decided(incoming({**GASKET, "status": "cancelled"}), known, order(DONE), QUIET)
    assert (then(decision).held, decision.outcome) == (HELD, Outcome.UPDATED)
    assert decision.disagreements == ()


def test_a_new_value_of_the_customers_becomes_his_own() -> None:
    known = agreed(CANCELLED, held=HELD)
    decision = decided(incoming({**BASE, "status": "on_hold"}), known, order(DONE), QUIET)
    assert then(decision).held == {"status": Held("completed", "on_hold")}
    assert (then(decision).repush, taken(decision)) == (False, {"status": None})


def test_a_held_field_is_released_when_both_agree() -> None:
    known = agreed(CANCELLED, held=HELD)
    decision = decided(incoming(DONE), known, order(DONE), QUIET)
    assert (then(decision).held, decision.disagreements) == ({}, ())


def test_an_earlier_value_of_a_held_field_in_the_window_is_only_put_on_record() -> None:
    sent = {**BASE, "status": "cancelled", "description": "Valve"}
    opened = window(BASE, sent)
    known = agreed(BASE, out=out_of(sent), window=opened, held=HELD)
    decision = decided(incoming(BASE), known, order({**sent, "status": "completed"}), QUIET)
    assert (then(decision).held, then(decision).repush) == (HELD, True)
    assert [(n.kind, n.customer["status"]) for n in decision.disagreements] == [
        (Kind.DOUBT, "pending")
    ]


# -- deletions -----------------------------------------------------------------------------------


def against(
    policy: DeletePolicy, theirs: Fields, ours: Fields, known: Link | None = None
) -> Decision:
    chosen = Policies(delete=policy, receipts=False)
    return decided(incoming(theirs), known or agreed(BASE), order(ours), chosen)


def test_by_default_a_deleted_order_has_the_newer_text() -> None:
    assert against(DeletePolicy.BOTH, GONE, GASKET).result == {
        **GONE,
        "description": "Pump, gasket",
    }


def test_if_edits_win_an_edited_order_is_not_deleted_and_the_deleter_is_told() -> None:
    decision = against(DeletePolicy.EDIT_WINS, GONE, GASKET)
    assert (decision.result, taken(decision)) == (None, {DELETED: Side.TRACOS})
    assert (then(decision).base, then(decision).repush) == (GONE, True)
    assert decision.why == {DELETED: "deleted by customer but edited by the other, edit wins"}
    other = against(DeletePolicy.EDIT_WINS, GASKET, GONE)
    assert (other.result, taken(other)) == (GASKET, {DELETED: Side.CUSTOMER})
    assert other.why == {
        DELETED: "deleted by tracos but edited by the other, edit wins",
        "description": "changed by the customer",
    }


def test_if_deletes_win_the_edit_is_on_record() -> None:
    decision = against(DeletePolicy.DELETE_WINS, GONE, GASKET)
    assert (decision.result, taken(decision)) == (GONE, {"description": Side.CUSTOMER})
    assert decision.why == {
        DELETED: "changed by the customer",
        "description": "deleted by the customer, delete wins",
    }
    assert [note.policy for note in decision.disagreements] == ["newest"]
    other = against(DeletePolicy.DELETE_WINS, GASKET, GONE)
    assert (other.result, taken(other), other.why) == (None, {"description": Side.TRACOS}, {})


@pytest.mark.parametrize("policy", list(DeletePolicy))
@pytest.mark.parametrize(("theirs", "ours"), [(GONE, BASE), (BASE, GONE), (GONE, GONE)])
def test_a_delete_that_nobody_contradicts_stands(
    policy: DeletePolicy, theirs: Fields, ours: Fields
) -> None:
    decision = against(policy, theirs, ours)
    assert (decision.result or ours, decision.disagreements) == (GONE, ())


@pytest.mark.parametrize("policy", list(DeletePolicy))
@pytest.mark.parametrize("deleter", list(Side))
def test_an_order_that_was_deleted_before_is_not_deleted_against_an_edit(
    policy: DeletePolicy, deleter: Side
) -> None:
    redated = {**GONE, DELETED: NOW}
    edited = {**GONE, "description": "Pump, gasket"}
    theirs, ours = (edited, redated) if deleter is Side.TRACOS else (redated, edited)
    decision = against(policy, theirs, ours, agreed(GONE))
    assert (decision.result or ours) == {**edited, DELETED: NOW}
    assert decision.disagreements == ()


def test_a_first_contact_knows_no_deleter() -> None:
    chosen = Policies(delete=DeletePolicy.DELETE_WINS, receipts=False)
    decision = decided(incoming(GONE, minutes=1), link(rev=0), order(GASKET), chosen)
    assert taken(decision) == {DELETED: Side.CUSTOMER, "description": Side.CUSTOMER}


# -- receipts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        (GASKET, BASE, True),
        (GASKET, GASKET, True),
        (GASKET, DONE, True),
        ({**BASE, "status": "on_hold"}, DONE, False),
    ],
)
def test_a_receipt_follows_news_in_tracos(theirs: Fields, ours: Fields, told: bool) -> None:
    wants = Policies(Policy.TRACOS)
    decision = decided(incoming(theirs), agreed(BASE), order(ours), wants)
    assert then(decision).repush == told
    quiet = decided(incoming(theirs), agreed(BASE), order(ours), replace(wants, receipts=False))
    assert not then(quiet).repush


def test_a_held_field_gets_no_receipt() -> None:
    decision = decided(incoming(CANCELLED), agreed(BASE), order(DONE), Policies())
    assert not then(decision).repush


def test_what_is_not_compared_stays_in_tracos() -> None:
    ours: WorkOrder = order({**BASE, "ext.asset": "P-101"})
    decision = decided(incoming(GASKET), agreed(BASE), ours, QUIET)
    assert decision.result == {**GASKET, "ext.asset": "P-101"}


def test_inside_the_window_a_field_that_is_held_now_asks_for_nothing() -> None:
    decision = decided(incoming(CANCELLED), unread(), order(DONE), Policies())
    assert (then(decision).held, then(decision).repush) == (HELD, False)
