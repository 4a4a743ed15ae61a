"""What every version keeps on its way to the customer."""

from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.harness import NOW
from tests.property.cases import (
    NAMES,
    STEADY,
    agreed,
    decided,
    fields,
    link,
    links,
    order,
    out_of,
    passes,
    times,
)
from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.workorder import Fields
from tracbridge.sync.identity import print_of
from tracbridge.sync.merge import Incoming
from tracbridge.sync.policy import Ack, Policies
from tracbridge.sync.publish import (
    Need,
    Shown,
    answered,
    need,
    next_version,
    published,
    refused,
    sent_at,
    staged,
    taken,
)


@STEADY
@given(links, fields, passes)
def test_a_version_freezes_what_tracos_shows_with_the_customers_own_held_values(
    known: Link, ours: Fields, counter: int
) -> None:
    made = next_version(known, order(ours), counter, NOW)
    assert made.out is not None
    for name in NAMES:
        own = known.held[name].customer if name in known.held else ours[name]
        assert made.out.fields[name] == own
    assert (made.out.phase, made.out.over, made.out.error) == (Phase.INTENT, False, None)
    assert (made.out.seq, made.seq, made.repush) == (known.seq + 1, known.seq + 1, False)
    assert (made.base, made.held, made.seen, made.given) == (
        known.base,
        known.held,
        known.seen,
        known.given,
    )


@STEADY
@given(links, fields, passes)
def test_the_window_remembers_every_changed_field_and_forgets_none(
    known: Link, ours: Fields, counter: int
) -> None:
    before = known.last_given
    made = next_version(known, order(ours), counter, NOW)
    assert made.out is not None
    assert made.window is not None
    old, older = made.window.old, known.window.old if known.window else {}
    changed = {n for n in NAMES if before is None or before[n] != made.out.fields[n]}
    assert set(old) == changed | set(older)
    for name in old:
        assert set(older.get(name, ())) <= set(old[name])
        assert len(old[name]) == len(set(old[name]))
        if name in changed and before is not None:
            assert print_of(before[name]) in old[name]
        elif name in changed:
            assert old[name] == older.get(name, ())
    assert (made.window.gone, made.window.pass_) == (None, counter)
    assert made.window.repeat == (before == made.out.fields)


@STEADY
@given(links, fields)
def test_the_times_of_changed_fields_are_those_of_tracos(known: Link, ours: Fields) -> None:
    before = known.last_given
    made = next_version(known, order(ours), 3, NOW)
    assert made.out is not None
    for name in NAMES:
        changed = before is None or before[name] != made.out.fields[name]
        assert made.times.get(name) == (NOW if changed else known.times.get(name))


@STEADY
@given(links, fields, fields)
def test_each_version_has_a_key_of_its_own(known: Link, one: Fields, other: Fields) -> None:
    first = next_version(known, order(one), 3, NOW)
    second = next_version(published(first, 3), order(other), 3, NOW)
    assert first.out is not None
    assert second.out is not None
    assert first.out.key != second.out.key
    assert next_version(known, order(one), 3, NOW).out == first.out


@STEADY
@given(links, fields, times)
def test_what_is_sent_is_later_than_what_was_seen(known: Link, ours: Fields, at: datetime) -> None:
    tracos = order(ours, at)
    moment = sent_at(known, tracos)
    assert moment >= tracos.updated_at
    assert known.seen is None or moment > known.seen.at
    made = next_version(known, tracos, 3, NOW)
    assert made.out is not None
    assert (made.out.updated_at, made.out.created_at) == (moment, tracos.created_at)


@STEADY
@given(links, passes, st.sampled_from([Ack.AUTO, Ack.CONTENT]), st.booleans())
def test_what_was_taken_becomes_the_base(known: Link, counter: int, ack: Ack, over: bool) -> None:
    assume(known.out)
    assert known.out
    on_its_way = published(staged(known, over=over), counter)
    assert on_its_way.window
    then = taken(on_its_way, counter + 1, ack)
    assert (then.base, then.out) == (known.out.fields, None)
    assert then.window
    # A version that lay over another proves nothing by its absence, and goes out again.
    gone = None if over or ack is Ack.CONTENT else counter + 1
    assert (then.window.gone, then.repush) == (gone, known.repush or over)
    assert (then.window.old, then.window.pass_) == (on_its_way.window.old, counter)


