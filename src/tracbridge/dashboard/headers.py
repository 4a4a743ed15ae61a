"""What each answer of the dashboard tells the browser to refuse."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",  # the style sheet's own small icons
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with it a form of our own would come without its Origin.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

HOUR = 3_600
YEAR = 365 * 24 * HOUR


class Guarded:
    """Adds them. ``static``: where files lie whose path names their content."""

    def __init__(self, app: ASGIApp, static: str) -> None:
        self._app, self._static = app, static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kept = scope["path"].startswith(self._static)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                good = kept and message["status"] in {200, 304}
                once = f"public, max-age={YEAR}, immutable"
                headers["Cache-Control"] = once if good else "no-store"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = f"max-age={YEAR}"
            await send(message)

        await self._app(scope, receive, guarded)
