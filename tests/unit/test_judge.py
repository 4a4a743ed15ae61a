"""What happened to one field: every row of the table."""

import pytest
from msgspec.structs import replace

from tests.harness import NOW
from tests.property.cases import LONG, agreed, link, order, out_of, window
from tracbridge.domain.link import Held, Link, Seen
from tracbridge.domain.workorder import DELETED, Fields, Value
from tracbridge.sync.identity import print_of, prints_of
from tracbridge.sync.judge import Verdict, judge, known
from tracbridge.sync.publish import EARLIER, next_version, published

BASE: Fields = {"status": "pending", "description": "Pump", DELETED: False}
SENT: Fields = {**BASE, "status": "completed"}
AGREED = link(base=BASE)
UNREAD = link(base=BASE, out=out_of(SENT), window=window(BASE, SENT))


@pytest.mark.parametrize(
    ("name", "tracos", "customer", "verdict"),
    [
        ("status", "pending", "pending", Verdict.AGREE),
        ("status", "completed", "completed", Verdict.AGREE),
        ("status", "completed", "pending", Verdict.TRACOS),
        ("status", "pending", "completed", Verdict.CUSTOMER),
        ("status", "on_hold", "completed", Verdict.CLASH),
    ],
)
def test_outside_the_window_the_base_tells_who_changed(
    name: str, tracos: Value, customer: Value, verdict: Verdict
) -> None:
    assert judge(name, tracos, customer, AGREED, None) is verdict


@pytest.mark.parametrize(
    ("name", "tracos", "customer", "verdict"),
    [
        ("status", "completed", "completed", Verdict.AGREE),
        ("status", "pending", "pending", Verdict.AGREE),
        ("status", "on_hold", "completed", Verdict.TRACOS),
        ("status", "completed", "pending", Verdict.DOUBT),
        ("status", "on_hold", "pending", Verdict.DOUBT),
        ("status", "completed", "on_hold", Verdict.CLASH),
        ("description", "Pump", "Pump, gasket", Verdict.CUSTOMER),
        ("description", "Pump, gasket", "Pump", Verdict.TRACOS),
        ("description", "Valve", "Pump, gasket", Verdict.CLASH),
    ],
)
def test_inside_the_window_earlier_values_are_doubtful(
    name: str, tracos: Value, customer: Value, verdict: Verdict
) -> None:
    assert judge(name, tracos, customer, UNREAD, UNREAD.window) is verdict


def test_a_window_that_closed_leaves_no_doubt() -> None:
    taken = link(base=SENT, window=UNREAD.window)
    assert judge("status", "completed", "pending", taken, None) is Verdict.CUSTOMER
    assert judge("status", "completed", "pending", taken, taken.window) is Verdict.DOUBT


def test_a_held_field_is_held_unless_both_agree() -> None:
    held = link(base=BASE, held={"status": Held("completed", "cancelled")})
    for customer in ("cancelled", "pending", "on_hold"):
        assert judge("status", "completed", customer, held, None) is Verdict.HELD
    assert judge("status", "cancelled", "cancelled", held, None) is Verdict.AGREE
    assert judge("description", "Pump", "Valve", held, None) is Verdict.CUSTOMER


@pytest.mark.parametrize("nothing", [None, link(rev=0), link()])
def test_without_a_base_every_difference_clashes(nothing: Link | None) -> None:
    assert judge("status", "pending", "completed", nothing, None) is Verdict.CLASH
    assert judge("status", "pending", "pending", nothing, None) is Verdict.AGREE


def test_a_field_that_was_never_given_clashes() -> None:
    assert judge("ext.asset", None, "P-1", AGREED, None) is Verdict.CLASH
    assert judge("ext.asset", "P-2", "P-1", AGREED, None) is Verdict.CLASH


def test_a_field_that_the_first_version_gave_is_no_change_of_the_customers() -> None:
    first = link(out=out_of(SENT), window=window(None, SENT))
    assert judge("status", "completed", "pending", first, first.window) is Verdict.CLASH


def test_long_texts_are_doubted_by_their_prints() -> None:
    sent = {**BASE, "description": "short"}
    unread = link(
        base={**BASE, "description": LONG},
        out=out_of(sent),
        window=window({**BASE, "description": LONG}, sent),
    )
    assert unread.window is not None
    assert unread.window.old["description"] == (print_of(LONG),)
    assert judge("description", "short", LONG, unread, unread.window) is Verdict.DOUBT
    assert judge("description", "short", LONG + "y", unread, unread.window) is Verdict.CLASH


def unread_texts(known: Link, *texts: str) -> Link:
    """The customer is given one text after the other."""
    for text in texts:
        version = next_version(known, order({**BASE, "description": text}), 5, NOW)
        known = published(version, 5)
    return known


def doubts(known: Link, text: str) -> bool:
    """Whether he may still show it, where TracOS has a later one; else it is a clash."""
    verdict = judge("description", "ours", text, known, known.window)
    assert verdict in (Verdict.DOUBT, Verdict.CLASH)
    return verdict is Verdict.DOUBT


MANY = [f"Text {number}" for number in range(100)]


def test_of_years_of_unread_versions_the_first_and_the_latest_are_remembered() -> None:
    known = unread_texts(link(base=BASE), *MANY, "ours")
    assert known.window is not None
    assert len(known.window.old["description"]) == EARLIER
    assert all(doubts(known, text) for text in ("Pump", *MANY[-31:]))
    assert not any(doubts(known, text) for text in ("by hand", *MANY[:-31]))


def test_what_the_customer_was_last_seen_with_is_remembered_as_long_as_the_window_is_open() -> None:
    read = replace(agreed(BASE), seen=Seen(NOW, 1, prints_of({"description": "Text 5"})))
    known = unread_texts(read, *MANY, "ours")
    assert known.window is not None
    assert len(known.window.old["description"]) == EARLIER
    assert all(doubts(known, text) for text in ("Pump", "Text 5", *MANY[-30:]))
    assert not any(doubts(known, text) for text in ("Text 4", "Text 6", MANY[-31]))


def test_a_value_that_was_given_once_more_is_one_of_the_latest() -> None:
    known = unread_texts(link(base=BASE), *MANY[:31], "Text 0", "a", "b", "ours")
    assert all(doubts(known, text) for text in ("Pump", "Text 0", "a", "b", "Text 30"))
    assert not any(doubts(known, text) for text in ("Text 1", "Text 2"))


def test_what_is_known_was_given_by_name() -> None:
    assert known({"due": None}, "due", None)
    assert not known({}, "due", None)
    assert not known(None, "due", None)
    assert not known({"due": None}, "due", "")
