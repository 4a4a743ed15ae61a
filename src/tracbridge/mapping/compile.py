"""From the words of a mapping file to a `Declared` mapping. Pure.

Whatever a file may get wrong is told as a `Wrong`, all at once, with the way to its place.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import TracbridgeError
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
from tracbridge.mapping.declared import Declared, KeyCodec, Stamp
from tracbridge.mapping.folds import fold_of
from tracbridge.mapping.moments import Kind, Spelling, known_format
from tracbridge.mapping.path import Place, place, place_of
from tracbridge.mapping.route import Graph
from tracbridge.mapping.spec import CORE, STATUS, TITLE, Case, Line, Mapped, Moment
from tracbridge.mapping.states import (
    CasesCodec,
    DeletedCodec,
    FlagsCodec,
    State,
)
from tracbridge.mapping.texts import Habit
from tracbridge.mapping.tracos import Extra, TracosSide
from tracbridge.mapping.words import condition, name_of, no_state, one_way, telling, truth

Way = tuple[str | int, ...]
Expressions = Callable[[str], Callable[[Mapping[str, Any]], Any]]
"""Compiles an expression; what comes of it is evaluated over one record, or one order."""


class Wrong(Struct, frozen=True):
    """One thing that a mapping cannot mean. ``way``: the keys that lead to it."""

    way: Way
    what: str


class MappingError(TracbridgeError):
    """A mapping that cannot be compiled, with everything that is wrong with it."""

    def __init__(self, wrong: list[Wrong]) -> None:
        self.wrong = wrong
        super().__init__("; ".join(f"{'.'.join(map(str, w.way))}: {w.what}" for w in wrong))


class Surroundings(Struct, frozen=True):
    """What a mapping needs from its connection.

    ``zone``: of moments without an offset whose line names none. ``zones``: finds a zone by its
    name. ``tables``: cross references by name, his word to ours. ``reads`` and ``writes``: compile
    an expression over his record, and over the order's fields.
    """

    zone: tzinfo | None = None
    zones: Callable[[str], tzinfo] | None = None
    tables: Mapping[str, Mapping[str, str]] = {}
    reads: Expressions | None = None
    writes: Expressions | None = None
    text_limit: int = 1_000_000


def compiled(spec: Mapped, around: Surroundings | None = None) -> Declared:
    """The mapping, ready for use; raises `MappingError` with all that is wrong."""
    return _Compiler(spec, around or Surroundings()).mapping()


class _Noting(AbstractContextManager[None]):
    """Takes a `ValueError` as what is wrong at that place."""

    def __init__(self, way: Way, wrong: list[Wrong]) -> None:
        self.way, self.wrong = way, wrong

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, ValueError):
            self.wrong.append(Wrong(self.way, str(error)))
        return isinstance(error, ValueError)


class _Compiler:
    def __init__(self, spec: Mapped, around: Surroundings) -> None:
        self.spec, self.around = spec, around
        self.wrong: list[Wrong] = []
        self.pairs = set(spec.pairs)

    def at(self, *way: str | int) -> "_Noting":
        """Note what goes wrong in the block, and go on."""
        return _Noting(way, self.wrong)

    def mapping(self) -> Declared:
        """All of it."""
        spec = self.spec
        key = self._key()
        created = self._stamp("created", spec.created)
        updated = self._stamp("updated", spec.updated)
        fields = self._fields()
        constants, outputs = self._constants(), self._outputs()
        extras, graph = self._extras(), self._graph(fields.get(STATUS))
        if self.wrong or key is None:
            raise MappingError(self.wrong)
        lines = {name: line for name, line in spec.fields.items() if name in fields}
        places = [place for codec in fields.values() for place in codec.places]
        places += [*key.places, *(place for place, _ in (*constants, *outputs))]
        places += map(place_of, spec.ignore)
        places += [p for stamp in (created, updated) if stamp for p in stamp.codec.places]
        return Declared(
            name=f"{spec.mapping} v{spec.version}",
            key=key,
            created=created,
            updated=updated,
            fields=tuple((n, c) for n, c in fields.items() if lines[n].only != "write"),
            written=tuple((n, c) for n, c in fields.items() if lines[n].only != "read"),
            tracos=TracosSide(TITLE in spec.fields, extras, self.around.text_limit),
            constants=tuple(constants),
            outputs=tuple(outputs),
            known=frozenset(place.top for place in places),
            kept=self._kept(fields, places),
            lossy={n: fold for n, c in fields.items() if (fold := fold_of(c))},
            once=frozenset(name for name, line in lines.items() if line.only == "create"),
            one_way=one_way(lines),
            passes=spec.extra == "pass",
            pairs=tuple(place_of(path).top for path in spec.pairs),
            asks_tables=any(isinstance(codec, TableCodec) for codec in fields.values()),
            graph=graph,
        )

    def _kept(self, fields: Mapping[str, Codec], places: list[Place]) -> frozenset[str]:
        """Keys whose last value is needed when the next one is written, or that others share."""
        shared = {place.top for place in places if place.nested}
        cases = [c.flag if isinstance(c, DeletedCodec) else c for c in fields.values()]
        needed: list[Codec] = [c for c in cases if isinstance(c, CasesCodec | TableCodec)]
        needed += [c for c in cases if isinstance(c, ListCodec) and c.part is not None]
        own = {place.top for codec in needed for place in codec.places}
        key = self.spec.key
        spelt = {place_of(key.path).top} if key.as_ == "text" or key.strip else set()
        spelt |= {place_of(key.ours).top} if key.ours else set()
        return frozenset(shared | own | spelt)

    # -- the parts -----------------------------------------------------------------------------

    def _place(self, text: str) -> Place:
        found = place(text)
        return place(f"{text}[0]") if text in self.pairs else found

    def _source(self, text: str, *, required: bool = False) -> Source:
        spec = self.spec
        return Source(
            self._place(text), tuple(spec.empty), spec.missing == "empty", required=required
        )

    def _key(self) -> KeyCodec | None:
        key = self.spec.key
        with self.at("key"):
            scope = self._source(key.scope) if key.scope else None
            ours = self._source(key.ours) if key.ours else None
            number = key.as_ == "number"
            if number and (scope or ours):
                what = "a key that is TracOS's number has neither scope nor ours"
                raise ValueError(what)
            reads = self._expression(self.around.reads, key.read) if key.read else None
            return KeyCodec(self._source(key.path), number, scope, ours, key.strip, reads)
        return None

    def _zone(self, name: str | None) -> tzinfo | None:
        name = name or self.spec.zone
        if name is None:
            return self.around.zone
        if self.around.zones is None:
            return None
        return self.around.zones(name)

    def _stamp(self, name: str, moment: Moment | None) -> Stamp | None:
        if moment is None:
            return None
        with self.at(name):
            codec = self._moments(moment.path, Kind.INSTANT, moment.format, moment.zone)
            at = codec.places[0]
            plain = codec.spelling.format == "iso" and len(codec.sources) == 1 and not at.nested
            plain = plain and not moment.optional and self.spec.empty == (None,)
            key = at.top if plain else None
            return Stamp(codec, at.pointer, moment.optional, moment.only != "read", key)
        return None

    def _moments(
        self, path: str | list[str], kind: Kind, format_: str, zone: str | None
    ) -> MomentCodec:
        if not known_format(format_):
            what = f"format {format_!r} is neither iso, epoch, epoch_ms, sap nor YYYY MM DD ..."
            raise ValueError(what)
        paths = [path] if isinstance(path, str) else path
        if len(paths) > 1 and (len(paths) != len(format_.split(" "))):
            what = "two places need a format with one blank, between the day and the time"
            raise ValueError(what)
        sources = tuple(self._source(text) for text in paths)
        return MomentCodec(sources, Spelling(kind, format_, self._zone(zone)))

    def _constants(self) -> list[tuple[Place, Any]]:
        found = []
        for text, value in self.spec.constants.items():
            with self.at("constants", text):
                found.append((self._place(text), value))
        return found

    def _outputs(self) -> list[tuple[Place, Callable[[Mapping[str, Any]], Any]]]:
        found = []
        for text, source in self.spec.computed.items():
            with self.at("computed", text):
                found.append((self._place(text), self._expression(self.around.writes, source)))
        return found

    @staticmethod
    def _expression(compile_: Expressions | None, source: str) -> Callable[..., Any]:
        if compile_ is None:
            what = "expressions cannot be used here"
            raise ValueError(what)
        return compile_(source)

    def _graph(self, status: Codec | None) -> Graph | None:
        """The steps between his states; each name is one of the status's cases."""
        given = self.spec.transitions
        if given is None:
            return None
        known = {state.name for state in status.states} if isinstance(status, CasesCodec) else set()
        for start, ends in given.steps.items():
            for name in (start, *ends):
                if name not in known:
                    self.wrong.append(Wrong(("transitions", "steps", start), no_state(name, known)))
        for part in ("irreversible", "allow", "costs"):
            for name in getattr(given, part):
                if name not in known:
                    self.wrong.append(Wrong(("transitions", part), no_state(name, known)))
        return Graph(
            given.steps, frozenset(given.irreversible), frozenset(given.allow), given.costs
        )

    # -- fields --------------------------------------------------------------------------------

    def _fields(self) -> dict[str, Codec]:
        """Each line as a codec; the tombstone first, since a status may ask for it."""
        found: dict[str, Codec] = {}
        lines = self.spec.fields
        for name in sorted(lines, key=lambda name: name != DELETED):
            with self.at("fields", name):
                self._named(name, lines[name])
                found[name] = self._codec(name, lines[name], found.get(DELETED))
        return {name: found[name] for name in lines if name in found}

    def _named(self, name: str, line: Line) -> None:
        if name in CORE:
            if line.tracos:
                what = f"{name} has its place in TracOS; tracos is for fields called ext.NAME"
                raise ValueError(what)
            return
        if not name.startswith("ext."):
            what = f"{name!r} is none of {', '.join(CORE)}; other fields are called ext.NAME"
            raise ValueError(what)
        if not line.tracos:
            what = "tracos is missing: the field of TracOS that holds it"
            raise ValueError(what)

    def _extras(self) -> tuple[Extra, ...]:
        found = []
        for name, line in self.spec.fields.items():
            if name not in CORE and line.tracos:
                with self.at("fields", name, "tracos"):
                    kind = "text" if line.values or line.table or line.cases else line.as_
                    found.append(Extra(name, place(line.tracos), kind))
        return tuple(found)

    def _codec(self, name: str, line: Line, deleted: Codec | None) -> Codec:
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
            case "flags":
                return self._flags(line, deleted)
            case "cases":
                return self._cases(name, line, line.cases)
            case "read":
                reads = self._expression(self.around.reads, line.read or "")
                return ComputedCodec(reads)
        return self._at_path(name, line)

    def _flags(self, line: Line, deleted: Codec | None) -> Codec:
        places = tuple(place(text) for text in line.flags)
        if any(one.nested for one in places):
            what = "flags stand at the top of a record"
            raise ValueError(what)
        for ours in line.flags.values():
            self._status(ours)
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
        return CasesCodec(states, line.others, line.lacks, f"fields.{name}")

    def _state(self, name: str, case: Case) -> State:
        if name == STATUS:
            self._status(case.is_)
        if not case.when:
            what = f"the case of {case.is_!r} has no when"
            raise ValueError(what)
        when = tuple((self._source(text), condition(value)) for text, value in case.when.items())
        also = tuple((self._place(text), value) for text, value in case.also.items())
        return State(case.is_, when, also, case.name or name_of(case), case.only)

    def _deleted(self, line: Line) -> Codec:
        at = None
        if line.at:
            at = self._moments(line.at, Kind.INSTANT, line.format, line.zone)
        flag: BoolCodec | CasesCodec
        if line.cases:
            flag = self._cases(DELETED, line, line.cases)
        elif isinstance(line.path, str):
            words = {theirs: truth(ours) for theirs, ours in line.values.items()}
            flag = BoolCodec(telling(self._source(line.path)), words)
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
            return self._moments(path, Kind(line.as_), line.format, line.zone)
        if not isinstance(path, str):
            what = "two places are for dates and times only"
            raise ValueError(what)
        if line.values:
            cases = [Case(is_=ours, when={path: theirs}) for theirs, ours in line.values.items()]
            return self._cases(name, line, cases)
        source = self._source(path, required=line.required)
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
