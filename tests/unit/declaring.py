"""Mappings that a test declares in a few words, and a record for them."""

from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec.structs import replace

from tests.mappings import mapping
from tracbridge.domain.workorder import WorkOrder
from tracbridge.mapping.declared import Declared
from tracbridge.proof.trying import given

MADE, CHANGED = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 11, tzinfo=UTC)
WORDS = {word[:1].upper(): word for word in ("pending", "in_progress", "completed")}
STATUS = {"path": "state", "values": {**WORDS, "H": "on_hold", "X": "cancelled"}}
LINES: dict[str, Any] = {
    "status": STATUS,
    "title": {"path": "name"},
    "description": {"path": "text"},
    "deleted": {"path": "gone", "default": False},
}
RECORD = {
    "no": 7,
    "made": "2026-11-20T10:00:00.000+00:00",
    "changed": "2026-11-20T11:00:00.000+00:00",
    "state": "P",
    "name": "Pump",
    "text": "Bearing",
    "gone": False,
}


def told(lines: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """The words of a mapping; None takes a line away."""
    fields = {name: line for name, line in {**LINES, **(lines or {})}.items() if line is not None}
    whole = {"mapping": "his", "key": {"path": "no"}, "fields": fields}
    return {**whole, "created": {"path": "made"}, "updated": {"path": "changed"}, **top}


def made(lines: dict[str, Any] | None = None, **top: Any) -> Declared:
    return mapping(told(lines, **top))


def taken(used: Declared, **changes: Any) -> WorkOrder:
    """The order of a record, with what is remembered of it."""
    body = {**RECORD, **changes}
    kept = used.extra(body, orjson.dumps(body))  # noqa: S610 - this is no database's
    order = used.from_customer(body)
    ref, key = (order.ref, "") if used.numbered else ("1000", order.ref)
    return replace(order, extra=kept, ref=ref, key=key)


def given_back(used: Declared, order: WorkOrder, **fields: Any) -> dict[str, Any]:
    """His whole record after an edit in TracOS."""
    edited = replace(order, fields={**order.fields, **fields})
    return given(used, edited)
