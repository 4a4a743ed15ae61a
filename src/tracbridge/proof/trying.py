"""One record of his shown as it comes in, as we hold it and as it would go back. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import WorkOrder
from tracbridge.mapping.codec import Unresolved, is_one_of
from tracbridge.mapping.declared import Declared
from tracbridge.mapping.path import MISSING, Place
from tracbridge.mapping.translation import Body


class Row(Struct, frozen=True):
    """One field: what he says of it, what that is to us, what he would be given of it.

    ``path``: where in his record. ``wrong``: why it cannot be read.
    """

    field: str
    path: str
    theirs: str
    ours: Any
    back: str
    wrong: str = ""


class Try(Struct, frozen=True):
    """One record. ``error``: why it would be refused; then there is neither order nor output."""

    rows: tuple[Row, ...]
    order: WorkOrder | None = None
    tracos: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None
    error: RecordError | None = None


def tried(mapping: Declared, body: Mapping[str, Any], raw: bytes = b"") -> Try:
    """What becomes of the record; never raises for what is wrong with it."""
    try:
        order = mapping.from_customer(body)
        if not mapping.numbered:
            order = replace(order, ref="", key=order.ref)
        order = replace(order, extra=mapping.extra(body, raw))  # noqa: S610 (no Django)
        tracos = mapping.to_tracos(order, None)
        output = given(mapping, order)
    except RecordError as error:
        return Try(tuple(_rows(mapping, body, {})), error=error)
    return Try(tuple(_rows(mapping, body, output)), order, tracos, output)


def given(mapping: Declared, order: WorkOrder) -> dict[str, Any]:
    """What he would be handed, his own keys included."""
    body = mapping.to_customer(order)
    passed = mapping.passed(order.extra, body)
    return {**body, **(orjson.loads(passed) if passed else {})}


def _rows(mapping: Declared, body: Mapping[str, Any], output: Mapping[str, Any]) -> list[Row]:
    key = mapping.key
    rows = [_row("key", key.places, body, output, _key(mapping, body))]
    rows += [_row("expect", (p,), body, output, _expected(p, v, body)) for p, v in mapping.expected]
    stamps = {"created": mapping.created, "updated": mapping.updated}
    for name, stamp in stamps.items():
        if stamp:
            rows.append(_row(name, stamp.codec.places, body, output, _read(stamp.read, body)))
    read = dict(mapping.fields)
    for name, codec in dict([*mapping.written, *mapping.fields]).items():
        value = _read(codec.read, body) if name in read else ("", "only written")
        rows.append(_row(name, codec.places, body, output, value))
    known = {place.top for place in _all(mapping)}
    rows += [_passed(name, body[name], output) for name in body if name not in known]
    return rows


def _all(mapping: Declared) -> list[Place]:
    stamps = [stamp for stamp in (mapping.created, mapping.updated) if stamp]
    codecs = [codec for _, codec in (*mapping.fields, *mapping.written)]
    found = [*mapping.key.places, *(p for s in stamps for p in s.codec.places)]
    found += [place for place, _ in mapping.expected]
    return [*found, *(place for codec in codecs for place in codec.places)]


def _key(mapping: Declared, body: Mapping[str, Any]) -> tuple[Any, str]:
    try:
        return mapping.key.ref(body), ""
    except RecordError as error:
        return None, str(error)


def _expected(place: Place, value: Any, body: Body) -> tuple[Any, str]:
    if is_one_of(place.get(body), (value,)):
        return value, ""
    return None, f"{place.pointer} is not {value!r}: another tenant's"


def _read(reads: Callable[[Body], Any], body: Body) -> tuple[Any, str]:
    try:
        value = reads(body)
    except RecordError as error:
        return None, str(error)
    if isinstance(value, Unresolved):
        return None, f"waits: table {value.table!r} does not know {value.value!r}"
    return ("", "says nothing") if value is MISSING else (value, "")


def _row(
    name: str,
    places: tuple[Place, ...],
    body: Mapping[str, Any],
    output: Mapping[str, Any],
    read: tuple[Any, str],
) -> Row:
    path = " ".join(dict.fromkeys(place.text for place in places))
    return Row(name, path, _shown(places, body), read[0], _shown(places, output), read[1])


def _passed(name: str, value: Any, output: Mapping[str, Any]) -> Row:
    """A key that no line knows."""
    back = _text(output[name]) if name in output else ""
    return Row("", name, _text(value), None, back, "" if back else "is not passed on")


def _shown(places: tuple[Place, ...], body: Mapping[str, Any]) -> str:
    """What stands at these places, those that hold something."""
    found = {place.text: place.get(body) for place in places}
    said = [_text(value) for value in found.values() if value is not MISSING]
    true = [name for name, value in found.items() if value is True]
    return " ".join(true) if len(found) > 1 and true else " ".join(said)


def _text(value: Any) -> str:
    """As JSON, a text without its quotation marks unless it is empty."""
    bare = isinstance(value, str) and value != ""
    return value if bare else orjson.dumps(value, default=str).decode()
