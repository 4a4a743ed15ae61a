"""A record's place in its pass: what was applied stays so, and what a good one closes."""

from datetime import timedelta

import pytest

from tests.harness import NOW
from tests.property.cases import agreed, decided, order
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim, Held, Link, Seen
from tracbridge.domain.outcome import Kind, Outcome
from tracbridge.domain.workorder import Fields
from tracbridge.engine.copy import LONGEST, fingerprint, readable
from tracbridge.engine.intake import Refused, pointed
from tracbridge.ports.connector import Record
from tracbridge.ports.state import Good
from tracbridge.sync.identity import prints_of
from tracbridge.sync.merge import Incoming, seen_now
from tracbridge.sync.policy import Policies, Policy
from tracbridge.sync.publish import Need, Shown, need

A: Fields = {"status": "on_hold", "description": "Pump", "deleted": False}
B: Fields = {**A, "status": "in_progress"}
EDITED: Fields = {**A, "status": "completed"}
HIS = Policies(conflict=Policy.CUSTOMER)


def known(position: str, pass_: int = 5) -> Link:
    return agreed(B, seen=Seen(NOW, pass_, prints_of(B), position))


@pytest.mark.parametrize("claim", [Claim(5, 4, "a"), Claim(5, 4, "b")])
@pytest.mark.parametrize("shown", [A, B])
def test_a_record_read_again_after_a_crash_changes_nothing(claim: Claim, shown: Fields) -> None:
    for at in (NOW, NOW - timedelta(hours=1)):
        record = Incoming(order(shown, at), claim)
        decision = decided(record, known("b"), order(EDITED), HIS)
        assert (decision.outcome, decision.result, decision.link) == (Outcome.UNCHANGED, None, None)
        assert decision.disagreements == ()


def test_a_claim_of_an_earlier_pass_is_on_record_and_not_applied() -> None:
    """It may be one that a worker made after another had taken its place."""
    record = Incoming(order(A), Claim(4, 3, "z"))
    decision = decided(record, known("b"), order(EDITED), HIS)
    assert (decision.outcome, decision.result) == (Outcome.STALE, None)
    assert [note.kind for note in decision.disagreements] == [Kind.STALE]


@pytest.mark.parametrize("claim", [Claim(5, 4, "c"), Claim(6, 5, "a"), Claim(5, 4)])
def test_a_later_record_and_one_without_a_place_are_looked_at(claim: Claim) -> None:
    assert decided(Incoming(order(A), claim), known("b"), order(B), HIS).result == A


def test_a_record_tried_again_is_stale_after_a_newer_one_and_applied_without() -> None:
    record = Incoming(order(A), Claim(3, 2))
    assert decided(record, known("b"), order(B), HIS).outcome is Outcome.STALE
    assert decided(record, known("b", pass_=2), order(B), HIS).result == A


def test_the_place_never_goes_back() -> None:
    seen = seen_now(order(B), Claim(5, 4, "b"), None, NOW)
    assert (seen.pass_, seen.position) == (5, "b")
    again = seen_now(order(A), Claim(3, 2), seen, NOW)
    assert (again.pass_, again.position) == (5, "b")


def test_a_good_record_closes_older_cases_of_its_order_and_no_newer_ones() -> None:
    good = Good({"1": Claim(5, 4, "b")})
    assert good.outdates("1", "x", Claim(4, 3, "z"))
    assert good.outdates("1", "x", Claim(5, 4, "a"))
    assert not good.outdates("1", "x", Claim(5, 4, "c"))
    assert not good.outdates("2", "x", Claim(4, 3, "a"))
    assert not good.outdates(None, "x", Claim(4, 3, "a"))


def test_a_good_record_closes_cases_of_its_file_from_earlier_passes_only() -> None:
    good = Good(sources={"x": Claim(5, 4, "b")})
    assert good.outdates(None, "x", Claim(4, 3, "z"))
    assert not good.outdates(None, "x", Claim(5, 4, "a"))
    assert not good.outdates(None, "y", Claim(4, 3, "z"))


def test_a_pointer_leads_into_the_file_whoever_refused() -> None:
    error = RecordError("type", "is wrong.", pointer="/2/summary")
    read = Record(None, pointer="/2", error=error)
    assert pointed(Refused(read, error, Claim(1, 0))).pointer == "/2/summary"
    mapped = RecordError("type", "is wrong.", pointer="/summary")
    assert pointed(Refused(Record({}, pointer="/2"), mapped, Claim(1, 0))).pointer == "/2/summary"


def test_a_copy_of_a_document_changes_with_its_content_alone() -> None:
    body = {"number": 1, "status": "archived", "isSynced": False}
    assert fingerprint(body) == fingerprint({**body, "isSynced": True, "_id": 7})
    assert fingerprint(body) != fingerprint({**body, "status": "parked"})
    assert readable(body) == b'{"number": 1, "status": "archived"}'
    assert len(readable({"description": "x" * 10 * LONGEST, "title": "\udce9"})) < 2 * LONGEST


@pytest.mark.parametrize("synced", [True, False])
def test_a_held_order_is_not_shown_as_synced(synced: bool) -> None:
    held = {"status": Held("in_progress", "in_progress")}
    link = agreed(B, held=held, given=NOW)
    shown = Shown(order(B), synced, None)
    assert need(link, shown, supersedes=True, resend=True) in (
        (Need.UNMARK,) if synced else (Need.NOTHING,)
    )
