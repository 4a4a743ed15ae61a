"""A site of two tenants and three connections behind the real application, with its workers."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Request

from tests.e2e.site import Place, Site
from tests.harness import Server
from tracbridge.api.app import make
from tracbridge.api.context import Caller, Role
from tracbridge.api.problem import ProblemError
from tracbridge.bootstrap import Clients, log_of
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.cli.run import Services, launcher
from tracbridge.cli.serve import Bells
from tracbridge.config.files import configured
from tracbridge.domain.workorder import Side
from tracbridge.runtime.fleet import Fleet, Turns
from tracbridge.runtime.hub import Hub
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.work import Options

WHO = {
    "viewer": Caller("vera", Role.VIEWER, frozenset({"acme"})),
    "operator": Caller("ollie", Role.OPERATOR, frozenset({"acme"})),
    "admin": Caller("ada", Role.ADMIN, None),
}
"""Callers of these tests: the first two see the tenant acme only."""


class Header:
    """Knows callers by a header of the tests."""

    async def caller(self, request: Request) -> Caller:
        found = WHO.get(request.headers.get("x-test-caller", ""))
        if found is None:
            raise ProblemError(401, "Who are you?")
        return found


@dataclass
class Desk:
    """What a test acts with. ``rung``: whose bells rang."""

    site: Site
    places: Mapping[str, Place]
    hosted: Hosted
    http: httpx2.AsyncClient
    bells: Bells
    rung: list[str] = field(default_factory=list)
    runs: int = 0

    @property
    def pump(self) -> Place:
        """The first connection of acme."""
        return self.places["pump"]

    async def once(self) -> None:
        """One pass of each connection."""
        self.runs += 1
        async with Clients() as clients:
            name = f"{self.site.state}-{self.runs}"
            fleet = Fleet(launcher(Services(clients), Options(), name), log_of, Turns({}), name)
            await fleet.once(self.hosted.connections(), Stop())
            assert not [r.error for r in fleet.results.values() if r.error]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Workers in this process hold the leases meanwhile, and sleep until a bell rings."""
        async with Clients() as clients:
            options, name = Options(every=20.0), f"{self.site.state}-works"
            launch = launcher(Services(clients), options, name, bell=self.bells.of)
            fleet = Fleet(launch, log_of, Turns({}), name)
            fleet.adjust(self.hosted.connections())
            try:
                yield
            finally:
                await fleet.end()

    async def get(self, path: str, who: str = "viewer", status: int = 200) -> Any:
        answer = await self.http.get(f"/api/v1{path}", headers={"x-test-caller": who})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Any = None, who: str = "operator", status: int = 200
    ) -> Any:
        headers = {"x-test-caller": who}
        answer = await self.http.post(f"/api/v1{path}", json=body or {}, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to what, oldest first."""
        page = await self.get("/audit", "admin")
        return [(one["by"], one["action"], one["target"]) for one in reversed(page["items"])]


@pytest.fixture
async def desk(
    replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    """acme with the connections pump and fan, globex with one of its own name."""
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(site.root)
    site.write("rules/hold.yaml", HOLD)
    places = {name: connected(site, name, tenant) for name, tenant in TENANTS.items()}
    bells, rung = Bells(), list[str]()

    def ring(connection: str, sides: Collection[Side]) -> None:
        rung.append(connection)
        bells.ring(connection, sides)

    async with Clients() as clients:
        hosted = Hosted(clients, configured(site.env, site.root), Hub("test"), ring)
        transport = httpx2.ASGITransport(app=make(hosted, Header()))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Desk(site, places, hosted, http, bells, rung)
    site.close()


TENANTS = {"pump": "acme", "fan": "acme", "globex": "globex"}


def connected(site: Site, name: str, tenant: str) -> Place:
    """A connection of that tenant; of `pump` a rule holds what is cancelled, and clashes wait."""
    place = site.connect(name)
    path = site.root / "connections" / f"{name}.yaml"
    text = path.read_text().replace(f"tenant: {name}\n", f"tenant: {tenant}\n")
    path.write_text(text + (PUMP if name == "pump" else ""))
    return place


PUMP = """\
conflicts: {policy: ask}
rules: rules/hold.yaml
"""

HOLD = """\
rules:
  - name: completed stays completed
    on: inbound transition
    when: old.status == "completed" && new.status == "pending"
    then: {hold: "A planner re-opens."}
    tests:
      - {old: {status: completed}, new: {status: pending}, expect: hold}
"""
