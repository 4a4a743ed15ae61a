"""Errors of the API as ``application/problem+json`` (RFC 9457): what, where, why, what to do."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from loguru import logger
from starlette.exceptions import HTTPException

from tracbridge.domain.errors import (
    ConfigError,
    RecordError,
    RetryableError,
    SettingError,
    StaleWriteError,
    TracbridgeError,
)

TYPE = "application/problem+json"

SHOWN = 20
"""Errors of one request that are told."""

LONG = 100
"""Characters of a name that came with the request."""

AGAIN = 5
"""Seconds after which to try again what is away for a while."""


class ProblemError(Exception):
    """A request that cannot be done. ``title``: the kind of it; ``detail``: this one."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.more = status, title, detail, more
        self.headers = dict(headers or {})

    def response(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """As it goes out."""
        body = {"type": "about:blank", "title": self.title, "status": self.status, **self.more}
        if self.detail:
            body["detail"] = self.detail
        both = {**self.headers, **(headers or {})}
        return JSONResponse(body, self.status, both, media_type=TYPE)


def missing() -> ProblemError:
    """It is not there, or not for this caller: who may not see it learns nothing."""
    return ProblemError(404, "Not found", "There is nothing here that you may see.")


def unexpected(error: BaseException, method: str, path: str) -> ProblemError:
    """A fault of ours: the log has it whole, the answer only the id under which it stands there."""
    id_ = secrets.token_hex(6)
    logger.opt(exception=error).bind(id=id_, method=method, path=path[:LONG]).error(
        "request.failed"
    )
    return ProblemError(
        500, "Failed", f"This is a fault of ours. The log has it under the id {id_}.", id=id_
    )


def of_error(error: TracbridgeError) -> ProblemError | None:
    """What one of our own errors means for a caller; None where it is a fault of ours."""
    text = str(error)
    match error:
        case RetryableError():
            wait = error.retry_after.total_seconds() if error.retry_after else AGAIN
            return ProblemError(503, "Away", text, headers={"Retry-After": str(max(1, int(wait)))})
        case StaleWriteError():
            return ProblemError(409, "Changed meanwhile", text)
        case SettingError() | RecordError():
            return ProblemError(422, "Not accepted", text)
        case ConfigError():
            return ProblemError(409, "Not possible", text)
    return None


# -- what the framework says -----------------------------------------------------------------


def of_status(error: HTTPException) -> ProblemError:
    """The framework's own refusal, such as 405."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return missing()
    status = HTTPStatus(error.status_code)
    detail = str(error.detail) if error.detail != status.phrase else ""
    return ProblemError(status, status.phrase, detail, headers=error.headers)


def of_validation(error: RequestValidationError) -> ProblemError:
    """Parameters or a body that are not accepted: each by its place, none with its value."""
    found: Sequence[Mapping[str, Any]] = error.errors()
    for one in found:
        if one["type"] == "json_invalid":
            return no_json(int(one["loc"][-1]), str(one["ctx"]["error"]))
    told = [{"where": where(one["loc"]), "why": one["msg"]} for one in found[:SHOWN]]
    detail = "; ".join(f"{one['where']}: {one['why']}" for one in told)
    return ProblemError(422, "Not accepted", f"{detail}.", errors=told)


def no_json(offset: int, why: str) -> ProblemError:
    """A body that is no JSON, from that character on."""
    return ProblemError(
        400, "No JSON", f"The body is no JSON at character {offset}: {why}.", offset=offset
    )


def where(way: Sequence[object]) -> str:
    """The place of a value: ``query.limit``, ``body.lines.3``."""
    return ".".join(_steps(way)) or "body"


def _steps(way: Sequence[object]) -> Iterator[str]:
    for step in way:
        text = str(step)
        shown = text if text.isprintable() else ascii(text)[1:-1]
        yield shown if len(shown) <= LONG else f"{shown[:LONG]}..."


def handle(app: FastAPI) -> None:
    """Everything that goes wrong below the app is answered as a problem."""

    @app.exception_handler(ProblemError)
    async def _(_: Request, error: ProblemError) -> JSONResponse:
        return error.response()

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> JSONResponse:
        return of_status(error).response()

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        return of_validation(error).response()

    @app.exception_handler(TracbridgeError)
    async def _(request: Request, error: TracbridgeError) -> JSONResponse:
        told = of_error(error) or unexpected(error, request.method, request.url.path)
        return told.response()
