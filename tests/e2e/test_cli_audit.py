"""What somebody does at the command line is in the audit, beside what is done over the API."""

import gc
import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from typer.testing import CliRunner

from tests.e2e.site import HOLD, Place, Site
from tests.harness import Doc, Server, doc, order
from tracbridge.cli.app import application
from tracbridge.domain.errors import TracbridgeError

COMMANDS = application()


@pytest.fixture
def place(replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The second of two connections: what belongs to none is kept with the first."""
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    site.write("rules/hold.yaml", HOLD)
    site.connect("acme")
    place = site.connect("zeta", "conflicts: {policy: ask}\nrules: rules/hold.yaml\n")
    thresholds = gc.get_threshold()
    yield place
    site.close()
    # What commands set for their own process is no business of the next test.
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    logger.remove()


def said(place: Place, words: str, code: int = 0) -> None:
    """A command about that connection, which ends so. In this process: a start takes its time."""
    call = [*words.split(), "--connection", place.name]
    done = CliRunner(env=place.site.env).invoke(COMMANDS, call)
    assert isinstance(done.exception, SystemExit | TracbridgeError | None), done.exception
    assert done.exit_code == code, f"{words}: {done.output}{done.exception}"


def audited(place: Place) -> list[Doc]:
    """What is on record, oldest first."""
    return list(place.site.server.client[place.site.state].tracbridge_audit.find().sort("_id", 1))


def acts(place: Place) -> list[tuple[str, str, str]]:
    return [(one["action"], one["target"], one["outcome"]) for one in audited(place)]


def test_who_did_what_to_what_and_why_is_on_record_as_of_the_api(place: Place) -> None:
    place.drop(order(7))
    place.plant(doc(7, status="in_progress", isSynced=False))
    said(place, "run", 3)
    (conflict,) = place.site.records("conflicts")
    words = f"conflicts resolve {conflict['_id']} --take tracos --why seen --by Ana"
    said(place, f"{words} --preview")
    assert audited(place) == []
    said(place, words)
    (one,) = audited(place)
    assert one.pop("_id")
    assert one.pop("at")
    assert one == {
        "by": f"cli:{getpass.getuser()}",
        "role": "admin",
        "tenant": "zeta",
        "connection": "zeta",
        "action": "conflict.resolve",
        "target": conflict["_id"],
        "why": "seen",
        "outcome": "took the values of tracos, in the name of Ana",
    }


def test_cases_that_are_tried_again_approved_and_discarded_are_on_record(place: Place) -> None:
    place.drop(order(7, "completed"))
    said(place, "run")
    place.drop(order(7, "pending", lastUpdateDate="2026-03-20T13:00:00Z"))
    place.drop(order(21, isDone=True))
    said(place, "run", 3)
    cases = {one["ref"]: one["_id"] for one in place.site.cases()}
    said(place, f"approve {cases['7']} --why checked")
    said(place, "quarantine retry --all", 3)
    (left,) = [one["_id"] for one in place.site.cases()]
    said(place, f"quarantine discard {left}")
    said(place, "quarantine retry --all")
    assert acts(place) == [
        ("case.approve", cases["7"], "applied"),
        ("case.retry", cases["21"], "refused again"),
        ("case.discard", left, "done"),
    ]


def test_what_is_sent_again_taken_back_healed_and_forgotten_is_on_record(place: Place) -> None:
    place.drop(order(7))
    said(place, "run")
    place.drop(order(7, "in_progress", lastUpdateDate="2026-03-20T13:00:00Z"))
    said(place, "run")
    latest = max(place.site.records("runs"), key=lambda run: run["started"])["_id"]
    said(place, f"undo {latest} --preview")
    assert audited(place) == []
    said(place, f"undo {latest}")
    said(place, "resend 7")
    said(place, "reconcile", 3)
    said(place, "reconcile --fix")
    said(place, "adopt")
    said(place, "forget 7 --yes", 3)
    assert acts(place) == [
        ("run.undo", latest, "1 order set back"),
        ("order.resend", "7", "done"),
        ("connection.reconcile", "all orders", "1 drifted, 0 are left"),
        ("connection.adopt", "both sides", "0 orders linked, 0 different"),
        ("order.forget", "7", "done"),
    ]


def test_a_run_is_on_record_only_where_it_overrules_a_guard(place: Place) -> None:
    said(place, "run")
    said(place, "run --allow-mass-change")
    assert acts(place) == [("connection.run", "--allow-mass-change", "begun")]


def test_what_was_not_done_is_not_on_record(place: Place) -> None:
    said(place, "quarantine discard nothing", 1)
    said(place, "undo nothing", 1)
    said(place, "breaker open", 1)
    said(place, "resend 7", 1)
    assert audited(place) == []
