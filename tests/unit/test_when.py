"""Schedules and hours of rest: what a file may say of them, and when the next pass is."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tracbridge.config.when import Rest, Schedule, blackouts_of, cron_of
from tracbridge.domain.schedule import Blackout, Cron
from tracbridge.runtime.schedule import due

BERLIN, LISBON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Lisbon")


def wait(cron: str, now: str, fold: int = 0) -> timedelta:
    moment = datetime.fromisoformat(now).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)
    return timedelta(seconds=due(Cron(cron, BERLIN))(moment))


def test_the_next_time_is_by_the_clock_on_the_wall() -> None:
    assert wait("*/15 6-20 * * mon-fri", "2026-03-20 10:07") == timedelta(minutes=8)
    assert wait("*/15 6-20 * * mon-fri", "2026-03-20 21:00") == timedelta(days=2, hours=9)
    assert wait("30 2 * * *", "2026-03-28 12:00") < timedelta(hours=16), "that night has no 2:30"


def test_a_time_that_is_there_twice_is_taken_once() -> None:
    assert wait("30 2 * * *", "2026-10-25 02:31", fold=0) > timedelta(hours=20)
    assert wait("30 2 * * *", "2026-10-25 02:15", fold=1) > timedelta(hours=20)


@given(
    st.datetimes(
        datetime.fromisoformat("2020-01-01"),
        datetime.fromisoformat("2035-01-01"),
        timezones=st.just(UTC),
    ),
    st.floats(0, 1, exclude_max=True),
)
def test_the_next_time_is_soon_and_late_by_the_jitter_at_most(now: datetime, chance: float) -> None:
    plain = due(Cron("*/10 * * * *", BERLIN))(now)
    late = due(Cron("*/10 * * * *", BERLIN, jitter=60), lambda: chance)(now)
    assert 0 <= plain <= 600
    assert late == pytest.approx(plain + 60 * chance)


def test_the_clock_is_the_one_that_is_named_or_the_connections_or_utc() -> None:
    said = Schedule.model_validate({"cron": "0 6 * * *"})
    named = Schedule.model_validate({"cron": "0 6 * * *", "zone": "Europe/Lisbon", "jitter": 5})
    assert cron_of(said, None) == Cron("0 6 * * *", ZoneInfo("UTC"))
    assert cron_of(said, BERLIN) == Cron("0 6 * * *", BERLIN)
    assert cron_of(named, BERLIN) == Cron("0 6 * * *", LISBON, 5)
    assert cron_of(None, BERLIN) is None


def test_hours_of_rest_are_by_the_days_on_which_they_begin() -> None:
    night = Rest.model_validate({"from": "22:00", "to": "6:30", "days": ["fri", "sat"]})
    (found,) = blackouts_of([night], BERLIN)
    assert found == Blackout(time(22), time(6, 30), BERLIN, (4, 5))
    (always,) = blackouts_of([Rest.model_validate({"from": "22:00", "to": "23:00"})], None)
    assert tuple(always.days) == tuple(range(7))


@pytest.mark.parametrize(
    ("model", "said", "told"),
    [
        (Schedule, {"cron": "every day"}, "cron expression such as"),
        (Schedule, {"cron": "0 25 * * *"}, "cron expression such as"),
        (Schedule, {"cron": "0 6 31 2 *"}, "cron expression such as"),
        (Schedule, {"cron": "0 6 * * *", "zone": "Berlin"}, "time zone such as"),
        (Schedule, {"cron": "0 6 * * *", "jitter": -1}, "greater than or equal to 0"),
        (Rest, {"from": "25:00", "to": "06:00"}, "a time of the day"),
        (Rest, {"from": 1320, "to": "06:00"}, "a time of the day"),
        (Rest, {"from": "22:00", "to": "06:00", "days": ["friday"]}, "'fri'"),
        (Rest, {"from": "22:00"}, "Field required"),
    ],
)
def test_what_is_no_time_is_refused_with_what_it_takes(
    model: Any, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        model.model_validate(said)
