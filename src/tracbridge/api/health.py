"""Whether the process lives, and whether it is ready: for those who start and watch it."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from tracbridge.api.context import Connections
from tracbridge.domain.errors import TracbridgeError

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process lives."""
    return {"status": "alive"}


@router.get("/health/ready")
async def ready(among: Connections) -> JSONResponse:
    """Our memory can be reached: 200; else 503, and the log says more. Which connection fares how
    says the API.
    """
    try:
        await among.ready()
    except TracbridgeError:
        why = "our memory cannot be reached, or not be used"
        return JSONResponse({"status": "not ready", "why": why}, 503)
    return JSONResponse({"status": "ready"})
