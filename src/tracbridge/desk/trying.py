"""Sample records put through the mapping of a connection, from either side. Writes nothing."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.config.translations import translation_of
from tracbridge.desk.mappings import concealed, secrets_of
from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import DELETED, Side, Value, WorkOrder
from tracbridge.mapping import decode as plain
from tracbridge.mapping.codec import Codec, Unresolved
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.envelope import decode
from tracbridge.mapping.path import MISSING
from tracbridge.proof.trying import Row, Try, tried

LONGEST = 200_000
"""Characters of a sample."""

TRIED = 10
"""Records of a sample that are tried."""


class Remark(Struct, frozen=True):
    """One thing that a try has shown. ``level``: ``refused`` (the record would be), ``waits`` (a
    table does not know the value), ``differs`` (it comes back as something else), ``lost`` (the key
    is not passed on) or ``warning``. ``where``: the field, or the place in the record.
    """

    level: str
    where: str
    what: str


class Sample(Struct, frozen=True):
    """What became of a sample: the records by their places, and those that could not be read.

    ``records``: all that it holds; at most `TRIED` of them were tried.
    """

    side: Side
    records: int
    tries: list[tuple[str, Mapping[str, Any], Try]]
    unread: list[tuple[str, str]]

    @property
    def more(self) -> int:
        """Records that were left out."""
        return max(self.records - TRIED, 0)


def sampled(service: Service, content: bytes, side: Side) -> Sample:
    """The records of a text as that side spells them: of the customer as in his files, of TracOS as
    documents in JSON (instants as text). It computes only: call it in a thread.

    Raises `RecordError` where the text cannot be read at all.
    """
    config, customers = service.settings, side is Side.CUSTOMER
    found = decode(content, config.mapping.spec.records) if customers else plain.decode(content)
    mapping, made = translation_of(config), Sample(side, len(found), [], [])
    for one in found[:TRIED]:
        if one.body is None:
            made.unread.append((one.pointer, str(one.error)))
        else:
            tells = tried(mapping, one.body, one.raw) if customers else told(mapping, one.body)
            made.tries.append((one.pointer, one.body, tells))
    return made


def sample_json(service: Service, sample: Sample) -> dict[str, Any]:
    """For programs: of each record what came in, what it is to us, and what goes out. What came
    into the mapping by a reference is hidden.
    """
    made = {
        "side": sample.side.value,
        "records": sample.records,
        "more": sample.more,
        "items": [
            {"pointer": pointer, "input": body, **try_json(one, sample.side)}
            for pointer, body, one in sample.tries
        ],
        "unread": [{"pointer": pointer, "error": error} for pointer, error in sample.unread],
    }
    hidden: dict[str, Any] = concealed(made, secrets_of(service.settings.mapping))
    return hidden


def try_json(one: Try, side: Side = Side.CUSTOMER) -> dict[str, Any]:
    """One record. ``canonical``: the order as we hold it; null where it would be refused."""
    return {
        "rows": [msgspec.structs.asdict(row) for row in one.rows],
        "canonical": canonical_json(one.order) if one.order else None,
        "tracos": one.tracos,
        "output": one.output,
        "error": str(one.error) if one.error else None,
        "findings": [msgspec.structs.asdict(remark) for remark in remarks(one, side)],
    }


def canonical_json(order: WorkOrder) -> dict[str, Any]:
    """The order as we hold it, with what is passed on word by word in ``extra``."""
    return {
        "ref": order.ref or None,
        "key": order.key or None,
        "scope": order.scope or None,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "fields": order.fields,
        "extra": order.extra or None,
        "warnings": list(order.warnings),
    }


def remarks(one: Try, side: Side) -> Iterator[Remark]:
    """What is worth a look in the try of a record of that side, the gravest first."""
    if one.error:
        yield Remark("refused", one.error.why.pointer, str(one.error))
    for row in one.rows:
        same = side is Side.TRACOS or row.theirs == row.back  # TracOS spells as it does
        if level := _level(row, one, same=same):
            what = row.wrong or f"goes back as {row.back}"
            yield Remark(level, row.field or row.path, what)
    for code in one.order.warnings if one.order else ():
        yield Remark("warning", "", code)


def _level(row: Row, one: Try, *, same: bool) -> str:
    """What a row shows, "" for nothing that is worth a look."""
    if not row.field:
        return "lost" if row.wrong and one.error is None else ""
    if row.wrong and row.ours is None:
        said = one.error is not None and row.wrong == str(one.error)
        return "" if said else "waits" if row.wrong.startswith("waits") else "refused"
    if row.wrong:
        return "differs" if row.ours else ""  # else: says nothing, or is only written
    times = row.field in {"created", "updated"}  # the same instant has many spellings
    return "differs" if row.theirs and row.back and not (same or times) else ""


# -- from TracOS -------------------------------------------------------------------------------


def told(mapping: Declared, document: dict[str, Any]) -> Try:
    """What the customer would be given of a document; never raises for what is wrong with it.

    In each row ``theirs`` is what TracOS shows, ``path`` the place in his record, ``back`` what
    would stand there.
    """
    try:
        order = mapping.from_tracos(_timed(mapping, document), None)
        output = mapping.to_customer(order)
    except RecordError as error:
        return Try((), tracos=document, error=error)
    return Try(tuple(_rows(mapping, order, document, output)), order, document, output)


def _timed(mapping: Declared, document: dict[str, Any]) -> dict[str, Any]:
    """With instants in place of their texts, as MongoDB has them."""
    made: dict[str, Any] = orjson.loads(orjson.dumps(document))
    for name in ("createdAt", "updatedAt", "deletedAt"):
        if name in made:
            made[name] = _instant(made[name])
    for extra in mapping.tracos.extras:
        value = extra.place.get(made)
        if extra.kind == "instant" and value is not MISSING:
            extra.place.set(made, _instant(value))
    return made


def _instant(value: Any) -> Any:
    """The instant of an ISO text, or of MongoDB's ``{"$date": ...}``; what is none stays."""
    text = value.get("$date") if isinstance(value, dict) else value
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return value
    return value if found is None else found if found.tzinfo else found.replace(tzinfo=UTC)


