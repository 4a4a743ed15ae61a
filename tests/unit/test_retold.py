"""Fields of which a side has not spoken, or not so that we understood it: each by an example."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import agreed, decided, order
from tracbridge.domain.link import Claim, Seen
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, Value
from tracbridge.engine.retold import settled_by_itself, sorted_out
from tracbridge.sync.fields import Rule
from tracbridge.sync.identity import prints_of
from tracbridge.sync.merge import Incoming
from tracbridge.sync.policy import Policies
from tracbridge.sync.publish import NOTHING, Need, Shown, need, next_version, wanted
from tracbridge.sync.publish import agreed as agreed_in

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
PRIO = "ext.priority"
VALUES = st.sampled_from([None, "", 0, 2, 5, "high", False])


def needed(known: object, fields: Fields, *, synced: bool = False) -> Need:
    shown = Shown(order(fields), synced, None)
    return need(known, shown, supersedes=True, resend=False)  # type: ignore[arg-type]


# -- what goes out ----------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_field_of_which_nobody_has_spoken_sends_nothing(nothing: Value) -> None:
    known = agreed(BASE)
    assert needed(known, {**BASE, PRIO: nothing}) is Need.MARK
    assert needed(known, {**BASE, PRIO: nothing}, synced=True) is Need.NOTHING
    assert PRIO not in wanted(known, {**BASE, PRIO: nothing, "description": "New"})


@pytest.mark.parametrize("value", [0, False, 5, "high"])
def test_a_field_of_which_tracos_speaks_first_goes_out(value: Value) -> None:
    assert needed(agreed(BASE), {**BASE, PRIO: value}) is Need.PUBLISH
    made = next_version(agreed(BASE), order({**BASE, PRIO: value}), 7, NOW)
    assert made.out
    assert made.out.fields == {**BASE, PRIO: value}


def test_a_field_that_was_agreed_on_and_is_emptied_goes_out() -> None:
    assert needed(agreed({**BASE, PRIO: 2}), {**BASE, PRIO: None}) is Need.PUBLISH


def test_a_field_that_the_mapping_has_lost_sends_nothing() -> None:
    assert needed(agreed({**BASE, PRIO: 2}), BASE, synced=True) is Need.NOTHING
    assert needed(agreed({**BASE, PRIO: 2}), {**BASE, "status": "completed"}) is Need.PUBLISH


def test_a_field_that_he_is_not_told_of_is_not_begun() -> None:
    only_in = {PRIO: Rule(into=frozenset({Side.TRACOS}))}
    assert PRIO not in wanted(agreed(BASE), {**BASE, PRIO: 5}, only_in)


def test_where_no_table_knows_his_code_he_keeps_what_he_was_given_before() -> None:
    waits = replace(agreed({**BASE, "ext.asset": "P-1"}), unknown={"ext.asset": "XX"})
    shown = {**BASE, "ext.asset": "P-2", "description": "New"}
    assert wanted(waits, shown) == {**shown, "ext.asset": "P-1"}
    first = replace(agreed(BASE), unknown={"ext.asset": "XX"})
    assert wanted(first, shown) == {**BASE, "description": "New"}


def test_while_a_code_waits_the_order_is_not_marked_as_equal() -> None:
    waits = replace(agreed(BASE), unknown={"ext.asset": "XX"})
    assert needed(waits, BASE) is Need.NOTHING
    assert needed(waits, BASE, synced=True) is Need.UNMARK


# -- what he said before ----------------------------------------------------------------------


def test_tracos_takes_what_it_has_nothing_for_and_what_it_has_not_changed() -> None:
    known = agreed({**BASE, "ext.asset": "P-1"})
    his: Fields = {PRIO: 2, "ext.asset": "P-2", "ext.team": "B", "ext.none": None}
    shown = {**BASE, PRIO: None, "ext.asset": "P-1", "ext.team": "A", "ext.none": 7}
    told = sorted_out(known, his, shown, {})
    assert told.taken == {PRIO: 2, "ext.asset": "P-2"}
    assert told.apart == {"ext.team": "B"}


def test_fields_of_one_owner_are_his_or_tracoss() -> None:
    his, shown = {PRIO: 2}, {**BASE, PRIO: 5}
    tracos = {PRIO: Rule(into=frozenset({Side.CUSTOMER}), corrects=True)}
    customer = {PRIO: Rule(into=frozenset({Side.TRACOS}), corrects=True)}
    once = {PRIO: Rule(once=True)}
    assert sorted_out(agreed(BASE), his, shown, tracos) == sorted_out(agreed(BASE), {}, shown, {})
    assert sorted_out(agreed(BASE), his, shown, once) == sorted_out(agreed(BASE), {}, shown, {})
    assert sorted_out(agreed(BASE), his, shown, customer).taken == his


@given(VALUES, VALUES, st.booleans(), VALUES)
def test_nothing_that_either_side_says_is_lost(
    his: Value, ours: Value, spoken: bool, given_before: Value
) -> None:
    """His value is taken, or a person decides, or both are equal, or he said nothing."""
    known = agreed({**BASE, PRIO: given_before} if spoken else BASE)
    told = sorted_out(known, {PRIO: his}, {**BASE, PRIO: ours}, {})
    if told.taken:
        assert ours in NOTHING or (spoken and ours == given_before)
    else:
        assert told.apart or his in NOTHING or his == ours


def test_what_needs_no_write_is_agreed_on_at_once() -> None:
    waits = replace(agreed(BASE), unknown={"ext.asset": "XX"})
    his: Fields = {PRIO: 2, "ext.site": "P-1", "ext.team": None, "ext.asset": "P-9"}
    shown: Fields = {**BASE, PRIO: 5, "ext.site": "P-1", "ext.team": "A", "ext.asset": "P-9"}
    done = settled_by_itself(waits, his, shown)
    assert done.base == {**BASE, "ext.site": "P-1", "ext.team": None}
    assert done.unknown == waits.unknown
    assert settled_by_itself(waits, {PRIO: 2}, {**BASE, PRIO: 5}) is waits


def test_what_is_agreed_waits_no_more() -> None:
    waits = replace(agreed(BASE), unknown={"ext.asset": "XX", "ext.site": "YY"})
    assert agreed_in(waits, {"ext.asset": "P-1"}).unknown == {"ext.site": "YY"}


def test_what_is_agreed_stands_in_the_version_that_is_on_its_way_too() -> None:
    moving = next_version(agreed(BASE), order({**BASE, "status": "completed"}), 7, NOW)
    done = agreed_in(moving, {PRIO: 2})
    assert done.base == {**BASE, PRIO: 2}
    assert done.last_given == {**BASE, "status": "completed", PRIO: 2}


# -- an old record under a new mapping --------------------------------------------------------

OLD = NOW - timedelta(hours=1)
LATER = Policies(receipts=False, words="new")


def once_said(said: Fields, given_since: Fields, words: str = "old") -> object:
    """He said that, by another mapping; he was given something else since, and has it."""
    return replace(agreed(given_since), seen=Seen(OLD, 3, prints_of(said), words=words))


def test_an_old_record_brings_only_what_the_new_mapping_makes_of_it() -> None:
    known = once_said(BASE, {**BASE, "description": "Ours"})
    record = Incoming(order({**BASE, "status": "on_hold"}, OLD), Claim(9, 8))
    decision = decided(record, known, order({**BASE, "description": "Ours"}), LATER)  # type: ignore[arg-type]
    assert decision.outcome is Outcome.UPDATED
    assert decision.result == {**BASE, "status": "on_hold", "description": "Ours"}
    assert decision.link
    assert decision.link.repush


@pytest.mark.parametrize(
    ("at", "words"), [(NOW, "old"), (OLD, "new"), (OLD, "")], ids=["newer", "same words", "unknown"]
)
def test_a_newer_record_or_one_by_the_same_mapping_is_news_as_a_whole(
    at: object, words: str
) -> None:
    known = once_said(BASE, {**BASE, "description": "Ours"}, words)
    record = Incoming(order({**BASE, "status": "on_hold"}, at), Claim(9, 8))  # type: ignore[arg-type]
    decision = decided(record, known, order({**BASE, "description": "Ours"}), LATER)  # type: ignore[arg-type]
    assert decision.result == {**BASE, "status": "on_hold"}


def test_the_words_by_which_a_record_was_read_are_remembered() -> None:
    record = Incoming(order({**BASE, "status": "on_hold"}, NOW), Claim(9, 8))
    decision = decided(record, agreed(BASE), order(BASE), LATER)
    assert decision.link
    assert decision.link.seen
    assert decision.link.seen.words == "new"
