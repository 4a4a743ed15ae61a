"""Each line of a mapping file as a codec. Pure; a `ValueError` says what a line cannot mean."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from tracbridge.domain.workorder import DELETED, Status
from tracbridge.mapping.codec import (
    BoolCodec,
    Codec,
    ComputedCodec,
    ListCodec,
    MomentCodec,
    NumberCodec,
    Source,
    TableCodec,
    TextCodec,
)
from tracbridge.mapping.moments import Kind, Spelling, known_format
from tracbridge.mapping.path import Place, id_of, place
from tracbridge.mapping.spec import CORE, STATUS, Case, Line, Mapped
from tracbridge.mapping.states import (
    CasesCodec,
    DeletedCodec,
    FlagsCodec,
    State,
)
from tracbridge.mapping.texts import Habit
from tracbridge.mapping.words import condition, name_of, telling, truth

Expressions = Callable[[str], Callable[[Mapping[str, Any]], Any]]
"""Compiles an expression; what comes of it is evaluated over one record, or one order."""


class Surroundings(Struct, frozen=True):
    """What a mapping needs from its connection.

    ``zone``: of moments without an offset whose line names none. ``zones``: finds a zone by its
    name. ``tables``: cross references by name, his word to ours. ``expect``: what each of his
    records must show, else it is another tenant's. ``reads`` and ``writes``: compile
    an expression over his record, and over the order's fields.
    """

    zone: tzinfo | None = None
    zones: Callable[[str], tzinfo] | None = None
    tables: Mapping[str, Mapping[str, str]] = {}
    expect: Mapping[str, str | int | bool] = {}
    reads: Expressions | None = None
    writes: Expressions | None = None
    text_limit: int = 1_000_000


class Lines:
    """The lines of one mapping in its surroundings."""

    def __init__(self, spec: Mapped, around: Surroundings) -> None:
        self.spec, self.around = spec, around
        self.pairs = set(spec.pairs)

    def place(self, text: str) -> Place:
        """The place of that name; of a value that comes as id and name, the id's."""
        found = place(text)
        return id_of(found) if text in self.pairs else found

    def source(self, text: str, *, required: bool = False) -> Source:
        """The place with what stands for nothing there."""
        spec = self.spec
        return Source(
            self.place(text), tuple(spec.empty), spec.missing == "empty", required=required
        )

    def _zone(self, name: str | None) -> tzinfo | None:
        name = name or self.spec.zone
        if name is None:
            return self.around.zone
        if self.around.zones is None:
            return None
        return self.around.zones(name)

    def moments(
        self, path: str | list[str], kind: Kind, format_: str, zone: str | None
    ) -> MomentCodec:
        """A moment at one place, or its day and its time at two."""
        if not known_format(format_):
            letters = "YYYY MM DD, and HH mm ss f, each at most once: MM are months, mm minutes"
            what = f"format {format_!r} is neither iso, epoch, epoch_ms, sap nor made of {letters}"
            raise ValueError(what)
        paths = [path] if isinstance(path, str) else path
        if len(paths) not in (1, 2):
            what = f"a moment stands at one place, or at two (day and time), not at {len(paths)}"
            raise ValueError(what)
        day, *rest = format_.split(" ")
        if len(paths) == 2 and not (len(rest) == 1 and known_format(day)):  # noqa: PLR2004
            what = "two places need a format with one blank, between the day and the time"
            raise ValueError(what)
        sources = tuple(self.source(text) for text in paths)
        return MomentCodec(sources, Spelling(kind, format_, self._zone(zone)))

    @staticmethod
    def expression(compile_: Expressions | None, source: str) -> Callable[..., Any]:
        """What an expression means."""
        if compile_ is None:
            what = "expressions cannot be used here"
            raise ValueError(what)
        return compile_(source)

    def codec(self, name: str, line: Line, deleted: Codec | None) -> Codec:
        """The line of that field; ``deleted``: the tombstone's, which a status may ask for."""
        forms = {
            "flags": line.flags,
            "cases": line.cases,
            "read": line.read,
            "path": line.path,
        }
        given = [form for form, value in forms.items() if value]
        if len(given) != 1:
            what = (
                f"one of path, flags, cases and read is needed, not {' and '.join(given) or 'none'}"
            )
            raise ValueError(what)
        if name == DELETED:
            return self._deleted(line)
        match given[0]:
            case "flags" if name != STATUS:
                what = "flags are for the status; say values or cases"
                raise ValueError(what)
            case "flags":
                return self._flags(line, deleted)
            case "cases":
                return self._cases(name, line, line.cases)
            case "read":
                reads = self.expression(self.around.reads, line.read or "")
                return ComputedCodec(reads)
        return self._at_path(name, line)

    def _flags(self, line: Line, deleted: Codec | None) -> Codec:
        places = tuple(place(text) for text in line.flags)
        if any(one.nested for one in places):
            what = "flags stand at the top of a record"
            raise ValueError(what)
        for ours in line.flags.values():
            self._status(ours)
        if line.absent is not None and line.absent not in line.flags:
            what = f"absent {line.absent!r} is none of the flags: {', '.join(line.flags)}"
            raise ValueError(what)
        spelt = {
            ours: {n: o == ours for n, o in line.flags.items()} for ours in line.flags.values()
        }
        return FlagsCodec(line.flags, line.absent, deleted, places, spelt)

    @staticmethod
    def _status(word: str) -> None:
        if word not in set(Status):
            what = f"{word!r} is no status of TracOS; these are {', '.join(Status)}"
            raise ValueError(what)

    def _cases(self, name: str, line: Line, cases: list[Case]) -> CasesCodec:
        states = tuple(self._state(name, case) for case in cases)
        for ours in [*line.lacks, *line.lacks.values(), *([line.others] if line.others else [])]:
            if name == STATUS:
                self._status(ours)
        return CasesCodec(states, line.others, line.lacks, f"fields.{name}", name not in CORE)

    def _state(self, name: str, case: Case) -> State:
        if name == STATUS:
            self._status(case.is_)
        if not case.when:
            what = f"the case of {case.is_!r} has no when"
            raise ValueError(what)
        when = tuple((self.source(text), condition(value)) for text, value in case.when.items())
        also = tuple((self.place(text), value) for text, value in case.also.items())
        return State(case.is_, when, also, case.name or name_of(case), case.only)

    def _deleted(self, line: Line) -> Codec:
        at = None
        if line.at:
            at = self.moments(line.at, Kind.INSTANT, line.format, line.zone)
        flag: BoolCodec | CasesCodec
        if line.cases:
            flag = self._cases(DELETED, line, line.cases)
        elif isinstance(line.path, str):
            words = {theirs: truth(ours) for theirs, ours in line.values.items()}
            flag = BoolCodec(telling(self.source(line.path)), words)
        else:
            what = "deleted has one path, or cases"
            raise ValueError(what)
        default = line.default
        if default is not None and not isinstance(default, bool):
            what = "default is true or false"
            raise ValueError(what)
        return DeletedCodec(flag, at, default)

    def _at_path(self, name: str, line: Line) -> Codec:
        path = line.path or ""
        if line.as_ in ("instant", "local", "date"):
            return self.moments(path, Kind(line.as_), line.format, line.zone)
        if not isinstance(path, str):
            what = "two places are for dates and times only"
            raise ValueError(what)
        if line.values:
            cases = [Case(is_=ours, when={path: theirs}) for theirs, ours in line.values.items()]
            return self._cases(name, line, cases)
        if name == STATUS:
            what = "status needs his word for each of TracOS's; say values, cases or flags"
            raise ValueError(what)
        source = self.source(path, required=line.required)
        return self._table(source, line.table) if line.table else self._plain(name, line, source)

    def _plain(self, name: str, line: Line, source: Source) -> Codec:
        """A value as it stands there."""
        match line.as_:
            case "integer" | "number":
                return NumberCodec(source, line.as_ == "integer", line.decimals)
            case "bool":
                return BoolCodec(telling(source))
            case "list":
                return ListCodec(source, line.separator, line.part)
        if line.separator is not None and line.part is not None:
            return ListCodec(source, line.separator, line.part)
        habit = Habit(line.limit, line.pad, line.case, line.html)
        none = "" if name in CORE else None
        return TextCodec(source, habit, self.around.text_limit, none, habit.lossy)

    def _table(self, source: Source, name: str) -> Codec:
        if name not in self.around.tables:
            what = f"there is no table {name!r}; the connection's tables name it"
            raise ValueError(what)
        theirs = self.around.tables[name]
        ours: dict[str, str] = {}
        for his, mine in theirs.items():
            ours.setdefault(mine, his)
        return TableCodec(source, name, theirs, ours)
