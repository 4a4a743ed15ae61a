"""What a document has to look like for us to write to it: as it was read."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracbridge.adapters.mongo.client import Document
from tracbridge.ports.connector import Body, Record

_SURROGATES = re.compile("[\ud800-\udfff]")
_SCALARS = (str, bool, int, float, datetime, type(None))


def guard(record: Record | None, fields: Sequence[str]) -> Document:
    """A filter for exactly the document that was read, by typed scalars."""
    body: Body = record.body or {} if record else {}
    values = {name: _at(body, name) for name in fields}
    return {"_id": body["_id"], **{n: v for n, v in values.items() if _is_comparable(v)}}


def _at(body: Body, name: str) -> Any:
    """A field's value; a name with dots leads into tables."""
    if "." not in name:
        return body.get(name)
    value: Any = body
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_comparable(value: Any) -> bool:
    """A typed scalar that can be sent back; a text that was not UTF-8 cannot."""
    if isinstance(value, str) and not value.isascii():
        return not _SURROGATES.search(value)
    return isinstance(value, _SCALARS)


def shows(document: Document, values: Body) -> bool:
    """Whether these fields have these values; None is that of a missing one."""
    return all(_at(document, name) == value for name, value in values.items())
