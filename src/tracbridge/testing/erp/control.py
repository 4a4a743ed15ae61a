"""Knobs and counters of a simulator over HTTP, for tests in other processes.

Under ``/_simulator``: GET, POST (merge) and DELETE ``faults``; GET and DELETE ``requests``; GET and
POST ``clock`` (``{"advance": seconds}``); GET ``records``; POST ``people/NAME`` with the named
arguments of one of `PEOPLE`.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tracbridge.testing.erp.wire import RefusedError

if TYPE_CHECKING:
    from tracbridge.testing.erp.simulator import Simulator

PREFIX = "/_simulator"

PEOPLE = (
    "archive", "comment", "comments", "create", "delete", "edit", "lock", "move", "plant",
    "record", "records", "reopen", "set_status", "unlock",
)  # fmt: skip
"""What people may be told to do over HTTP as well."""


def control(simulator: "Simulator") -> Starlette:
    """The app."""
    endpoints = {
        "faults": (_faults, ["GET", "POST", "DELETE"]),
        "requests": (_requests, ["GET", "DELETE"]),
        "clock": (_clock, ["GET", "POST"]),
        "records": (_records, ["GET"]),
        "people/{name}": (_people, ["POST"]),
    }
    routes = [
        Route(f"{PREFIX}/{path}", _guarded(simulator, work), methods=methods)
        for path, (work, methods) in endpoints.items()
    ]
    return Starlette(routes=routes)


Work = Callable[["Simulator", Request, dict[str, Any]], Any]


def _guarded(simulator: "Simulator", work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        data = await request.body()
        try:
            given = orjson.loads(data) if data else {}
            return _json(work(simulator, request, given), 200)
        except (ValueError, TypeError, KeyError, RefusedError) as error:
            return _json({"error": str(error)}, 422)

    return endpoint


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _faults(simulator: "Simulator", request: Request, given: dict[str, Any]) -> Any:
    if request.method == "DELETE":
        simulator.faults.clear()
    else:
        simulator.faults.merge(given)
    return simulator.faults


def _requests(simulator: "Simulator", request: Request, _: dict[str, Any]) -> Any:
    if request.method == "DELETE":
        simulator.requests.clear()
    return simulator.requests.as_json()


def _clock(simulator: "Simulator", _: Request, given: dict[str, Any]) -> Any:
    simulator.clock.advance(float(given.get("advance", 0)))
    return {"now": simulator.now()}


def _records(simulator: "Simulator", _: Request, __: dict[str, Any]) -> Any:
    return simulator.records()


def _people(simulator: "Simulator", request: Request, given: dict[str, Any]) -> Any:
    name = request.path_params["name"]
    if name not in PEOPLE:
        raise ValueError(f"people are told to {', '.join(PEOPLE)}")
    return getattr(simulator, name)(**given)
