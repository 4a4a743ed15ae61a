"""TracOS's published view ``isSynced`` with its time ``syncedAt``: how we read and set it.

The flag means "the customer was given exactly this content". It is a view for people and for other
programs; no decision about content rests on it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def is_synced(body: Mapping[str, Any]) -> bool:
    """True only for a real ``true``; absent, null and text are "not synced"."""
    return body.get("isSynced") is True


def synced_at(body: Mapping[str, Any]) -> datetime | None:
    """When the flag was last set, None if that is absent or no instant."""
    at = body.get("syncedAt")
    return at if isinstance(at, datetime) else None


UNMARK: dict[str, Any] = {"isSynced": False, "syncedAt": None}
"""Not synced, and not because somebody wants it sent again: that would keep the time beside it."""


def mark(at: datetime | None) -> dict[str, Any]:
    """What to set: synced since ``at``, or not synced (the old time stays, as a trace)."""
    return {"isSynced": True, "syncedAt": at} if at else {"isSynced": False}
