"""Sends events to addresses that were looked at first; no redirect is followed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import orjson

from tracbridge import __version__
from tracbridge.adapters.connectors.rest.addresses import origin_of
from tracbridge.adapters.connectors.rest.exchange import Outgoing, Wire
from tracbridge.adapters.connectors.rest.network import Resolve, resolve
from tracbridge.adapters.hooks.signing import signed
from tracbridge.config.hooks import HookOut
from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.ports.deliveries import Attempt, Delivery

PATIENCE: Final = 10.0
"""Seconds for one event, answer included."""

ANSWER: Final = 64 * 1024
"""Bytes of an answer; nobody reads it."""

_GOOD: Final = range(200, 300)

_HEADERS: Final = {
    "content-type": "application/json",
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": f"tracbridge/{__version__}",
}


def target_of(hook: HookOut) -> str:
    """The name of a receiver in our memory: it follows the address, not the place in a list."""
    return sha256(hook.url.encode()).hexdigest()[:8]


def body_of(connection: str, one: Delivery) -> bytes:
    """What is said of an event: never more than numbers, kinds, times and ids."""
    about = {"order.": "change", "case.o": "case", "confli": "conflict"}.get(one.kind[:6], "")
    told: dict[str, object] = {
        "id": one.event,
        "event": one.kind,
        "at": one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "connection": connection,
        **({"order": one.ref} if one.ref else {}),
        **({about: one.subject} if about else {}),
    }
    return orjson.dumps(told)


class Sender:
    """Sends the events of one connection. ``hooks``: whom it may tell."""

    def __init__(
        self,
        connection: str,
        hooks: Sequence[HookOut],
        now: Callable[[], datetime],
        resolver: Resolve = resolve,
    ) -> None:
        self._connection, self._now, self._resolver = connection, now, resolver
        self._hooks: Mapping[str, HookOut] = {target_of(one): one for one in hooks}
        self._wires: dict[str, Wire] = {}

    async def send(self, delivery: Delivery) -> Attempt:
        """One attempt; whatever goes wrong is in the answer."""
        hook = self._hooks[delivery.target]
        body = body_of(self._connection, delivery)
        try:
            request = _request(hook, body, signed(hook.secret, body, delivery.event, self._now()))
            async with asyncio.timeout(PATIENCE):
                reply = await self._wire(delivery.target, hook).exchange(request)
        except TimeoutError:
            return Attempt(self._now(), None, f"no whole answer within {PATIENCE:g} s")
        except (ConfigError, RetryableError) as error:
            return Attempt(self._now(), None, str(error))
        error_ = "" if reply.status in _GOOD else f"answered {reply.status}"
        return Attempt(self._now(), reply.status, error_)

    async def aclose(self) -> None:
        """Close all connections."""
        for wire in self._wires.values():
            await wire.aclose()

    def _wire(self, target: str, hook: HookOut) -> Wire:
        if target not in self._wires:
            self._wires[target] = Wire(hook.networks, hook.ca, ANSWER, self._resolver)
        return self._wires[target]


def _request(hook: HookOut, body: bytes, headers: Mapping[str, str]) -> Outgoing:
    origin = origin_of(hook.url)
    path = urlsplit(hook.url).path or "/"
    what = f"POST {path}"
    return Outgoing(
        origin, "POST", f"{origin}{path}", what, {**_HEADERS, **headers}, body, writes=True
    )