def _rows(
    mapping: Declared, order: WorkOrder, document: Mapping[str, Any], output: Mapping[str, Any]
) -> Iterator[Row]:
    key = mapping.key.source.place
    yield Row("number", key.text, order.ref, order.ref, _text(key.get(output)))
    shows: dict[str, Any] = {
        extra.name: extra.place.get(document) for extra in mapping.tracos.extras
    }
    shows[DELETED] = document.get("deletedAt") or document.get("deleted", MISSING)
    shown = {name: [output[name], ""] for name in mapping.pairs if name in output}
    reads, writes = dict(mapping.fields), dict(mapping.written)
    for name, value in order.fields.items():
        codec = writes.get(name)
        theirs = _text(shows.get(name, document.get(name, MISSING)))
        if codec is None:
            wrong = "" if name == "title" else "has no place in his records"
            yield Row(name, "", theirs, value, "", wrong)
            continue
        path = " ".join(dict.fromkeys(place.text for place in codec.places))
        back = " ".join(_at(codec, output))
        wrong = _returns(reads.get(name), {**output, **shown}, value)
        yield Row(name, path, theirs, value, back, wrong)


def _at(codec: Codec, output: Mapping[str, Any]) -> Iterator[str]:
    """What stands at its places; of several flags the names of those that are set."""
    found = {place.text: place.get(output) for place in codec.places}
    flags = [name for name, value in found.items() if value is True]
    if len(found) > 1 and flags:
        yield from flags
    else:
        yield from (_text(value) for value in found.values() if value is not MISSING)


def _returns(codec: Codec | None, output: Mapping[str, Any], value: Value) -> str:
    """Why his record would not be read as that value again, or ""."""
    if codec is None:
        return ""
    try:
        back = codec.read(output)
    except RecordError as error:
        return str(error)
    if back is MISSING or isinstance(back, Unresolved) or back == value:
        return ""
    return f"comes back as {back!r}"


def _text(value: Any) -> str:
    """As JSON, a text without its quotation marks unless it is empty."""
    if value is MISSING:
        return ""
    bare = isinstance(value, str) and value != ""
    return value if bare else orjson.dumps(value, default=str).decode()
