"""Instants, local times and dates in the spellings of many systems, both ways."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.workorder import Value, to_milliseconds
from tracbridge.mapping.moments import Kind, Spelling, known_format, unfit

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
AT = datetime(2026, 11, 20, 14, 14, 6, 785000, UTC)
SECONDS = "YYYY-MM-DD HH:mm:ss"
INSTANT, LOCAL, DATE = Kind.INSTANT, Kind.LOCAL, Kind.DATE


def refusal(spelling: Spelling, value: object) -> Reason:
    with pytest.raises(RecordError) as caught:
        spelling.read(value, "/at")
    assert caught.value.why.pointer == "/at"
    assert caught.value.why.hint
    return caught.value.why


# -- instants ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "zone", "theirs"),
    [
        ("iso", None, "2026-11-20T14:14:06.785+00:00"),
        ("epoch_ms", None, 1795184046785),
        ("sap", None, "/Date(1795184046785+0000)/"),
        ("YYYY-MM-DD HH:mm:ss.f", UTC, "2026-11-20 14:14:06.7"),
        ("YYYY-MM-DD HH:mm:ss.fff", BERLIN, "2026-11-20 15:14:06.785"),
        ("DD/MM/YYYY HH:mm:ss,ffffff", BERLIN, "20/11/2026 15:14:06,785000"),
        ("YYYYMMDDHHmmss", BERLIN, "20261120151406"),
        ("DD.MM.YYYY", BERLIN, "20.11.2026"),
        ("epoch", None, 1795184046),
    ],
)
def test_an_instant_is_written_as_the_format_says(
    format_: str, zone: tzinfo | None, theirs: object
) -> None:
    assert Spelling(INSTANT, format_, zone).write(AT) == theirs


@pytest.mark.parametrize(
    ("format_", "zone", "theirs", "at"),
    [
        ("iso", None, "2026-11-20T11:14:06.785999-03:00", AT),
        ("iso", BERLIN, "2026-11-20T15:14:06.785", AT),
        ("epoch", BERLIN, 1795184046, AT.replace(microsecond=0)),
        ("epoch", None, 1795184046.785, AT),
        ("epoch_ms", BERLIN, 1795184046785, AT),
        ("epoch_ms", None, -1, datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        ("sap", None, "/Date(1795184046785+0000)/", AT),
        ("sap", BERLIN, "/Date(1795184046785-0300)/", AT),
        ("sap", BERLIN, "/Date(1795187646785)/", AT),
        ("sap", UTC, "/Date(-1)/", datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        ("YYYY-MM-DD HH:mm:ss.f", BERLIN, " 2026-11-20 15:14:06.785117999 ", AT),
        ("YYYY-MM-DD HH:mm:ss.f", BERLIN, "2026-11-20 15:14:06", AT.replace(microsecond=0)),
        ("DD.MM.YYYY", BERLIN, "20.11.2026", datetime(2026, 11, 19, 23, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc_and_cut_to_milliseconds(
    format_: str, zone: tzinfo | None, theirs: object, at: datetime
) -> None:
    read = Spelling(INSTANT, format_, zone).read(theirs, "/at")
    assert read == at
    assert isinstance(read, datetime)
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("clock", "hour"),
    [
        pytest.param("2026-07-01 12:00:00", 10, id="summer"),
        pytest.param("2026-01-01 12:00:00", 11, id="winter"),
        pytest.param("2026-10-25 02:30:00", 0, id="twice: the first"),
        pytest.param("2026-03-29 01:59:59", 0, id="before the gap"),
        pytest.param("2026-03-29 03:00:00", 1, id="after the gap"),
    ],
)
def test_a_clock_without_offset_hangs_in_the_zone(clock: str, hour: int) -> None:
    read = Spelling(INSTANT, SECONDS, BERLIN).read(clock, "/at")
    assert isinstance(read, datetime)
    assert read.hour == hour


def test_the_second_time_that_a_clock_shows_an_hour_comes_back_as_the_first() -> None:
    spelling = Spelling(INSTANT, SECONDS, BERLIN)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for at in (first, first + timedelta(hours=1)):
        assert spelling.write(at) == "2026-10-25 02:30:00"
    assert spelling.read("2026-10-25 02:30:00", "/at") == first


@pytest.mark.parametrize("theirs", ["2026-03-29 02:30:00", "2026-03-29 02:00:00"])
def test_an_hour_that_the_clocks_skip_is_refused(theirs: str) -> None:
    why = refusal(Spelling(INSTANT, SECONDS, BERLIN), theirs)
    assert (why.code, why.value) == ("local_time", f'"{theirs}"')
    assert "Europe/Berlin" in why.reason


def test_a_day_that_the_clocks_skip_is_refused() -> None:
    assert refusal(Spelling(INSTANT, SECONDS, APIA), "2011-12-30 12:00:00").code == "local_time"


@pytest.mark.parametrize(
    ("format_", "theirs"), [(SECONDS, "2026-11-20 10:00:00"), ("sap", "/Date(0)/")]
)
def test_a_clock_without_zone_is_no_instant(format_: str, theirs: str) -> None:
    assert refusal(Spelling(INSTANT, format_), theirs).code == "no_time_zone"


@pytest.mark.parametrize(
    ("format_", "theirs"), [("YYYYMMDD", "20181104"), ("sap", "/Date(1541289600000)/")]
)
def test_a_day_whose_midnight_the_clocks_skip_begins_with_its_first_hour(
    format_: str, theirs: str
) -> None:
    spelling = Spelling(INSTANT, format_, SAO_PAULO)
    assert spelling.read(theirs, "/at") == datetime(2018, 11, 4, 3, tzinfo=UTC)
    apia = Spelling(INSTANT, "YYYYMMDD", APIA)
    assert refusal(apia, "20111230").code == "local_time"
    timed = Spelling(INSTANT, "YYYYMMDD HH:mm", SAO_PAULO)
    assert refusal(timed, "20181104 00:00").code == "local_time"
    assert refusal(Spelling(INSTANT, "sap", SAO_PAULO), "/Date(1541291400000)/").code


# -- local times and dates -----------------------------------------------------------------------


@pytest.mark.parametrize("zone", [None, UTC, BERLIN])
@pytest.mark.parametrize(
    ("format_", "theirs", "ours"),
    [
        ("iso", "2026-03-29T02:30:00", "2026-03-29T02:30:00"),
        ("iso", "2026-11-20T11:14:06.785000", "2026-11-20T11:14:06.785000"),
        (SECONDS, "2026-03-29 02:30:00", "2026-03-29T02:30:00"),
        ("YYYYMMDD HH:mm", "20261120 11:14", "2026-11-20T11:14:00"),
        ("sap", "/Date(1774751400000)/", "2026-03-29T02:30:00"),
    ],
)
def test_a_local_time_is_no_instant_and_zones_and_gaps_do_not_touch_it(
    format_: str, zone: tzinfo | None, theirs: str, ours: str
) -> None:
    spelling = Spelling(LOCAL, format_, zone)
    assert spelling.read(theirs, "/at") == ours
    assert spelling.write(ours) == theirs


@pytest.mark.parametrize(
    ("format_", "zone", "theirs", "ours"),
    [
        ("iso", BERLIN, "2026-11-20T14:14:06.785999Z", "2026-11-20T15:14:06.785000"),
        ("iso", None, "2026-11-20T11:14:06-03:00", "2026-11-20T14:14:06"),
        ("sap", BERLIN, "/Date(1795184046785+0000)/", "2026-11-20T15:14:06.785000"),
        ("epoch", BERLIN, 1795184046, "2026-11-20T15:14:06"),
        ("epoch_ms", None, 1795184046785, "2026-11-20T14:14:06.785000"),
    ],
)
def test_an_instant_is_read_as_what_a_clock_of_the_zone_shows_then(
    format_: str, zone: tzinfo | None, theirs: object, ours: str
) -> None:
    assert Spelling(LOCAL, format_, zone).read(theirs, "/at") == ours


@pytest.mark.parametrize(
    ("format_", "theirs"),
    [
        ("iso", "2026-11-20"),
        ("DD/MM/YYYY", "20/11/2026"),
        ("YYYYMMDD", "20261120"),
        ("sap", "/Date(1795132800000)/"),
        ("epoch", 1795132800),
        ("epoch_ms", 1795132800000),
    ],
)
def test_a_date_is_the_same_day_on_both_sides(format_: str, theirs: object) -> None:
    spelling = Spelling(DATE, format_, UTC)
    assert spelling.read(theirs, "/at") == "2026-11-20"
    assert spelling.write("2026-11-20") == theirs


@pytest.mark.parametrize("format_", ["epoch", "epoch_ms"])
def test_what_a_clock_shows_is_written_and_read_in_the_same_zone(format_: str) -> None:
    for kind, ours in ((LOCAL, "2026-11-20T23:30:00"), (DATE, "2026-11-20")):
        spelling = Spelling(kind, format_, SAO_PAULO)
        assert spelling.read(spelling.write(ours), "/at") == ours
    assert Spelling(LOCAL, "epoch", SAO_PAULO).write("1970-01-01T00:00:00") == 3 * 3600


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("format_", ["iso", "epoch", "epoch_ms", "sap", SECONDS])
def test_nothing_is_written_as_nothing(kind: Kind, format_: str) -> None:
    assert Spelling(kind, format_, UTC).write(None) is None


# -- garbage -------------------------------------------------------------------------------------

ODD: list[Any] = ["", "yesterday", True, None, [], {}, "2026-13-01"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("format_", ["epoch", "epoch_ms", "sap", SECONDS, "YYYYMMDD"])
def test_garbage_is_refused_and_an_example_is_given(
    kind: Kind, format_: str, value: object
) -> None:
    spelling = Spelling(kind, format_, UTC)
    why = refusal(spelling, value)
    assert (why.code, why.reason) == ("invalid_date", "is no date of the kind that is expected.")
    assert format_ in why.hint
    example = why.hint.partition("such as ")[2].rstrip(".")
    assert spelling.read(int(example) if example.isdigit() else example.strip("'"), "/at")


@pytest.mark.parametrize(
    ("format_", "value"),
    [
        ("epoch", "1795184046"),
        ("epoch_ms", float("nan")),
        ("epoch_ms", float("inf")),
        ("epoch", 10**30),
        ("sap", "Date(0)"),
        ("sap", "/Date(0)/ "),
        ("sap", "/Date(0+00)/"),
        ("sap", "/Date(\u0661)/"),
        ("sap", "/Date(1234567890123456)/"),
        ("sap", 0),
        (SECONDS, "2026-11-20T10:00:00"),
        (SECONDS, "2026-02-30 10:00:00"),
        (SECONDS, "2026-11-20 24:00:00"),
        (SECONDS, "2026-11-20 10:00"),
        (SECONDS, "٢٠٢٦-11-20 10:00:00"),
        ("YYYY.MM.DD", "2026-11-20"),
    ],
)
def test_what_is_not_quite_of_the_format_is_refused(format_: str, value: object) -> None:
    assert refusal(Spelling(INSTANT, format_, UTC), value).code == "invalid_date"


@pytest.mark.parametrize(
    "value",
    ["20.11.2026", "2026-11-20T10:00:00", "2026-02-30", 20261120, None, "2026-W47-5", "٢٠٢٦-11-20"],
)
def test_a_date_in_iso_is_a_calendar_day_and_nothing_else(value: object) -> None:
    assert refusal(Spelling(DATE), value).code == "invalid_date"


@pytest.mark.parametrize(
    ("format_", "theirs"),
    [
        (SECONDS, "1899-12-31 23:59:59"),
        (SECONDS, "2201-01-01 00:00:00"),
        ("epoch", 10**10),
        ("epoch_ms", -(10**13)),
        ("sap", "/Date(-10000000000000)/"),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_year_of_which_no_order_can_be_is_refused(
    kind: Kind, format_: str, theirs: object
) -> None:
    assert refusal(Spelling(kind, format_, UTC), theirs).code == "out_of_range"


@pytest.mark.parametrize("theirs", ["0001-01-01", "1899-12-31", "2201-01-01", "9999-12-31"])
def test_a_date_in_iso_is_of_a_year_that_an_order_can_be_of(theirs: str) -> None:
    assert refusal(Spelling(DATE), theirs).code == "out_of_range"


@pytest.mark.parametrize("format_", ["epoch", "sap", SECONDS, "YYYYMMDD"])
@pytest.mark.parametrize("kind", [LOCAL, DATE])
def test_what_is_no_moment_of_ours_cannot_be_written(kind: Kind, format_: str) -> None:
    with pytest.raises(RecordError) as caught:
        Spelling(kind, format_).write("free text", "/at")
    assert (caught.value.why.code, caught.value.why.pointer) == ("invalid_date", "/at")
    assert caught.value.why.hint


@pytest.mark.parametrize("year", [1900, 2200])
def test_the_years_at_the_border_are_accepted(year: int) -> None:
    for kind, ours in ((DATE, f"{year}-06-01"), (LOCAL, f"{year}-06-01T00:00:00")):
        assert Spelling(kind, "YYYYMMDD").read(f"{year}0601", "/at") == ours


def test_the_refusal_names_place_value_and_cure() -> None:
    assert str(unfit(7, "/at", "Send a date.").why) == (
        "/at 7 is no date of the kind that is expected. Send a date."
    )


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("iso", True),
        ("epoch", True),
        ("epoch_ms", True),
        ("sap", True),
        ("DD/MM/YYYY", True),
        ("HH:mm", False),
        ("YYYY-MM", False),
        ("", False),
        ("rfc", False),
        ("yyyy-mm-dd", False),
        ("YYYY-MM-DD HH:MM", False),
        ("YYYY-MM-DD YYYY", False),
        ("YYYY-MM-DD HH:mm:ss.f fff", False),
        ("YYYY-MM-DD HH:mm:ss.ffffff", True),
    ],
)
def test_a_format_has_a_name_or_a_year_a_month_and_a_day(text: str, known: bool) -> None:
    assert known_format(text) is known


# -- properties ----------------------------------------------------------------------------------

FIRST, LAST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2200, 12, 30, tzinfo=UTC)
INSTANTS = st.timedeltas(timedelta(0), LAST - FIRST).map(lambda passed: FIRST + passed)
DATES = st.dates(date(1900, 1, 2), date(2200, 12, 30)).map(date.isoformat)
ZONES = st.sampled_from(
    [UTC, BERLIN, APIA, *map(ZoneInfo, ("America/Sao_Paulo", "Asia/Kathmandu"))]
)
PATTERNS = ["YYYY-MM-DD HH:mm:ss", "DD/MM/YYYY HH:mm:ss.fff", "YYYYMMDDHHmmss"]


@UNHURRIED
@given(INSTANTS, st.sampled_from(["iso", "epoch_ms", "sap"]), ZONES)
def test_an_instant_comes_back_cut_to_milliseconds(
    at: datetime, format_: str, zone: tzinfo
) -> None:
    spelling = Spelling(INSTANT, format_, zone)
    assert spelling.read(spelling.write(to_milliseconds(at)), "/at") == to_milliseconds(at)


@UNHURRIED
@given(INSTANTS)
def test_in_seconds_an_instant_comes_back_cut_to_seconds(at: datetime) -> None:
    spelling = Spelling(INSTANT, "epoch", None)
    assert spelling.read(spelling.write(to_milliseconds(at)), "/at") == at.replace(microsecond=0)


@UNHURRIED
@given(INSTANTS, st.sampled_from(PATTERNS), ZONES)
def test_by_a_clocks_face_an_instant_comes_back_but_for_an_hour_that_is_shown_twice(
    at: datetime, format_: str, zone: tzinfo
) -> None:
    local = at.astimezone(zone)
    assume(local.fold == 0 and 1900 <= local.year <= 2200)
    spelling = Spelling(INSTANT, format_, zone)
    unit = 1000 if format_.endswith("fff") else 1_000_000
    kept = at.replace(microsecond=at.microsecond // unit * unit)
    assume((local.utcoffset() or timedelta(0)).seconds % 60 == 0)
    assert spelling.read(spelling.write(to_milliseconds(at)), "/at") == kept


@UNHURRIED
@given(INSTANTS, st.sampled_from(["iso", "sap", *PATTERNS]), ZONES)
def test_a_local_time_comes_back_in_the_resolution_of_its_format(
    at: datetime, format_: str, zone: tzinfo
) -> None:
    local = to_milliseconds(at).replace(tzinfo=None)
    spelling = Spelling(LOCAL, format_, zone)
    fine = format_ in ("iso", "sap") or "f" in format_
    kept = local if fine else local.replace(microsecond=0)
    assert spelling.read(spelling.write(local.isoformat()), "/at") == kept.isoformat()


@UNHURRIED
@given(DATES, st.sampled_from(["iso", "sap", "epoch", "epoch_ms", "DD/MM/YYYY", "YYYYMMDD"]), ZONES)
def test_a_date_comes_back_in_any_zone(day: str, format_: str, zone: tzinfo) -> None:
    spelling = Spelling(DATE, format_, zone)
    assert spelling.read(spelling.write(day), "/at") == day


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
LIKELY = st.from_regex(r"\A(/Date\(-?\d{1,17}([+-]\d{4})?\)/|\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?)\Z")


def outcome(spelling: Spelling, value: object) -> Value | Reason:
    try:
        return spelling.read(value, "/at")
    except RecordError as error:
        return error.why


@UNHURRIED
@given(
    st.sampled_from(Kind),
    st.sampled_from(["iso", "epoch", "epoch_ms", "sap", *PATTERNS]),
    st.none() | ZONES,
    SCALARS | LIKELY | st.lists(SCALARS),
)
def test_anything_is_a_moment_of_the_kind_or_a_record_error(
    kind: Kind, format_: str, zone: tzinfo | None, value: object
) -> None:
    read = outcome(Spelling(kind, format_, zone), value)
    if isinstance(read, Reason):
        assert read.pointer == "/at"
        assert read.hint
        return
    if kind is INSTANT:
        assert isinstance(read, datetime)
        assert (read.tzinfo, read.microsecond % 1000) == (UTC, 0)
        return
    assert isinstance(read, str)
    parsed = datetime.fromisoformat(read)
    assert parsed.tzinfo is None
    assert read == (parsed.date() if kind is DATE else parsed).isoformat()
