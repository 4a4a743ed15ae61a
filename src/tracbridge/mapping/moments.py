"""Dates, local times and instants in the spellings of many systems, both ways. Pure.

Three kinds that never mix: an instant is an aware `datetime` in UTC cut to milliseconds, a local
time the text ``2026-11-20T11:14:00``, a date the text ``2026-11-20``.
"""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
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
_SAP = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
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
        clock = self._clock(value, pointer)
        if not EARLIEST <= clock.year <= LATEST:
            reason = f"is not between the years {EARLIEST} and {LATEST}."
            hint = "Leave out dates that stand for none."
            raise RecordError("out_of_range", reason, pointer=pointer, value=value, hint=hint)
        return self._kept(clock, value, pointer)

    def _kept(self, clock: datetime, value: Any, pointer: str) -> Value:
        if self.kind is Kind.INSTANT:
            return to_milliseconds(clock if clock.tzinfo else self._placed(clock, value, pointer))
        if clock.tzinfo is not None:
            clock = clock.astimezone(self.zone or UTC).replace(tzinfo=None)
        if self.kind is Kind.DATE:
            return clock.date().isoformat()
        return clock.replace(microsecond=clock.microsecond // 1000 * 1000).isoformat()

    def _placed(self, clock: datetime, value: Any, pointer: str) -> datetime:
        """What a clock of the zone showed, as an instant. A day alone begins with its first one,
        also where the clocks skip midnight.
        """
        if self.zone and "HH" not in self.format and clock.time() == time():
            began = clock.replace(tzinfo=self.zone).astimezone(UTC)
            if began.astimezone(self.zone).date() == clock.date():
                return began
        return placed(clock, str(value), pointer, self.zone)

    def _clock(self, value: Any, pointer: str) -> datetime:
        """What the value's clock shows: aware where it says its offset."""
        try:
            match self.format:
                case "iso" if self.kind is Kind.DATE:
                    return _day(_text(value))
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

    def write(self, value: Value, pointer: str = "") -> Any:
        """The moment as that system writes it; None stays None.

        Raises `RecordError` at ``pointer`` for what is none of ours.
        """
        if value is None or (self.kind is Kind.DATE and self.format == "iso"):
            return value
        try:
            return self._spelt(self._shown(value))
        except (ValueError, OverflowError):
            hint = f"Set it to {EXAMPLE[self.kind]!r}, for example."
            raise unfit(value, pointer, hint) from None

    def _spelt(self, clock: datetime) -> Any:
        match self.format:
            case "iso":
                return format_instant(clock) if clock.tzinfo else clock.isoformat()
            case "epoch":
                return _since_1970(clock, self.zone) // timedelta(seconds=1)
            case "epoch_ms":
                return _since_1970(clock, self.zone) // timedelta(milliseconds=1)
            case "sap":
                offset = "+0000" if clock.tzinfo else ""
                return f"/Date({_since_1970(clock, UTC) // timedelta(milliseconds=1)}{offset})/"
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


def known_format(text: str) -> bool:
    """Whether a mapping may name this format: by its name, or by letters, each of them once."""
    letters = [found[0] if found[0] == "f" else found for found in _TOKEN.findall(text)]
    once = len(letters) == len(set(letters))
    return text in _NAMED or (once and {"YYYY", "MM", "DD"} <= set(letters))


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


def _day(text: str) -> datetime:
    if not _DAY.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)


def _since_1970(clock: datetime, zone: tzinfo | None) -> timedelta:
    """``zone``: where a clock without an offset hangs."""
    return (clock if clock.tzinfo else clock.replace(tzinfo=zone or UTC)) - _EPOCH


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
    if pattern in _LIKE_ISO:
        return datetime.fromisoformat(found[0])
    given = found.groupdict().items()
    parts = {name: int(value) for name, value in given if value and name != "fraction"}
    fraction = (found.groupdict().get("fraction") or "0")[:6].ljust(6, "0")
    return datetime(**parts, microsecond=int(fraction))  # type: ignore[arg-type]  # noqa: DTZ001


_LIKE_ISO = frozenset(
    {"YYYY-MM-DD HH:mm:ss", "YYYY-MM-DD HH:mm", "YYYY-MM-DDTHH:mm:ss", "YYYY-MM-DD"}
)
"""Formats that the library reads ten times as quickly."""


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
