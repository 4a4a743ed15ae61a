"""What the routes about one connection share: pages, reasons, wishes, and errors of the desk."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.problem import ProblemError, missing
from tracbridge.desk.errors import UnknownError, WordError
from tracbridge.desk.wishing import wish_json
from tracbridge.ports.wishes import Wish

PLACE = r"^([0-9]{1,15}-.{1,80})?$"
"""Where a page of what is sorted by time goes on."""

Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(pattern=PLACE)]
Id = Annotated[str, Path(min_length=1, max_length=100)]
Number = Annotated[str, Path(min_length=1, max_length=300)]
Why = Annotated[str, Field(max_length=500)]


class Said(BaseModel):
    """What comes with an action. ``why``: stands in the audit."""

    model_config = ConfigDict(extra="forbid")

    why: Why = ""


class DeskRoute(APIRoute):
    """Tells errors of the desk: what is not there is 404, what is not understood 422."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route with these answers."""
        handler = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except UnknownError:
                raise missing() from None
            except WordError as error:
                raise ProblemError(422, "Not accepted", str(error)) from None

        return told


def page(items: list[Any], after: str) -> dict[str, Any]:
    """A page. ``next``: say it as ``after`` for the page that follows, null on the last one."""
    return {"items": items, "next": after or None}


def answer(service: str, wish: Wish) -> Any:
    """What came of a wish; 202 with where to ask for it where that takes longer.

    Raises `ProblemError` 409 where it could not be done.
    """
    if wish.state == "failed":
        raise ProblemError(409, "Not possible", wish.error, wish=wish.id)
    told = wish_json(wish)
    if wish.state == "done":
        return told
    place = f"/api/v1/connections/{service}/wishes/{wish.id}"
    body = {**told, "at": wish.at.isoformat(), "status": place}
    return JSONResponse(body, 202, {"Location": place})


def outcome_of(wish: Wish) -> str:
    """In a few words, for the audit."""
    if wish.state != "done":
        return wish.error or "asked for; the next pass does it"
    results = wish.outcome if isinstance(wish.outcome, list) else []
    words = sorted({str(one["outcome"]) for one in results})
    return ", ".join(words) or "done"
