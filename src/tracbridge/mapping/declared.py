"""A mapping as a file declares it, as a `Translation`: compiled once, then both ways. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from msgspec import Struct

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import DELETED, Fields, Side, Value, WorkOrder
from tracbridge.mapping.codec import Codec, MomentCodec, Source, Unresolved, is_one_of
from tracbridge.mapping.comments import CommentSide
from tracbridge.mapping.dates import parse_instant
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.route import Graph
from tracbridge.mapping.states import CasesCodec
from tracbridge.mapping.tracos import TracosSide, ref_of, ref_or_none
from tracbridge.mapping.translation import Body, Route

_RAW_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIKE_A_FLAG: Final = re.compile(r"is[A-Z]")

Fold = Callable[[Value], Value]


class KeyCodec(Struct, frozen=True):
    """Which order a record is of: TracOS's number itself, or a text of his own in its scope."""

    source: Source
    number: bool
    scope: Source | None = None
    ours: Source | None = None
    strip: str = ""
    reads: Callable[[Body], Any] | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """Where in his record it looks."""
        also = [source.place for source in (self.scope, self.ours) if source]
        return (self.source.place, *also)

    def ref(self, body: Body) -> str:
        """His key as text; raises `RecordError` for what is none."""
        raw = self.reads(body) if self.reads else self.source.place.get(body)
        pointer = self.source.place.pointer
        if type(raw) is int and self.number:
            return ref_of(raw, pointer)
        if self.number:
            stripped = raw.strip(" ").lstrip(self.strip) if isinstance(raw, str) else ""
            return ref_of(_whole(stripped, raw) if self.strip else raw, pointer)
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            kind = "required" if raw is None or raw is MISSING else "type"
            reason = "is missing or null." if kind == "required" else "is no key of an order."
            raise RecordError(kind, reason, pointer=pointer, value="" if raw is MISSING else raw)
        text = str(raw).strip()
        text = text.lstrip(self.strip) or text if self.strip else text
        if not text or len(text) > LONGEST_KEY or not text.isprintable():
            reason = f"is no key of an order: 1 to {LONGEST_KEY} characters that can be printed."
            raise RecordError("type", reason, pointer=pointer, value=raw)
        return text

    def in_scope(self, body: Body) -> str:
        """Where the key counts, "" where it counts everywhere."""
        raw = self.scope.get(body) if self.scope else None
        return "" if raw is None or raw is MISSING else str(raw).rstrip()


LONGEST_KEY = 120


class Stamp(Struct, frozen=True):
    """One of the two times of his record.

    ``taken``: what he says counts; ``written``: it is handed back to him. ``key``: where it is the
    most usual kind, an ISO text at the top that is always there.
    """

    codec: MomentCodec
    pointer: str
    optional: bool = False
    taken: bool = True
    written: bool = True
    key: str | None = None

    def read(self, body: Body) -> datetime | None:
        """The instant; None where it may be empty and is, or where what he says does not count.

        Raises `RecordError`.
        """
        if self.key is not None:
            return parse_instant(body.get(self.key), self.pointer, self.codec.spelling.zone)
        value = self.codec.read(body) if self.taken else None
        if isinstance(value, datetime):
            return value
        if self.taken and not self.optional:
            hint = "Send the moment, or say optional: true in the mapping."
            raise RecordError("required", "is missing or null.", pointer=self.pointer, hint=hint)
        return None


