"""The application: routes under ``/api/v1``, and how everything that goes wrong is told."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tracbridge.api import (
    approvals,
    audit,
    conflicts,
    connections,
    health,
    live,
    mappings,
    orders,
    preview,
    problem,
    push,
    quarantine,
    reports,
    rules,
    runs,
    webhooks,
)
from tracbridge.api.context import Access, Needs, Role, Viewer
from tracbridge.api.limits import Guard, Limits, strict
from tracbridge.bootstrap.hosting import Hosted

ROOT = "/api/v1"

ROUTERS: tuple[APIRouter, ...] = (
    approvals.router,
    audit.router,
    conflicts.router,
    connections.router,
    live.router,
    mappings.router,
    orders.router,
    preview.router,
    push.router,
    quarantine.router,
    reports.router,
    rules.router,
    runs.router,
    webhooks.router,
)
"""The routers of all nouns, below `ROOT`. Each route declares its role, by one of `Viewer`,
`Operator`, `Admin` or what stands on them; or that it is ``SIGNED``.
"""

PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong, where, and what to do.",
        "content": {
            problem.TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                }
            }
        },
    }
}


class Api(FastAPI):
    """The framework's application; its description says how to log in."""

    def openapi(self) -> dict[str, Any]:
        """OpenAPI 3.1. ``x-role`` of each operation: the least role that may call it."""
        said = super().openapi()
        bearer = {"type": "http", "scheme": "bearer", "description": "An API key or a token."}
        said.setdefault("components", {})["securitySchemes"] = {"bearer": bearer}
        said["security"] = [{"bearer": []}]
        return said


def make(
    hosted: Hosted,
    access: Access,
    limits: Limits | None = None,
    routers: Sequence[APIRouter] = ROUTERS,
) -> FastAPI:
    """The API over these connections. Raises `TypeError` where a route declares no role."""
    app = Api(title="Tracbridge", version="1", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.hosted, app.state.access = hosted, access
    app.state.ending = asyncio.Event()
    app.add_middleware(Guard, limits=limits or Limits())
    problem.handle(app)
    app.include_router(health.router, responses=PROBLEM)
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                declare(route)
        app.include_router(router, prefix=ROOT, dependencies=[Depends(strict)], responses=PROBLEM)

    @app.get(f"{ROOT}/openapi.json", include_in_schema=False)
    async def _(_: Viewer) -> dict[str, Any]:
        return app.openapi()

    return app


def declare(route: APIRoute) -> None:
    """Writes the role that a route takes into its description. Repeatable."""
    said = route.openapi_extra or {}
    if "x-role" in said:
        return
    roles = sorted({*needed(route.dependant)}, key=list(Role).index)
    if not roles:
        raise TypeError(
            f"{route.methods} {route.path} declares no role: let it take a Viewer, an "
            "Operator or an Admin, or say openapi_extra=SIGNED where its body is signed."
        )
    route.openapi_extra = {**said, "x-role": roles[-1].value}


def needed(dependant: Dependant) -> list[Role]:
    """The roles that a route and what it depends on ask for."""
    own = [dependant.call.role] if isinstance(dependant.call, Needs) else []
    return [*own, *(role for one in dependant.dependencies for role in needed(one))]
