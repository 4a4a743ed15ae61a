"""What a mapping loses, leaves open or cannot tell apart: by a look and by trials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import Fields, Status, Value, WorkOrder
from tracbridge.mapping.codec import MomentCodec, TableCodec, Unresolved
from tracbridge.mapping.declared import NEVER, Declared
from tracbridge.mapping.moments import Kind
from tracbridge.mapping.path import MISSING
from tracbridge.mapping.spec import CORE, STATUS, Mapped
from tracbridge.mapping.states import CasesCodec
from tracbridge.proof.guesses import guessed

TRIES = 2_000
"""Orders that are made up, written and read again."""


class Level(StrEnum):
    """How bad it is."""

    GAP = "GAP"
    """Something has no counterpart: orders with it will be refused."""
    BROKEN = "BROKEN"
    """A value comes back as another one, and nobody said that it would."""
    UNCLEAR = "UNCLEAR"
    """Two things of theirs look alike."""
    LOSSY = "LOSSY"
    """His system keeps less than we give; ours is kept."""
    ZONE = "ZONE"
    """A time without an offset."""
    NOTE = "NOTE"
    """Worth knowing."""


class Finding(Struct, frozen=True):
    """One thing: where, what, an example, what to do."""

    level: Level
    where: str
    what: str
    example: str = ""
    cure: str = ""

    @property
    def grave(self) -> bool:
        """To be mended before orders flow."""
        return self.level in (Level.GAP, Level.BROKEN)


def findings(
    spec: Mapped, mapping: Declared, seed: int = 1, *, creates: bool = True
) -> list[Finding]:
    """All that is worth saying, the gravest first; ``creates``: TracOS's orders go to him too."""
    looked = [*_statuses(spec, mapping), *_tables(mapping), *_zones(mapping)]
    looked += _places(spec, mapping, creates=creates)
    dice = Random(seed)  # noqa: S311 (made-up orders are no secret)
    tried = [*_there_and_back(mapping, dice), *_states_back(mapping)]
    order = list(Level)
    return sorted([*looked, *tried], key=lambda finding: order.index(finding.level))


def _codecs(mapping: Declared) -> Mapping[str, Any]:
    return dict([*mapping.fields, *mapping.written])


def _statuses(spec: Mapped, mapping: Declared) -> Iterator[Finding]:
    """A way out for each of ours, and each of theirs told apart."""
    codec = _codecs(mapping).get(STATUS)
    if codec is None:
        yield Finding(Level.GAP, "fields.status", "his records say no status", cure="Map it.")
    if not isinstance(codec, CasesCodec):
        return
    written = {state.is_ for state in codec.states if state.only != "read"}
    for status in Status:
        if codec.lacks.get(status, status) not in written:
            more = "his word for it to values" if spec.fields[STATUS].values else "a case for it"
            cure = f"Add {more}, or lacks: {{{status}: ...}}."
            what = "has no counterpart in his system"
            yield Finding(Level.GAP, "fields.status", what, status, cure)
    yield from _alike(codec)
    yield from _one_for_several(codec)
    if codec.others is None:
        what = "states that the table does not know are refused, and said"
        yield Finding(Level.NOTE, "fields.status", what)


def _alike(codec: CasesCodec) -> Iterator[Finding]:
    """States that are never read, because one before them looks the same."""
    looks: dict[Any, str] = {}
    for state in codec.states:
        if state.only == "write":
            continue
        look = tuple((source.place.text, repr(match)) for source, match in state.when)
        if look in looks:
            what = f"looks like {looks[look]!r}: it is never read"
            yield Finding(Level.UNCLEAR, "fields.status", what, state.name, "Tell them apart.")
        looks.setdefault(look, state.name)


def _one_for_several(codec: CasesCodec) -> Iterator[Finding]:
    """States of his that are the same to us."""
    for ours in dict.fromkeys(state.is_ for state in codec.states):
        names = [
            state.name for state in codec.states if state.is_ == ours and state.only != "write"
        ]
        if len(names) > 1:
            what = f"{', '.join(names)} are all {ours}; his own stays while the status is the same"
            written = [s.name for s in codec.states if s.is_ == ours and s.only != "read"][:1]
            example = f"{ours} -> {written[0]}" if written else ""
            yield Finding(Level.NOTE, "fields.status", what, example)


def _tables(mapping: Declared) -> Iterator[Finding]:
    for name, codec in _codecs(mapping).items():
        if not isinstance(codec, TableCodec):
            continue
        twice = [ours for ours, n in Counter(codec.theirs.values()).items() if n > 1]
        for ours in twice[:3]:
            his = [theirs for theirs, mine in codec.theirs.items() if mine == ours]
            what = f"{' and '.join(his)} are all {ours!r}; {codec.ours[ours]!r} is written"
            yield Finding(Level.UNCLEAR, f"tables.{codec.name}", what, cure="Keep one of them.")
        if not codec.theirs:
            yield Finding(Level.GAP, f"tables.{codec.name}", f"is empty, so {name} always waits")


