"""The service around a site as `tracbridge serve` wires it, in this process, for one test."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import Request
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.site import Site
from tracbridge.api.app import make
from tracbridge.api.context import Caller, Role
from tracbridge.api.metrics import attach
from tracbridge.api.problem import ProblemError
from tracbridge.bootstrap import Clients, log_of
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.bootstrap.watching import Watch
from tracbridge.cli.run import Services, launcher
from tracbridge.config.files import configured
from tracbridge.config.watching import watching
from tracbridge.ports.runtime import Observer
from tracbridge.runtime.alerts import Hook
from tracbridge.runtime.fleet import Fleet, Turns
from tracbridge.runtime.hub import Hub
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.work import Options

ALL = {"authorization": "Bearer all"}


class Known:
    """Callers by a word: ``all``, or the name of the one tenant that they see."""

    async def caller(self, request: Request) -> Caller:
        word = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not word:
            raise ProblemError(401, "Who are you?")
        return Caller(word, Role.VIEWER, None if word == "all" else frozenset({word}))


@dataclass
class Watched:
    """What a test acts with."""

    site: Site
    hosted: Hosted
    watch: Watch
    fleet: Fleet
    http: httpx2.AsyncClient

    async def run(self) -> None:
        """One pass of each connection."""
        await self.fleet.once(self.hosted.connections(), Stop())

    async def page(self, headers: Mapping[str, str] = ALL) -> str:
        answer = await self.http.get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def samples(self, name: str, headers: Mapping[str, str] = ALL) -> dict[Any, float]:
        """The values of one metric, by its labels in the order of their names, tenant left out."""
        found = {}
        for family in text_string_to_metric_families(await self.page(headers)):
            for one in family.samples:
                if one.name == f"tracbridge_{name}":
                    labels = sorted((k, v) for k, v in one.labels.items() if k != "tenant")
                    found[tuple(value for _, value in labels)] = one.value
        return found


@asynccontextmanager
async def watched(
    site: Site, hooks: Sequence[Hook] = (), environ: Mapping[str, str] | None = None
) -> AsyncIterator[Watched]:
    """The connections of the site's files, wired. The current folder is the site's."""
    whole, hub = configured(site.env, site.root), Hub("test")
    async with Clients() as clients:
        hosted = Hosted(clients, whole, hub, lambda *_: None)
        watch = Watch(hosted, watching(environ or {}), log_of(""), hooks)

        def told(connection: str) -> Observer:
            return watch.observer(log_of(connection), connection)

        launch = launcher(Services(clients), Options(), "test", told)
        fleet = Fleet(watch.launch(launch), told, Turns(whole.tenants), "test")
        app = make(hosted, Known())
        attach(app, watch)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Watched(site, hosted, watch, fleet, http)
