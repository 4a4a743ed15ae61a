"""Texts to instants and back."""

import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import to_milliseconds
from tracbridge.mapping.dates import format_instant, parse_instant

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN = ZoneInfo("Europe/Berlin")
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2200, 12, 30, tzinfo=UTC)
INSTANTS = st.builds(
    lambda passed, offset: (FIRST + passed).astimezone(offset),
    st.timedeltas(timedelta(0), LAST - FIRST),
    OFFSETS,
)


def parsed(value: Any, zone: tzinfo | None = None) -> datetime:
    return parse_instant(value, "/at", zone)


def refusal(value: Any, zone: tzinfo | None = None) -> Reason:
    with pytest.raises(RecordError) as caught:
        parsed(value, zone)
    assert caught.value.why.pointer == "/at"
    assert caught.value.why.hint
    return caught.value.why


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T14:14:06.785Z",
        "2026-11-20T14:14:06.785999Z",
        "2026-11-20T14:14:06.785117999999+00:00",
        "2026-11-20T11:14:06.785117-03:00",
        "2026-11-20T11:14:06.785117-0300",
        "2026-11-20T11:14:06.785117-03",
        "2026-11-20 11:14:06,785-03:00",
        "2026-11-21T14:13:06.785+23:59",
    ],
)
def test_iso_8601_with_an_offset_is_cut_to_milliseconds_to_milliseconds(value: str) -> None:
    moment = parsed(value)
    assert moment == datetime(2026, 11, 20, 14, 14, 6, 785000, UTC)
    assert moment.tzinfo is UTC


def test_seconds_may_be_left_out() -> None:
    assert parsed("2026-11-20T14:14Z") == datetime(2026, 11, 20, 14, 14, tzinfo=UTC)


def test_the_offset_wins_over_the_zone() -> None:
    assert parsed("2026-07-01T12:00:00Z", BERLIN) == datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        pytest.param("2026-07-01T12:00:00", 10, id="summer"),
        pytest.param("2026-01-01T12:00:00", 11, id="winter"),
        pytest.param("2026-10-25T02:30:00", 0, id="twice: the first"),
        pytest.param("2026-10-25T03:30:00", 2, id="after the overlap"),
        pytest.param("2026-03-29T01:59:59", 0, id="before the gap"),
        pytest.param("2026-03-29T03:00:00", 1, id="after the gap"),
    ],
)
def test_a_text_without_offset_is_of_the_zone_given(value: str, hour: int) -> None:
    assert parsed(value, BERLIN).hour == hour


def test_a_local_time_that_the_clocks_skip_is_refused() -> None:
    why = refusal("2026-03-29T02:30:00", BERLIN)
    assert why.code == "local_time"
    assert str(why).startswith(
        '/at "2026-03-29T02:30:00" does not exist in Europe/Berlin: the clocks skip this hour.'
    )