@STEADY
@given(links, passes)
def test_publishing_is_remembered_with_its_pass_and_time(known: Link, counter: int) -> None:
    assume(known.out)
    assert known.out
    then = published(known, counter)
    assert then.out
    assert then.window
    assert (then.out.phase, then.given, then.window.pass_) == (
        Phase.PUBLISHED,
        known.out.at,
        counter,
    )
    assert (then.base, then.repush) == (known.base, known.repush)


@STEADY
@given(links)
def test_an_answer_settles_everything_at_once(known: Link) -> None:
    assume(known.out)
    assert known.out
    then = answered(known)
    assert (then.base, then.out, then.window, then.given) == (
        known.out.fields,
        None,
        None,
        known.out.at,
    )


@STEADY
@given(links)
def test_a_refused_version_stays_on_its_way_with_the_words(known: Link) -> None:
    assume(known.out)
    then = refused(known, "no such asset")
    assert then.out
    assert (then.out.error, then.base, then.window) == ("no such asset", known.base, known.window)


# -- what is needed --------------------------------------------------------------------------------


@STEADY
@given(links, fields, st.booleans(), st.booleans(), st.booleans())
def test_what_is_needed_follows_from_what_the_customer_is_to_hold(
    known: Link, ours: Fields, synced: bool, supersedes: bool, resend: bool
) -> None:
    shown = Shown(order(ours), synced, None)
    found = need(known, shown, supersedes=supersedes, resend=resend)
    overlay = {n: known.held[n].customer if n in known.held else v for n, v in ours.items()}
    differs = known.repush or overlay != known.last_given
    free = known.out is None or (known.out.phase is Phase.PUBLISHED and supersedes)
    if differs:
        assert found is (Need.PUBLISH if free else Need.WAIT)
    elif known.held:
        assert found is (Need.UNMARK if synced else Need.NOTHING)
    elif known.out is not None and known.out.phase is not Phase.PUBLISHED:
        assert found is Need.NOTHING
    else:
        marks = not synced and ours == known.last_given
        assert found is (Need.MARK if marks else Need.NOTHING)


@STEADY
@given(links, fields)
def test_a_published_version_needs_nothing_more(known: Link, ours: Fields) -> None:
    made = published(next_version(known, order(ours), 3, NOW), 3)
    shown = Shown(order(ours), synced=True, synced_at=NOW)
    # Held fields differ, so an order that has some is not marked as synced.
    rest = Need.UNMARK if known.held else Need.NOTHING
    assert need(made, shown, supersedes=True, resend=True) is rest
    assert need(taken(made, 4, Ack.AUTO), shown, supersedes=True, resend=True) is rest


@STEADY
@given(fields, st.booleans(), st.booleans())
def test_a_wish_to_send_again_is_served_where_the_system_takes_repeats(
    ours: Fields, resend: bool, supersedes: bool
) -> None:
    known = agreed(ours, given=NOW)
    reset = Shown(order(ours), synced=False, synced_at=NOW)
    expected = Need.PUBLISH if resend else Need.MARK
    assert need(known, reset, supersedes=supersedes, resend=resend) is expected
    never_marked = Shown(order(ours), synced=False, synced_at=NOW - timedelta(seconds=1))
    assert need(known, never_marked, supersedes=supersedes, resend=resend) is Need.MARK
    unread = agreed(ours, out=out_of(ours), given=NOW)
    waits = Need.PUBLISH if resend and supersedes else Need.WAIT if resend else Need.MARK
    assert need(unread, reset, supersedes=supersedes, resend=resend) is waits


@STEADY
@given(fields)
def test_the_flag_of_an_order_without_a_link_is_believed_unless_edited_later(ours: Fields) -> None:
    fresh = link(rev=0)
    for synced, synced_at, expected in (
        (False, None, Need.PUBLISH),
        (False, NOW, Need.PUBLISH),
        (True, None, Need.NOTHING),
        (True, NOW, Need.NOTHING),
        (True, NOW - timedelta(milliseconds=1), Need.PUBLISH),
    ):
        shown = Shown(order(ours, NOW), synced, synced_at)
        assert need(fresh, shown, supersedes=True, resend=True) is expected


# -- there and back --------------------------------------------------------------------------------


@STEADY
@given(links, fields, passes)
def test_our_own_version_coming_back_changes_nothing_in_tracos(
    known: Link, ours: Fields, counter: int
) -> None:
    made = published(next_version(known, order(ours), counter, NOW), counter)
    assert made.out
    assume(known.seen is None or known.seen.pass_ <= counter)
    back = Incoming(order(made.out.fields, made.out.updated_at), Claim(counter + 1, counter))
    decision = decided(back, made, order(ours), Policies())
    assert (decision.result, decision.disagreements) == (None, ())
