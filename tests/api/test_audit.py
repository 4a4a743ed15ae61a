"""What people did is on record, page by page, and only for those whom it concerns."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import harness
from tests.api.asking import Api, asking, key, two_tenants
from tests.e2e.site import Site
from tracbridge.api.context import Caller, Role

WHERE = "/api/v1/audit"

ANA = Caller("ana", Role.OPERATOR)


@pytest.fixture
def site(replica_set: harness.Server, tmp_path: Path) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    yield two_tenants(site)
    site.close()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    async with asking(site) as api:
        yield api


async def ids(api: Api, key: str, query: str = "") -> list[str]:
    """The targets, page by page to the end, newest first."""
    found: list[str] = []
    after = ""
    while True:
        page: Any = (await api.get(f"{WHERE}?limit=2&after={after}{query}", key)).json()
        found += [one["target"] for one in page["items"]]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            return found
        after = page["next"]


async def test_an_action_is_on_record_with_who_what_why_and_outcome(api: Api) -> None:
    before = api.hosted.now()
    await api.hosted.audit(ANA, "acme", "case.retry", "case-1", "mended", "applied")
    answer = await api.get(WHERE, await key(api.hosted, "admin"))
    (one,) = answer.json()["items"]
    at = one.pop("at")
    assert before.isoformat()[:19] <= at[:19] <= api.hosted.now().isoformat()[:19]
    assert one.pop("id")
    assert one == {
        "by": "ana",
        "role": "operator",
        "tenant": "acme",
        "connection": "acme",
        "action": "case.retry",
        "target": "case-1",
        "why": "mended",
        "outcome": "applied",
    }


async def test_pages_go_from_the_newest_to_the_oldest_without_a_gap(api: Api) -> None:
    for number in range(5):
        await api.hosted.audit(ANA, "acme", "run.undo", str(number))
    assert await ids(api, await key(api.hosted, "admin")) == ["4", "3", "2", "1", "0"]


async def test_what_is_added_meanwhile_moves_no_page(api: Api) -> None:
    admin = await key(api.hosted, "admin")
    for number in range(4):
        await api.hosted.audit(ANA, "acme", "run.undo", str(number))
    first = (await api.get(f"{WHERE}?limit=2", admin)).json()
    await api.hosted.audit(ANA, "acme", "run.undo", "new")
    second = (await api.get(f"{WHERE}?limit=2&after={first['next']}", admin)).json()
    assert [one["target"] for one in second["items"]] == ["1", "0"]
    assert second["next"] is None


async def test_a_tenant_sees_what_was_done_to_its_connections_alone(api: Api) -> None:
    for connection in ("acme", "globex", ""):
        await api.hosted.audit(ANA, connection, "connection.pause", connection or "none")
    seen = {
        tenants: await ids(api, await key(api.hosted, "admin", *tenants))
        for tenants in [(), ("acme",), ("globex",), ("nobody",)]
    }
    assert seen == {
        (): ["none", "globex", "acme"],
        ("acme",): ["acme"],
        ("globex",): ["globex"],
        ("nobody",): [],
    }
    theirs = await ids(api, await key(api.hosted, "admin", "acme"), "&connection=globex")
    assert theirs == []


async def test_it_is_asked_by_connection_and_action(api: Api) -> None:
    for connection, action in [("acme", "a.b"), ("acme", "c.d"), ("globex", "a.b")]:
        await api.hosted.audit(ANA, connection, action, f"{connection} {action}")
    admin = await key(api.hosted, "admin")
    assert await ids(api, admin, "&action=a.b") == ["globex a.b", "acme a.b"]
    assert await ids(api, admin, "&action=a.b&connection=acme") == ["acme a.b"]


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "after=x", "after[$gt]=", "sort=at"])
async def test_what_is_not_accepted_is_refused(api: Api, query: str) -> None:
    answer = await api.get(f"{WHERE}?{query}", await key(api.hosted, "admin"))
    assert answer.status_code == 422


async def test_a_connection_that_is_gone_keeps_its_tenant_on_record(api: Api, site: Site) -> None:
    await api.hosted.audit(ANA, "acme", "run.undo", "1")
    (site.root / "connections/acme.yaml").unlink()
    async with asking(site) as later:
        assert await ids(later, await key(later.hosted, "admin", "acme")) == ["1"]
