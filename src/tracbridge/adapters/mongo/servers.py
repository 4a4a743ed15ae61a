"""The servers that one process speaks to: all connections to one of them share one client."""

import time
from typing import NamedTuple

from tracbridge.adapters.mongo.client import Client, connect
from tracbridge.adapters.mongo.schema import Ready
from tracbridge.adapters.mongo.stream import Streams

SETTLES = 5.0
"""Seconds: a client is not replaced sooner, and by then nobody waits for the one before it."""


class Shared(NamedTuple):
    """What connections to one server have in common."""

    client: Client
    ready: Ready
    streams: Streams
    made: float


class Servers:
    """By their addresses."""

    def __init__(self) -> None:
        self._each: dict[str, Shared] = {}
        self._replaced: dict[str, Client] = {}

    async def of(self, uri: str) -> Shared:
        """What is shared there; asks the server nothing. A client that is `lost` is replaced."""
        known = self._each.get(uri)
        if known and (not lost(known.client) or time.monotonic() - known.made < SETTLES):
            return known
        made = Shared(connect(uri), Ready(), Streams(), time.monotonic())
        self._each[uri] = made
        before = self._replaced.pop(uri, None)
        if known:
            self._replaced[uri] = known.client
        if before:
            await before.close()
        return made

    async def aclose(self) -> None:
        """All of them."""
        for client in (*self._replaced.values(), *(one.client for one in self._each.values())):
            await client.close()


def lost(client: Client) -> bool:
    """Whether it will never find its server again.

    A driver strikes out a server that is no member of the replica set that it knows. Where that was
    the last one (a set of one, started without its set for a while), nobody is asked any more.
    """
    return not client.topology_description.server_descriptions()
