"""Whether a connection is in a blackout, and when its next one begins."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from tracbridge.desk.blackouts import blackout_of
from tracbridge.domain.schedule import Blackout

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Blackout(time(22), time(6), BERLIN)
SUNDAY = Blackout(time(8), time(12), ZoneInfo("UTC"), [6])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_connection_without_blackouts_has_none() -> None:
    assert blackout_of((), at("2026-03-20 12:00")) is None


@pytest.mark.parametrize(
    ("now", "until", "next_", "ends"),
    [
        ("2026-03-20 12:00", None, "2026-03-20 21:00", "2026-03-21 05:00"),
        ("2026-03-20 21:00", "2026-03-21 05:00", "2026-03-21 21:00", "2026-03-22 05:00"),
        ("2026-03-21 04:59", "2026-03-21 05:00", "2026-03-21 21:00", "2026-03-22 05:00"),
        # The clocks are set in the night to the 29th: it is an hour shorter.
        ("2026-03-28 22:00", "2026-03-29 04:00", "2026-03-29 20:00", "2026-03-30 04:00"),
    ],
)
def test_the_one_of_now_and_the_next_one(
    now: str, until: str | None, next_: str, ends: str
) -> None:
    found = blackout_of([NIGHT], at(now))
    assert found
    assert found.until == (at(until) if until else None)
    assert (found.next, found.next_until) == (at(next_), at(ends))


def test_one_that_follows_on_another_belongs_to_it() -> None:
    more = Blackout(time(6), time(7), BERLIN)
    found = blackout_of([NIGHT, more], at("2026-03-20 23:00"))
    assert found
    assert found.until == at("2026-03-21 06:00")
    assert (found.next, found.next_until) == (at("2026-03-21 21:00"), at("2026-03-22 06:00"))


def test_one_of_a_single_day_is_found_a_week_ahead() -> None:
    found = blackout_of([SUNDAY], at("2026-03-22 12:00"))
    assert found
    assert (found.until, found.next) == (None, at("2026-03-29 08:00"))
