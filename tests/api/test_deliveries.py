"""Webhooks to others: what happened is told at least once, signed, to none but who may be told."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import harness
from tests.api.hooked import OURS, Hooked, hooked
from tests.api.receiver import Receiver, receiving, until
from tests.e2e.site import Place, Site
from tests.harness import NOW, doc, order
from tracbridge.adapters.hooks.sending import Sender, target_of
from tracbridge.adapters.hooks.signing import claimed, fits
from tracbridge.adapters.mongo.news import MongoNews
from tracbridge.bootstrap import log_of
from tracbridge.bootstrap.hooks import deliveries_of, posting
from tracbridge.config.hooks import HookOut
from tracbridge.ports.deliveries import State
from tracbridge.runtime.outbox import Outbox, Target
from tracbridge.runtime.outbox import Place as Parts
from tracbridge.runtime.runner import Stop


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def site(
    replica_set: harness.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
) -> Iterator[Site]:
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    connect(site, f'{{url: "{receiver.address}/hooks/", networks: [127.0.0.0/8]}}')
    yield site
    site.close()


def connect(site: Site, *out: str) -> None:
    told = "".join(f'    - {{secret: "${{env:OUT_SECRET}}", {one[1:]}\n' for one in out)
    site.connect("acme", f"conflicts: {{policy: ask}}\nhooks:\n  out:\n{told}")


@pytest.fixture
def acme(site: Site) -> Place:
    return Place(site, "acme", {"companyId": "acme"})


@asynccontextmanager
async def telling(site: Site) -> AsyncIterator[Hooked]:
    """The service, as soon as it tells what happens."""
    async with hooked(site) as at, posting(at.api.hosted):
        await until(lambda: begun(site))
        yield at


def begun(site: Site) -> list[Any]:
    return [row for row in site.records("cursors") if row["_id"] == "acme:webhooks"]


async def listed(at: Hooked, **query: str) -> list[dict[str, Any]]:
    answer = await at.get("/connections/acme/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_others_are_told_that_an_order_moved_and_not_what_it_says(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    acme.plant(doc(9, isSynced=False))
    async with telling(site) as at:
        acme.drop(order(7))
        await at.run()
        await until(lambda: len(receiver.bodies) == 2)
        assert receiver.kinds() == ["order.delivered", "order.updated"]
        by_kind = {one["event"]: one for one in receiver.told}
        assert by_kind["order.updated"]["order"] == "7"
        assert by_kind["order.delivered"]["order"] == "9"
        for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
            claim = claimed(headers, body, datetime.now(UTC))
            assert not claim.why
            assert fits(claim, [OURS])
        keys = {"id", "event", "at", "connection", "order", "change"}
        assert [set(one) for one in receiver.told] == [keys, keys]
        assert receiver.paths == ["/hooks/", "/hooks/"]
        await until(lambda: all(r["state"] == "delivered" for r in site.records("deliveries")))
        log = await listed(at)
    assert [one["state"] for one in log] == ["delivered", "delivered"]
    assert {one["event"] for one in log} == {one["id"] for one in receiver.told}
    assert [one["last"]["status"] for one in log] == [200, 200]


async def test_others_are_told_what_waits_for_a_person(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    async with telling(site) as at:
        acme.drop(order(7))
        await at.run()
        await until(lambda: receiver.kinds() == ["order.updated"])
        now = datetime.now(UTC)
        change = {"$set": {"status": "on_hold", "updatedAt": now}}
        site.orders.update_one({"number": 7}, change)
        acme.drop(order(7, "completed", now))
        acme.drop(b"{", "broken.json")
        await at.run()
        await until(lambda: len(receiver.bodies) >= 3)
    by_kind = {one["event"]: one for one in receiver.told}
    assert by_kind["case.opened"]["case"] == site.cases()[0]["_id"]
    assert by_kind["conflict.opened"]["conflict"] == site.records("conflicts")[0]["_id"]
    assert by_kind["conflict.opened"]["order"] == "7"


async def test_others_are_told_that_a_connection_is_down_and_up_again(
    site: Site, receiver: Receiver
) -> None:
    async with telling(site) as at:
        hosted = at.api.hosted
        for _ in range(2):
            data = {"code": "connection_waits", "what": "his folder is away"}
            hosted.hub.tell(hosted.now(), "acme", "acme", "incident", data)
        await until(lambda: receiver.kinds() == ["connection.down"])
        await at.run()
        hosted.hub.tell(hosted.now(), "acme", "acme", "run", {})
        await until(lambda: receiver.kinds() == ["connection.down", "connection.up"])
    assert "his folder" not in str(receiver.told)
    assert receiver.told[0].keys() == {"id", "event", "at", "connection"}


async def test_what_nobody_took_is_tried_again_under_the_same_id(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    receiver.answers = [500]
    async with telling(site) as at:
        acme.drop(order(7))
        await at.run()
        await until(lambda: [r for r in site.records("deliveries") if r["attempts"]])
        (waiting,) = await listed(at, state="waiting")
        assert waiting["last"]["error"] == "answered 500"
        path = f"/connections/acme/deliveries/{waiting['id']}/retry"
        assert (await at.post(path, "viewer")).status_code == 403
        assert (await at.post(path, "other")).status_code == 404
        unknown = path.replace(waiting["id"], "unknown")
        assert (await at.post(unknown)).status_code == 404
        assert (await at.post(path, json={"why": "mended", "x": 1})).status_code == 422
        assert (await at.post(path, json={"why": "it is mended"})).status_code == 200
        await until(lambda: len(receiver.bodies) == 2)
        await until(lambda: site.records("deliveries")[0]["state"] == "delivered")
        (log,) = await listed(at)
    assert receiver.told[0]["id"] == receiver.told[1]["id"] == waiting["event"]
    assert log["attempts"] == 2
    (entry,) = site.records("audit")
    assert (entry["action"], entry["why"]) == ("delivery.retry", "it is mended")


async def test_what_happened_while_nobody_told_it_is_told_later(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    acme.drop(order(6))
    async with hooked(site) as at:
        await at.run()
    async with telling(site):
        pass
    async with hooked(site) as at:
        acme.drop(order(7))
        await at.run()
    assert receiver.bodies == []
    async with telling(site):
        await until(lambda: receiver.bodies)
    assert [one["order"] for one in receiver.told] == ["7"]


async def test_an_address_that_may_not_be_called_is_not(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    port = receiver.address.rpartition(":")[2]
    receiver.answers = [302]
    connect(
        site,
        f'{{url: "https://127.0.0.1:{port}/private", events: [order.updated]}}',
        '{url: "http://169.254.169.254/latest", networks: [169.254.0.0/16]}',
        f'{{url: "{receiver.address}/moved", networks: [127.0.0.0/8]}}',
    )
    async with telling(site) as at:
        acme.drop(order(7))
        await at.run()
        await until(lambda: [r["attempts"] for r in site.records("deliveries")] == [1, 1, 1])
        log = {one["url"].rpartition("/")[2]: one for one in await listed(at)}
    assert receiver.paths == ["/moved"]
    assert "private or special address" in log["private"]["last"]["error"]
    assert "link-local or a cloud metadata" in log["latest"]["last"]["error"]
    assert "redirects are not followed" in log["moved"]["last"]["error"]
    assert {one["state"] for one in log.values()} == {"waiting"}


async def test_a_receiver_hears_of_what_it_asked_for_alone(
    site: Site, acme: Place, receiver: Receiver
) -> None:
    connect(
        site,
        f'{{url: "{receiver.address}/a", networks: [127.0.0.0/8], events: [case.opened]}}',
        f'{{url: "{receiver.address}/b", networks: [127.0.0.0/8], events: [order.updated]}}',
    )
    async with telling(site) as at:
        acme.drop(order(7))
        acme.drop(b"{", "broken.json")
        await at.run()
        await until(lambda: len(receiver.bodies) == 2)
        pages = [await at.get("/connections/acme/deliveries", params={"limit": 1})]
        after = pages[0].json()["after"]
        more = {"limit": 1, "after": after}
        pages.append(await at.get("/connections/acme/deliveries", params=more))
        wrong = [{"limit": 501}, {"after": "unknown"}, {"state": "lost"}, {"sort": "at"}]
        for query in wrong:
            refused = await at.get("/connections/acme/deliveries", params=query)
            assert refused.status_code == 422, query
    told = dict(zip(receiver.paths, receiver.told, strict=True))
    assert {path: one["event"] for path, one in told.items()} == {
        "/a": "case.opened",
        "/b": "order.updated",
    }
    assert len({page.json()["items"][0]["id"] for page in pages}) == 2


# -- in a time of its own --------------------------------------------------------------------


@dataclass
class Set:
    """A clock that is set by hand."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass
class Alone:
    """One outbox, looked at and posted by hand. ``link`` and ``entry``: what is on record."""

    site: Site
    clock: Set
    outbox: Outbox

    async def turn(self, seconds: float = 0) -> None:
        self.clock.at += timedelta(seconds=seconds)
        await self.outbox.look()
        await self.outbox.post(Stop())

    def entry(self, number: int, side: str = "tracos", **more: Any) -> None:
        row = {"c": "acme", "ref": "7", "side": side, "number": number, "at": self.clock.at}
        self._of("history").insert_one({"_id": f"{side}-{number}", **row, **more})

    def link(self, **values: Any) -> None:
        link = {"c": "acme", "ref": "7", "changes": 0, "seq": 0, **values}
        self._of("links").replace_one({"_id": "l"}, {"_id": "l", **link}, upsert=True)

    def _of(self, name: str) -> Any:
        return self.site.server.client[self.site.state][f"tracbridge_{name}"]


@pytest.fixture
async def alone(site: Site, receiver: Receiver) -> AsyncIterator[Alone]:
    async with hooked(site) as at:
        service = await at.api.hosted.service("acme")
        assert service is not None
        clock, hooks = Set(NOW), service.settings.hooks.out
        now: Callable[[], datetime] = clock.now
        sender = Sender("acme", hooks, now)
        news = MongoNews(service.state.database, "acme", service.host)
        deliveries = await deliveries_of(service)
        parts = Parts("acme", news, deliveries, service.state.passes, sender, clock, log_of("acme"))
        targets = [Target(target_of(one), one.url, one.events) for one in hooks]
        alone = Alone(site, clock, Outbox(parts, targets))
        await alone.turn()
        yield alone
        await sender.aclose()