class Declared(Struct, frozen=True):
    """A compiled mapping. ``fields`` in the order in which a refusal names them first.

    ``known``: his keys that have a meaning here, all others are passed through; ``kept``: those
    whose last value is needed to write the next one, or that others share. ``outputs``: places that
    an expression over the order fills. ``expected``: what a record must show, else it is another
    tenant's. ``once``: fields that count when an order is made only.
    ``one_way``: fields that are only read (into TracOS) or only written (into his system).
    ``read``: fields that single places of his record say. ``worded``: those that a table of his
    words says.
    ``pairs``: keys whose values come as id and name, and are written as the id. ``graph``: where
    his system refuses to jump, the steps between its states. ``comments``: how he spells remarks,
    None where they stay on their side.
    """

    name: str
    key: KeyCodec
    created: Stamp | None
    updated: Stamp | None
    fields: tuple[tuple[str, Codec], ...]
    written: tuple[tuple[str, Codec], ...]
    tracos: TracosSide
    constants: tuple[tuple[Place, Any], ...] = ()
    expected: tuple[tuple[Place, Any], ...] = ()
    outputs: tuple[tuple[Place, Callable[[Mapping[str, Any]], Any]], ...] = ()
    known: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    lossy: Mapping[str, Fold] = {}
    once: frozenset[str] = frozenset()
    one_way: Mapping[str, Side] = {}
    read: frozenset[str] = frozenset()
    worded: frozenset[str] = frozenset()
    pairs: tuple[str, ...] = ()
    passes: bool = True
    asks_tables: bool = False
    graph: Graph | None = None
    comments: CommentSide | None = None

    @property
    def names(self) -> frozenset[str]:
        """The fields that his records speak of, one way or the other; a title may be derived."""
        mapped = {name for name, _ in (*self.fields, *self.written)}
        return frozenset(mapped if self.tracos.titled else {*mapped, "title"})

    @property
    def numbered(self) -> bool:
        """His key is TracOS's number itself."""
        return self.key.number

    @property
    def observed(self) -> bool:
        """His records do not say when they were changed: what counts is when we saw them."""
        return self.updated is None or not self.updated.taken

    # -- his side ------------------------------------------------------------------------------

    def customer_ref(self, body: Body) -> str | None:
        """The order's key if it is valid, whatever else is wrong; never raises."""
        try:
            return self.key.ref(body)
        except RecordError:
            return None

    def customer_scope(self, body: Body) -> str:
        """Where the key counts."""
        return self.key.in_scope(body)

    def from_customer(self, body: Body) -> WorkOrder:
        """His record; raises `RecordError` for what would need a guess."""
        for place, value in self.expected:
            _refuse_stranger(place, value, place.get(body))
        ref = self.key.ref(body)
        created = self.created.read(body) if self.created else None
        updated = self.updated.read(body) if self.updated else created
        fields: dict[str, Any] = {name: codec.read(body) for name, codec in self.fields}
        unresolved = _NOTHING
        if MISSING in fields.values() or self.asks_tables:
            fields, unresolved = _told(fields)
        updated = updated or created or self._undated()
        created = created or updated
        warnings: tuple[str, ...] = ()
        odd = updated < created or fields.get(DELETED) is True
        if odd or type(body.get(self.key.source.place.top)) is float or body.keys() - self.known:
            warnings = self._warnings(body, updated < created, fields)
        return WorkOrder(
            ref,
            fields,
            created,
            updated,
            scope=self.key.in_scope(body) if self.key.scope else "",
            warnings=warnings,
            ours=self._ours(body) if self.key.ours else "",
            unresolved=unresolved,
            said={n: fields[n] for n in self.worded if n in fields} if self.worded else _NOTHING,
        )

    def _undated(self) -> datetime:
        """The time of a record that says none: it was seen, but raises `RecordError` where others
        of its kind say when they were changed.
        """
        if self.observed or self.updated is None:
            return NEVER
        reason = "is missing or null, and so is the time at which the order was made."
        hint = "Send one of both, or leave updated out of the mapping: then we go by our own clock."
        raise RecordError("required", reason, pointer=self.updated.pointer, hint=hint)

    def _ours(self, body: Body) -> str:
        raw = self.key.ours.get(body) if self.key.ours else None
        number = _whole(raw.strip(), raw) if isinstance(raw, str) else raw
        return ref_or_none(number) or ""

    def _warnings(self, body: Body, backwards: bool, fields: Fields) -> tuple[str, ...]:
        number = self.key.source.place.get(body)
        found = {
            "integral_float": isinstance(number, float),
            "inconsistent_dates": backwards,
            "deletion_date_missing": fields.get(DELETED) is True,
            "unknown_flag": any(self._is_unknown_flag(*item) for item in body.items()),
        }
        return tuple(code for code, is_so in found.items() if is_so)

    def _is_unknown_flag(self, key: str, value: Any) -> bool:
        flag = isinstance(value, bool) and key not in self.known
        return flag and bool(_LIKE_A_FLAG.match(key))

    def extra(self, body: Body, raw: bytes) -> str:
        """What of his record is remembered word by word, as a JSON object, or "".

        The keys that no line knows, and those of `kept`, each value exactly as in ``raw``.
        """
        if body.keys() <= self.known and not self.kept:
            return ""
        spelt = _RAW_KEYS.decode(raw or orjson.dumps(body))
        wanted = (
            orjson.dumps(key) + b":" + bytes(spelt[key])
            for key in spelt
            if key in self.kept or (self.passes and key not in self.known)
        )
        text = b",".join(wanted)
        return (b"{" + text + b"}").decode() if text else ""

    def recalled(self, extra: str, names: Collection[str]) -> Fields:
        """These fields as the remembered says them, None where it says nothing.

        Without those that cannot be understood (yet); never raises.
        """
        body: Body = orjson.loads(extra) if extra else {}
        found: dict[str, Value] = {}
        for name, codec in self.fields:
            if name in names and name in self.read:
                try:
                    value = codec.read(body)
                except RecordError:
                    continue
                if type(value) is not Unresolved:
                    found[name] = None if value is MISSING else value
        return found

    def passed(self, extra: str, body: Body) -> str:
        """What of the remembered is handed back as it is: all but what ``body`` spells."""
        if not extra:
            return extra
        spelt = _RAW_KEYS.decode(extra)
        left = [
            orjson.dumps(key) + b":" + bytes(value)
            for key, value in spelt.items()
            if key not in self.kept and key not in body
        ]
        return (b"{" + b",".join(left) + b"}").decode() if left else ""

    def to_customer(self, order: WorkOrder) -> dict[str, Any]:
        """His whole record, but for what `passed` hands back; ``order`` must have its status."""
        known: Body = orjson.loads(order.extra) if self.kept and order.extra else {}
        body: dict[str, Any] = {key: known[key] for key in known if key in self.kept}
        self._identify(order, body)
        self._spell(order, body, known)
        for place, value in self.constants:
            place.set(body, value)
        for place, output in self.outputs:
            place.set(body, output({**order.fields, "number": order.ref, "key": order.key}))
        for name in self.pairs:
            if isinstance(body.get(name), list):
                body[name] = next(iter(body[name]), None)
        return body

    def _spell(self, order: WorkOrder, body: dict[str, Any], known: Body) -> None:
        for name, codec in self.written:
            if order.state and name == "status" and isinstance(codec, CasesCodec):
                codec.write_named(order.state, order.fields.get(name), body, known)
            elif name in order.fields:
                value = order.fields[name]
                meant = name in order.said and order.said[name] == value
                if not (meant and isinstance(codec, CasesCodec) and codec.keep(body, known)):
                    codec.write(value, body, known)
        for stamp, moment in ((self.created, order.created_at), (self.updated, order.updated_at)):
            if stamp and stamp.written:
                stamp.codec.write(moment, body, known)

    def route(self, link_state: str, extra: str, given: str | None, wanted: str) -> Route | None:
        """How his system gets from the status it was given to the one that is wanted.

        None where it takes any, and where it shows the wanted one already. A state of that name may
        be gone since the mapping was changed: then what he shows is where he stands. ``given`` None
        is a new order.
        """
        codec = dict(self.written).get("status")
        if self.graph is None or not isinstance(codec, CasesCodec) or given == wanted:
            return None
        if given is None:
            born = codec.named(self.graph.initial) if self.graph.initial else None
            return Route(born.name, born.is_, born.is_ == wanted) if born else None
        shown = codec.named(link_state) if link_state else None
        if shown is None:
            shown = codec.state(orjson.loads(extra)) if extra else None
            shown = shown if shown and shown.is_ == given else codec.way_to(given)
        ends = {s.name: s for s in codec.states if s.is_ == codec.lacks.get(wanted, wanted)}
        way = self.graph.way(shown.name, {name for name, s in ends.items() if s.only != "read"})
        if way is None:
            why = self.graph.why_not(shown.name, ends.keys())
            return Route(shown.name, given, stuck=f"{wanted}: {why}")
        step = (codec.named(way[0]) if way else None) or shown
        return Route(step.name, wanted if len(way) <= 1 else step.is_, len(way) <= 1)

    def _identify(self, order: WorkOrder, body: dict[str, Any]) -> None:
        """Whose record it is; his own spelling of the key stays where it stands."""
        key = self.key
        wanted = order.ref if key.number else order.key
        if wanted and not (body and _same_key(key, body, wanted)):
            key.source.place.set(body, int(wanted) if key.number and not key.strip else wanted)
        if order.key and key.scope and order.scope:
            key.scope.place.set(body, order.scope)
        if key.ours and not order.key:
            key.ours.place.set(body, order.ref)

    # -- TracOS's side -------------------------------------------------------------------------

    def tracos_ref(self, body: Body) -> str | None:
        """The order's number as text if it is valid, whatever else is wrong; never raises."""
        return self.tracos.ref(body)

    def from_tracos(self, body: Body, last: Fields | None) -> WorkOrder:
        """TracOS's document; raises `RecordError` for what the customer could not be told."""
        return self.tracos.read(body, last)

    def to_tracos(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        """What to set, {} if ``before`` shows ``order`` already."""
        return self.tracos.write(order, before)


NEVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
"""Where a record says nothing of time; whoever took it knows better."""


_NOTHING: Final[Mapping[str, str]] = {}


def _whole(digits: str, raw: Any) -> Any:
    """The number that these digits are, else what stood there."""
    short = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_KEY
    return int(digits) if short else raw


def _refuse_stranger(place: Place, expected: Any, shown: Any) -> None:
    """Raises `RecordError` for a record that is not of this connection's tenant."""
    if not is_one_of(shown, (expected,)):
        reason = f"is not {expected!r}: the record is another tenant's."
        hint = "Send it to its own connection, or mend customer.expect."
        value = None if shown is MISSING else shown
        raise RecordError("tenant_mismatch", reason, pointer=place.pointer, value=value, hint=hint)


def _told(fields: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The fields that the record says something of, and those that a table does not know."""
    unresolved = {n: v.value for n, v in fields.items() if type(v) is Unresolved}
    left = {n: v for n, v in fields.items() if v is not MISSING and n not in unresolved}
    return left, unresolved


def _same_key(key: KeyCodec, body: Body, text: str) -> bool:
    """His own spelling of the key (with leading zeros, say) stands there already."""
    try:
        return bool(key.reads) or key.ref(body) == text
    except RecordError:
        return False
