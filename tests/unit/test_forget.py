"""What of a link is forgotten, and what is needed to go on."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import agreed, decided, link, order, out_of, window
from tracbridge.domain.link import Claim, Held, Link
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import DELETED, Fields
from tracbridge.sync.forget import forgotten, is_moving
from tracbridge.sync.identity import prints_of
from tracbridge.sync.merge import Incoming
from tracbridge.sync.policy import Ack, Policies

OLD: Fields = {"status": "pending", "description": "Ms Miller", DELETED: False}
BASE: Fields = {**OLD, "description": "Pump"}
TAKEN = agreed(BASE, window=window(OLD, BASE, gone=4))


def earlier(known: Link) -> Link:
    """The same, of a customer whose last record showed what is no more."""
    assert known.seen
    return replace(known, seen=replace(known.seen, prints=prints_of(OLD)))


def test_at_rest_only_what_was_agreed_stays() -> None:
    known = earlier(agreed(BASE, extra='{"contact":"Ms Miller"}'))
    assert forgotten(known, 9, Ack.AUTO) == agreed(BASE)
    assert "Miller" not in repr(forgotten(earlier(TAKEN), 5, Ack.AUTO))


def test_forgetting_twice_is_as_once() -> None:
    once = forgotten(earlier(TAKEN), 5, Ack.AUTO)
    assert forgotten(once, 5, Ack.AUTO) == once


@pytest.mark.parametrize(
    ("known", "complete", "ack"),
    [
        (TAKEN, 4, Ack.AUTO),
        (TAKEN, 5, Ack.CONTENT),
        (agreed(BASE, window=window(OLD, BASE)), 5, Ack.AUTO),
        (replace(TAKEN, repush=True), 5, Ack.AUTO),
        (replace(TAKEN, out=out_of(BASE)), 5, Ack.AUTO),
    ],
    ids=["no complete pass since", "by content", "not taken", "to be sent again", "on its way"],
)
def test_while_he_may_show_earlier_values_they_stay(known: Link, complete: int, ack: Ack) -> None:
    moving = earlier(known)
    assert forgotten(moving, complete, ack) == moving
    assert is_moving(moving)


def test_of_an_order_that_is_gone_nothing_stays_but_what_is_on_its_way() -> None:
    known = earlier(replace(TAKEN, extra='{"contact":"Ms Miller"}', dropped=True))
    bare = forgotten(known, 4, Ack.AUTO, gone=True)
    assert "Miller" not in repr(bare)
    assert (bare.base, bare.window, bare.dropped, is_moving(bare)) == (None, None, True, False)
    moving = earlier(replace(TAKEN, out=out_of(BASE)))
    assert forgotten(moving, 5, Ack.AUTO, gone=True) == moving


def test_of_an_order_that_is_gone_no_held_value_stays_and_nothing_is_sent_again() -> None:
    known = replace(TAKEN, held={"description": Held("Pump", "Ms Miller")}, repush=True)
    assert known.seen
    bare = replace(known, base=None, window=None, held={}, repush=False)
    once_seen = replace(bare, seen=replace(known.seen, prints={}))
    assert forgotten(known, 4, Ack.AUTO, gone=True) == once_seen
    never_seen = replace(bare, seen=None)
    assert forgotten(replace(known, seen=None), 4, Ack.AUTO, gone=True) == never_seen


def test_a_held_field_keeps_both_values() -> None:
    known = link(base=BASE, held={"description": Held("Pump", "Ms Miller")})
    assert forgotten(known, 9, Ack.AUTO) == known
    assert is_moving(known)


def test_after_it_a_record_is_judged_as_it_would_have_been() -> None:
    """His edit, and what he last agreed to sent again, whether or not the window was forgotten."""
    bare = forgotten(TAKEN, 5, Ack.AUTO)
    for shown, outcome in ((BASE, Outcome.UNCHANGED), (OLD, Outcome.UPDATED)):
        record = Incoming(order(shown, NOW + timedelta(hours=1)), Claim(6, 5))
        for known in (TAKEN, bare):
            assert decided(record, known, order(BASE), Policies()).outcome is outcome


def test_an_order_that_only_one_side_ever_showed_loses_the_customers_own_keys_only() -> None:
    for known in (link(base=BASE), replace(agreed(BASE), base=None)):
        assert forgotten(replace(known, extra='{"contact":"Ms Miller"}'), 9, Ack.AUTO) == known
