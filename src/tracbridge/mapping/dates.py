"""Instants as text: read strictly, written in one spelling."""

import calendar
import re
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import to_milliseconds

EARLIEST, LATEST = 1900, 2200
"""The years that a work order can be of, both included."""

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,]\d+)?)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?",
    re.ASCII,
)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?!\d)", re.ASCII)
_LONG_YEAR = re.compile(r"[+-]?\d{5,}-\d", re.ASCII)
_LEAP_SECOND = re.compile(r".*:\d\d:60", re.ASCII)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_HINT: Final = 'Send ISO 8601 with an offset or Z, such as "2026-11-18T18:02:11Z".'


def parse_instant(value: Any, pointer: str, zone: tzinfo | None) -> datetime:
    """The instant that an ISO 8601 text names: aware, in UTC, cut (not rounded) to milliseconds.

    ``zone`` is where the clock hung that wrote a text without offset; None refuses such a text. An
    hour that the clocks skip is refused, of one that they show twice the first is meant.
    Raises `RecordError` at ``pointer`` for anything else, numbers included.
    """
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        raise _refusal(value, pointer)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _refusal(value, pointer) from None
    if not EARLIEST <= moment.year <= LATEST:
        raise _out_of_range(value, pointer)
    return to_milliseconds(moment if moment.tzinfo else placed(moment, value, pointer, zone))


def format_instant(moment: datetime) -> str:
    """An aware instant as ISO 8601 in UTC, always with milliseconds and the offset +00:00."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def placed(moment: datetime, value: str, pointer: str, zone: tzinfo | None) -> datetime:
    """What a clock in that zone showed, as an instant; ``value``: as it was written.

    Raises `RecordError` where no zone is known, or where the clocks skip that hour.
    """
    if zone is None:
        hint = (
            "Send an offset or Z, or set the zone that is meant: DATA_TIMEZONE, or zone in a file."
        )
        raise RecordError(
            "no_time_zone", "has no time zone.", pointer=pointer, value=value, hint=hint
        )
    there = moment.replace(tzinfo=zone)
    fixed = zone is UTC or getattr(zone, "key", "") == "UTC"
    if not fixed and there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        reason = f"does not exist in {zone}: the clocks skip this hour."
        raise RecordError("local_time", reason, pointer=pointer, value=value, hint=_HINT)
    return there


def _refusal(value: Any, pointer: str) -> RecordError:
    match value:
        case None:
            return RecordError("required", "is missing or null.", pointer=pointer, hint=_HINT)
        case str():
            return _text_refusal(value, pointer)
        case {"$date": _}:
            hint = "Send the text itself, without an object around it."
        case int() | float() if not isinstance(value, bool):
            hint = f"Seconds or milliseconds since 1970 are not accepted. {_HINT}"
        case _:
            hint = _HINT
    return RecordError(
        "type", "is not a text with a date.", pointer=pointer, value=value, hint=hint
    )


def _text_refusal(value: str, pointer: str) -> RecordError:
    if _LONG_YEAR.match(value):
        return _out_of_range(value, pointer)
    if _LEAP_SECOND.match(value):
        reason = "is a leap second, which no system here can keep."
        return RecordError("leap_second", reason, pointer=pointer, value=value, hint=_HINT)
    day = _DAY.match(value)
    if day and int(day[1]) < EARLIEST:
        return _out_of_range(value, pointer)
    reason = f"is not a date{_why(day) if day else ''}."
    return RecordError("invalid_date", reason, pointer=pointer, value=value, hint=_HINT)


def _why(day: re.Match[str]) -> str:
    year, month, number = int(day[1]), int(day[2]), int(day[3])
    if not 1 <= month <= len(_MONTHS):
        return f": there is no month {month}"
    days = calendar.monthrange(year, month)[1]
    if 1 <= number <= days:
        return " with a time of day"
    return f": {_MONTHS[month - 1]} {year} has {days} days"


def _out_of_range(value: str, pointer: str) -> RecordError:
    reason = f"is not between the years {EARLIEST} and {LATEST}."
    hint = "Leave out dates that stand for none."
    return RecordError("out_of_range", reason, pointer=pointer, value=value, hint=hint)
