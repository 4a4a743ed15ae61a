"""The first page: all connections, worst first, live."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.requests import Request

from tracbridge.api.problem import ProblemError
from tracbridge.dashboard.board import Board
from tracbridge.dashboard.figures import Figures, sentence
from tracbridge.dashboard.rendering import rendered
from tracbridge.dashboard.visit import Visit, Visited

router = APIRouter()

BARS = 30
"""Points of a small plot."""


def sparkline(board: Board, name: str) -> list[int]:
    """Orders of the last hour, in steps of two minutes."""
    flow = board.flow(name)
    size = len(flow) // BARS
    return [sum(flow[n : n + size]) for n in range(0, len(flow), size)]


def rows(board: Board, found: list[Figures], *, live: bool = False) -> str:
    """Their rows of the table; ``live``: each takes the place of the one that is shown."""
    shown = [(one, sparkline(board, one.name)) for one in found]
    return rendered("rows.html", {"rows": shown, "live": live})


@router.get("/")
async def overview(visit: Visited) -> HTMLResponse:
    """All connections."""
    found = await visit.board.all(visit.caller.tenants)
    return visit.page(
        "overview.html",
        section="overview",
        found=found,
        sentence=sentence(found),
        rows=[(one, sparkline(visit.board, one.name)) for one in found],
    )


@router.get("/live/overview")
async def live(request: Request, visit: Visited) -> StreamingResponse:
    """Rows that changed, as server-sent events, until the session ends."""
    return StreamingResponse(
        _news(request, visit), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _news(request: Request, visit: Visit) -> AsyncIterator[str]:
    board, before = visit.board, ""
    async for names in board.changes(visit.caller.tenants):
        try:
            await request.app.state.visitors.of(request, visit.session)
        except ProblemError:
            yield event("over", "")
            return
        all_ = await board.all(visit.caller.tenants)
        told = rows(board, [one for one in all_ if one.name in names], live=True) if names else ""
        now = sentence(all_)
        if now != before:
            told += rendered("sentence.html", {"sentence": now})
            before = now
        yield event("rows", told) if told else ": nothing new\n\n"
        await asyncio.sleep(0)


def event(name: str, data: str) -> str:
    """One server-sent event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
