"""The status and the tombstone in the customer's spelling, both ways. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Value
from tracbridge.mapping.codec import (
    BoolCodec,
    Codec,
    MomentCodec,
    Source,
    Target,
    is_one_of,
    no_flag,
)
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.translation import Body


class FlagsCodec(Struct, frozen=True):
    """One of several bools is true; written out, all of them are there.

    ``absent``: the flag that may be left out, and counts as true where no other is. ``deleted``:
    an order that shows no flag but is deleted has no status of its own.
    """

    flags: Mapping[str, str]
    absent: str | None
    deleted: Codec | None
    places: tuple[Place, ...]
    spelt: Mapping[str, Mapping[str, bool]]

    def read(self, body: Body) -> Any:
        true = None
        for flag in self.flags:
            value = body.get(flag, False)
            if value is True:
                if true:
                    raise self._contradiction(true, flag)
                true = flag
            elif value is not False:
                raise no_flag(f"/{flag}", value)
        return self.flags[true] if true else self._none(body)

    def _none(self, body: Body) -> Any:
        if self.deleted and self.deleted.read(body) not in (False, MISSING):
            return MISSING
        if self.absent is None or self.absent in body:
            hint = f"Send exactly one of {', '.join(self.flags)} as true."
            reason = "is not true, and no other status flag is."
            pointer = f"/{self.absent or next(iter(self.flags))}"
            raise RecordError("no_status", reason, pointer=pointer, hint=hint)
        return self.flags[self.absent]

    def _contradiction(self, one: str, other: str) -> RecordError:
        hint = f"Send exactly one of {', '.join(self.flags)} as true."
        reason = f"and /{one} are both true."
        return RecordError("contradictory_status", reason, pointer=f"/{other}", hint=hint)

    def write(self, value: Value, into: Target, known: Body) -> None:
        spelt = self.spelt.get(str(value))
        if spelt is None:
            raise no_counterpart(str(value), "fields.status")
        into.update(spelt)


def no_counterpart(wanted: str, where: str) -> RecordError:
    """A value of ours that he has no word for; ``where``: the mapping's line."""
    return RecordError(
        "unmapped_status",
        "has no counterpart at the customer's.",
        pointer="/status",
        value=wanted,
        hint=f"Add it to {where} of the mapping.",
    )


class Match(Protocol):
    """What one place of his record has to show, and how it is written."""

    def fits(self, raw: Any, empty: tuple[Any, ...]) -> bool:
        """The raw value is as it has to be."""

    def spell(self, raw: Any, codes: Iterable[str]) -> Any:
        """What to write so that it fits; ``raw``: what stands there, `MISSING` leaves it alone."""


class Equals(Struct, frozen=True):
    """One of these values; the first is written."""

    values: tuple[Any, ...]

    def fits(self, raw: Any, empty: tuple[Any, ...]) -> bool:
        return is_one_of(raw, self.values)

    def spell(self, raw: Any, codes: Iterable[str]) -> Any:
        return self.values[0]


class Has(Struct, frozen=True):
    """A code among several in one text, between blanks. Written, it takes the others' place."""

    code: str

    def fits(self, raw: Any, empty: tuple[Any, ...]) -> bool:
        return isinstance(raw, str) and self.code in raw.split()

    def spell(self, raw: Any, codes: Iterable[str]) -> Any:
        others = {code for code in codes if code != self.code}
        kept = [
            code for code in str(raw if raw is not MISSING else "").split() if code not in others
        ]
        return " ".join(kept if self.code in kept else [self.code, *kept])


class Hasnt(Struct, frozen=True):
    """A code that is not among several in one text, between blanks. Written, it is taken out."""

    code: str

    def fits(self, raw: Any, empty: tuple[Any, ...]) -> bool:
        return isinstance(raw, str) and self.code not in raw.split()

    def spell(self, raw: Any, codes: Iterable[str]) -> Any:
        text = str(raw) if isinstance(raw, str) else ""
        return " ".join(code for code in text.split() if code != self.code)


class Filled(Struct, frozen=True):
    """Something stands there (``yes``), or nothing. Nothing can be written, something cannot."""

    yes: bool

    def fits(self, raw: Any, empty: tuple[Any, ...]) -> bool:
        return (raw is MISSING or is_one_of(raw, empty)) is not self.yes

    def spell(self, raw: Any, codes: Iterable[str]) -> Any:
        return MISSING if self.yes else None


class State(Struct, frozen=True):
    """One state of his system: what it is to us, what it looks like, what is written besides."""

    is_: str
    when: tuple[tuple[Source, Match], ...]
    also: tuple[tuple[Place, Any], ...] = ()
    name: str = ""
    only: str | None = None

    def fits(self, body: Body) -> bool:
        """The record is in this state."""
        for source, match in self.when:  # noqa: SIM110 (asked for each state of each record)
            if not match.fits(source.place.get(body), source.empty):
                return False
        return True


