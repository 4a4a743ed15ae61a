"""One record at a time: the rules above the fields, each by an example."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.harness import CREATED, NOW
from tests.property.cases import agreed, decided, link, order, out_of, window
from tracbridge.domain.link import Claim, Held, Link, Seen
from tracbridge.domain.outcome import Kind, Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, WorkOrder
from tracbridge.sync.identity import prints_of
from tracbridge.sync.loop import turned
from tracbridge.sync.merge import Incoming, seen_now
from tracbridge.sync.plan import SAME_ORDER, completed
from tracbridge.sync.policy import FirstContact, Policies, Policy

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
DONE: Fields = {**BASE, "status": "completed"}
GASKET: Fields = {**BASE, "description": "Pump, gasket"}
CLAIM = Claim(5, 4)
NEW = link(rev=0)
QUIET = Policies(receipts=False)


def incoming(shown: Fields, minutes: float = 0, claim: Claim = CLAIM) -> Incoming:
    return Incoming(order(shown, NOW + timedelta(minutes=minutes)), claim)


# -- new orders ------------------------------------------------------------------------------------


def test_a_new_order_is_created_with_everything_that_came_along() -> None:
    record = replace(order(BASE, NOW - timedelta(minutes=1)), extra='{"cost":1.50}')
    decision = decided(Incoming(record, CLAIM), NEW, None, Policies())
    seen = Seen(NOW - timedelta(minutes=1), 5, prints_of(BASE))
    expected = replace(NEW, base=BASE, extra='{"cost":1.50}', seen=seen, repush=True)
    assert (decision.outcome, decision.result, decision.link) == (Outcome.CREATED, BASE, expected)
    assert decision.why == dict.fromkeys(BASE, "new")


def test_a_new_order_of_a_customer_who_wants_no_receipts_is_not_sent_back() -> None:
    decision = decided(incoming(BASE), NEW, None, QUIET)
    assert decision.link is not None
    assert not decision.link.repush


def test_a_new_deleted_order_is_created_as_cancelled_and_deleted() -> None:
    bare: Fields = {"description": "Pump", DELETED: True}
    decision = decided(incoming(bare), NEW, None, QUIET)
    assert decision.result == {"description": "Pump", "status": "cancelled", DELETED: NOW}


# -- what the record's spelling leaves out -------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "tracos", "status"),
    [
        (None, None, "cancelled"),
        (None, order(DONE), "completed"),
        (link(base=BASE), order(DONE), "pending"),
        (link(base=BASE, out=out_of(DONE)), order(BASE), "completed"),
    ],
)
def test_a_deleted_record_without_a_status_keeps_the_known_one(
    known: Link | None, tracos: WorkOrder | None, status: str
) -> None:
    made = completed(order({"description": "Pump", DELETED: NOW}), known, tracos)
    assert made.fields["status"] == status


def test_an_edit_of_the_status_in_tracos_survives_a_delete_without_status() -> None:
    decision = decided(
        incoming({"description": "Pump", DELETED: NOW}), agreed(BASE), order(DONE), QUIET
    )
    assert decision.result == {**DONE, DELETED: NOW}
    # He holds the status that he was given last, so the edit has still to reach him.
    assert decision.link is not None
    assert decision.link.base == {**BASE, DELETED: NOW}


def test_a_first_delete_without_a_status_takes_that_of_tracos() -> None:
    gone: Fields = {"description": "Pump", DELETED: NOW}
    decision = decided(incoming(gone), NEW, order(DONE), Policies(receipts=False))
    assert decision.link is not None
    assert decision.link.base == {**DONE, DELETED: NOW}
    assert Kind.CLASH not in [n.kind for n in decision.disagreements if "status" in n.taken]


def test_a_deletion_in_tracos_without_a_time_is_dated_by_what_was_agreed_else_by_its_edit() -> None:
    before, later = NOW - timedelta(days=3), NOW - timedelta(days=1)
    gone = order({**BASE, DELETED: True}, NOW - timedelta(hours=2))
    redated = decided(
        incoming({**BASE, DELETED: later}), agreed({**BASE, DELETED: before}), gone, QUIET
    )
    assert redated.result == {**BASE, DELETED: later}
    alone = decided(incoming(GASKET), agreed(BASE), gone, QUIET)
    assert alone.result == {**GASKET, DELETED: gone.updated_at}


def test_a_delete_without_a_time_takes_a_known_one() -> None:
    at = NOW - timedelta(days=3)
    gone = {**BASE, DELETED: True}
    assert completed(order(gone), agreed({**BASE, DELETED: at}), None).fields[DELETED] == at
    assert completed(order(gone), agreed(BASE), order({**BASE, DELETED: at})).fields[DELETED] == at
    assert completed(order(gone), None, order(gone)).fields[DELETED] == NOW
    same = order(BASE)
    assert completed(same, None, None) is same


def test_a_delete_without_a_time_on_both_sides_is_one_delete() -> None:
    gone = {**BASE, DELETED: True}
    decision = decided(incoming(gone), agreed(BASE), order(gone), QUIET)
    assert (decision.outcome, decision.result, decision.disagreements) == (
        Outcome.UNCHANGED,
        None,
        (),
    )


# -- first contact -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "apart", "text", "held"),
    [
        (FirstContact.CHECK, SAME_ORDER, "Valve", False),
        (FirstContact.CHECK, -SAME_ORDER, "Valve", False),
        (FirstContact.CHECK, SAME_ORDER + timedelta(seconds=1), "Valve", True),
        (FirstContact.CHECK, -SAME_ORDER - timedelta(seconds=1), "Valve", True),
        (FirstContact.CHECK, timedelta(days=900), "Pump", False),
        (FirstContact.LINK, timedelta(days=900), "Valve", False),
        (FirstContact.HOLD, timedelta(0), "Valve", True),
    ],
)
def test_two_orders_of_one_number_are_linked_only_if_they_are_one(
    mode: FirstContact, apart: timedelta, text: str, held: bool
) -> None:
    record = replace(order({**BASE, "description": text}), created_at=CREATED + apart)
    chosen = Policies(first_contact=mode, receipts=False)
    decision = decided(Incoming(record, CLAIM), NEW, order(DONE), chosen)
    assert (Kind.FIRST_CONTACT in [note.kind for note in decision.disagreements]) == held
    assert decision.link is not None
    assert bool(decision.link.held) == held


def test_a_text_that_one_mapping_calls_title_tells_orders_apart_too() -> None:
    titled = {**BASE, "title": "Pump P-101"}
    record = replace(
        order({**titled, "title": "Valve V-7"}), created_at=CREATED + timedelta(days=9)
    )
    decision = decided(Incoming(record, CLAIM), NEW, order(titled), QUIET)
    assert [note.kind for note in decision.disagreements] == [Kind.FIRST_CONTACT]


def test_strangers_keep_their_own_and_nothing_is_sent() -> None:
    record = replace(order(GASKET), created_at=CREATED + timedelta(days=30), extra='{"x":1}')
    decision = decided(Incoming(record, CLAIM), NEW, order(DONE), Policies())
    held = {"status": Held("completed", "pending"), "description": Held("Pump", "Pump, gasket")}
    seen = Seen(NOW, 5, prints_of(GASKET))
    assert decision.link == replace(NEW, base=GASKET, extra='{"x":1}', held=held, seen=seen)
    assert (decision.outcome, decision.result) == (Outcome.HELD, None)
    (note,) = decision.disagreements
    assert (note.tracos, note.customer, note.taken) == (
        {"status": "completed", "description": "Pump"},
        {"status": "pending", "description": "Pump, gasket"},
        {"status": None, "description": None},
    )


def test_a_customer_who_shows_our_own_texts_knows_our_order() -> None:
    sent = {**BASE, "description": "Pump"}
    known = link(out=out_of(sent), window=window(None, sent))
    record = replace(order(DONE), created_at=CREATED + timedelta(days=30))
    edited = order({**BASE, "description": "Valve"})
    decision = decided(Incoming(record, CLAIM), known, edited, QUIET)
    assert Kind.FIRST_CONTACT not in [note.kind for note in decision.disagreements]


def test_an_order_with_a_base_is_no_first_contact() -> None:
    known = link(base=BASE)
    record = replace(order(GASKET), created_at=CREATED + timedelta(days=30))
    decision = decided(
        Incoming(record, CLAIM), known, order(BASE), Policies(first_contact=FirstContact.HOLD)
    )
    assert decision.result == GASKET


def test_an_order_of_both_sides_is_linked_and_shown_to_the_customer_unless_it_was() -> None:
    record = incoming(BASE)
    for unmarked in (True, False):
        decision = decided(replace(record, unmarked=unmarked), NEW, order(BASE), Policies())
        assert decision.link is not None
        assert decision.link.repush == unmarked
        assert (decision.outcome, decision.link.base) == (Outcome.UNCHANGED, BASE)


def test_what_only_looks_different_because_of_an_unknown_time_is_no_difference() -> None:
    gone, at = {**BASE, DELETED: True}, NOW - timedelta(days=3)
    record = replace(order({**GASKET, DELETED: at}), created_at=CREATED + timedelta(days=30))
    decision = decided(Incoming(record, CLAIM), link(rev=0), order(gone), Policies(receipts=False))
    assert decision.link is not None
    assert set(decision.link.held) == {"description"}


def test_equal_orders_have_nothing_to_hold() -> None:
    decision = decided(incoming(BASE), NEW, order(BASE), Policies(first_contact=FirstContact.HOLD))
    assert (decision.outcome, decision.disagreements) == (Outcome.UNCHANGED, ())


# -- stale records -------------------------------------------------------------------------------


def test_a_record_that_is_older_than_the_last_one_is_put_on_record() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)))
    decision = decided(incoming(BASE, minutes=-1), known, order(DONE), QUIET)
    assert (decision.outcome, decision.result) == (Outcome.STALE, None)
    assert decision.link == replace(known, repush=True)
    (note,) = decision.disagreements
    assert (note.kind, note.tracos, note.customer, note.taken) == (
        Kind.STALE,
        {"status": "completed"},
        {"status": "pending"},
        {"status": Side.TRACOS},
    )


def test_a_record_of_an_earlier_pass_is_stale_whatever_its_time() -> None:
    known = agreed(DONE, seen=Seen(NOW, 6, prints_of(DONE)))
    decision = decided(incoming(BASE, minutes=9), known, order(DONE), QUIET)
    assert (decision.outcome, decision.link) == (Outcome.STALE, None)
    assert [note.kind for note in decision.disagreements] == [Kind.STALE]


def test_the_same_content_is_never_stale() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)))
    decision = decided(incoming(DONE, minutes=-9), known, order(DONE), QUIET)
    assert (decision.outcome, decision.link) == (Outcome.UNCHANGED, None)


def test_a_stale_record_that_equals_tracos_loses_nothing() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)))
    decision = decided(incoming(BASE, minutes=-1), known, order(BASE), QUIET)
    assert (decision.outcome, decision.disagreements) == (Outcome.STALE, ())


def test_a_stale_record_of_an_order_that_is_gone_is_kept_whole() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)))
    decision = decided(incoming(BASE, minutes=-1), known, None, QUIET)
    (note,) = decision.disagreements
    assert (decision.outcome, note.customer, set(note.tracos.values())) == (
        Outcome.STALE,
        BASE,
        {None},
    )


def test_of_an_order_that_is_gone_nothing_is_to_be_sent_again() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)))
    assert decided(incoming(BASE, minutes=-1), known, None, QUIET).link is None


def test_an_order_that_stays_gone_asks_again_only_with_other_content() -> None:
    known = agreed(BASE, dropped=True)
    decision = decided(incoming(BASE, minutes=9), known, None, QUIET)
    assert (decision.outcome, decision.link, decision.disagreements) == (
        Outcome.UNCHANGED,
        None,
        (),
    )
    decision = decided(incoming(DONE, minutes=9), known, None, QUIET)
    assert (decision.outcome, decision.link) == (
        Outcome.HELD,
        replace(known, missing=True, dropped=False),
    )


def test_an_order_that_is_there_again_is_gone_no_more() -> None:
    known = agreed(BASE, dropped=True, missing=True)
    for body in (BASE, DONE):
        after = decided(incoming(body, minutes=9), known, order(BASE), QUIET).link
        assert after
        assert (after.dropped, after.missing) == (False, False)


def test_a_wish_to_send_again_is_not_written_twice() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(DONE)), repush=True)
    assert decided(incoming(BASE, minutes=-1), known, order(DONE), QUIET).link is None


# -- records that are read again -----------------------------------------------------------------


def test_a_record_that_was_accepted_before_a_crash_is_passed_over() -> None:
    claim = Claim(5, 4, "0002")
    seen = Seen(NOW, 5, prints_of(GASKET), "0002")
    known = agreed(GASKET, seen=seen)
    reverted = order(BASE)
    for place in ("0001", "0002"):
        again = incoming(GASKET, claim=replace(claim, position=place))
        decision = decided(again, known, reverted, QUIET)
        assert (decision.outcome, decision.link) == (Outcome.UNCHANGED, None)
    fresh = incoming(DONE, claim=Claim(5, 4, "0003"))
    assert decided(fresh, known, reverted, QUIET).link is not None
    retried = incoming(DONE, claim=Claim(5, 4))
    assert decided(retried, known, reverted, QUIET).link is not None


def test_a_repeated_record_is_compared_with_what_tracos_shows() -> None:
    known = agreed(BASE, base=DONE, seen=Seen(NOW, 4, prints_of(BASE)))
    decision = decided(incoming(BASE, claim=Claim(6, 5)), known, order(GASKET), QUIET)
    (note,) = decision.disagreements
    assert (decision.outcome, note.kind) == (Outcome.STALE, Kind.STALE)
    assert note.tracos == {"description": "Pump, gasket"}


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "before", "expected"),
    [(-9, None, -9), (9, None, 0), (-9, -20, -9), (-9, -3, -3), (9, -3, 0), (9, 4, 4)],
)
def test_what_was_seen_is_never_ahead_of_our_clock_and_never_goes_back(
    minutes: float, before: float | None, expected: float
) -> None:
    def at(when: float) -> Seen:
        return Seen(NOW + timedelta(minutes=when), 3, {}, "b")

    seen = seen_now(
        order(BASE, NOW + timedelta(minutes=minutes)),
        CLAIM,
        None if before is None else at(before),
        NOW,
    )
    assert seen == Seen(NOW + timedelta(minutes=expected), 5, prints_of(BASE))


def test_the_place_of_what_was_seen_is_the_furthest_one() -> None:
    before = Seen(NOW, 5, {}, "0007")
    retried = seen_now(order(BASE), Claim(5, 4), before, NOW)
    assert (retried.pass_, retried.position, retried.prints) == (5, "0007", prints_of(BASE))
    later = seen_now(order(BASE), Claim(6, 4, "0001"), before, NOW)
    assert (later.pass_, later.position) == (6, "0001")


def test_one_date_in_the_future_does_not_make_later_records_stale() -> None:
    first = decided(incoming(GASKET, minutes=60 * 24 * 365), agreed(BASE), order(BASE), QUIET)
    assert first.link is not None
    known = replace(first.link, rev=2)
    second = decided(incoming(DONE, minutes=0.1), known, order(GASKET), QUIET)
    assert second.outcome is Outcome.UPDATED


# -- gone from TracOS ----------------------------------------------------------------------------


def test_an_order_that_is_gone_from_tracos_waits_for_a_person() -> None:
    known = agreed(BASE)
    decision = decided(incoming(GASKET), known, None, Policies())
    assert (decision.outcome, decision.link) == (Outcome.HELD, replace(known, missing=True))
    (note,) = decision.disagreements
    assert (note.kind, note.customer, note.base) == (Kind.MISSING, GASKET, BASE)
    assert set(note.taken.values()) == {None}


@pytest.mark.parametrize("shown", [BASE, GASKET])
def test_an_order_that_is_back_in_tracos_waits_for_nobody(shown: Fields) -> None:
    known = agreed(BASE, missing=True)
    decision = decided(incoming(shown), known, order(BASE), QUIET)
    assert decision.link is not None
    assert not decision.link.missing


def test_a_stale_record_that_is_what_we_gave_is_not_sent_again() -> None:
    known = agreed(DONE, seen=Seen(NOW, 5, prints_of(GASKET)))
    decision = decided(incoming(DONE, minutes=-1), known, order(GASKET), QUIET)
    assert (decision.outcome, decision.link) == (Outcome.STALE, None)


def test_the_last_record_once_more_is_stale_once_he_has_read_another_version() -> None:
    again = replace(incoming(BASE), order=order(BASE, NOW - timedelta(hours=2)))
    read = replace(agreed(BASE), base=DONE)
    decision = decided(again, read, order(DONE), QUIET)
    assert (decision.outcome, decision.result) == (Outcome.STALE, None)
    assert [note.kind for note in decision.disagreements] == [Kind.STALE]
    edited = replace(again, order=order(BASE, NOW))
    assert decided(edited, read, order(DONE), QUIET).result == BASE


def test_the_last_record_once_more_is_in_doubt_while_our_version_may_be_unread() -> None:
    again = replace(incoming(BASE), order=order(BASE, NOW - timedelta(hours=2)))
    unread = agreed(BASE, out=out_of(DONE), window=window(BASE, DONE))
    decision = decided(again, unread, order(DONE), QUIET)
    assert [note.kind for note in decision.disagreements] == [Kind.DOUBT]


def test_the_last_record_once_more_is_in_doubt_until_a_pass_after_our_version_was_taken() -> None:
    again = replace(incoming(BASE), order=order(BASE, NOW - timedelta(hours=2)))
    for gone, kind in ((CLAIM.complete, Kind.DOUBT), (CLAIM.complete - 1, Kind.STALE)):
        taken = agreed(BASE, base=DONE, window=window(BASE, DONE, gone=gone))
        decision = decided(again, taken, order(DONE), QUIET)
        assert [note.kind for note in decision.disagreements] == [kind]


def test_who_goes_back_to_what_our_unread_version_says_perhaps_did_it_himself() -> None:
    opened = window(BASE, GASKET, pass_=CLAIM.pass_)
    unread = agreed(BASE, out=out_of(GASKET), window=opened)
    took = replace(unread, seen=Seen(NOW - timedelta(hours=1), 4, prints_of(DONE)))
    tracos = order({**GASKET, "status": "completed"})
    decision = decided(incoming(GASKET), took, tracos, QUIET)
    (note,) = decision.disagreements
    assert (note.kind, note.taken) == (Kind.DOUBT, {"status": Side.TRACOS})
    assert (decision.outcome, decision.result, decision.link) == (Outcome.UNCHANGED, None, None)
    for sure in (
        unread,  # TracOS holds what somebody there wrote
        replace(took, window=None),
        replace(took, held={"status": Held("completed", "pending")}),
    ):
        assert decided(incoming(GASKET), sure, tracos, QUIET).disagreements == ()


def test_a_record_of_an_earlier_pass_is_never_taken_for_one_that_was_accepted() -> None:
    late = incoming(GASKET, claim=Claim(4, 3, "0001"))
    known = agreed(BASE, seen=Seen(NOW - timedelta(hours=2), 5, prints_of(BASE), "0009"))
    assert decided(late, known, order(BASE), QUIET).outcome is Outcome.STALE


# -- loops -----------------------------------------------------------------------------------------


def flipping(flips: int, minutes: float = 9) -> Link:
    """The customer's records have made `GASKET` of TracOS's order again and again."""
    turns = turned(None, GASKET, NOW - timedelta(minutes=minutes))
    return agreed(BASE, turns=replace(turns, flips=flips))


def test_each_change_of_the_customers_is_counted() -> None:
    decision = decided(incoming(GASKET), agreed(BASE), order(BASE), QUIET)
    assert decision.link is not None
    assert decision.link.turns == turned(None, GASKET, NOW)
    decision = decided(incoming(GASKET), flipping(2), order(BASE), QUIET)
    assert decision.link is not None
    assert (decision.outcome, decision.result) == (Outcome.UPDATED, GASKET)
    assert decision.link.turns == replace(flipping(4).turns or turned(None, GASKET, NOW))


def test_a_loop_is_held_with_both_values() -> None:
    decision = decided(incoming(GASKET), flipping(6), order(BASE), QUIET)
    assert (decision.outcome, decision.result) == (Outcome.HELD, None)
    assert [(note.kind, note.taken) for note in decision.disagreements] == [
        (Kind.LOOP, {"description": None})
    ]
    assert decision.link is not None
    assert decision.link.held == {"description": Held("Pump", "Pump, gasket")}


def test_a_loop_of_long_ago_is_forgotten() -> None:
    decision = decided(incoming(GASKET), flipping(6, minutes=11), order(BASE), QUIET)
    assert (decision.outcome, decision.result) == (Outcome.UPDATED, GASKET)


def test_in_a_loop_no_policy_decides_a_clash() -> None:
    known = replace(flipping(6), base={**BASE, "description": "Valve"})
    wins = Policies(conflict=Policy.CUSTOMER, receipts=False)
    decision = decided(incoming(GASKET), known, order(BASE), wins)
    assert (decision.outcome, decision.result) == (Outcome.HELD, None)


def test_an_order_that_was_never_linked_is_in_no_loop() -> None:
    decision = decided(incoming(GASKET), NEW, order(BASE), Policies(conflict=Policy.CUSTOMER))
    assert decision.link is not None
    assert decision.link.turns is None
