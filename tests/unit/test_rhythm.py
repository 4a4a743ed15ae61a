"""How many orders go out before others have their turn."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracbridge.engine.rhythm import LEAST, LOOK, MOST, TURN, Rhythm

BEGIN = datetime(2026, 11, 28, tzinfo=UTC)


def worked(seconds_each: float, chunks: int) -> Rhythm:
    """After so many chunks in which each order took so long."""
    rhythm, now = Rhythm(), BEGIN
    rhythm.begin(now)
    for _ in range(chunks):
        rhythm.took(now)
        now += timedelta(seconds=seconds_each * rhythm.chunk)
    rhythm.took(now)
    return rhythm


def test_a_slow_system_gets_few_at_a_time() -> None:
    assert worked(1.0, 20).chunk == LEAST


def test_a_system_of_twenty_calls_a_second_gets_as_many_as_fit_into_half_a_turn() -> None:
    assert worked(0.05, 20).chunk == LEAST
    assert worked(0.01, 20).chunk == 25


def test_a_quick_system_gets_more_and_more() -> None:
    assert worked(0.0, 20).chunk == MOST


def test_a_clock_that_goes_back_changes_nothing_for_the_worse() -> None:
    rhythm = Rhythm()
    rhythm.begin(BEGIN)
    rhythm.took(BEGIN)
    rhythm.took(BEGIN - timedelta(hours=1))
    assert LEAST <= rhythm.chunk <= 2 * LEAST


@given(st.lists(st.floats(0, 100), max_size=50))
def test_a_chunk_is_never_none_and_never_without_bound(waits: list[float]) -> None:
    rhythm, now = Rhythm(), BEGIN
    for wait in waits:
        rhythm.took(now)
        now += timedelta(seconds=wait)
        assert LEAST <= rhythm.chunk <= MOST


def test_a_turn_is_over_after_its_time_and_begins_anew() -> None:
    rhythm = Rhythm()
    assert not rhythm.over(BEGIN)
    rhythm.begin(BEGIN)
    assert not rhythm.over(BEGIN + TURN / 2)
    assert rhythm.over(BEGIN + TURN)
    rhythm.begin(BEGIN + TURN)
    assert not rhythm.over(BEGIN + TURN)


def test_his_side_is_read_first_and_then_every_so_often() -> None:
    rhythm = Rhythm()
    asked = [rhythm.due(BEGIN + n * LOOK / 4) for n in range(9)]
    assert asked == [True, False, False, False, True, False, False, False, True]
