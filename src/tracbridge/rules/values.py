"""What a rule may set a field to. Pure."""

from datetime import datetime
from math import isfinite
from typing import Any

from tracbridge.domain.errors import shown
from tracbridge.domain.workorder import DELETED, Status, Value, to_milliseconds

STATUS = "status"
TEXTS = ("title", "description")


def fitted(field: str, value: Any) -> Value:
    """The value as the field holds it: instants cut to milliseconds.

    Raises `ValueError` for what the field never holds.
    """
    if isinstance(value, datetime):
        value = to_milliseconds(value)
    if fault := unfit(field, value):
        what = f"{field} is set to {shown(value) or 'an empty text'}, {fault}"
        raise ValueError(what)
    kept: Value = value
    return kept


def unfit(field: str, value: Any) -> str:
    """Why the field never holds that, or ""."""
    if field == STATUS:
        return "" if value in set(Status) else f"which is none of {', '.join(Status)}"
    if field in TEXTS:
        return "" if isinstance(value, str) else "which is no text"
    if field == DELETED:
        fits = isinstance(value, bool | datetime)
        return "" if fits else "which is neither true, false nor an instant: timestamp(now)"
    if isinstance(value, float) and not isfinite(value):
        return "which is no number that can be kept"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "which is beyond 64 bits"
    return ""
