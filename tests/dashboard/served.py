"""The real application with its dashboard over real HTTP, and people who look at it."""

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from playwright.async_api import Page, async_playwright

from tests.api.asking import hosting, key
from tests.e2e.site import Site
from tracbridge.api.access import Keys
from tracbridge.api.app import make
from tracbridge.api.server import listening
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.dashboard.pages import mount

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: apt-get install chromium"
)


@dataclass
class Served:
    """The service at its address."""

    hosted: Hosted
    address: str

    async def key(self, role: str = "operator", *tenants: str) -> str:
        """A new key of that role."""
        return await key(self.hosted, role, *tenants)


@asynccontextmanager
async def served(site: Site, environ: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    """All connections of the site; nobody works on them. ``environ``: an identity provider."""
    async with hosting(site) as hosted:
        app = make(hosted, Keys(environ or {}))
        dashboard = mount(app, environ or {})
        async with listening(app, "127.0.0.1", 0) as address, dashboard.watching():
            yield Served(hosted, address)


# -- without a browser -----------------------------------------------------------------------


@asynccontextmanager
async def visitor(at: Served, key: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody's cookies; logged in where there is a key."""
    async with httpx2.AsyncClient(base_url=at.address) as client:
        if key:
            said = await log_in(client, at, key)
            assert said.status_code == 303, said.text
        yield client


async def log_in(client: httpx2.AsyncClient, at: Served, key: str) -> httpx2.Response:
    """The form, filled in and sent."""
    form = await client.get("/login")
    fields = {"token": token_in(form.text), "after": "/", "key": key}
    return await client.post("/login", data=fields, headers={"Origin": at.address})


def token_in(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found, page
    return found[1]


# -- with a browser --------------------------------------------------------------------------


@dataclass
class Browser:
    """One page, and all that went wrong in it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    async def log_in(self, at: Served, key: str) -> None:
        """By typing the key in."""
        await self.page.goto(f"{at.address}/login")
        await self.page.get_by_label("API key or token").fill(key)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url(f"{at.address}/")

    async def done(self, words: str) -> None:
        """Waits until the page says so."""
        await self.page.locator("#outcome").get_by_text(words).wait_for()

    async def agree(self) -> None:
        """Yes, to what the page asks."""
        await self.page.get_by_role("dialog").get_by_role("button", name="Yes").click()


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A real one. Script errors, dialogs of scripts and broken policies fail the test."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await launched.new_page()
        page.set_default_timeout(10_000)
        one = Browser(page)
        page.on("pageerror", lambda error: one.wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: one.wrong.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda said: (
                one.wrong.append(f"console: {said.text}") if said.type == "error" else None
            ),
        )
        try:
            yield one
        finally:
            await launched.close()
        assert one.wrong == []
