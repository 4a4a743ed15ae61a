"""A moment of which the day stands at one place and the time at another."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.codec import MomentCodec, Source
from tracbridge.mapping.moments import Kind, Spelling
from tracbridge.mapping.path import MISSING, place

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN = ZoneInfo("Europe/Berlin")


def columns(
    kind: Kind, zone: tzinfo | None = None, format_: str = "DD/MM/YYYY HH:mm"
) -> MomentCodec:
    empty = (None, "")
    sources = (Source(place("day"), empty), Source(place("time"), empty))
    return MomentCodec(sources, Spelling(kind, format_, zone))


def test_date_and_time_in_two_columns_are_one_moment() -> None:
    body: dict[str, Any] = {"day": "20/11/2026", "time": "15:14"}
    assert columns(Kind.INSTANT, BERLIN).read(body) == datetime(2026, 11, 20, 14, 14, tzinfo=UTC)
    assert columns(Kind.LOCAL).read(body) == "2026-11-20T15:14:00"
    again: dict[str, Any] = {}
    columns(Kind.INSTANT, BERLIN).write(datetime(2026, 11, 20, 14, 14, tzinfo=UTC), again, {})
    assert again == body


@pytest.mark.parametrize("body", [{}, {"time": None}, {"time": ""}])
def test_a_day_without_its_time_begins_at_midnight(body: dict[str, Any]) -> None:
    assert columns(Kind.LOCAL).read({"day": "20/11/2026", **body}) == "2026-11-20T00:00:00"
    made = columns(Kind.INSTANT, BERLIN).read({"day": "20/11/2026", **body})
    assert made == datetime(2026, 11, 19, 23, tzinfo=UTC)


def test_a_time_without_its_day_says_nothing() -> None:
    assert columns(Kind.LOCAL).read({"time": "15:14"}) is MISSING
    assert columns(Kind.LOCAL).read({"day": "", "time": "15:14"}) is None


def test_no_moment_empties_both_columns() -> None:
    body: dict[str, Any] = {"day": "20/11/2026", "time": "15:14"}
    columns(Kind.LOCAL).write(None, body, {})
    assert body == {"day": None, "time": None}


@pytest.mark.parametrize(("day", "time"), [("2026-11-20", "15:14"), ("20/11/2026", "3 pm")])
def test_an_odd_half_is_refused_at_the_day(day: str, time: str) -> None:
    with pytest.raises(RecordError) as caught:
        columns(Kind.LOCAL).read({"day": day, "time": time})
    assert (caught.value.why.code, caught.value.why.pointer) == ("invalid_date", "/day")


@UNHURRIED
@given(st.integers(0, 300 * 365 * 24 * 60), st.sampled_from(["DD/MM/YYYY HH:mm", "YYYYMMDD HHmm"]))
def test_a_local_time_in_two_columns_comes_back_to_the_minute(minutes: int, format_: str) -> None:
    local = datetime.fromisoformat("1900-01-01T00:00") + timedelta(minutes=minutes)
    body: dict[str, Any] = {}
    codec = columns(Kind.LOCAL, BERLIN, format_)
    codec.write(local.isoformat(), body, {})
    assert set(body) == {"day", "time"}
    assert codec.read(body) == local.isoformat()
