"""One field in the customer's spelling, both ways. Pure.

A codec is made once from a line of the mapping. It reads a whole record and writes into one, since
a field may be spelt by several of his.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, Final, Protocol

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Value
from tracbridge.mapping.lists import items_of, listed
from tracbridge.mapping.moments import Spelling
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.texts import Habit, checked
from tracbridge.mapping.translation import Body

Target = dict[str, Any]
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LONG: Final = (-(2**63), 2**63 - 1)
_EXACT: Final = (1 - 2**53, 2**53 - 1)
"""Beyond it one float stands for several integers, so that the number meant would be a guess."""


class Codec(Protocol):
    """How one field is read from his record and written into it."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where in his record it looks."""

    def read(self, body: Body) -> Any:
        """The value, or `MISSING` where the record says nothing of it."""

    def write(self, value: Value, into: Target, known: Body) -> None:
        """Spell the value in ``into``; ``known``: what of his last record is kept word by word."""


class Source(Struct, frozen=True):
    """One place, and what stands for nothing there. ``absent``: a missing key is nothing too."""

    place: Place
    empty: tuple[Any, ...] = (None,)
    absent: bool = False
    required: bool = False

    def get(self, body: Body) -> Any:
        """The raw value; None for nothing, `MISSING` where the key is not there."""
        raw = self.place.get(body)
        if raw is MISSING:
            if self.required:
                raise required(self.place.pointer)
            return None if self.absent else MISSING
        if raw is None or is_one_of(raw, self.empty):
            if self.required:
                raise required(self.place.pointer)
            return None
        return raw


def required(pointer: str) -> RecordError:
    """A place that must not be empty."""
    hint = "Send a text; it may be empty."
    return RecordError("required", "is missing or null.", pointer=pointer, hint=hint)


def is_one_of(value: Any, some: Iterable[Any]) -> bool:
    """Equal, and of the same kind: ``0`` is not ``false``."""
    for one in some:  # noqa: SIM110 (three times as quick as any() over so few)
        if value == one and type(value) is type(one):
            return True
    return False


class TextCodec(Struct, frozen=True):
    """A text, with what his system does to it. ``none``: what nothing is on our side."""

    source: Source
    habit: Habit
    most: int
    none: str | None = None
    changes: bool = False

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.source.place,)

    def read(self, body: Body) -> Any:
        raw = self.source.get(body)
        if raw is MISSING or raw is None:
            return self.none if raw is None else raw
        text = checked(raw, self.source.place.pointer, self.most)
        return self.habit.read(text) if self.changes else text

    def write(self, value: Value, into: Target, known: Body) -> None:
        if value is None or (value == "" and self.none is None):
            self.source.place.set(into, self.source.empty[0] if self.source.empty else None)
        else:
            self.source.place.set(into, self.habit.write(str(value)))


class NumberCodec(Struct, frozen=True):
    """A number. ``whole``: without a fraction; ``decimals``: his system rounds to so many."""

    source: Source
    whole: bool
    decimals: int | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.source.place,)

    def read(self, body: Body) -> Any:
        raw = self.source.get(body)
        if raw is MISSING or raw is None:
            return raw
        number = _number(raw)
        pointer = self.source.place.pointer
        if number is None or (self.whole and isfinite(number) and number != int(number)):
            what = "a whole number" if self.whole else "a number"
            raise RecordError("type", f"is not {what}.", pointer=pointer, value=raw)
        least, most = _EXACT if isinstance(number, float) else _LONG
        if not isfinite(number) or (self.whole and not least <= number <= most):
            reason = f"is not between {least} and {most}." if self.whole else "is too large."
            hint = "Send a smaller number, or map the field as a text."
            raise RecordError("out_of_range", reason, pointer=pointer, value=raw, hint=hint)
        return int(number) if self.whole else self._rounded(float(number))

    def _rounded(self, number: float) -> float:
        return number if self.decimals is None else round(number, self.decimals)

    def write(self, value: Value, into: Target, known: Body) -> None:
        number = self._rounded(value) if isinstance(value, float) else value
        self.source.place.set(into, number)


