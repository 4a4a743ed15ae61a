"""Our process dies over a write: on the way to a status, over a comment, with others under way."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.faults.deaths import (
    SOON,
    SYSTEMS,
    disputed,
    killed_at,
    killed_in_write,
    nothing_twice,
    rest,
)
from tests.faults.service import PATIENCE, fair, serving
from tests.harness import Server
from tracbridge.ports.runtime import Step
from tracbridge.testing.erp import Late

# -- on the way to a status ------------------------------------------------------------------------

WAYS = [
    (system, word, new)
    for system in SYSTEMS
    for word in ("completed", "cancelled")
    for new in (False, True)
]


@pytest.mark.parametrize(
    ("system", "word", "new"), fair(WAYS, [WAYS.index(("erpnext", "cancelled", False))])
)
def test_a_kill_on_the_way_to_a_status_does_each_step_once(
    replica_set: Server, tmp_path: Path, system: str, word: str, new: bool
) -> None:
    """Killed at each write of an order, after it took effect and before it did."""
    with erps(replica_set, tmp_path, system, customer=SOON) as fleet:
        one = fleet[system]
        keys = [] if new else one.sim.plant(12)
        fleet.run()
        numbers = ordered(one, word, keys)
        made = one.sim.store.changes
        next(numbers)
        fleet.run()
        usual = one.sim.store.changes - made
        assert usual
        for nth, done in product(range(1, usual + 1), (True, False)):
            number = next(numbers)
            made = one.sim.store.changes
            assert killed_in_write(one, nth, done=done), (nth, usual)
            rest(fleet)
            assert one.sim.store.changes - made == usual, (nth, done)
            assert (one.by_number(number) or {})["status"] == word
        assert one.cases == disputed(one) == []
        nothing_twice(one)
        one.whole()
        fleet.rests()


def ordered(one: Member, word: str, keys: list[str]) -> Iterator[int]:
    """Orders that are to come to that state, one after the other: these, with a new text, or new
    ones.
    """
    for key in keys:
        one.edit(key, description=f"Worked on {key}", status=word)
        yield one.number(key) or 0
    for number in range(100, 112):
        one.plant(document(number, status=word))
        yield number


@pytest.mark.faults
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_people_do_before_we_are_back_is_not_lost(
    replica_set: Server, tmp_path: Path, system: str
) -> None:
    """We died over a new order and over a change; then both sides' people go on with it."""
    with erps(replica_set, tmp_path, system, customer=SOON) as fleet:
        one = fleet[system]
        keys = one.sim.plant(2)
        fleet.run()
        told = {one.number(key) or 0: "" for key in keys}
        for place, (new, done) in enumerate(product((True, False), (True, False))):
            number = 100 + place if new else one.number(keys.pop()) or 0
            if new:
                one.plant(document(number))
            else:
                one.change(number, description="Worked on")
            assert killed_in_write(one, 1, done=done)
            told[number] = f"Worked on {number} again"
            one.change(number, description=told[number])
            if made := [key for key in one.keys if one.number(key) == number]:
                one.sim.move(made[0], "completed")
            rest(fleet)
            if made:
                assert (one.by_number(number) or {})["status"] == "completed"
        assert {one.number(key): one.says(key) for key in one.keys} == {
            number: (text, text) for number, text in told.items()
        }
        assert one.cases == disputed(one) == []
        nothing_twice(one)
        one.whole()
        fleet.rests()


# -- what is still under way when we die -----------------------------------------------------------


@pytest.mark.parametrize("system", fair(SYSTEMS, [0]))
def test_what_was_sent_just_before_we_died_is_waited_for_in_full(
    replica_set: Server, tmp_path: Path, system: str
) -> None:
    """Its content was made ready long before it was sent: others went first."""
    with erps(replica_set, tmp_path, system, customer=SOON) as fleet:
        one = fleet[system]
        fleet.run()
        one.plant(*(document(number) for number in range(1, 5)))
        one.sim.faults.latency = 0.3
        one.sim.faults.slow_commit = Late(by=3_600, after=3, only=["create"])
        assert killed_in_write(one, 4, done=True)
        one.sim.faults.clear()
        one.sim.requests.clear()
        assert len(one.keys) == 3
        fleet.run(codes=(3,))
        assert one.sim.requests.writes == 0, "it may still come"
        one.sim.clock.advance(3_600)
        rest(fleet)
        assert len(one.keys) == len(one.docs) == 4
        nothing_twice(one)
        one.whole()
        fleet.rests()


