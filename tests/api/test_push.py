"""Orders that are pushed over the API: each once, by the one way in, and told what became of it."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests import harness
from tests.api.hooked import Hooked, hooked
from tests.e2e.site import Place, Site
from tests.harness import order
from tracbridge.bootstrap.hooks import inbox_of, reception_of
from tracbridge.ports.inbox import Arrival


@pytest.fixture
def site(
    replica_set: harness.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("acme", "globex"):
        site.connect(name)
    yield site
    site.close()


@pytest.fixture
async def at(site: Site) -> AsyncIterator[Hooked]:
    async with hooked(site) as at:
        yield at


@pytest.fixture
def acme(site: Site) -> Place:
    return Place(site, "acme", {"companyId": "acme"})


async def fate(at: Hooked, pushed: Any) -> tuple[str, list[str]]:
    told = await at.get(pushed.json()["status"].removeprefix("/api/v1"))
    assert told.status_code == 200, told.text
    return told.json()["state"], told.json()["cases"]


def files(acme: Place) -> list[str]:
    return sorted(path.name for path in acme.inbound.glob("*"))


async def test_a_pushed_order_is_taken_in_like_any_other(at: Hooked, acme: Place) -> None:
    pushed = await at.push("acme", order(7))
    assert pushed.status_code == 202, pushed.text
    assert pushed.headers["location"] == pushed.json()["status"]
    assert at.rung == ["acme"]
    assert await fate(at, pushed) == ("waiting", [])
    await at.run("acme")
    assert await fate(at, pushed) == ("taken", [])
    document = acme.doc(7)
    assert document is not None
    assert document["title"] == "Inspect conveyor 7"


async def test_the_same_push_again_is_answered_the_same_and_does_nothing(
    at: Hooked, acme: Place, site: Site
) -> None:
    body = json.dumps([order(7), order(8)]).encode()
    first = await at.push("acme", body)
    again = await at.push("acme", body)
    await at.run("acme")
    late = await at.push("acme", body)
    assert [one.status_code for one in (first, again, late)] == [202, 202, 202]
    assert first.json() == again.json() == late.json()
    assert files(acme) == [".claimed"]
    assert len(site.records("audit")) == 1
    assert site.records("inbox")[0].keys().isdisjoint({"raw", "held"})


async def test_a_key_names_one_push_of_one_connection(at: Hooked, site: Site) -> None:
    assert (await at.push("acme", order(7))).status_code == 202
    other = await at.push("acme", order(8))
    assert (other.status_code, other.json()["title"]) == (422, "Another push")
    theirs = await at.push("globex", order(8), role="other")
    assert theirs.status_code == 202


async def stored(at: Hooked, body: bytes, ago: timedelta) -> Arrival:
    """As a process leaves it that dies between its first step and its second."""
    service = await at.api.hosted.service("acme")
    assert service is not None
    id_ = f"push-{sha256(b'k1').hexdigest()[:24]}"
    when = at.api.hosted.now() - ago
    arrival = Arrival(id_, "acme", when, sha256(body).hexdigest(), body, records=True)
    assert await (await inbox_of(service)).put(arrival) is None
    return arrival


async def test_a_push_that_is_being_stored_has_to_wait(at: Hooked, acme: Place) -> None:
    body = json.dumps(order(7)).encode()
    await stored(at, body, timedelta(seconds=1))
    busy = await at.push("acme", body)
    assert (busy.status_code, busy.headers["retry-after"]) == (409, "30")
    assert files(acme) == []


async def test_a_push_that_a_dead_process_left_is_ended_by_the_next_try(
    at: Hooked, acme: Place
) -> None:
    body = json.dumps(order(7)).encode()
    arrival = await stored(at, body, timedelta(minutes=1))
    pushed = await at.push("acme", body)
    assert pushed.status_code == 202
    assert pushed.json()["id"] == arrival.id
    assert (acme.inbound / arrival.name).read_bytes() == body


async def test_a_push_that_a_dead_process_left_is_ended_also_where_nobody_tries_again(
    at: Hooked, acme: Place
) -> None:
    body = json.dumps(order(7)).encode()
    arrival = await stored(at, body, timedelta(minutes=1))
    service = await at.api.hosted.service("acme")
    assert service is not None
    reception = await reception_of(service, at.api.hosted)
    assert [await reception.finish(), await reception.finish()] == [1, 0]
    assert (acme.inbound / arrival.name).read_bytes() == body
    assert at.rung == ["acme"]


async def test_a_push_is_kept_while_the_folder_fails(at: Hooked, acme: Place) -> None:
    away = acme.inbound.rename(acme.inbound.parent / "away")
    pushed = await at.push("acme", order(7))
    assert pushed.status_code == 202
    assert await fate(at, pushed) == ("waiting", [])
    away.rename(acme.inbound)
    service = await at.api.hosted.service("acme")
    assert service is not None
    later = at.api.hosted.now() + timedelta(minutes=1)
    assert await (await inbox_of(service)).left(later) == {"acme"}
    reception = await reception_of(service, at.api.hosted)
    assert await replace(reception, now=lambda: later).finish() == 1
    await at.run("acme")
    assert await fate(at, pushed) == ("taken", [])
    assert acme.doc(7)


async def test_what_is_wrong_with_a_pushed_order_is_told(at: Hooked, acme: Place) -> None:
    pushed = await at.push("acme", [order(7), order(8, lastUpdateDate="yesterday")])
    await at.run("acme")
    state, cases = await fate(at, pushed)
    assert (state, len(cases)) == ("quarantined", 1)
    assert acme.doc(7)
    assert acme.site.cases()[0]["_id"] == cases[0]


async def test_a_push_needs_a_key_of_its_own(at: Hooked, acme: Place) -> None:
    for key in ("", "two words", "x" * 256, "\u00fc"):
        said = {"Idempotency-Key": key.encode()} if key else {}
        headers: dict[Any, Any] = {"Content-Type": "application/json", **said}
        refused = await at.post("/connections/acme/orders", headers=headers, json=order(7))
        assert refused.status_code in (400, 422), (key, refused.text)
        assert "dempotency" in refused.text
    assert files(acme) == []


JSON = "application/json"

NO_ORDERS = [
    (b"{}", "text/plain", 415, "application/json"),
    (b"{}", f"{JSON}; charset=latin-1", 415, "UTF-8"),
    (b'{"a": 1,}', JSON, 400, "at character 7"),
    (b'"\xff"', JSON, 400, "No JSON"),
    (b"[" * 10_000, JSON, 400, "No JSON"),
    (b"", JSON, 400, "No JSON"),
    (b'{"a": NaN}', JSON, 400, "No JSON"),
    (b"[]", JSON, 422, "list of orders"),
    (b"7", JSON, 422, "list of orders"),
    (b"[7]", JSON, 422, "list of orders"),
    (b"[" + b" " * 1_000_000 + b"]", JSON, 413, "bytes"),
]


async def test_a_body_that_can_hold_no_orders_is_refused(at: Hooked, acme: Place) -> None:
    for body, kind, status, said in NO_ORDERS:
        refused = await at.push("acme", body, **{"Content-Type": kind})
        assert refused.status_code == status, (body[:20], refused.text)
        assert said in refused.text
        assert refused.headers["content-type"] == "application/problem+json"
    assert files(acme) == []
    assert at.rung == []


async def test_who_only_looks_pushes_nothing_and_who_is_of_another_tenant_sees_nothing(
    at: Hooked, acme: Place
) -> None:
    assert (await at.push("acme", order(7), role="viewer")).status_code == 403
    other = await at.push("acme", order(7), role="other")
    nobody = await at.push("no-such-connection", order(7), role="other")
    assert other.status_code == nobody.status_code == 404
    assert other.content == nobody.content
    pushed = await at.push("acme", order(7))
    path = pushed.json()["status"].removeprefix("/api/v1")
    assert (await at.get(path, "other")).status_code == 404
    assert (await at.get("/connections/acme/pushes/push-unknown")).status_code == 404


async def test_a_push_is_in_the_audit(at: Hooked, site: Site) -> None:
    pushed = await at.push("acme", order(7))
    (entry,) = site.records("audit")
    assert (entry["action"], entry["target"]) == ("orders.push", pushed.json()["id"])


async def test_nothing_is_pushed_into_a_folder_that_we_may_not_write(site: Site) -> None:
    file = site.root / "connections/acme.yaml"
    file.write_text(file.read_text().replace("settle_seconds: 0", "mode: keep"))
    async with hooked(site) as at:
        refused = await at.push("acme", order(7))
    assert refused.status_code == 409
    assert "customer.mode: keep" in refused.text


async def test_to_a_system_that_is_called_a_push_is_a_hint(site: Site) -> None:
    site.write(
        "connections/acme.yaml",
        """
        tenant: acme
        customer: {connector: rest, preset: odoo, url: "https://erp.invalid",
          auth: {kind: bearer, token: "${env:HOOK_SECRET}"}}
        mapping: odoo
        tracos: {filter: {companyId: acme}}
        """,
    )
    async with hooked(site) as at:
        pushed = await at.push("acme", {"id": 7})
        assert pushed.status_code == 202, pushed.text
        assert at.rung == ["acme"]
        path = pushed.json()["status"].removeprefix("/api/v1")
        told = (await at.get(path)).json()
        assert (told["kind"], told["state"]) == ("hint", "waiting")
        service = await at.api.hosted.service("acme")
        assert service is not None
        claim = await service.state.passes.begin()
        assert (await at.get(path)).json()["state"] == "waiting"
        await service.state.passes.complete(claim.pass_)
        assert (await at.get(path)).json()["state"] == "taken"
    assert site.records("inbox")[0].keys().isdisjoint({"raw"})
