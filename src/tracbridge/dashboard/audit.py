"""Who did what."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from tracbridge.api.context import Role
from tracbridge.api.problem import ProblemError
from tracbridge.dashboard.attention import Chosen
from tracbridge.dashboard.visit import Visited

router = APIRouter(prefix="/audit")

PAGE = 100
"""Entries of a page."""


@router.get("")
async def audit(
    visit: Visited,
    connection: Chosen = "",
    after: Annotated[str, Query(pattern="^([0-9a-f]{24})?$")] = "",
) -> HTMLResponse:
    """The newest first."""
    if not visit.caller.role.may(Role.ADMIN):
        raise ProblemError(403, "Not allowed", "The audit takes the role admin.")
    entries = await (await visit.hosted.audits()).entries(
        visit.caller.tenants, connection=connection, before=after, limit=PAGE + 1
    )
    return visit.page(
        "audit.html",
        section="audit",
        entries=entries[:PAGE],
        next=entries[PAGE - 1].id if len(entries) > PAGE else "",
        names=visit.names(),
        connection=connection,
    )
