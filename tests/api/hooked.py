"""A site whose connections are pushed to and have webhooks, with the service around it."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.api.asking import Api, asking, bearer, key
from tests.e2e.site import Site
from tracbridge.adapters.hooks.signing import signed
from tracbridge.bootstrap import Clients, log_of
from tracbridge.cli.run import Services, launcher
from tracbridge.domain.workorder import Side
from tracbridge.ports.runtime import Observer
from tracbridge.runtime.fleet import Fleet, Turns
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.telling import Telling
from tracbridge.runtime.work import Options

SECRET = "-".join(["a", "secret", "of", "the", "sender"])
BEFORE = "the-secret-before-that"
OURS = "a-secret-of-our-own-ones"

HOOKS = {"HOOK_SECRET": SECRET, "HOOK_BEFORE": BEFORE, "OUT_SECRET": OURS}
"""What the environment says of them."""


@dataclass
class Hooked:
    """What a test acts with. ``rung``: whose bells rang, in their order."""

    api: Api
    keys: Mapping[str, str]
    rung: list[str]

    async def run(self, *names: str) -> None:
        """One pass of each of these connections, or of all."""
        hosted = self.api.hosted

        def told(name: str) -> Observer:
            return Telling(log_of(name), hosted.hub, hosted.tenant_of(name), name, hosted.now)

        async with Clients() as clients:
            launch = launcher(Services(clients), Options(), f"run{id(clients)}", told)
            fleet = Fleet(launch, told, Turns(hosted.configuration.tenants), "run")
            every = hosted.connections()
            await fleet.once({name: every[name] for name in names or every}, Stop())
            assert not [r.error for r in fleet.results.values() if r.error]

    async def get(self, path: str, role: str = "viewer", **more: Any) -> httpx2.Response:
        return await self.api.get(f"/api/v1{path}", self.keys[role], **more)

    async def post(self, path: str, role: str = "operator", **more: Any) -> httpx2.Response:
        headers = {**bearer(self.keys[role]), **more.pop("headers", {})}
        return await self.api.client.post(f"/api/v1{path}", headers=headers, **more)

    async def push(
        self, name: str, body: Any, key: str = "k1", role: str = "operator", **more: Any
    ) -> httpx2.Response:
        headers = {"Idempotency-Key": key, "Content-Type": "application/json", **more}
        what = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.post(f"/connections/{name}/orders", role, headers=headers, **what)

    async def hook(
        self, name: str, body: bytes, headers: Mapping[str, str] | None = None, event: str = ""
    ) -> httpx2.Response:
        """A webhook; signed as it should be where no headers are given."""
        if headers is None:
            headers = signed(SECRET, body, event, self.api.hosted.now())
        return await self.api.client.post(f"/api/v1/hooks/{name}", content=body, headers=headers)


@asynccontextmanager
async def hooked(site: Site) -> AsyncIterator[Hooked]:
    """The connections of the site's files, wired. The current folder is the site's."""
    site.extra = {**site.extra, **HOOKS}
    async with asking(site) as api:
        rung: list[str] = []

        def ring(name: str, sides: Collection[Side]) -> None:
            assert set(sides) == {Side.CUSTOMER}
            rung.append(name)

        api.hosted.ring = ring
        roles = {role: await key(api.hosted, role, "acme") for role in ("viewer", "operator")}
        yield Hooked(api, {**roles, "other": await key(api.hosted, "operator", "globex")}, rung)
