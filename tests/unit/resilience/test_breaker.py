"""Breakers: who passes, who does not, and whose word counts."""

from math import inf
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tracbridge.resilience.backoff import Backoff
from tracbridge.resilience.breaker import POLL, Breaker, Force, Limits, State

LIMITS = Limits(failures=3, pause=Backoff(delay=10, longest=100, spread=0), probe=60)


def opened(now: float = 0) -> Breaker:
    breaker = Breaker(LIMITS)
    for _ in range(3):
        breaker.failed(now, 0)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(LIMITS)
    breaker.failed(0, 0)
    breaker.failed(0, 0)
    assert (breaker.state(0), breaker.enter(0)) == (State.CLOSED, 0)
    breaker.failed(0, 0)
    assert (breaker.state(0), breaker.enter(0), breaker.wait(0)) == (State.OPEN, None, 10)


def test_a_success_between_failures_starts_the_row_anew() -> None:
    breaker = Breaker(LIMITS)
    for _ in range(5):
        breaker.failed(0, 0)
        breaker.failed(0, 0)
        breaker.succeeded(0)
    assert breaker.state(0) is State.CLOSED


def test_half_open_lets_exactly_one_call_through_however_many_ask() -> None:
    breaker = opened()
    tickets = [breaker.enter(10) for _ in range(20)]
    assert sum(ticket is not None for ticket in tickets) == 1
    assert breaker.wait(10) == POLL


def test_the_success_of_the_probe_closes_it() -> None:
    breaker = opened()
    breaker.enter(10)
    breaker.succeeded(11)
    assert (breaker.state(11), breaker.enter(11), breaker.failures) == (State.CLOSED, 0, 0)


def test_the_failure_of_the_probe_opens_it_for_longer_each_time() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(6):
        pauses.append(breaker.wait(now))
        now += breaker.wait(now)
        assert breaker.enter(now)
        breaker.failed(now, 0)
    assert pauses == [10, 20, 40, 80, 100, 100]


def test_a_probe_that_is_given_back_lets_another_one_try_at_once() -> None:
    breaker = opened()
    first = breaker.enter(10)
    assert first
    breaker.give_back(first)
    second = breaker.enter(10)
    assert second
    breaker.give_back(first)
    assert breaker.enter(10) is None


def test_a_probe_that_nobody_heard_of_is_lost_after_its_time() -> None:
    breaker = opened()
    first = breaker.enter(10)
    assert first
    assert breaker.enter(69.9) is None
    assert breaker.enter(70)
    assert not breaker.valid(first, 70)


def test_late_answers_of_earlier_calls_neither_close_it_nor_open_it_for_longer() -> None:
    breaker = opened()
    breaker.succeeded(5)
    breaker.failed(5, 0)
    assert breaker.wait(5) == 5
    breaker.succeeded(10)
    breaker.failed(10, 0)
    assert breaker.state(10) is State.HALF_OPEN


def test_a_call_that_was_let_in_before_it_opened_may_not_begin() -> None:
    breaker = Breaker(LIMITS)
    ticket = breaker.enter(0)
    assert ticket == 0
    assert breaker.valid(ticket, 0)
    for _ in range(3):
        breaker.failed(0, 0)
    assert not breaker.valid(ticket, 0)
    assert not breaker.valid(ticket, 10)


def test_an_operator_stops_calls_until_he_lets_them_go_on() -> None:
    breaker = Breaker(LIMITS)
    breaker.set(Force.OPEN)
    assert (breaker.state(1e9), breaker.enter(1e9), breaker.wait(1e9)) == (State.OPEN, None, inf)
    assert not breaker.valid(0, 1e9)
    breaker.set(Force.AUTOMATIC)
    assert breaker.enter(1e9) == 0


def test_an_operator_lets_all_calls_through_whatever_becomes_of_them() -> None:
    breaker = opened()
    breaker.set(Force.CLOSED)
    for _ in range(10):
        assert breaker.enter(0) == 0
        breaker.failed(0, 0)
    breaker.set(Force.AUTOMATIC)
    assert breaker.state(0) is State.CLOSED


def test_an_operator_can_have_it_tried_at_once() -> None:
    breaker = opened()
    breaker.try_now(1)
    assert [breaker.enter(1), breaker.enter(1)] == [1, None]
    Breaker(LIMITS).try_now(1)


def test_what_is_kept_goes_on_after_a_restart_on_another_clock() -> None:
    breaker = opened(now=100)
    kept = breaker.describe(104)
    assert kept == {
        "state": "open",
        "force": "automatic",
        "failures": 3,
        "openings": 1,
        "seconds": 6,
    }
    again = Breaker(LIMITS)
    again.restore(kept, now=5_000, elapsed=2)
    assert (again.state(5_003), again.wait(5_003)) == (State.OPEN, 1)
    assert again.enter(5_004)
    again.failed(5_004, 0)
    assert again.wait(5_004) == 20


@pytest.mark.parametrize("kept", [{}, {"state": "open"}, {"failures": 2, "later": "word"}])
def test_what_another_version_kept_is_read_as_far_as_it_goes(kept: dict[str, Any]) -> None:
    again = Breaker(LIMITS)
    again.restore(kept, 0)
    assert again.state(0) is State.CLOSED


def test_what_an_operator_said_is_kept() -> None:
    breaker, again = Breaker(LIMITS), Breaker(LIMITS)
    breaker.set(Force.OPEN)
    again.restore(breaker.describe(0), 0)
    assert again.wait(0) == inf


class Calls(RuleBasedStateMachine):
    """Calls begin, end, vanish and are late, while time goes on; a model counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(LIMITS), 0.0
        self.probe: int | None = None
        self.since = 0.0

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 11.0, 61.0, 101.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_asks(self) -> None:
        state, out = self.breaker.state(self.now), self.probe_is_out()
        wait, ticket = self.breaker.wait(self.now), self.breaker.enter(self.now)
        assert (ticket is not None) == (wait == 0)
        if state is State.CLOSED:
            assert ticket == 0
        elif state is State.OPEN or out:
            assert ticket is None
        else:
            assert ticket
            self.probe, self.since = ticket, self.now

    @rule(success=st.booleans())
    def an_answer_comes(self, success: bool) -> None:
        before, out = self.breaker.state(self.now), self.probe_is_out()
        if success:
            self.breaker.succeeded(self.now)
        else:
            self.breaker.failed(self.now, 0)
        after = self.breaker.state(self.now)
        if before is State.OPEN or (before is State.HALF_OPEN and not out):
            assert after is before
        elif before is State.HALF_OPEN:
            assert after is (State.CLOSED if success else State.OPEN)
            self.probe = None

    @rule()
    def a_caller_vanishes(self) -> None:
        if self.probe:
            self.breaker.give_back(self.probe)
            self.probe = None

    @rule()
    def the_process_begins_anew(self) -> None:
        again = Breaker(LIMITS)
        again.restore(self.breaker.describe(self.now), self.now)
        assert again.state(self.now) is self.breaker.state(self.now)
        self.breaker, self.probe = again, None

    def probe_is_out(self) -> bool:
        return self.probe is not None and self.now < self.since + LIMITS.probe

    @invariant()
    def it_never_pauses_for_ever(self) -> None:
        assert self.breaker.wait(self.now) <= 100


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
