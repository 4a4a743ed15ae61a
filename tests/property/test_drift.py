"""The comparison finds what a pass would act on, nothing else, and its cure leaves nothing."""

from random import Random

from hypothesis import given
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import STEADY, near, order, rolled, some_fields, some_link, some_time
from tracbridge.domain.link import Link, Phase
from tracbridge.mapping.synced import UNMARK, mark
from tracbridge.sync.drift import Cure, Drift, apart, cure_of, drift_of
from tracbridge.sync.publish import Need, Shown, content, need, next_version, published

Pair = tuple[Link, Shown]


def some_pair(dice: Random) -> Pair:
    """A link and what TracOS shows beside it; often what was given, often one field apart."""
    link = replace(some_link(dice), given=dice.choice([None, some_time(dice)]))
    link = replace(link, rev=dice.choice([0, 1, 1, 1]), repush=dice.random() < 0.1)
    if dice.random() < 0.6:
        link = replace(link, held={})
    if not link.rev:
        link = replace(link, base=None, out=None, window=None, held={}, repush=False)
    fields = near(dice, link.last_given or some_fields(dice))
    synced_at = dice.choice([None, link.given, some_time(dice)])
    return link, Shown(order(fields, some_time(dice)), dice.random() < 0.6, synced_at)


pairs = rolled(some_pair)


def needs(link: Link, shown: Shown) -> Need:
    return need(link, shown, supersedes=True, resend=True)


def under_way(link: Link) -> bool:
    """A version is made and not published: the next pass begins with it."""
    return link.out is not None and link.out.phase is not Phase.PUBLISHED


@STEADY
@given(pairs)
def test_there_is_drift_exactly_where_a_pass_has_something_to_do(pair: Pair) -> None:
    link, shown = pair
    drift = drift_of(link, shown, resend=True)
    if not link.rev:
        waits = needs(link, shown) is Need.PUBLISH
        assert drift is (Drift.WAITING if waits else Drift.MISSING_LINK)
    elif not under_way(link):
        assert (drift is None) == (needs(link, shown) is Need.NOTHING)
    else:
        assert drift is Drift.WAITING


@STEADY
@given(pairs)
def test_tampering_is_only_what_neither_flag_nor_time_shows(pair: Pair) -> None:
    link, shown = pair
    if drift_of(link, shown, resend=True) is Drift.TAMPERED:
        assert shown.synced
        assert apart(link, content(link, shown.order))
        assert shown.synced_at is None or shown.order.updated_at <= shown.synced_at
        assert link.given in (None, shown.synced_at)


@STEADY
@given(pairs)
def test_equal_content_is_at_most_a_wrong_flag(pair: Pair) -> None:
    link, shown = pair
    quiet = link.rev and not link.repush and not under_way(link)
    if quiet and not apart(link, content(link, shown.order)):
        asked = replace(shown, synced_at=None)
        assert drift_of(link, asked, resend=True) in (None, Drift.WRONG_FLAG)


@STEADY
@given(pairs)
def test_after_its_cure_and_a_pass_an_order_shows_no_drift(pair: Pair) -> None:
    link, shown = pair
    drift = drift_of(link, shown, resend=True)
    if drift is None or under_way(link):
        return
    match cure_of(drift, link, shown):
        case Cure.AGAIN | Cure.LINK:
            link = replace(link, repush=True, rev=link.rev + 1)
            assert needs(link, shown) is Need.PUBLISH
        case Cure.UNMARK:
            shown = replace(shown, synced=UNMARK["isSynced"], synced_at=UNMARK["syncedAt"])
    link, shown = passed(link, shown)
    assert drift_of(link, shown, resend=True) is None


def passed(link: Link, shown: Shown) -> Pair:
    """What a pass makes of the order, if it looks at it."""
    match needs(link, shown):
        case Need.PUBLISH:
            link = published(next_version(link, shown.order, 9, NOW), 9)
            link = replace(link, rev=link.rev + 1)
            values = UNMARK if link.held else mark(link.given)
        case Need.MARK:
            values = mark(link.given or NOW)
        case Need.UNMARK:
            values = UNMARK
        case _:
            return link, shown
    at = values.get("syncedAt", shown.synced_at)
    return link, replace(shown, synced=values["isSynced"], synced_at=at)
