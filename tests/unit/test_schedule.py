"""Blackouts: hours by the clock on the wall, over midnight and over changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracbridge.domain.schedule import Blackout, blackout_until

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Blackout(time(22), time(6), BERLIN)
TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None))
MOMENTS = st.datetimes(
    datetime.fromisoformat("2020-01-01"),
    datetime.fromisoformat("2035-01-01"),
    timezones=st.just(UTC),
)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-20 21:59", None),
        ("2026-03-20 22:00", "2026-03-21 06:00"),
        ("2026-03-21 05:59", "2026-03-21 06:00"),
        ("2026-03-21 06:00", None),
    ],
)
def test_a_night_begins_in_the_evening_and_ends_in_the_morning(now: str, until: str | None) -> None:
    assert NIGHT.until(at(now)) == (at(until) if until else None)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = Blackout(time(22), time(6), BERLIN, [4])
    assert friday.until(at("2026-03-21 03:00")) == at("2026-03-21 06:00")
    assert friday.until(at("2026-03-20 03:00")) is None
    assert friday.until(at("2026-03-21 23:00")) is None


def test_an_hour_that_is_there_twice_is_over_when_the_clock_shows_so_for_the_second_time() -> None:
    short = Blackout(time(1), time(2, 30), BERLIN)
    second = at("2026-10-25 02:15", fold=1)
    until = short.until(second)
    assert until == at("2026-10-25 02:30", fold=1)


def test_blackouts_that_follow_on_each_other_are_one() -> None:
    morning = Blackout(time(6), time(8), BERLIN)
    found = blackout_until([morning, NIGHT], at("2026-03-20 23:00"))
    assert found == at("2026-03-21 08:00")
    assert blackout_until([], at("2026-03-20 23:00")) is None


@given(TIMES, TIMES, st.sets(st.integers(0, 6)), MOMENTS)
@example(time(1), time(2, 30), {6}, at("2026-10-25 02:15", fold=1))
def test_a_blackout_ends_after_now_and_within_a_day_and_an_hour(
    begin: time, end: time, days: set[int], now: datetime
) -> None:
    until = Blackout(begin, end, BERLIN, days).until(now)
    if until is not None:
        assert timedelta(0) < until - now <= timedelta(hours=25)
        assert until.astimezone(BERLIN).time() == end or until.astimezone(BERLIN).hour == 3


@given(MOMENTS)
def test_who_is_left_alone_all_day_is_so_for_a_week_at_a_time(now: datetime) -> None:
    halves = [Blackout(time(0), time(12), BERLIN), Blackout(time(12), time(0), BERLIN)]
    until = blackout_until(halves, now)
    assert until is not None
    assert until >= now + timedelta(days=7)
