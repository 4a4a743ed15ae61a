"""From the words of a mapping file to a `Declared` mapping. Pure.

Whatever a file may get wrong is told as a `Wrong`, all at once, with the way to its place.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.workorder import DELETED
from tracbridge.mapping.codec import (
    Codec,
    ComputedCodec,
    ListCodec,
    TableCodec,
    TextCodec,
)
from tracbridge.mapping.comments import CommentSide
from tracbridge.mapping.declared import Declared, KeyCodec, Stamp
from tracbridge.mapping.fitting import check_keys
from tracbridge.mapping.folds import fold_of
from tracbridge.mapping.lines import Lines, Surroundings
from tracbridge.mapping.moments import Kind
from tracbridge.mapping.path import Place, place, place_of
from tracbridge.mapping.route import Graph
from tracbridge.mapping.spec import CORE, STATUS, TITLE, Line, Mapped, Moment
from tracbridge.mapping.states import (
    CasesCodec,
    DeletedCodec,
)
from tracbridge.mapping.tracos import TRACOS_FIELDS, Extra, TracosSide
from tracbridge.mapping.words import no_state, one_way

Way = tuple[str | int, ...]


class Wrong(Struct, frozen=True):
    """One thing that a mapping cannot mean. ``way``: the keys that lead to it."""

    way: Way
    what: str


class MappingError(TracbridgeError):
    """A mapping that cannot be compiled, with everything that is wrong with it."""

    def __init__(self, wrong: list[Wrong]) -> None:
        self.wrong = wrong
        super().__init__("; ".join(f"{'.'.join(map(str, w.way))}: {w.what}" for w in wrong))


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
        self.lines = Lines(spec, around)

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
        expected = self._fixed("expect", self.around.expect)
        constants = self._fixed("constants", self.spec.constants)
        outputs = self._outputs()
        self._pairs()
        extras, graph = self._extras(), self._graph(fields.get(STATUS))
        comments = self._comments()
        if self.wrong or key is None:
            raise MappingError(self.wrong)
        lines = {name: line for name, line in spec.fields.items() if name in fields}
        places = [place for codec in fields.values() for place in codec.places]
        places += [*key.places, *(place for place, _ in (*expected, *constants, *outputs))]
        places += map(place_of, spec.ignore)
        places += [comments.place] if comments and comments.place else []
        places += [p for stamp in (created, updated) if stamp for p in stamp.codec.places]
        return Declared(
            name=f"{spec.mapping} v{spec.version}",
            key=key,
            created=created,
            updated=updated,
            fields=tuple((n, c) for n, c in fields.items() if lines[n].only != "write"),
            written=tuple((n, c) for n, c in fields.items() if lines[n].only != "read"),
            tracos=TracosSide(TITLE in spec.fields, extras, self.around.text_limit),
            constants=(*expected, *constants),
            expected=tuple(expected),
            outputs=tuple(outputs),
            known=frozenset(place.top for place in places),
            kept=self._kept(fields, places),
            lossy={n: fold for n, c in fields.items() if (fold := fold_of(c))},
            read=frozenset(
                n
                for n, c in fields.items()
                if lines[n].only != "write" and not isinstance(c, ComputedCodec)
            ),
            worded=frozenset(n for n, c in fields.items() if isinstance(c, CasesCodec)),
            once=frozenset(name for name, line in lines.items() if line.only == "create"),
            one_way=one_way(lines),
            passes=spec.extra == "pass",
            pairs=tuple(place_of(path).top for path in spec.pairs),
            asks_tables=any(isinstance(codec, TableCodec) for codec in fields.values()),
            graph=graph,
            comments=comments,
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

    def _key(self) -> KeyCodec | None:
        key = self.spec.key
        with self.at("key"):
            scope = self.lines.source(key.scope) if key.scope else None
            ours = self.lines.source(key.ours) if key.ours else None
            number = key.as_ == "number"
            if number and (scope or ours):
                what = "a key that is TracOS's number has neither scope nor ours"
                raise ValueError(what)
            reads = self.lines.expression(self.around.reads, key.read) if key.read else None
            return KeyCodec(self.lines.source(key.path), number, scope, ours, key.strip, reads)
        return None

    def _stamp(self, name: str, moment: Moment | None) -> Stamp | None:
        if moment is None:
            return None
        with self.at(name):
            codec = self.lines.moments(moment.path, Kind.INSTANT, moment.format, moment.zone)
            at = codec.places[0]
            plain = codec.spelling.format == "iso" and len(codec.sources) == 1 and not at.nested
            plain = plain and not moment.optional and self.spec.empty == (None,)
            plain = plain and moment.only != "write"
            key = at.top if plain else None
            taken, written = moment.only != "write", moment.only != "read"
            return Stamp(codec, at.pointer, moment.optional, taken, written, key)
        return None

    def _fixed(self, part: str, given: Mapping[str, Any]) -> list[tuple[Place, Any]]:
        found = []
        for text, value in given.items():
            with self.at(part, text):
                found.append((self.lines.place(text), value))
        return found

    def _outputs(self) -> list[tuple[Place, Callable[[Mapping[str, Any]], Any]]]:
        found = []
        for text, source in self.spec.computed.items():
            with self.at("computed", text):
                found.append(
                    (self.lines.place(text), self.lines.expression(self.around.writes, source))
                )
        return found

    def _pairs(self) -> None:
        for text in self.spec.pairs:
            with self.at("pairs"):
                if place(text).nested:
                    what = f"{text!r} stands below a key; pairs stand at the top of a record"
                    raise ValueError(what)

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
        self._first(given.initial, known)
        self._costs(given.costs)
        closed, allowed = frozenset(given.irreversible), frozenset(given.allow)
        return Graph(given.steps, closed, allowed, given.costs, given.initial or "")

    def _first(self, initial: str | None, known: Collection[str]) -> None:
        if initial is not None and initial not in known:
            self.wrong.append(Wrong(("transitions", "initial"), no_state(initial, set(known))))

    def _costs(self, costs: Mapping[str, int]) -> None:
        for name, cost in costs.items():
            if cost < 0:
                what = f"a step into {name!r} costs {cost}; it costs 0 or more"
                self.wrong.append(Wrong(("transitions", "costs"), what))

    def _comments(self) -> CommentSide | None:
        given = self.spec.comments
        if given is None:
            return None
        if bool(given.path) == bool(given.of):
            what = "says either path (their list in his record) or of (the order's key in each)"
            self.wrong.append(Wrong(("comments",), what))
        if not given.tracos.isidentifier() or given.tracos in TRACOS_FIELDS:
            what = f"{given.tracos!r} is no name for a list of TracOS's"
            self.wrong.append(Wrong(("comments", "tracos"), what))
        at = self._stamp("comments", given.at)
        with self.at("comments"):
            text = self._words(given.text)
            return CommentSide(
                self.lines.source(given.key),
                text,
                given.tracos,
                self._words(given.long) if given.long else None,
                self.lines.source(given.author) if given.author else None,
                at.codec if at else None,
                self.lines.place(given.path) if given.path else None,
                self.lines.source(given.of) if given.of else None,
            )
        return None

    def _words(self, line: Line) -> TextCodec:
        codec = self.lines.codec("comments", line, None)
        if not isinstance(codec, TextCodec):
            what = "the text of a comment is a text at one path"
            raise ValueError(what)
        return codec

    # -- fields --------------------------------------------------------------------------------

    def _fields(self) -> dict[str, Codec]:
        """Each line as a codec; the tombstone first, since a status may ask for it."""
        found: dict[str, Codec] = {}
        lines = self.spec.fields
        for name in sorted(lines, key=lambda name: name != DELETED):
            with self.at("fields", name):
                self._named(name, lines[name])
                found[name] = self.lines.codec(name, lines[name], found.get(DELETED))
                check_keys(name, lines[name])
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
        found: dict[str, Extra] = {}
        for name, line in self.spec.fields.items():
            if name not in CORE and line.tracos:
                with self.at("fields", name, "tracos"):
                    kind = "text" if line.values or line.table or line.cases else line.as_
                    at = self._tracos_place(
                        line.tracos, {e.place.text: n for n, e in found.items()}
                    )
                    found[name] = Extra(name, at, kind)
        return tuple(found.values())

    @staticmethod
    def _tracos_place(text: str, taken: Mapping[str, str]) -> Place:
        """A field of TracOS that is nobody else's."""
        found = place(text)
        if found.top in TRACOS_FIELDS:
            what = f"{text!r} is a field that every document of TracOS has; name one of your own"
            raise ValueError(what)
        if "[" in text:
            what = f"{text!r} is a place in a list; TracOS's fields are whole values"
            raise ValueError(what)
        for other, name in taken.items():
            if f"{text}.".startswith(f"{other}.") or other.startswith(f"{text}."):
                what = f"{other!r} holds {name} already; two fields cannot share it"
                raise ValueError(what)
        return found
