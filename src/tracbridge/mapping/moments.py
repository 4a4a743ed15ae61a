"""Dates, local times and instants in the spellings of many systems, both ways. Pure.

Three kinds that never mix: an instant is an aware `datetime` in UTC cut to milliseconds, a local
time the text ``2026-11-20T11:14:00``, a date the text ``2026-11-20``.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Value, to_milliseconds
from tracbridge.mapping.dates import EARLIEST, LATEST, format_instant, parse_instant, placed

_TOKENS: Final = {
    "YYYY": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d\d)",
    "DD": r"(?P<day>\d\d)",
    "HH": r"(?P<hour>\d\d)",
    "mm": r"(?P<minute>\d\d)",
    "ss": r"(?P<second>\d\d)",
    "f": r"(?P<fraction>\d{1,9})",
}
_TOKEN = re.compile(r"YYYY|MM|DD|HH|mm|ss|f{1,6}")
_SAP = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED: Final = frozenset({"iso", "epoch", "epoch_ms", "sap"})


class Kind(StrEnum):
    """What a moment is."""

    INSTANT = "instant"
    LOCAL = "local"
    DATE = "date"


class Spelling(Struct, frozen=True):
    """How one system writes a moment of a kind. ``zone``: of texts without an offset."""

    kind: Kind
    format: str = "iso"
    zone: tzinfo | None = None

    def read(self, value: Any, pointer: str) -> Value:
        """The moment; raises `RecordError` at ``pointer`` for what is none, or of another kind."""
        if self.kind is Kind.INSTANT and self.format == "iso":
            return parse_instant(value, pointer, self.zone)
        if self.kind is Kind.DATE and self.format == "iso":
            return self._day_of_text(value, pointer)
        clock = self._clock(value, pointer)
        if not EARLIEST <= clock.year <= LATEST:
            reason = f"is not between the years {EARLIEST} and {LATEST}."
            hint = "Leave out dates that stand for none."
            raise RecordError("out_of_range", reason, pointer=pointer, value=value, hint=hint)
        return self._kept(clock, value, pointer)

    def _kept(self, clock: datetime, value: Any, pointer: str) -> Value:
        if self.kind is Kind.INSTANT:
            aware = clock if clock.tzinfo else placed(clock, str(value), pointer, self.zone)
            return to_milliseconds(aware)
        if clock.tzinfo is not None:
            clock = clock.astimezone(self.zone or UTC).replace(tzinfo=None)
        if self.kind is Kind.DATE:
            return clock.date().isoformat()
        return clock.replace(microsecond=clock.microsecond // 1000 * 1000).isoformat()

    def _day_of_text(self, value: Any, pointer: str) -> str:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            try:
                return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
            except ValueError:
                pass
        raise unfit(value, pointer, 'Send a date such as "2026-11-20".')

    def _clock(self, value: Any, pointer: str) -> datetime:
        """What the value's clock shows: aware where it says its offset."""
        try:
            match self.format:
                case "iso":
                    return datetime.fromisoformat(_text(value))
                case "epoch":
                    return _EPOCH + timedelta(seconds=_number(value))
                case "epoch_ms":
                    return _EPOCH + timedelta(milliseconds=_number(value))
                case "sap":
                    return _sap(_text(value))
                case pattern:
                    return _by(pattern, _text(value))
        except (ValueError, OverflowError, TypeError):
            hint = f"Send it as {self.format}, such as {self.write(EXAMPLE[self.kind])!r}."
            raise unfit(value, pointer, hint) from None

    def write(self, value: Value) -> Any:
        """The moment as that system writes it; None stays None."""
        if value is None or (self.kind is Kind.DATE and self.format == "iso"):
            return value
        return self._spelt(self._shown(value))

    def _spelt(self, clock: datetime) -> Any:
        match self.format:
            case "iso":
                return format_instant(clock) if clock.tzinfo else clock.isoformat()
            case "epoch":
                return int((_aware(clock) - _EPOCH).total_seconds())
            case "epoch_ms":
                return (_aware(clock) - _EPOCH) // timedelta(milliseconds=1)
            case "sap":
                offset = "+0000" if clock.tzinfo else ""
                return f"/Date({(_aware(clock) - _EPOCH) // timedelta(milliseconds=1)}{offset})/"
            case pattern:
                return _spell(pattern, clock)

    def _shown(self, value: Value) -> datetime:
        """What a clock of that system shows at the moment."""
        if isinstance(value, datetime):
            by_clock = self.format not in _NAMED and self.zone
            return value.astimezone(self.zone).replace(tzinfo=None) if by_clock else value
        return datetime.fromisoformat(str(value))


EXAMPLE: Final[dict[Kind, Value]] = {
    Kind.INSTANT: datetime(2026, 11, 20, 11, 14, 6, tzinfo=UTC),
    Kind.LOCAL: "2026-11-20T11:14:06",
    Kind.DATE: "2026-11-20",
}

Read = Callable[[Any, str], Value]


def known_format(text: str) -> bool:
    """Whether a mapping may name this format."""
    return text in _NAMED or {"YYYY", "MM", "DD"} <= set(_TOKEN.findall(text))


def unfit(value: Any, pointer: str, hint: str) -> RecordError:
    """No moment of the kind that is expected."""
    reason = "is no date of the kind that is expected."
    return RecordError("invalid_date", reason, pointer=pointer, value=value, hint=hint)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _aware(clock: datetime) -> datetime:
    return clock if clock.tzinfo else clock.replace(tzinfo=UTC)


def _sap(text: str) -> datetime:
    """Without an offset it is a clock's face, not an instant."""
    found = _SAP.fullmatch(text)
    if found is None:
        raise ValueError
    moment = _EPOCH + timedelta(milliseconds=int(found[1]))
    return moment if found[2] else moment.replace(tzinfo=None)


def _by(pattern: str, text: str) -> datetime:
    found = _expression(pattern).fullmatch(text.strip())
    if found is None:
        raise ValueError
    given = found.groupdict().items()
    parts = {name: int(value) for name, value in given if value and name != "fraction"}
    fraction = (found.groupdict().get("fraction") or "0")[:6].ljust(6, "0")
    return datetime(**parts, microsecond=int(fraction))  # type: ignore[arg-type]  # noqa: DTZ001


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    pieces, at = [], 0
    for found in _TOKEN.finditer(pattern):
        pieces.append(re.escape(pattern[at : found.start()]))
        pieces.append(_TOKENS["f" if found[0][0] == "f" else found[0]])
        at = found.end()
    text = "".join([*pieces, re.escape(pattern[at:])])
    # Many systems leave the fraction out where it is nothing.
    text = text.replace(rf"\.{_TOKENS['f']}", rf"(?:\.{_TOKENS['f']})?")
    return re.compile(text, re.ASCII)


def _spell(pattern: str, clock: datetime) -> str:
    def letters(found: re.Match[str]) -> str:
        token = found[0]
        if token[0] == "f":
            return f"{clock.microsecond:06d}"[: len(token)]
        parts = {"YYYY": clock.year, "MM": clock.month, "DD": clock.day}
        parts |= {"HH": clock.hour, "mm": clock.minute, "ss": clock.second}
        return f"{parts[token]:0{len(token)}d}"

    return _TOKEN.sub(letters, pattern)
