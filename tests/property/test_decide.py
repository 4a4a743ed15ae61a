"""What every decision keeps, whatever the order, the link, the record and the policies."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.harness import CREATED, NOW
from tests.property.cases import (
    DOMAIN,
    NAMES,
    STEADY,
    after,
    agreed,
    applied,
    decided,
    dices,
    fields,
    is_first_contact,
    is_past,
    is_stale,
    kinds,
    link,
    noted,
    order,
    out_of,
    passes,
    policies,
    proves_arrival,
    situations,
    some_fields,
    some_value,
    times,
    value,
    window,
)
from tracbridge.domain.link import Claim, Held, Link, Phase, Seen
from tracbridge.domain.outcome import Kind, Outcome
from tracbridge.domain.workorder import DELETED, Fields, Side, Value, WorkOrder
from tracbridge.sync import plan
from tracbridge.sync.identity import print_of, prints_of
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.policy import Ack, DeletePolicy, FirstContact, Policies, Policy

Situation = tuple[Incoming, Link, WorkOrder, Policies]
CLAIM = Claim(5, 4)
QUIET = Policies(receipts=False)


# -- whatever happens --------------------------------------------------------------------------


@STEADY
@given(situations)
def test_no_value_of_the_customers_is_lost(case: Situation) -> None:
    incoming, known, tracos, _ = case
    decision = decided(*case)
    then, link_then = applied(tracos, decision, incoming), after(known, decision)
    for name, theirs in incoming.order.fields.items():
        given_ = known.last_given is not None and known.last_given[name] == theirs
        waits = name in link_then.held and link_then.held[name].customer == theirs
        shown = then.fields[name] == theirs
        assert shown or given_ or waits or theirs in noted(decision, name, Side.CUSTOMER)


@STEADY
@given(situations)
def test_no_value_of_tracos_is_lost(case: Situation) -> None:
    _, known, tracos, _ = case
    decision = decided(*case)
    if decision.result is None:
        return
    for name, ours in tracos.fields.items():
        stays = decision.result[name] == ours
        given_ = known.last_given is not None and known.last_given[name] == ours
        assert stays or given_ or ours in noted(decision, name, Side.TRACOS)


@STEADY
@given(situations)
def test_deciding_the_same_record_again_changes_nothing(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    first = decided(*case)
    then, link_then = applied(tracos, first, incoming), after(known, first)
    again = decided(incoming, link_then, then, chosen)
    assert again.result is None
    stays = after(link_then, again)
    if is_first_contact(known) and stays.repush and not link_then.repush:
        # A version was on its way before the first record: the second look says "send the newer
        # one", which the comparison with that version says too.
        assert then.fields != link_then.last_given
        stays = replace(stays, repush=False, rev=link_then.rev)
    assert stays == link_then
    # What is noted again is the same disagreement about the same values, or a repetition.
    assert points(again) <= points(first) or is_stale(incoming, link_then)


def points(decision: Decision) -> set[tuple[Kind, str, Value, Value, Side | None]]:
    """Each disagreement, field by field."""
    return {
        (note.kind, name, note.tracos[name], note.customer[name], side)
        for note in decision.disagreements
        for name, side in note.taken.items()
    }


@STEADY
@given(situations)
def test_what_tracos_shows_then_is_a_value_of_one_side(case: Situation) -> None:
    incoming, _, tracos, chosen = case
    result = decided(*case).result or {}
    for name, shown in result.items():
        undeleted = chosen.delete is DeletePolicy.EDIT_WINS and (name, shown) == (DELETED, False)
        assert shown in (tracos.fields[name], incoming.order.fields[name]) or undeleted


@STEADY
@given(situations)
def test_nothing_becomes_deleted_that_no_side_has_deleted(case: Situation) -> None:
    incoming, _, tracos, _ = case
    result = decided(*case).result or tracos.fields
    if result[DELETED]:
        assert tracos.fields[DELETED] or incoming.order.fields[DELETED]


@STEADY
@given(situations)
def test_every_disagreement_shows_both_sides_and_what_stands(case: Situation) -> None:
    incoming, known, tracos, _ = case
    decision = decided(*case)
    then = applied(tracos, decision, incoming).fields
    for note in decision.disagreements:
        assert list(note.tracos) == list(note.customer) == list(note.base) == list(note.taken)
        for name, side in note.taken.items():
            assert note.tracos[name] == tracos.fields[name]
            assert note.customer[name] == incoming.order.fields[name]
            assert note.base[name] == (known.last_given or {}).get(name)
            if side is None:
                assert then[name] == tracos.fields[name]
    names = [name for note in decision.disagreements for name in note.taken]
    assert len(names) == len(set(names))


@STEADY
@given(situations)
def test_the_time_of_what_was_seen_never_goes_back_nor_ahead_of_our_clock(case: Situation) -> None:
    _, known, *_ = case
    seen = after(known, decided(*case)).seen
    if seen is None:
        assert known.seen is None
    elif known.seen is None:
        assert seen.at <= NOW
    else:
        assert known.seen.at <= seen.at <= max(known.seen.at, NOW)


@STEADY
@given(situations)
def test_what_is_on_its_way_is_never_changed_by_a_record(case: Situation) -> None:
    incoming, known, _, chosen = case
    then = after(known, decided(*case))
    assert then.out == known.out or (
        then.out is None and proves_arrival(incoming, known, chosen.ack)
    )
    assert (then.seq, then.given, then.tracos) == (known.seq, known.given, known.tracos)


@STEADY
@given(situations)
def test_a_wish_to_send_again_is_never_forgotten(case: Situation) -> None:
    _, known, *_ = case
    assert after(known, decided(*case)).repush or not known.repush


@STEADY
@given(situations)
def test_the_outcome_says_what_happened(case: Situation) -> None:
    decision = decided(*case)
    waits = any(None in note.taken.values() for note in decision.disagreements)
    match decision.outcome:
        case Outcome.HELD:
            assert waits or kinds(decision) == [Kind.FIRST_CONTACT]
        case Outcome.UPDATED:
            assert decision.result is not None
            assert not waits
        case Outcome.STALE:
            assert set(kinds(decision)) <= {Kind.STALE}
        case outcome:
            assert outcome is Outcome.UNCHANGED
            assert decision.result is None
    assert decision.clashes == bool(set(kinds(decision)) & {Kind.CLASH, Kind.FIRST_CONTACT})


@STEADY
@given(situations)
def test_each_change_says_what_decided_it(case: Situation) -> None:
    _, _, tracos, _ = case
    decision = decided(*case)
    changed = {n for n, v in (decision.result or {}).items() if v != tracos.fields[n]}
    assert changed <= set(decision.why or {})


# -- edits of one side ---------------------------------------------------------------------------


@STEADY
@given(fields, fields, times, policies)
def test_a_lone_edit_of_the_customers_always_survives(
    base: Fields, edited: Fields, at: object, chosen: Policies
) -> None:
    known = agreed(base)
    decision = decided(Incoming(order(edited), CLAIM), known, order(base), chosen)
    assert (decision.result or base) == edited
    then = after(known, decision)
    assert (then.base, then.held, decision.disagreements) == (edited, {}, ())
    assert decision.outcome is (Outcome.UPDATED if edited != base else Outcome.UNCHANGED)


@STEADY
@given(fields, fields, policies)
def test_a_lone_edit_in_tracos_always_survives(
    base: Fields, edited: Fields, chosen: Policies
) -> None:
    known = agreed(base)
    decision = decided(Incoming(order(base), CLAIM), known, order(edited), chosen)
    assert (decision.result, decision.link, decision.disagreements) == (None, None, ())


@STEADY
@given(fields, st.data(), policies)
def test_disjoint_edits_on_both_sides_both_survive(
    base: Fields, data: st.DataObject, chosen: Policies
) -> None:
    assume(chosen.delete is DeletePolicy.BOTH)
    mine, theirs = data.draw(st.permutations(NAMES).map(lambda names: names[:2]))
    ours = {**base, mine: data.draw(value(mine))}
    their = {**base, theirs: data.draw(value(theirs))}
    decision = decided(Incoming(order(their), CLAIM), agreed(base), order(ours), chosen)
    assert (decision.result or ours) == {**base, mine: ours[mine], theirs: their[theirs]}
    assert decision.disagreements == ()


@STEADY
@given(fields, st.data(), policies)
def test_disjoint_edits_survive_inside_the_window_too(
    base: Fields, data: st.DataObject, chosen: Policies
) -> None:
    assume(chosen.delete is DeletePolicy.BOTH)
    mine, theirs = data.draw(st.permutations(NAMES).map(lambda names: names[:2]))
    sent = {**base, mine: data.draw(value(mine))}
    their = {**base, theirs: data.draw(value(theirs))}
    known = agreed(base, out=out_of(sent), window=window(base, sent))
    decision = decided(Incoming(order(their), CLAIM), known, order(sent), chosen)
    assert (decision.result or sent) == {**sent, theirs: their[theirs]}
    assert set(kinds(decision)) <= {Kind.DOUBT}


@STEADY
@given(fields, fields, policies, st.booleans())
def test_the_same_change_on_both_sides_is_no_disagreement(
    base: Fields, edited: Fields, chosen: Policies, opened: bool
) -> None:
    known = agreed(base, window=window(base, base) if opened else None)
    decision = decided(Incoming(order(edited), CLAIM), known, order(edited), chosen)
    assert (decision.result, decision.disagreements) == (None, ())
    assert decision.outcome is Outcome.UNCHANGED


# -- echoes ----------------------------------------------------------------------------------------


@STEADY
@given(situations)
def test_an_echo_plans_nothing(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    assume(known.last_given is not None and not is_first_contact(known))
    incoming = replace(incoming, order=replace(incoming.order, fields=known.last_given or {}))
    assume(not is_stale(incoming, known) and not proves_arrival(incoming, known, chosen.ack))
    decision = decided(incoming, known, tracos, chosen)
    assert (decision.outcome, decision.result) == (Outcome.UNCHANGED, None)
    extra = replace(known, extra=incoming.order.extra)
    assert decision.link == (extra if extra != known else None)


@STEADY
@given(situations)
def test_an_echo_is_doubted_only_where_he_leaves_what_tracos_has_from_him(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    assume(known.last_given is not None and not is_first_contact(known))
    given_last = known.last_given or {}
    incoming = replace(incoming, order=replace(incoming.order, fields=given_last))
    assume(not is_stale(incoming, known) and not proves_arrival(incoming, known, chosen.ack))
    seen = known.seen.prints if known.seen and known.window else {}
    his = {n for n, v in tracos.fields.items() if seen.get(n, ...) == print_of(v)}
    left = {n for n in his if tracos.fields[n] != given_last[n]} - set(known.held)
    notes = decided(incoming, known, tracos, chosen).disagreements
    if left and notes:
        assert [(note.kind, set(note.taken)) for note in notes] == [(Kind.DOUBT, left)]
    else:
        assert not notes


@STEADY
@given(situations)
def test_the_short_cut_of_an_echo_comes_to_the_same_as_the_rules(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    assume(known.base is not None)
    shown = replace(incoming.order, fields=known.base or {}, extra=known.extra)
    calm = replace(known, out=None, window=None)
    short = decided(replace(incoming, order=shown), calm, tracos, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "at_rest", lambda *_: False)
        assert decided(replace(incoming, order=shown), calm, tracos, chosen) == short


@STEADY
@given(fields, fields)
def test_unknown_keys_of_an_echo_are_remembered(base: Fields, edited: Fields) -> None:
    known = agreed(base, extra='{"old":1}')
    echo = Incoming(order(base, extra='{"new":1}'), CLAIM)
    decision = decided(echo, known, order(edited), QUIET)
    assert decision.link == replace(known, extra='{"new":1}')


# -- stale records ---------------------------------------------------------------------------------


@STEADY
@given(situations)
def test_a_stale_record_changes_nothing_but_the_wish_to_send_again(case: Situation) -> None:
    incoming, known, tracos, _ = case
    decision = decided(*case)
    assert (decision.outcome is Outcome.STALE) == is_stale(incoming, known)
    if not is_stale(incoming, known):
        return
    assert decision.result is None
    assert decision.link in (None, replace(known, repush=True))
    lost = [n for n, v in incoming.order.fields.items() if tracos.fields[n] != v]
    assert [list(note.taken) for note in decision.disagreements] == ([lost] if lost else [])
    assert all(side is Side.TRACOS for n in decision.disagreements for side in n.taken.values())


@STEADY
@given(fields, fields, st.booleans())
def test_a_stale_record_makes_us_send_again_unless_it_is_what_we_gave(
    base: Fields, older: Fields, retried: bool
) -> None:
    assume(base != older)
    known = agreed(base, seen=Seen(NOW, 5, prints_of(base)))
    at = NOW - timedelta(milliseconds=1)
    late = Incoming(order(older, at), Claim(4 if retried else 6, 3))
    decision = decided(late, known, order(base), QUIET)
    # A record that was retried after a later one was read tells nothing about the present.
    assert after(known, decision).repush is not retried


# -- records that are read again -------------------------------------------------------------------


@STEADY
@given(situations, st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "a", "b", "c"]))
def test_a_record_that_was_accepted_is_passed_over_and_any_other_is_decided_as_ever(
    case: Situation, place: str, seen_place: str
) -> None:
    incoming, known, tracos, chosen = case
    if known.seen:
        known = replace(known, seen=replace(known.seen, position=seen_place))
    placed = replace(incoming, claim=replace(incoming.claim, position=place))
    found = decided(placed, known, tracos, chosen)
    seen = known.seen
    if seen and placed.claim.pass_ == seen.pass_ and place <= seen_place:
        assert found == Decision(Outcome.UNCHANGED)
        return
    plain = decided(incoming, known, tracos, chosen)
    assert unplaced(found) == unplaced(plain)
    if found.link and found.link.seen and found.link.seen != seen:
        before = (seen.pass_, seen.position) if seen else (0, "")
        now = (found.link.seen.pass_, found.link.seen.position)
        assert now == max((placed.claim.pass_, place), before)


def unplaced(decision: Decision) -> Decision:
    """The decision without the place of what was seen."""
    if decision.link is None or decision.link.seen is None:
        return decision
    return replace(
        decision, link=replace(decision.link, seen=replace(decision.link.seen, position=""))
    )


@STEADY
@given(situations)
def test_the_place_of_what_was_seen_never_goes_back(case: Situation) -> None:
    _, known, *_ = case
    then = after(known, decided(*case))
    if known.seen and then.seen:
        assert (then.seen.pass_, then.seen.position) >= (known.seen.pass_, known.seen.position)


# -- clashes ---------------------------------------------------------------------------------------


@STEADY
@given(fields, fields, fields, st.sampled_from([Policy.TRACOS, Policy.CUSTOMER, Policy.ASK]))
def test_a_clash_goes_to_the_side_that_the_policy_names(
    base: Fields, ours: Fields, theirs: Fields, policy: Policy
) -> None:
    chosen = Policies(conflict=policy)
    known = agreed(base)
    decision = decided(Incoming(order(theirs), CLAIM), known, order(ours), chosen)
    then = after(known, decision)
    for name in NAMES:
        if len({base[name], ours[name], theirs[name]}) < 3:
            continue
        ended = {ours[name], theirs[name]} == {"completed", "cancelled"}
        shown = (decision.result or ours)[name]
        (side,) = [note.taken[name] for note in decision.disagreements if name in note.taken]
        if policy is Policy.ASK or ended:
            assert (side, shown) == (None, ours[name])
            assert then.held[name] == Held(ours[name], theirs[name])
        elif policy is Policy.TRACOS:
            assert (side, shown) == (Side.TRACOS, ours[name])
        else:
            assert (side, shown) == (Side.CUSTOMER, theirs[name])
        assert (name in then.held) == (side is None)


@STEADY
@given(fields, policies, st.booleans())
def test_completed_against_cancelled_is_always_held(
    base: Fields, chosen: Policies, swapped: bool
) -> None:
    ours, theirs = ("completed", "cancelled") if swapped else ("cancelled", "completed")
    known = agreed({**base, "status": "pending"})
    record = Incoming(order({**base, "status": theirs}), CLAIM)
    decision = decided(record, known, order({**base, "status": ours}), chosen)
    assert after(known, decision).held == {"status": Held(ours, theirs)}
    assert (decision.outcome, decision.result) == (Outcome.HELD, None)


@STEADY
@given(fields, fields, st.sampled_from([Policy.TRACOS, Policy.CUSTOMER, Policy.ASK]))
def test_without_a_base_every_difference_is_put_to_the_policy(
    ours: Fields, theirs: Fields, policy: Policy
) -> None:
    chosen = Policies(conflict=policy, first_contact=FirstContact.LINK)
    decision = decided(Incoming(order(theirs), CLAIM), link(rev=0), order(ours), chosen)
    differing = {name for name in NAMES if ours[name] != theirs[name]}
    assert {n for note in decision.disagreements for n in note.taken} == differing
    assert set(kinds(decision)) <= {Kind.CLASH}
    assert decision.link is not None
    assert decision.link.base == theirs


@STEADY
@given(fields, fields, policies, st.integers(0, 3))
def test_a_first_contact_of_strangers_is_held_in_every_difference(
    ours: Fields, theirs: Fields, chosen: Policies, days: int
) -> None:
    assume(chosen.first_contact is not FirstContact.LINK)
    near = days <= 1 or ours["description"] == theirs["description"]
    assume(chosen.first_contact is FirstContact.HOLD or not near)
    record = replace(order(theirs), created_at=CREATED + timedelta(days=days))
    decision = decided(Incoming(record, CLAIM), link(rev=0), order(ours), chosen)
    differing = {n: Held(ours[n], theirs[n]) for n in NAMES if ours[n] != theirs[n]}
    assert decision.result is None
    assert decision.link is not None
    assert (decision.link.held, decision.link.base) == (differing, theirs)
    assert not decision.link.repush


# -- deletions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", list(DeletePolicy))
@pytest.mark.parametrize("deleter", list(Side))
@STEADY
@given(dice=dices, edited=st.sampled_from(["status", "description"]))
def test_a_delete_against_an_edit_follows_its_policy(
    policy: DeletePolicy, deleter: Side, dice: Random, edited: str
) -> None:
    base = {**some_fields(dice), DELETED: False}
    new = some_value(dice, edited)
    assume(new != base[edited])
    gone = {**base, DELETED: dice.choice(DOMAIN[DELETED][1:])}
    edit = {**base, edited: new}
    ours, theirs = (gone, edit) if deleter is Side.TRACOS else (edit, gone)
    known = agreed(base)
    chosen = Policies(delete=policy, receipts=False)
    decision = decided(Incoming(order(theirs), CLAIM), known, order(ours), chosen)
    expected = {
        DeletePolicy.BOTH: {**gone, edited: new},
        DeletePolicy.EDIT_WINS: edit,
        DeletePolicy.DELETE_WINS: gone,
    }[policy]
    assert (decision.result or ours) == expected
    loser = {DeletePolicy.EDIT_WINS: DELETED, DeletePolicy.DELETE_WINS: edited}.get(policy)
    assert [list(note.taken) for note in decision.disagreements] == ([[loser]] if loser else [])
    # Whoever lost is told: the base shows what the customer holds, so the difference goes out.
    assert after(known, decision).base == theirs


@STEADY
@given(fields, fields, policies, situations)
def test_a_document_that_is_gone_from_tracos_is_never_created_again(
    base: Fields, theirs: Fields, chosen: Policies, case: Situation
) -> None:
    incoming, known, _, _ = case
    decision = decided(incoming, known, None, chosen)
    assert decision.result is None
    if is_stale(incoming, known):
        return
    assert (decision.outcome, kinds(decision)) == (Outcome.HELD, [Kind.MISSING])
    assert dict(decision.disagreements[0].customer) == dict(incoming.order.fields)
    assert decision.link == replace(known, missing=True)
    again = decided(incoming, replace(known, missing=True), None, chosen)
    assert again.link is None


@STEADY
@given(fields, times, policies)
def test_an_order_that_nobody_knows_is_created_as_it_came(
    theirs: Fields, at: object, chosen: Policies
) -> None:
    decision = decided(Incoming(order(theirs), CLAIM), link(rev=0), None, chosen)
    assert (decision.outcome, decision.result, decision.disagreements) == (
        Outcome.CREATED,
        theirs,
        (),
    )
    assert decision.link is not None
    assert (decision.link.base, decision.link.repush) == (theirs, chosen.receipts)
    assert decision.link.seen == Seen(NOW, CLAIM.pass_, prints_of(theirs))


# -- held fields -----------------------------------------------------------------------------------


@STEADY
@given(situations)
def test_held_fields_keep_both_values_until_both_sides_agree(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    assume(not is_stale(incoming, known) and not is_first_contact(known))
    decision = decided(*case)
    then, shown = after(known, decision), applied(tracos, decision, incoming).fields
    closed = proves_arrival(incoming, known, chosen.ack) or is_past(incoming, known, chosen.ack)
    early = known.window.old if known.window and not closed else {}
    echo = incoming.order.fields == known.last_given
    for name, before in known.held.items():
        theirs = incoming.order.fields[name]
        assert shown[name] == tracos.fields[name]
        if theirs == tracos.fields[name]:
            assert name not in then.held or echo
        elif print_of(theirs) in early.get(name, ()) or theirs == before.customer:
            assert then.held[name] == before
        elif not echo:
            assert then.held[name] == Held(tracos.fields[name], theirs)
            assert theirs in noted(decision, name, Side.CUSTOMER)


@STEADY
@given(fields, st.data())
def test_inside_the_window_a_change_in_a_held_field_is_sent_again(
    base: Fields, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(NAMES))
    mine, old, new = data.draw(st.permutations(DOMAIN[name]).map(lambda values: values[:3]))
    sent = {**base, name: old}
    held = {name: Held(mine, old)}
    known = agreed(base, held=held, out=out_of(sent), window=window(base, sent))
    record = Incoming(order({**sent, name: new}), CLAIM)
    decision = decided(record, known, order({**base, name: mine}), QUIET)
    assert decision.link is not None
    assert decision.link.repush


# -- the window ------------------------------------------------------------------------------------


@STEADY
@given(situations)
def test_inside_the_window_an_earlier_value_never_reverts_tracos(case: Situation) -> None:
    incoming, known, tracos, chosen = case
    assume(known.window and not is_stale(incoming, known) and not is_first_contact(known))
    assert known.window
    assume(not proves_arrival(incoming, known, chosen.ack))
    assume(not is_past(incoming, known, chosen.ack))
    assume(incoming.order.fields != known.last_given)
    decision = decided(*case)
    shown = applied(tracos, decision, incoming).fields
    doubts = [n for note in decision.disagreements if note.kind is Kind.DOUBT for n in note.taken]
    for name, theirs in incoming.order.fields.items():
        early = print_of(theirs) in known.window.old.get(name, ())
        if name in known.held and known.held[name].customer == theirs:
            continue  # nothing new: he keeps his own value
        if theirs is True:
            continue  # a deletion at an unknown instant equals one at any
        last = known.last_given is not None and known.last_given[name] == theirs
        last = last and name not in known.held
        if early and not last and theirs != tracos.fields[name]:
            assert shown[name] == tracos.fields[name]
            assert after(known, decision).repush
            assert doubts.count(name) == 1
        else:
            assert name not in doubts


@STEADY
@given(situations)
def test_the_base_never_moves_inside_the_window(case: Situation) -> None:
    _, known, *_ = case
    assume(not is_first_contact(known))
    then = after(known, decided(*case))
    if then.window is not None:
        assert then.base == known.base


@STEADY
@given(situations)
def test_outside_the_window_the_base_is_what_the_customer_showed(case: Situation) -> None:
    incoming, known, *_ = case
    assume(not is_stale(incoming, known))
    then = after(known, decided(*case))
    if then.window is None and then.out is None:
        assert then.base == incoming.order.fields


@STEADY
@given(situations)
def test_the_window_closes_only_by_evidence(case: Situation) -> None:
    incoming, known, _, chosen = case
    assume(known.window and not is_stale(incoming, known) and not is_first_contact(known))
    then = after(known, decided(*case))
    arrived = proves_arrival(incoming, known, chosen.ack)
    if arrived:
        assert (then.window, then.out, then.base) == (None, None, incoming.order.fields)
    elif is_past(incoming, known, chosen.ack):
        # An echo needs no look at the window; the next record that differs closes it.
        assert then.window is None or incoming.order.fields == known.last_given
    else:
        assert then.window == known.window


@pytest.mark.parametrize("missing", ["", "field", "pass", "seen", "repeat", "published", "keeps"])
@STEADY
@given(base=fields, sent=fields, data=st.data())
def test_arrival_needs_every_piece_of_evidence(
    missing: str, base: Fields, sent: Fields, data: st.DataObject
) -> None:
    assume(base != sent)
    theirs: dict[str, Value] = dict(sent)
    if missing == "field":
        name = data.draw(st.sampled_from(NAMES))
        theirs[name] = data.draw(value(name).filter(lambda v: v != sent[name]))
    opened = window(base, sent, pass_=5, repeat=missing == "repeat")
    phase = Phase.STAGED if missing == "published" else Phase.PUBLISHED
    known = agreed(base, out=out_of(sent, phase), window=opened)
    known = replace(known, seen=None) if missing == "seen" else known
    claim = Claim(5 if missing == "pass" else 6, 4)
    incoming = Incoming(order(theirs), claim, removes=missing == "keeps")
    decision = decided(incoming, known, order(sent), QUIET)
    then = after(known, decision)
    assert (then.window is None) == (missing == "")
    assert (then.out is None) == (missing == "")
    assert then.base == (sent if missing == "" else base)


@STEADY
@given(fields, fields, passes, passes, st.sampled_from([Ack.AUTO, Ack.CONTENT, Ack.ANSWER]))
def test_the_window_closes_for_claims_after_a_complete_pass_after_our_version_was_gone(
    base: Fields, theirs: Fields, gone: int, complete: int, ack: Ack
) -> None:
    assume(theirs != base)
    known = agreed(base, window=window(None, base, gone=gone, pass_=9))
    incoming = Incoming(order(theirs), Claim(complete + 1, complete))
    decision = decided(incoming, known, order(base), Policies(ack=ack, receipts=False))
    then = after(known, decision)
    closes = complete > gone and ack is not Ack.CONTENT
    assert (then.window is None) == closes
    assert then.base == (theirs if closes else base)


@STEADY
@given(situations)
def test_the_last_word_inside_the_window_is_ours_and_is_sent(case: Situation) -> None:
    incoming, known, tracos, _ = case
    assume(not is_stale(incoming, known) and not is_first_contact(known))
    decision = decided(*case)
    then = after(known, decision)
    if then.window is None or incoming.order.fields == known.last_given:
        return
    shown, last = applied(tracos, decision, incoming).fields, known.last_given or {}
    free = [name for name in NAMES if name not in then.held]
    if any(shown[n] != incoming.order.fields[n] or shown[n] != last.get(n) for n in free):
        assert then.repush


# -- receipts --------------------------------------------------------------------------------------


@STEADY
@given(fields, fields, fields, st.booleans(), st.booleans())
def test_a_receipt_is_sent_for_news_and_only_if_wanted(
    base: Fields, ours: Fields, theirs: Fields, receipts: bool, linked: bool
) -> None:
    known = agreed(base) if linked else link(rev=0)
    chosen = Policies(receipts=receipts, first_contact=FirstContact.LINK)
    incoming = Incoming(order(theirs), CLAIM, unmarked=True)
    assume(theirs != base)
    decision = decided(incoming, known, order(ours), chosen)
    then = after(known, decision)
    shown = decision.result or ours
    free = [n for n in NAMES if n not in then.held]
    took = any(shown[n] != ours[n] for n in free)
    same = linked and any(ours[n] == theirs[n] != base[n] for n in free)
    assert then.repush == (receipts and (took or same or not linked))