async def test_a_change_is_told_when_it_has_happened_and_not_when_it_was_begun(
    alone: Alone, receiver: Receiver
) -> None:
    alone.entry(1)
    alone.entry(1, "customer")
    alone.link(changes=0, seq=1, out={"seq": 1, "phase": "staged"})
    await alone.turn(1)
    assert receiver.bodies == []
    alone.link(changes=1, seq=1, out={"seq": 1, "phase": "published"})
    await alone.turn(1)
    assert receiver.kinds() == ["order.delivered", "order.updated"]


async def test_a_change_that_had_no_effect_is_never_told(alone: Alone, receiver: Receiver) -> None:
    alone.entry(1, superseded=True)
    alone.link(changes=1)
    await alone.turn(1)
    await alone.turn(90_000)
    await alone.turn(90_000)
    assert receiver.bodies == []
    assert alone.site.records("deliveries") == []


async def test_a_change_that_was_put_on_record_late_is_told_all_the_same(
    alone: Alone, receiver: Receiver
) -> None:
    alone.link(changes=2)
    alone.clock.at += timedelta(minutes=20)
    alone.entry(2)
    await alone.turn(1)
    alone.clock.at -= timedelta(minutes=10)
    alone.entry(1)
    alone.clock.at += timedelta(minutes=10)
    await alone.turn(600)
    assert [one["change"] for one in receiver.told] == ["tracos-2", "tracos-1"]


async def test_after_a_day_of_tries_it_is_given_up(alone: Alone, receiver: Receiver) -> None:
    receiver.answers = [503] * 100
    alone.entry(1)
    alone.link(changes=1)
    await alone.turn(1)
    due = [alone.site.records("deliveries")[0]["next"] - alone.clock.at]
    for _ in range(60):
        row = alone.site.records("deliveries")[0]
        if row["state"] != "waiting":
            break
        await alone.turn((row["next"] - alone.clock.at).total_seconds())
        due.append(alone.site.records("deliveries")[0]["next"] - alone.clock.at)
    assert row["state"] == State.GIVEN_UP.value
    assert timedelta(hours=23) <= row["last"]["at"] - row["at"] <= timedelta(hours=24)
    assert timedelta(seconds=4) <= due[0] <= timedelta(seconds=5)
    assert max(due) <= timedelta(hours=1)
    assert len({one["id"] for one in receiver.told}) == 1
    assert row["attempts"] == len(receiver.bodies) > 20


async def test_what_waits_for_an_address_that_is_gone_is_given_up(
    alone: Alone, receiver: Receiver
) -> None:
    receiver.answers = [503]
    alone.entry(1)
    alone.link(changes=1)
    await alone.turn(1)
    other = Target("other", "https://example.com", ["case.opened"])
    await Outbox(alone.outbox.place, [other]).look()
    (row,) = alone.site.records("deliveries")
    assert (row["state"], row["last"]["error"]) == (
        "given_up",
        "its address is not configured any more",
    )


def test_a_receiver_is_known_by_its_address() -> None:
    one, other = (
        HookOut(url=url, secret=OURS) for url in ("https://a.example", "https://b.example")
    )
    assert target_of(one) != target_of(other)
    assert target_of(one) == target_of(HookOut(url=one.url, secret=f"{OURS}, changed"))
