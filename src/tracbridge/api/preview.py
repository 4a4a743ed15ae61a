"""What a pass would do now."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from tracbridge.api.context import Connection
from tracbridge.api.desk import DeskRoute
from tracbridge.desk.preview import plan_json, plan_of
from tracbridge.domain.workorder import Side

router = APIRouter(tags=["preview"], route_class=DeskRoute)

SHOWN = 500
"""Changes of one answer."""


@router.get("/connections/{connection}/preview")
async def preview(
    service: Connection, side: Annotated[Side | None, Query()] = None
) -> dict[str, Any]:
    """The plan, field by field and why; nothing is written. ``side``: changes of that side only.

    ``changes``: the first 500; ``more``: how many are left out.
    """
    plan = plan_json(service.name, await plan_of(service, {side} if side else set(Side)))
    changes = plan["changes"]
    return {**plan, "changes": changes[:SHOWN], "more": max(0, len(changes) - SHOWN)}