class CasesCodec(Struct, frozen=True):
    """A table of states over one or several places; the first that fits is read.

    ``others``: what a state is that the table does not know; None refuses it. ``lacks``: what he
    shows instead of a state that his system has not. ``where``: the mapping's line, for people.
    ``empty``: nothing may stand there, and is nothing to us.
    """

    states: tuple[State, ...]
    others: str | None
    lacks: Mapping[str, str]
    where: str
    empty: bool = False

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where it looks, each place once."""
        return tuple({s.place.text: s for state in self.states for s, _ in state.when}.values())

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(source.place for source in self.sources)

    def read(self, body: Body) -> Any:
        state = self.state(body)
        if state:
            return state.is_
        raws = [place.get(body) for place in self.places]
        if all(raw is MISSING for raw in raws):
            return MISSING
        if self.empty and all(source.get(body) in (None, MISSING) for source in self.sources):
            return None
        if self.others is not None:
            return self.others
        raise self._unmapped(raws)

    def state(self, body: Body) -> State | None:
        """The state that the record is in, if the table knows it."""
        readable = (state for state in self.states if state.only != "write")
        return next((state for state in readable if state.fits(body)), None)

    def _unmapped(self, raws: list[Any]) -> RecordError:
        shown = {place.text: raw for place, raw in zip(self.places, raws, strict=True)}
        only = raws[0] if len(raws) == 1 else {n: r for n, r in shown.items() if r is not MISSING}
        return RecordError(
            "unmapped_status",
            "has no counterpart in TracOS.",
            pointer=self.places[0].pointer,
            value=only,
            hint=f"Add it to {self.where} of the mapping.",
        )

    def write(self, value: Value, into: Target, known: Body) -> None:
        """His own word stays where it says the same already."""
        if value is None and self.empty:
            for source in self.sources:
                source.place.set(into, source.empty[0] if source.empty else None)
            return
        wanted = self.lacks.get(str(value), str(value))
        kept = self.state(known)
        if kept is None or kept.is_ != wanted:
            self.write_state(self.way_to(wanted), into, known)
        else:
            self.keep(into, known)

    def keep(self, into: Target, known: Body) -> bool:
        """Spell it as he did; False where his words are not remembered."""
        raws = [(place, raw) for place in self.places if (raw := place.get(known)) is not MISSING]
        for place, raw in raws:
            if place.get(into) is MISSING:
                place.set(into, raw)
        return bool(raws)

    def way_to(self, wanted: str) -> State:
        """The state that is written for a value of ours; raises `RecordError` if there is none."""
        for state in self.states:
            if state.is_ == wanted and state.only != "read":
                return state
        raise no_counterpart(wanted, self.where)

    def named(self, name: str) -> State | None:
        """The state of that name; None for one that the table has not (any more)."""
        return next((state for state in self.states if state.name == name), None)

    def write_named(self, name: str, value: Value, into: Target, known: Body) -> None:
        """Spell the state of that name; the value, where the table has no such state any more."""
        state = self.named(name)
        if state is None:
            self.write(value, into, known)
        else:
            self.write_state(state, into, known)

    def write_state(self, state: State, into: Target, known: Body) -> None:
        """Spell exactly this state."""
        codes = {m.code for s in self.states for _, m in s.when if isinstance(m, Has)}
        for source, match in state.when:
            now = source.place.get(into)
            spelt = match.spell(source.place.get(known) if now is MISSING else now, codes)
            if spelt is None:
                spelt = source.empty[0] if source.empty else None
            if spelt is not MISSING:
                source.place.set(into, spelt)
        for place, value in state.also:
            place.set(into, value)


class DeletedCodec(Struct, frozen=True):
    """Whether he has deleted the order, and when, if his system says that.

    With us: False, the instant, or True where the instant is not known.
    """

    flag: BoolCodec | CasesCodec
    at: MomentCodec | None = None
    default: bool | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (*self.flag.places, *(self.at.places if self.at else ()))

    def read(self, body: Body) -> Any:
        gone = self.flag.read(body)
        flag = self.flag
        if gone is None and isinstance(flag, BoolCodec) and not (flag.words or flag.source.absent):
            raise no_flag(flag.source.place.pointer, None)
        if gone is MISSING or gone is None:
            if self.default is None:
                return MISSING
            gone = self.default
        if gone is True or gone == "true":
            at = self.at.read(body) if self.at else None
            return True if at is None or at is MISSING else at
        if self.at and self.at.sources[0].get(body) not in (None, MISSING):
            raise self._contradiction(body)
        return False

    def _contradiction(self, body: Body) -> RecordError:
        flag, place = self.flag.places[0].text, self.places[-1]
        reason = f"is a date of deletion, but {flag} is not true."
        hint = f"Send {flag} true, or {place.text} null."
        return RecordError(
            "contradictory_delete",
            reason,
            pointer=place.pointer,
            value=place.get(body),
            hint=hint,
        )

    def write(self, value: Value, into: Target, known: Body) -> None:
        gone = value is not False
        self.flag.write(
            gone if isinstance(self.flag, BoolCodec) else str(gone).lower(), into, known
        )
        if self.at:
            self.at.write(value if isinstance(value, datetime) else None, into, known)
