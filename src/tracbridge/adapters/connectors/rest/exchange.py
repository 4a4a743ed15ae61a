"""One request and its answer over the wire: bounded in size, never redirected, errors in our words.

No error here repeats a header, a query or a body.
"""

from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urljoin, urlsplit

import httpx2
import orjson
from msgspec import Struct

from tracbridge import __version__
from tracbridge.adapters.connectors.rest.addresses import Network, Origin
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.network import Pins, Resolve, client, tls, untrusted
from tracbridge.domain.errors import ConfigError, RetryableError, UnknownOutcomeError, shown

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_ALWAYS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": f"tracbridge/{__version__}",
}


class Outgoing(Struct):
    """One request, whole. ``what``: as messages name it; ``sent``: whether any of it has gone."""

    origin: Origin
    method: str
    url: str
    what: str
    headers: Mapping[str, str]
    content: bytes | None = None
    writes: bool = False
    operation: str = ""
    sent: bool = False

    def __repr__(self) -> str:
        return f"Outgoing({self.what})"

    def broken(self, why: str) -> RetryableError:
        """No whole answer came: after a write that went out, nobody knows what became of it."""
        if self.writes and self.sent:
            return UnknownOutcomeError(f"{self.origin} was sent {self.what}, but {why}.")
        return RetryableError(f"{self.origin} did not answer {self.what}: {why}.")


def outgoing(origin: Origin, call: Call, headers: Mapping[str, str]) -> Outgoing:
    """A call as it goes out. Raises `ConfigError` for a link to somewhere else."""
    path = _path(origin, call.path)
    mark = "&" if "?" in path else "?"
    query = mark + "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in call.query)
    content = None if call.body is None else orjson.dumps(call.body)
    kind = {} if content is None else {"content-type": "application/json"}
    merged = {**_ALWAYS, **kind, **_lower(call.headers), **_lower(headers)}
    what = f"{call.method} {path.partition('?')[0]}"
    url = f"{origin}{path}{query if call.query else ''}"
    return Outgoing(origin, call.method, url, what, merged, content, call.writes, call.operation)


def _quoted(text: str) -> str:
    """Spaces as %20: not every system takes + for one."""
    return quote(text, safe="$!*'(),:@/~;")


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _path(origin: Origin, path: str) -> str:
    """The path of a call below the origin's; of a link, which names it whole, only its own.

    Behind a proxy a system may believe in another port or scheme than we came by: a link to its
    host is followed where it came from.
    """
    if path.startswith("/"):
        below = not origin.path or path == origin.path or path.startswith(f"{origin.path}/")
        return path if below else f"{origin.path}{path}"
    try:
        parts = urlsplit(path)
        host = parts.hostname or ""
    except ValueError:
        raise ConfigError(f"{origin} gave a link that cannot be read.") from None
    if parts.scheme not in ("http", "https") or host.removesuffix(".") != origin.host:
        raise ConfigError(f"{origin} gave a link to {_place(path)}, which is not followed.")
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _place(url: str) -> str:
    """Where a URL points, without user, query and fragment."""
    try:
        parts = urlsplit(url)
        host = f"//{parts.hostname}" if parts.hostname else ""
    except ValueError:
        return "somewhere unreadable"
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    return shown(f"{scheme}{host}{parts.path}")


class Wire:
    """The HTTP client of one connection."""

    def __init__(
        self, networks: tuple[Network, ...], ca: str, max_bytes: int, resolver: Resolve
    ) -> None:
        self._max = max_bytes
        self._pins = Pins(networks, resolver)
        self._client = client(tls(ca), self._pins)

    async def exchange(self, request: Outgoing) -> Reply:
        """Send it and read the whole answer, whatever its status.

        Raises `RetryableError`, `UnknownOutcomeError` (see `Outgoing.broken`), and `ConfigError`
        for an address that is not allowed, an untrusted certificate, or a redirect.
        """
        await self._pins.pin(request.origin)
        try:
            return await self._exchanged(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self._unconnected(request, error)
        except httpx2.DecodingError:
            raise request.broken("the answer cannot be unpacked") from None
        except (httpx2.LocalProtocolError, httpx2.InvalidURL, UnicodeError):
            what = f"{request.what} cannot be sent to {request.origin}"
            raise ConfigError(
                f"{what}: its path or a header has a character that HTTP does not allow."
            ) from None
        except httpx2.HTTPError as error:
            kind = type(error).__name__
            raise request.broken(f"the connection broke before a whole answer ({kind})") from None

    def forget_session(self) -> None:
        """Cookies of the login so far."""
        self._client.cookies.clear()

    async def aclose(self) -> None:
        """Close all connections; called once or more."""
        await self._client.aclose()

    async def _exchanged(self, request: Outgoing) -> Reply:
        async def trace(event: str, _: Any) -> None:
            if event.endswith("send_request_headers.started"):
                request.sent = True

        built = self._client.build_request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions={"trace": trace},
        )
        response = await self._client.send(built, stream=True)
        try:
            self._refuse_redirect(request, response)
            return Reply(
                response.status_code,
                {n: v for n, v in response.headers.items() if n != "set-cookie"},
                await self._body(request, response),
                request.what,
                request.operation,
            )
        finally:
            await response.aclose()

    async def _body(self, request: Outgoing, response: httpx2.Response) -> bytes:
        if "," in response.headers.get("content-encoding", ""):
            raise request.broken("the answer is packed more than once")
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > self._max:
                size = f"{self._max / 1024 / 1024:g} MB"
                raise request.broken(
                    f"the answer has more than {size}; raise max_mb, or ask for smaller pages"
                )
        return bytes(data)

    def _refuse_redirect(self, request: Outgoing, response: httpx2.Response) -> None:
        if response.status_code not in REDIRECTS:
            return
        where = _place(urljoin(request.url, response.headers.get("location", "")))
        raise ConfigError(
            f"{request.origin} sends {request.what} on to {where}; redirects are not followed. "
            "Set url to where the system is, and check the credentials."
        )

    def _unconnected(self, request: Outgoing, error: Exception) -> NoReturn:
        self._pins.forget(request.origin)
        if untrusted(error):
            raise ConfigError(
                f"{request.origin} shows no certificate that is trusted for its name, or speaks no "
                "TLS that we speak. Set ca to the authority that signed it, if that is your own."
            ) from None
        raise RetryableError(f"{request.origin} takes no connection.") from None
