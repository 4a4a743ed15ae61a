"""Pauses between attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.resilience.backoff import FULL, HONOURED, LONGEST, Backoff

CHANCE = st.floats(0, 1, exclude_max=True)


def test_pauses_double_up_to_a_minute() -> None:
    pauses = [Backoff(delay=1).pause(attempt, 0) for attempt in range(9)]
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]


def test_jitter_shortens_a_pause_by_up_to_a_tenth() -> None:
    assert Backoff(delay=10).pause(0, 0.5) == pytest.approx(9.5)
    assert Backoff(delay=10).pause(0, 0.999) > 9


def test_full_jitter_may_take_almost_all_of_a_pause() -> None:
    full = Backoff(delay=10, spread=FULL)
    assert full.pause(0, 0) == 10
    assert 0 < full.pause(0, 0.999) < 0.1


def test_however_many_attempts_a_pause_is_a_number() -> None:
    assert Backoff().pause(1_000_000, 0) == LONGEST


@given(st.integers(0, 100), CHANCE, st.floats(0, HONOURED))
def test_a_pause_that_was_asked_for_is_never_cut_short(
    attempt: int, chance: float, asked: float
) -> None:
    assert Backoff(spread=FULL).pause(attempt, chance, asked) >= asked


@given(st.integers(0, 100), CHANCE, st.floats(0, 1e12))
def test_nobody_can_ask_for_more_than_what_is_honoured(
    attempt: int, chance: float, asked: float
) -> None:
    assert Backoff().pause(attempt, chance, asked) <= max(HONOURED, LONGEST)


@given(st.integers(0, 100), CHANCE)
def test_a_pause_grows_with_the_failures(attempt: int, chance: float) -> None:
    backoff = Backoff(spread=FULL)
    assert backoff.pause(attempt, chance) <= backoff.pause(attempt + 1, chance)
