"""``/metrics``: what Prometheus reads, of the connections that the caller may see."""

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response

from tracbridge.api.context import Needs, Role
from tracbridge.api.limits import strict
from tracbridge.bootstrap.watching import CONTENT_TYPE, Watch

router = APIRouter(tags=["metrics"])


def attach(app: FastAPI, watch: Watch) -> None:
    """Serve the page of ``watch``."""
    app.state.watch = watch
    app.include_router(router, dependencies=[Depends(strict)])


@router.get("/metrics", response_class=Response, openapi_extra={"x-role": Role.VIEWER.value})
async def metrics(request: Request) -> Response:
    """Numbers in the text format of Prometheus. Takes the role viewer, unless TRACBRIDGE_METRICS is
    ``open``; a key of some tenants sees their connections and nothing of the process.
    """
    watch: Watch = request.app.state.watch
    tenants = None
    if not watch.settings.open_metrics:
        caller = await Needs(Role.VIEWER)(request)
        tenants = caller.tenants
    return Response(await watch.page(tenants), media_type=CONTENT_TYPE)