def _number(raw: Any) -> float | int | None:
    """The number, also from digits; None for what is none."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return raw
    text = raw.strip(" ") if isinstance(raw, str) else ""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


class BoolCodec(Struct, frozen=True):
    """True or false; ``words``: his words for both."""

    source: Source
    words: Mapping[Any, bool] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.source.place,)

    def read(self, body: Body) -> Any:
        raw = self.source.get(body)
        if raw is MISSING or raw is None or (type(raw) is bool and not self.words):
            return raw
        found = [ours for theirs, ours in self.words.items() if is_one_of(raw, (theirs,))]
        if not found:
            raise no_flag(self.source.place.pointer, raw)
        return found[0]

    def write(self, value: Value, into: Target, known: Body) -> None:
        spelt = {ours: theirs for theirs, ours in reversed(list(self.words.items()))}
        self.source.place.set(into, spelt.get(bool(value), value) if value is not None else None)


def no_flag(pointer: str, value: Any) -> RecordError:
    """A place that must hold a bool."""
    hint = "Send true or false, without quotes."
    return RecordError("type", "is not a bool.", pointer=pointer, value=value, hint=hint)


class MomentCodec(Struct, frozen=True):
    """A date, a local time or an instant at one place, or its day and its time at two."""

    sources: tuple[Source, ...]
    spelling: Spelling

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(source.place for source in self.sources)

    def read(self, body: Body) -> Any:
        source = self.sources[0]
        raw = source.get(body)
        if raw is MISSING or raw is None:
            return raw
        pointer = source.place.pointer
        if len(self.sources) == 1:
            return self.spelling.read(raw, pointer)
        time = self.sources[1].get(body)
        day_only, _, _ = self.spelling.format.partition(" ")
        if time is MISSING or time is None:
            alone = Spelling(self.spelling.kind, day_only, self.spelling.zone)
            return alone.read(raw, pointer)
        return self.spelling.read(f"{raw} {time}", pointer)

    def write(self, value: Value, into: Target, known: Body) -> None:
        spelt = self.spelling.write(value, self.sources[0].place.pointer)
        if len(self.sources) == 1:
            self.sources[0].place.set(into, self._or_nothing(spelt, 0))
            return
        day, _, time = (spelt or "").partition(" ")
        self.sources[0].place.set(into, self._or_nothing(day or None, 0))
        self.sources[1].place.set(into, self._or_nothing(time or None, 1))

    def _or_nothing(self, spelt: Any, index: int) -> Any:
        empty = self.sources[index].empty
        return spelt if spelt is not None else empty[0] if empty else None


class ListCodec(Struct, frozen=True):
    """Texts in a list, or in one text between separators. With us: the list as JSON text.

    ``part``: only that one of them is the field (counted from 0); the others stay as they are.
    """

    source: Source
    separator: str | None = None
    part: int | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.source.place,)

    def read(self, body: Body) -> Any:
        raw = self.source.get(body)
        if raw is MISSING or raw is None:
            return raw
        items = self._items(raw)
        if isinstance(raw, str):
            items = [one.strip() for one in items]
        if self.part is not None:
            return items[self.part] if self.part < len(items) else None
        return listed(items)

    def _items(self, raw: Any) -> list[str]:
        """As they stand there, blanks and all."""
        if self.separator is not None and isinstance(raw, str):
            return raw.split(self.separator)
        if isinstance(raw, list) and all(isinstance(one, str) for one in raw):
            return list(raw)
        what = "a list of texts" if self.separator is None else "a text"
        pointer = self.source.place.pointer
        raise RecordError("type", f"is not {what}.", pointer=pointer, value=raw)

    def write(self, value: Value, into: Target, known: Body) -> None:
        if self.part is None:
            items = [] if value is None else items_of(str(value), self.source.place.pointer)
        else:
            before = self.source.place.get(into)
            before = self.source.place.get(known) if before is MISSING else before
            items = self._items(before) if isinstance(before, str | list) else []
            items += [""] * (self.part + 1 - len(items))
            items[self.part] = _within(items[self.part], "" if value is None else str(value))
        spelt = items if self.separator is None else self.separator.join(items)
        self.source.place.set(into, spelt)


def _within(old: str, new: str) -> str:
    """The new text between the blanks of the old one."""
    bare = old.strip()
    return old.replace(bare, new, 1) if bare else new


class TableCodec(Struct, frozen=True):
    """A text that stands for another by a table of the connection (his asset code, TracOS's id).

    What the table does not know is `Unresolved`: the field waits, not the order.
    """

    source: Source
    name: str
    theirs: Mapping[str, str]
    ours: Mapping[str, str]

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.source.place,)

    def read(self, body: Body) -> Any:
        raw = self.source.get(body)
        if raw is MISSING or raw is None:
            return raw
        text = str(raw)
        found = self.theirs.get(text)
        return Unresolved(self.name, text) if found is None else found

    def write(self, value: Value, into: Target, known: Body) -> None:
        found = self.ours.get(str(value)) if value is not None else None
        if found is None and value is not None:
            found = self.source.place.get(known)
            if found is MISSING:
                return
        self.source.place.set(into, found)


class Unresolved(Struct, frozen=True):
    """A value that a table does not know."""

    table: str
    value: str


class ComputedCodec(Struct, frozen=True):
    """A value that an expression makes of his record; it is never written."""

    reads: Callable[[Body], Any]
    places: tuple[Place, ...] = ()

    def read(self, body: Body) -> Any:
        return self.reads(body)

    def write(self, value: Value, into: Target, known: Body) -> None:
        """There is no way back."""
