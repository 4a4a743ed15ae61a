"""HTTP to addresses that were looked at first: names are resolved by us, once, and each address is
checked; the connection goes to that address, with the name for TLS and ``Host``.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore2
import httpx2

from tracbridge.adapters.connectors.rest.addresses import Network, Origin, allowed, literal_of
from tracbridge.domain.errors import ConfigError, RetryableError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, in the order to try them; raises `OSError`."""

CONNECT = 10.0
"""Seconds for one address to take a connection."""

CONNECTIONS = 20
"""At one time, of one client."""

KEPT = 4.0
"""Seconds that an idle connection is kept: less than servers do, else the next request is lost."""

for _name in ("httpx2", "httpcore2"):
    # They would log URLs with their queries, and headers with what stands in them.
    logging.getLogger(_name).setLevel(logging.WARNING)


async def resolve(host: str, port: int) -> Sequence[str]:
    """As the machine resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Pins:
    """Which addresses stand for which host, checked, until one of them takes no connection."""

    def __init__(self, networks: Sequence[Network], resolver: Resolve = resolve) -> None:
        self._networks, self._resolve = networks, resolver
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}
        self._lock = asyncio.Lock()

    async def pin(self, origin: Origin) -> None:
        """Know where an origin is. Raises `ConfigError` where it may not be called."""
        where = (origin.host, origin.port)
        async with self._lock:
            if where not in self._known:
                self._known[where] = await self._found(origin)

    def forget(self, origin: Origin) -> None:
        """It took no connection: look again next time."""
        self._known.pop((origin.host, origin.port), None)

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Those that were pinned, and no others."""
        return self._known.get((host, port), ())

    async def _found(self, origin: Origin) -> tuple[str, ...]:
        literal = literal_of(origin)
        if literal:
            return allowed(origin, self._networks, [literal])
        try:
            found = await self._resolve(origin.host, origin.port)
        except (OSError, UnicodeError):
            raise RetryableError(f"The host {origin.host} cannot be resolved.") from None
        return allowed(origin, self._networks, found)


class _Closing(httpcore2.AsyncNetworkStream):
    """A connection that is closed also where we are cancelled while TLS is agreed on."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (theirs)
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._inner.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to pinned addresses, in their order; to nothing else."""

    def __init__(self, pins: Pins) -> None:
        self._pins, self._inner = pins, httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (theirs)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        last: Exception = httpcore2.ConnectError(f"{host} was not looked at")
        for address in self._pins.addresses(host, port):
            try:
                stream = await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
            else:
                return _Closing(stream)
        raise last


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, context: ssl.SSLContext, pins: Pins) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            keepalive_expiry=KEPT,
            network_backend=_Pinned(pins),
        )


def tls(ca: str) -> ssl.SSLContext:
    """Certificates are checked, against the machine's authorities and those of the settings."""
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError):
            raise ConfigError("The setting ca holds no certificates in PEM form.") from None
    return context


def client(context: ssl.SSLContext, pins: Pins) -> httpx2.AsyncClient:
    """A client that follows no redirects, asks no proxy, and has no time limit of its own."""
    return httpx2.AsyncClient(
        transport=_Transport(context, pins),
        timeout=httpx2.Timeout(None, connect=CONNECT),
        follow_redirects=False,
        trust_env=False,
    )


def untrusted(error: BaseException | None) -> bool:
    """Whether a connection failed because TLS could not be agreed on, which waiting mends not."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        error = error.__cause__ or error.__context__
    return False
