"""What happens is told as it happens: over server-sent events and over a WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests import harness
from tests.api.asking import Api, asking, bearer, key, two_tenants
from tests.e2e.site import Site
from tracbridge.api import keys
from tracbridge.api.live import AWAY, REFUSED, SLOW, Rhythm
from tracbridge.api.server import listening

HOST = "127.0.0.1"


@pytest.fixture
def site(replica_set: harness.Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield two_tenants(site)
    site.close()


@dataclass
class Served:
    """The application over real connections."""

    api: Api
    address: str

    @property
    def url(self) -> str:
        return f"{self.address}/api/v1/live"

    def tell(self, tenant: str = "acme", kind: str = "run", **data: Any) -> None:
        hosted = self.api.hosted
        hosted.hub.tell(hosted.now(), tenant, tenant, kind, data)

    @asynccontextmanager
    async def stream(
        self, key: str, query: str = "", **headers: str
    ) -> AsyncIterator[AsyncIterator[list[str]]]:
        """The lines of each server-sent event."""
        said = {**bearer(key), **headers}
        async with (
            httpx2.AsyncClient(timeout=20, trust_env=False) as client,
            client.stream("GET", f"{self.url}{query}", headers=said) as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            yield events(answer.aiter_lines())

    def socket(self, key: str, query: str = "", **more: Any) -> connect:
        url = self.url.replace("http", "ws", 1) + query
        return connect(url, additional_headers=bearer(key), proxy=None, **more)


async def events(lines: AsyncIterator[str]) -> AsyncIterator[list[str]]:
    said: list[str] = []
    async for line in lines:
        if line:
            said.append(line)
        else:
            yield said
            said = []


@asynccontextmanager
async def serving(site: Site, rhythm: Rhythm | None = None) -> AsyncIterator[Served]:
    async with asking(site) as api:
        api.app.state.rhythm = rhythm or Rhythm()
        async with listening(api.app, HOST, 0) as address:
            yield Served(api, address)


def data_of(event: list[str]) -> Any:
    (line,) = [line for line in event if line.startswith("data: ")]
    return json.loads(line.removeprefix("data: "))


async def closed(socket: ClientConnection) -> int | None:
    """Takes what comes, to the end; why it was closed."""
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass
    return socket.close_code


async def heard(socket: ClientConnection) -> Any:
    return json.loads(await socket.recv())


async def test_events_come_as_they_happen(site: Site) -> None:
    async with serving(site) as served, served.stream(await key(served.api.hosted)) as told:
        served.tell(run="r1\nevent: forged")
        event = await anext(told)
        assert event[:2] == ["id: t-1", "event: run"]
        assert data_of(event)["data"] == {"run": "r1\nevent: forged"}
        assert data_of(event)["connection"] == "acme"
        served.tell(kind="incident")
        assert "event: incident" in await anext(told)


async def test_who_comes_back_hears_what_he_missed(site: Site) -> None:
    async with serving(site) as served:
        viewer = await key(served.api.hosted)
        for number in range(3):
            served.tell(n=number)
        async with served.stream(viewer, **{"Last-Event-ID": "t-1"}) as told:
            assert [(await anext(told))[0] for _ in range(2)] == ["id: t-2", "id: t-3"]
        async with served.stream(viewer, "?after=t-2") as told:
            assert (await anext(told))[0] == "id: t-3"
        async with served.stream(viewer, "?after=before-the-restart-9") as told:
            assert "event: gap" in await anext(told)
        async with served.socket(viewer, "?after=t-2") as socket:
            assert (await heard(socket))["id"] == "t-3"


async def test_a_tenant_hears_nothing_of_another(site: Site) -> None:
    async with serving(site) as served:
        ours = await key(served.api.hosted, "viewer", "acme")
        async with served.stream(ours) as told, served.socket(ours) as socket:
            served.tell("globex")
            served.tell("acme")
            assert data_of(await anext(told))["tenant"] == "acme"
            assert (await heard(socket))["tenant"] == "acme"


async def test_one_connection_alone_can_be_listened_to(site: Site) -> None:
    async with serving(site) as served:
        everything = await key(served.api.hosted)
        async with served.stream(everything, "?connection=globex") as told:
            served.tell("acme")
            served.tell("globex")
            assert data_of(await anext(told))["connection"] == "globex"
        ours = await key(served.api.hosted, "viewer", "acme")
        for name in ("globex", "nothing"):
            answer = await served.api.get(f"/api/v1/live?connection={name}", ours)
            assert answer.status_code == 404


async def test_silence_is_broken_by_a_sign_of_life(site: Site) -> None:
    async with serving(site, Rhythm(beat=0.05)) as served:
        viewer = await key(served.api.hosted)
        async with served.stream(viewer) as told, served.socket(viewer) as socket:
            assert await anext(told) == [": still here"]
            assert await heard(socket) == {"kind": "beat"}


async def test_listeners_are_let_go_when_the_service_ends(site: Site) -> None:
    async with asking(site) as api:
        viewer = await key(api.hosted)
        server = listening(api.app, HOST, 0)
        served = Served(api, await server.__aenter__())
        async with served.stream(viewer) as told, served.socket(viewer) as socket:
            ending = asyncio.create_task(server.__aexit__(None, None, None))
            assert [one async for one in told] == []
            assert await closed(socket) == AWAY
        await ending
        assert not api.hosted.hub._listeners


async def test_a_key_that_is_revoked_hears_nothing_more(site: Site) -> None:
    async with serving(site, Rhythm(look=0.05)) as served:
        hosted = served.api.hosted
        viewer = await key(hosted)
        async with served.stream(viewer) as told, served.socket(viewer) as socket:
            await (await hosted.keys()).revoke(keys.id_of(viewer) or "", hosted.now())
            assert [one async for one in told] == []
            assert await closed(socket) == REFUSED


async def test_who_does_not_take_what_is_sent_is_dropped_and_others_go_on(site: Site) -> None:
    async with serving(site, Rhythm(patience=0.2)) as served:
        hosted = served.api.hosted
        viewer, hub = await key(hosted), hosted.hub
        host, port = served.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
        shown = f"Authorization: Bearer {viewer}"
        writer.write(f"GET /api/v1/live HTTP/1.1\r\nHost: here\r\n{shown}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert len(hub._listeners) == 1
        while hub._listeners:  # he reads nothing; sooner or later nothing more fits between us
            served.tell(filler="x" * 100_000)
            await asyncio.sleep(0.001)
        async with served.stream(viewer) as told:
            served.tell(kind="run")
            assert "event: run" in await anext(told)
        writer.transport.abort()


async def test_who_is_dropped_by_the_hub_is_told_to_come_back(site: Site) -> None:
    async with serving(site) as served:
        viewer = await key(served.api.hosted)
        async with served.stream(viewer) as told, served.socket(viewer) as socket:
            for number in range(600):  # at once, so that nobody can keep pace
                served.tell(n=number)
            last = (await _last(told))[0]
            assert last != "id: t-600"
            assert await closed(socket) == SLOW
        async with served.stream(viewer, f"?after={last.removeprefix('id: ')}") as told:
            number = int(last.rpartition("-")[2])
            assert (await anext(told))[0] == f"id: t-{number + 1}"


async def left(served: Served) -> None:
    """Until nobody listens any more."""
    while True:
        if not served.api.hosted.hub._listeners:
            return
        await asyncio.sleep(0.01)


async def _last(told: AsyncIterator[list[str]]) -> list[str]:
    last: list[str] = []
    async for event in told:
        last = event
    return last


async def test_who_leaves_is_forgotten(site: Site) -> None:
    async with serving(site) as served:
        viewer = await key(served.api.hosted)
        async with served.stream(viewer), served.socket(viewer):
            assert len(served.api.hosted.hub._listeners) == 2
        async with asyncio.timeout(20):
            await left(served)


@pytest.mark.parametrize("text", ["", "tb_unknown"])
async def test_nobody_is_let_in_without_a_key(site: Site, text: str) -> None:
    async with serving(site) as served:
        with pytest.raises(InvalidStatus) as denied:
            async with served.socket(text):
                pass
        assert denied.value.response.status_code == 401
        assert (await served.api.get("/api/v1/live", text)).status_code == 401


async def test_a_page_of_another_site_may_not_listen(site: Site) -> None:
    async with serving(site) as served:
        viewer = await key(served.api.hosted)
        with pytest.raises(InvalidStatus) as denied:
            async with served.socket(viewer, origin="https://evil.example"):
                pass
        assert denied.value.response.status_code == 403
        async with served.socket(viewer, origin=served.address):
            pass
