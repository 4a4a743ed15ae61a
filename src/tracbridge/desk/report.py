"""The daily reports of a connection."""

from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.runtime.daily import Report, reports


async def reports_of(service: Service, limit: int = 92, before: str = "") -> list[Report]:
    """Those that are kept, newest first; of days before ``before`` only."""
    found = await reports(service.connection.passes)
    return [one for one in found if not before or one.day < before][:limit]


async def reports_json(service: Service, limit: int, before: str = "") -> dict[str, Any]:
    """A page of them for programs. ``next``: what to give as ``after`` for the next page, None at
    the end.
    """
    found = await reports_of(service, limit + 1, before)
    page = found[:limit]
    return {
        "reports": [one.json() for one in page],
        "next": page[-1].day if len(found) > limit else None,
    }
