"""Records of a system's answers, each with its id, its version and its own bytes. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct

from tracbridge.adapters.connectors.rest.answers import Spot
from tracbridge.adapters.connectors.rest.calls import Reply
from tracbridge.adapters.connectors.rest.spec import Header
from tracbridge.adapters.connectors.rest.system import System
from tracbridge.adapters.connectors.rest.template import Template, text_of
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.decode import Decoded, decode
from tracbridge.mapping.path import MISSING
from tracbridge.ports.connector import Record

SOURCE = 120
"""Characters of the text that says where a record came from."""


class Item(Struct, frozen=True):
    """A record of a page. ``changed``: when; ``key``: its place in the order of keys."""

    record: Record
    changed: datetime | None = None
    key: Any = None


def item_of(system: System, decoded: Decoded, by: Spot | None) -> Item:
    """One element of a list; what is no record of this system carries an error."""
    body = decoded.body
    if body is None:
        return Item(_broken(system, decoded, decoded.error))
    changed = system.times.of(body) if system.times else None
    key = by.get(body) if by else None
    try:
        record = _tombstone(system, decoded, body) or _whole(system, decoded.raw, body)
    except RecordError as error:
        record = _broken(system, decoded, error.with_traceback(None))
    return Item(record, changed, key if isinstance(key, str | int | float) else None)


def record_of(system: System, body: Any, reply: Reply | None = None) -> Record:
    """A single record of an answer. Raises `RecordError` for what is none of this system."""
    if not isinstance(body, Mapping):
        raise RecordError("type", "is no record of the customer's system.", value=body)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    (decoded,) = decode(text.encode())
    return _whole(system, decoded.raw, decoded.body or {}, reply)


def named(system: System, body: Mapping[str, Any]) -> str:
    """The record's id, "" where it has none."""
    try:
        return system.ref.text({"record": body})
    except RecordError:
        return ""


def version_of(where: Spot | Header | None, body: Any, reply: Reply | None) -> str:
    """A version in a record or among an answer's headers, "" where there is none."""
    if isinstance(where, Header):
        return reply.headers.get(where.header.lower(), "") if reply else ""
    found = where.get(body) if where else None
    return str(found) if isinstance(found, str | int | float) and found is not False else ""


def _whole(
    system: System, raw: bytes, body: Mapping[str, Any], reply: Reply | None = None
) -> Record:
    ref = system.ref.text({"record": body})
    version = version_of(system.version, body, reply)
    return Record(body, ref, version, source=source_of(system, body, ref), raw=raw)


def _tombstone(system: System, decoded: Decoded, body: Mapping[str, Any]) -> Record | None:
    if system.gone is None:
        return None
    where, ref = system.gone
    if where.get(body) in (MISSING, None, False, ""):
        return None
    name = ref.text({"record": body})
    version = version_of(system.version, body, None)
    return Record(None, name, version, source=called(system, name), raw=decoded.raw)


def _broken(system: System, decoded: Decoded, error: RecordError | None) -> Record:
    """Named by its content: at another place of a page, or on another one, it is the same."""
    name = called(system, f"record {sha256(decoded.raw).hexdigest()[:12]}")
    if error and error.why.code == "not_an_object":
        error = RecordError(
            "not_an_object", "is no object among his records.", value=_text(decoded)
        )
    return Record(None, source=name, raw=decoded.raw, error=error)


def _text(decoded: Decoded) -> str:
    return decoded.raw[:SOURCE].decode("utf-8", "replace")


def source_of(system: System, body: Mapping[str, Any], ref: str) -> str:
    """What people call the record: the system's name and its label."""
    return called(system, _filled(system.label, body) or ref)


def called(system: System, name: str) -> str:
    """A name after the system's, printable and bounded."""
    text = f"{system.spec.interface}:{name}"
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= SOURCE else text[: SOURCE - 3] + "..."


def _filled(label: Template, body: Mapping[str, Any]) -> str:
    try:
        return text_of(label.text({"record": body}))
    except RecordError:
        return ""