def test_a_text_without_offset_is_refused_without_a_zone() -> None:
    why = refusal("2026-11-18T18:02:11")
    assert why.code == "no_time_zone"
    assert str(why) == (
        '/at "2026-11-18T18:02:11" has no time zone. '
        "Send an offset or Z, or set the zone that is meant: DATA_TIMEZONE, or zone in a file."
    )


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        pytest.param(None, "required", "is missing or null.", id="row 52"),
        pytest.param("2026-02-30T00:00:00Z", "invalid_date", "February 2026 has 28 days", id="53"),
        pytest.param("2024-02-30", "invalid_date", "February 2024 has 29 days", id="leap year"),
        pytest.param("2026-04-00T00:00:00Z", "invalid_date", "April 2026 has 30 days", id="day 0"),
        pytest.param("2026-13-01T00:00:00Z", "invalid_date", "there is no month 13", id="month 13"),
        pytest.param("2026-00-01T00:00:00Z", "invalid_date", "there is no month 0", id="month 0"),
        pytest.param("31/12/2026", "invalid_date", "is not a date.", id="row 53: slashes"),
        pytest.param("yesterday", "invalid_date", "is not a date.", id="row 53: a word"),
        pytest.param("", "invalid_date", "is not a date.", id="empty"),
        pytest.param(
            "2026-12-31", "invalid_date", "is not a date with a time of day.", id="no time"
        ),
        pytest.param("2026-01-01", "invalid_date", "with a time of day", id="the first of all"),
        pytest.param("2026-01-32", "invalid_date", "January 2026 has 31 days", id="day 32"),
        pytest.param("2026-12-31T24:00:00Z", "invalid_date", "is not a date", id="hour 24"),
        pytest.param("2026-12-31T12:61:00Z", "invalid_date", "is not a date", id="minute 61"),
        pytest.param("2026-W47-3T10:00:00Z", "invalid_date", "is not a date", id="week date"),
        pytest.param("2026-12-31T12:00:00+25:00", "invalid_date", "is not a date", id="offset"),
        pytest.param("2026-12-31T12:00:00+00:60", "invalid_date", "is not a date", id="offset 60"),
        pytest.param("2026-12-31T12:00:00Z\n", "invalid_date", "is not a date", id="line end"),
        pytest.param("٢٠٢٦-12-31T12:00:00Z", "invalid_date", "is not a date", id="other digits"),
        pytest.param(1795024931, "type", "Seconds or milliseconds", id="row 55: seconds"),
        pytest.param(1795024931281.5, "type", "Seconds or milliseconds", id="row 55: float"),
        pytest.param({"$date": "2026-11-18T18:02:11Z"}, "type", "without an object", id="row 56"),
        pytest.param({"$numberLong": "1"}, "type", "not a text", id="row 56: long"),
        pytest.param(["2026-11-18T18:02:11Z"], "type", "not a text", id="array"),
        pytest.param(True, "type", "not a text", id="bool"),
        pytest.param("0001-01-01T00:00:00Z", "out_of_range", "1900 and 2200", id="row 57: 1"),
        pytest.param("0000-01-01T00:00:00Z", "out_of_range", "1900 and 2200", id="year 0"),
        pytest.param("1899-12-31T23:59:59Z", "out_of_range", "1900 and 2200", id="1899"),
        pytest.param("2201-01-01T00:00:00Z", "out_of_range", "1900 and 2200", id="2201"),
        pytest.param("9999-12-31T23:59:59-10:00", "out_of_range", "1900", id="row 57: 9999"),
        pytest.param("292278994-08-17T07:12:55Z", "out_of_range", "1900", id="row 57: huge"),
        pytest.param("-292275055-05-16T16:47:04Z", "out_of_range", "1900", id="row 57: negative"),
        pytest.param("2016-12-31T23:59:60Z", "leap_second", "leap second", id="row 59"),
    ],
)
def test_a_bad_date_is_refused_with_its_code(value: Any, code: str, words: str) -> None:
    why = refusal(value)
    assert why.code == code
    assert words in str(why)


def test_a_bool_is_not_taken_for_a_number_of_seconds() -> None:
    assert "1970" in refusal(1).hint
    assert "1970" not in refusal(True).hint


def test_a_calendar_error_is_said_in_full() -> None:
    assert str(refusal("2026-02-30")).startswith(
        '/at "2026-02-30" is not a date: February 2026 has 28 days.'
    )


@pytest.mark.parametrize("year", [1900, 2200])
def test_the_years_at_the_border_are_accepted(year: int) -> None:
    assert parsed(f"{year}-06-01T00:00:00Z").year == year


def test_instants_are_written_in_utc_with_milliseconds_and_offset() -> None:
    west = timezone(timedelta(hours=-3))
    moment = datetime(2026, 11, 20, 11, 14, 6, tzinfo=west)
    assert format_instant(moment) == "2026-11-20T14:14:06.000+00:00"


def test_where_the_machine_stands_changes_nothing_in_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "XXX+3")
        time.tzset()
        written = format_instant(datetime(2026, 11, 20, 14, 14, 6, tzinfo=UTC))
    time.tzset()
    assert written == "2026-11-20T14:14:06.000+00:00"


@UNHURRIED
@given(INSTANTS)
def test_writing_and_reading_changes_nothing_but_cuts(moment: datetime) -> None:
    cut = to_milliseconds(moment)
    assert to_milliseconds(moment) == cut
    assert parsed(format_instant(moment)) == cut
    assert parsed(moment.isoformat()) == cut


@UNHURRIED
@given(st.text() | st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z"))
def test_any_text_is_an_instant_or_a_record_error(value: str) -> None:
    try:
        moment = parsed(value, BERLIN)
    except RecordError:
        return
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