@pytest.mark.faults
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_process_that_was_replaced_in_the_middle_of_its_writes_makes_no_more(
    replica_set: Server, tmp_path: Path, system: str
) -> None:
    """In real time: a lease lasts for thirty seconds; then another process does the work."""
    with erps(replica_set, tmp_path, system, customer=SOON) as fleet:
        one = fleet[system]
        fleet.run()
        one.plant(*(document(number) for number in range(1, 6)))
        with serving(one.site, "run") as service:
            one.once("create", lambda: service.process.send_signal(signal.SIGSTOP))
            service.until(lambda: len(one.keys) == 1)
            lease = one.state("leases").find_one({"_id": one.name})
            while lease and datetime.now(UTC) <= lease["expires"]:
                assert service.runs_on(1.0)
            rest(fleet)
            assert len(one.keys) == 5
            service.process.send_signal(signal.SIGCONT)
            assert service.process.wait(PATIENCE) == 1
            assert "the lease of connection" in service.text
        assert len(one.keys) == len(one.docs) == 5
        nothing_twice(one)
        one.whole()
        fleet.rests()


# -- comments --------------------------------------------------------------------------------------


SAID = ["Checked", "Checked", "Ordered a bearing"]


def remark(one: Member, key: str, text: str) -> None:
    """Somebody writes a comment in TracOS."""
    found = one.site.orders.update_one(
        {"number": one.number(key), **one.mine},
        {"$push": {"comments": {"text": text, "author": "Ana"}}},
    )
    assert found.matched_count == 1


def comments(one: Member, key: str) -> tuple[list[str], list[str]]:
    """What is said of an order, on both sides."""
    spelling = one.mapping.comments
    assert spelling is not None
    ours = [entry["text"] for entry in (one.doc(key) or {}).get("comments", [])]
    return ours, [spelling.read(entry).text for entry in one.sim.comments(key)]


TALKS = [
    (system, nth, done)
    for system in ("odoo", "maximo")
    for nth in (1, 2, 3)
    for done in (True, False)
]


@pytest.mark.parametrize(("system", "nth", "done"), fair(TALKS, [2]))
def test_a_comment_that_we_die_over_is_there_once(
    replica_set: Server, tmp_path: Path, system: str, nth: int, done: bool
) -> None:
    """Two of the same words, and one of his: each of them stands once, ours in their order."""
    with erps(replica_set, tmp_path, system, customer=SOON, more="comments: true\n") as fleet:
        one = fleet[system]
        (key,) = one.sim.plant(1)
        fleet.run()
        for text in SAID:
            remark(one, key, text)
        assert killed_in_write(one, nth, done=done)
        one.sim.comment(key, "Thank you")
        rest_of_talk(fleet, one, key)
        ours, his = comments(one, key)
        assert sorted(ours) == sorted(his)
        assert [text for text in his if text != "Thank you"] == SAID
        one.whole()
        fleet.rests()


def rest_of_talk(fleet: Fleet, one: Member, key: str) -> None:
    """Runs until all that was said was given."""
    for _ in range(20):
        fleet.run(codes=(0, 1, 3))
        ours, his = comments(one, key)
        if len(ours) == len(his) == 4:
            return
    raise AssertionError(fleet.said.err)


STEPS = [
    (system, step) for system in ("odoo", "maximo") for step in ("I4:1", "O3:1", "O3:2", "I5:1")
]


@pytest.mark.parametrize(("system", "at"), fair(STEPS, []))
def test_a_kill_at_a_step_of_a_talk_is_as_if_it_had_not_been(
    replica_set: Server, tmp_path: Path, system: str, at: str
) -> None:
    with erps(replica_set, tmp_path, system, customer=SOON, more="comments: true\n") as fleet:
        one = fleet[system]
        (key,) = one.sim.plant(1)
        fleet.run()
        one.sim.comment(key, "The pump is loud")
        for text in SAID:
            remark(one, key, text)
        step, _, n = at.partition(":")
        killed_at(fleet, Step(step), int(n))
        rest_of_talk(fleet, one, key)
        ours, his = comments(one, key)
        assert his == ["The pump is loud", *SAID]
        assert sorted(ours) == sorted(his)
        fleet.rests()
