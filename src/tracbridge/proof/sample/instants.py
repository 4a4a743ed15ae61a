"""Moments in a sample of records: which columns hold some, and how they are spelt. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.mapping.moments import Kind, Spelling
from tracbridge.proof.sample.columns import Column
from tracbridge.proof.sample.naming import CREATED, DUE, UPDATED, hints, pieces, words

_DAYS: Final = ("YYYY-MM-DD", "YYYYMMDD", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "YYYY/MM/DD")
_CLOCKS: Final = ("HH:mm:ss", "HH:mm", "HHmmss", "HHmm")
TEXTS: Final = (
    "sap",
    "YYYY-MM-DD HH:mm:ss",
    "YYYY-MM-DD HH:mm:ss.f",
    "iso",
    *_DAYS,
    *(f"{day} {clock}" for day in _DAYS for clock in _CLOCKS[:2]),
    "YYYYMMDDHHmmss",
)
"""Spellings of a text, the plainest first: the first that all values of a column fit is taken."""

NONE: Final = frozenset({
    "0000-00-00", "00000000", "0000-00-00 00:00:00", "0001-01-01", "0001-01-01T00:00:00",
    "0001-01-01T00:00:00Z", "/Date(-62135596800000)/",
})  # fmt: skip
"""Texts by which systems say, among dates, that there is none."""

_FIRST, _LAST = 631_152_000, 4_102_444_800
"""Seconds since 1970 of the years 1990 and 2100: numbers between may be moments."""

_NUMBERS: Final = {"epoch": 1, "epoch_ms": 1_000}
_DAY_WORDS: Final = words("date data datum day dia tag dt fecha giorno jour")
_DATE_WORDS: Final = _DAY_WORDS | CREATED | UPDATED | DUE | words("at on time ts when moment")
_TIME_WORDS: Final = words("time hora hour zeit uhrzeit heure ora clock hr tm")


class Times(Struct, frozen=True):
    """A column of moments, or one of days with one of times of day.

    ``naive``: they say no offset. ``by_day``: they say no time of day. ``either``: day and month
    may be the other way round. ``read``: the moments, None where there is none, as of UTC.
    """

    paths: tuple[str, ...]
    format: str
    naive: bool
    by_day: bool
    read: tuple[datetime | None, ...]
    either: bool = False

    @property
    def path(self) -> str | list[str]:
        """As a mapping says it."""
        return self.paths[0] if len(self.paths) == 1 else list(self.paths)

    @property
    def filled(self) -> float:
        """The share of records that have one."""
        there = sum(moment is not None for moment in self.read)
        return there / len(self.read) if self.read else 0.0

    @property
    def newest(self) -> datetime | None:
        """The last of them."""
        return max((moment for moment in self.read if moment), default=None)


def times_in(columns: Mapping[str, Column]) -> dict[str, Times]:
    """The moments of a sample, by the path of their day."""
    found = {path: times for path, column in columns.items() if (times := _times(column))}
    clocks = {p: c for p, column in columns.items() if p not in found and (c := _clock(column))}
    for path, times in found.items():
        partner = _partner(path, clocks) if times.by_day else None
        if partner and (both := _together(times, columns, partner, clocks[partner])):
            found[path] = both
    return found


def _times(column: Column) -> Times | None:
    match column.kind:
        case "text":
            return _spelt(column)
        case "integer" | "number" if hints(column.path, _DATE_WORDS):
            return _since_1970(column)
    return None


def _spelt(column: Column) -> Times | None:
    """The first spelling that all fit; the column forgets what says there that there is none."""
    said = [text for text in column.said if text.strip() not in NONE]
    times = _all_fit(Column(column.path, column.cells, said)) if said else None
    column.said = said if times else column.said
    return times


def _all_fit(column: Column) -> Times | None:
    for name in TEXTS:
        read = _read(column, name)
        if read is not None:
            turned = name.replace("DD/MM", "MM/DD")
            either = turned != name and _read(column, turned) is not None
            return Times((column.path,), name, _naive(column, name), _by_day(name), read, either)
    return None


def _since_1970(column: Column) -> Times | None:
    for name, unit in _NUMBERS.items():
        if all(_FIRST * unit <= value <= _LAST * unit for value in column.said):
            read = _read(column, name)
            return Times((column.path,), name, False, False, read) if read else None
    return None


def _read(column: Column, name: str) -> tuple[datetime | None, ...] | None:
    """Each cell as a moment; None where one of them is none."""
    return read_as(column.cells, column, Spelling(Kind.INSTANT, name, UTC))


def read_as(
    cells: Iterable[Any], column: Column, spelling: Spelling
) -> tuple[datetime | None, ...] | None:
    """The cells as moments; None as soon as one says something else."""
    nothing = {repr(value) for value in column.nothings}
    read: list[datetime | None] = []
    for cell in cells:
        try:
            moment = spelling.read(cell, "")
        except RecordError:
            if not _is_none(cell, nothing):
                return None
            moment = None
        read.append(moment if isinstance(moment, datetime) else None)
    return tuple(read)


def _is_none(cell: Any, nothing: set[str]) -> bool:
    return not isinstance(cell, str | int | float | bool) or repr(cell) in nothing


def _naive(column: Column, name: str) -> bool:
    """Some of them say no offset."""
    if name not in ("iso", "sap"):
        return True
    return read_as(column.said, column, Spelling(Kind.INSTANT, name, None)) is None


def _by_day(name: str) -> bool:
    return "HH" not in name and name not in ("iso", "sap")


def _clock(column: Column) -> str:
    """How the column spells times of day, "" where it holds none."""
    if column.kind != "text":
        return ""
    for name in _CLOCKS:
        spelling = Spelling(Kind.LOCAL, f"YYYY-MM-DD {name}")
        if all(_fits(spelling, f"2026-01-01 {value}") for value in column.said):
            return name
    return ""


def _fits(spelling: Spelling, text: str) -> bool:
    try:
        spelling.read(text, "")
    except RecordError:
        return False
    return True


def _partner(path: str, clocks: Mapping[str, str]) -> str | None:
    """The column of times of day that belongs to that one of days, by their names."""
    stem = _stem(path)
    return next((other for other in clocks if _stem(other) == stem), None)


def _stem(path: str) -> tuple[str, ...]:
    above = path.rpartition(".")[0]
    both = _DAY_WORDS | _TIME_WORDS
    return (above, *(piece for piece in pieces(path) if piece not in both))


def _together(days: Times, columns: Mapping[str, Column], other: str, clock: str) -> Times | None:
    """Days and times of day as moments; the time of day may be missing."""
    name = f"{days.format} {clock}"
    day, time = columns[days.paths[0]], columns[other]
    whole = Spelling(Kind.INSTANT, name, UTC)
    read = tuple(_moments(days.read, day, time, whole))
    return Times((day.path, other), name, True, False, read, days.either)


def _moments(
    days: Iterable[datetime | None], day: Column, time: Column, whole: Spelling
) -> Iterator[datetime | None]:
    for alone, one, other in zip(days, day.cells, time.cells, strict=True):
        text = f"{one} {other}"
        if alone is None or not _fits(whole, text):
            yield alone
        else:
            moment = whole.read(text, "")
            yield moment if isinstance(moment, datetime) else alone
