"""The real application over a site of two tenants, and callers with keys of every kind."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI

from tests.e2e.site import Site
from tracbridge.api import keys
from tracbridge.api.access import Keys
from tracbridge.api.app import make
from tracbridge.api.context import Role
from tracbridge.bootstrap import Clients
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.config.files import configured
from tracbridge.runtime.hub import Hub

OURS, THEIRS = "acme", "globex"
"""Two tenants, each with one connection that is called as they are."""


@asynccontextmanager
async def hosting(site: Site) -> AsyncIterator[Hosted]:
    """All connections of the site, as a service has them."""
    async with Clients() as clients:
        whole = configured(site.env, site.root)
        yield Hosted(clients, whole, Hub("t"), lambda *_: None)


def two_tenants(site: Site) -> Site:
    """With one connection each."""
    for name in (OURS, THEIRS):
        site.connect(name)
    return site


async def key(hosted: Hosted, role: str = "viewer", *tenants: str, days: int | None = None) -> str:
    """A new key, remembered."""
    made, text = keys.made(f"a {role}", Role(role), tenants or None, "test", hosted.now(), days)
    await (await hosted.keys()).put(made, keys.digest(await hosted.pepper(), text))
    return text


async def revoked(hosted: Hosted, role: str = "admin") -> str:
    """A key that counted."""
    text = await key(hosted, role)
    assert await (await hosted.keys()).revoke(keys.id_of(text) or "", hosted.now())
    return text


async def expired(hosted: Hosted, role: str = "admin") -> str:
    """A key whose days are over."""
    return await key(hosted, role, days=0)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@dataclass
class Api:
    """The application, in this process."""

    hosted: Hosted
    app: FastAPI
    client: httpx2.AsyncClient

    async def get(self, path: str, key: str = "", **more: Any) -> httpx2.Response:
        return await self.client.get(path, headers=bearer(key) if key else {}, **more)


@asynccontextmanager
async def asking(
    site: Site, environ: Mapping[str, str] | None = None, **how: Any
) -> AsyncIterator[Api]:
    """The application over that site; ``how``: as `make` takes it."""
    async with hosting(site) as hosted:
        app = make(hosted, how.pop("access", None) or Keys(environ or {}), **how)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            yield Api(hosted, app, client)
