"""What people did, for those who have to know."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from tracbridge.api.context import Admin, Connections

router = APIRouter(tags=["audit"])


@router.get("/audit")
async def entries(
    caller: Admin,
    among: Connections,
    connection: Annotated[str, Query(max_length=100)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(pattern="^([0-9a-f]{24})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """The newest first: who did what to what, when, why, and what became of it.

    ``next``: say it as ``after`` for the page that follows; null on the last one. Callers of
    tenants see what was done to their connections alone.
    """
    audit = await among.audits()
    found = await audit.entries(
        caller.tenants, connection=connection, action=action, before=after, limit=limit + 1
    )
    items = [msgspec.structs.asdict(one) for one in found[:limit]]
    return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}