def _places(spec: Mapped, mapping: Declared, *, creates: bool) -> Iterator[Finding]:
    for name in CORE:
        if name not in mapping.names:
            what = "has no place in his records: it is neither told nor asked for"
            yield Finding(Level.NOTE, f"fields.{name}", what)
    if creates and not mapping.numbered and mapping.key.ours is None:
        what = "orders that TracOS had first are known again only if his system answers with a key"
        yield Finding(Level.NOTE, "key.ours", what)
    if mapping.observed:
        what = "his records do not say when they were changed: the moment counts when we saw them"
        yield Finding(Level.NOTE, "updated", what)
    for line in spec.unverified:
        yield Finding(Level.NOTE, "unverified", line)


def _zones(mapping: Declared) -> Iterator[Finding]:
    moments = {"created": mapping.created, "updated": mapping.updated}
    named = {name: stamp.codec for name, stamp in moments.items() if stamp}
    named |= {n: c for n, c in _codecs(mapping).items() if isinstance(c, MomentCodec)}
    for name, codec in named.items():
        spelling = codec.spelling
        offset = spelling.format in ("iso", "epoch", "epoch_ms")
        if spelling.kind is not Kind.INSTANT or offset or str(spelling.zone) == "UTC":
            continue
        if spelling.zone is None:
            cure = "Set zone in the connection or in the line."
            yield Finding(Level.GAP, name, "has no offset, and no zone is set", cure=cure)
        elif "HH" not in spelling.format and spelling.format != "sap":
            yield Finding(Level.ZONE, name, f"a date without time is read as 00:00 {spelling.zone}")
        else:
            yield Finding(Level.ZONE, name, f"a time without offset is one of {spelling.zone}")


def _there_and_back(mapping: Declared, dice: Random) -> Iterator[Finding]:
    """Orders of ours, written and read again; and what he shows of them, handed back to him."""
    lost: dict[str, list[tuple[Value, Any]]] = {}
    broken: dict[str, tuple[Any, Any]] = {}
    for _ in range(TRIES):
        fields = {n: v for n, v in guessed(mapping, dice).items() if n not in mapping.one_way}
        try:
            body, back = _read(mapping, fields)
        except RecordError as error:
            yield Finding(Level.GAP, error.why.pointer, str(error), repr(fields)[:80])
            return
        for name, value in fields.items():
            shown = back.get(name, MISSING)
            if shown == value or shown is MISSING:
                continue
            fold = mapping.lossy.get(name)
            if fold and fold(value) == shown:
                lost.setdefault(name, []).append((value, shown))
            else:
                broken.setdefault(name, (value, shown))
        broken |= {n: pair for n, pair in _again(mapping, body, back) if n not in broken}
    for name, pairs in lost.items():
        what = f"{len(pairs):,} of {TRIES:,} come back shorter or otherwise; ours is kept"
        yield Finding(Level.LOSSY, f"fields.{name}", what, _pair(*pairs[0]))
    for name, pair in broken.items():
        yield Finding(Level.BROKEN, f"fields.{name}", "comes back as something else", _pair(*pair))


def _read(mapping: Declared, fields: Fields) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What his system would show of these fields, and what that is to us."""
    key = "" if mapping.numbered else "K-7"
    body = mapping.to_customer(WorkOrder("7", fields, NEVER, NEVER, key=key))
    for name in mapping.pairs:  # written as the id, shown with the name
        if name in body:
            body[name] = [body[name], "name"]
    back = {name: codec.read(body) for name, codec in mapping.fields}
    return body, {name: v for name, v in back.items() if not isinstance(v, Unresolved)}


def _again(
    mapping: Declared, body: Mapping[str, Any], back: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Fields that he would be handed back otherwise than he shows them."""
    for name, codec in mapping.written:
        if back.get(name, MISSING) is MISSING:
            continue
        again: dict[str, Any] = {}
        codec.write(back[name], again, body)
        for place in codec.places:
            was, will = place.get(body), place.get(again)
            if was != will:
                yield name, (was, will)


def _states_back(mapping: Declared) -> Iterator[Finding]:
    """Each state of his, read and handed back unchanged."""
    codec = _codecs(mapping).get(STATUS)
    if not isinstance(codec, CasesCodec):
        return
    for state in codec.states:
        record: dict[str, Any] = {}
        codec.write_state(state, record, {})
        shown = None if state.only == "write" else codec.state(record)
        if shown is None:  # what has to stand there besides cannot be made up
            continue
        again: dict[str, Any] = {}
        codec.write(shown.is_, again, record)
        if any(place.get(again) != place.get(record) for place in codec.places):
            yield Finding(Level.BROKEN, "fields.status", "does not come back as it was", state.name)


def _pair(one: Value, other: Any) -> str:
    if isinstance(one, str) and isinstance(other, str) and len(one) > LONG:
        return f"{_end(one)} of {len(one)} characters -> {_end(other)} of {len(other)}"
    return f"{_short(one)} -> {_short(other)}"


LONG = 40
"""Characters: two values of it still fit on a line."""


def _short(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."


def _end(text: str) -> str:
    return f"...{text[-LONG // 2 :]!r}"


def explained(found: Sequence[Finding]) -> list[str]:
    """Each finding on a line or two, for people."""
    told = []
    for one in found:
        line = f"{one.level:<8} {one.where:<20} {one.what}"
        told.append(line + (f"  {one.example}" if one.example else ""))
        if one.cure:
            told.append(f"{'':<30}{one.cure}")
    return told
