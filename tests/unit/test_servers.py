"""The clients of one process: one for each server, and another one where it lost its server."""

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tests.harness import Server
from tracbridge.adapters.mongo.servers import SETTLES, Servers, lost


async def test_a_client_that_will_never_find_its_server_again_is_replaced(mongod: Server) -> None:
    """A standalone server is no member of the set that the address names."""
    uri, servers = f"{mongod.uri}?replicaSet=rs0", Servers()
    try:
        first = await servers.of(uri)
        assert not lost(first.client)
        with pytest.raises(ServerSelectionTimeoutError):
            await first.client.admin.command("ping")
        assert lost(first.client)
        assert await servers.of(uri) is first, "at once it is not made anew each time"
        servers._each[uri] = first._replace(made=first.made - SETTLES)
        second = await servers.of(uri)
        assert second.client is not first.client
        assert second.streams is not first.streams
    finally:
        await servers.aclose()


async def test_connections_to_one_server_share_what_they_can(mongod: Server) -> None:
    servers = Servers()
    try:
        one = await servers.of(mongod.uri)
        await one.client.admin.command("ping")
        servers._each[mongod.uri] = one._replace(made=one.made - SETTLES)
        assert (await servers.of(mongod.uri)).client is one.client
        assert (await servers.of(f"{mongod.uri}?appname=other")).client is not one.client
    finally:
        await servers.aclose()
