"""What a serving process tells unasked: alerts and daily reports, from orders to receivers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from loguru import logger

from tests.api.watched import ALL, watched
from tests.e2e.site import Site
from tests.harness import Server, doc, order
from tests.unit.receivers import Web, web
from tracbridge.bootstrap.watching import hooks_of
from tracbridge.config.watching import AlertSettings

NEVER = {"TRACBRIDGE_REPORT_AT": "off"}


@pytest.fixture
def site(replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    logger.remove()
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    yield site
    site.close()


def alerts(server: Web) -> AlertSettings:
    return AlertSettings(server.url, "0123456789abcdef", networks=(ip_network("127.0.0.0/8"),))


def said(server: Web) -> list[tuple[str, str, str | None]]:
    bodies = [json.loads(one.body) for one in server.got]
    return [(body["connection"], body["news"], body["cause"]) for body in bodies]


async def test_somebody_is_told_once_and_again_when_it_is_over(site: Site) -> None:
    alpha, old = site.connect("alpha"), datetime.now(UTC) - timedelta(hours=1)
    alpha.plant(doc(1, at=old))
    site.connect("beta")
    for number in range(20, 30):
        alpha.drop(order(number, None), f"bad-{number}.json")
    async with web() as server, hooks_of(alerts(server)) as hooks:
        async with watched(site, hooks, NEVER) as serving:
            await serving.watch.look()
            await serving.watch.look()
            assert said(server) == [("alpha", "opened", "age")]
            taken = await serving.samples("alerts_total")
            assert taken == {("webhook", "taken"): 1}
        async with watched(site, hooks, NEVER) as serving:  # a new process remembers
            await serving.run()
            (alpha.outbound / "workorder_1.json").unlink()
            await serving.run()
            await serving.watch.look()
            assert said(server)[1:] == [
                ("alpha", "resolved", "age"),
                ("alpha", "opened", "group no_status"),
            ]


async def test_a_connection_that_cannot_run_is_told_in_words(site: Site) -> None:
    site.connect("alpha")
    down = {**NEVER, "TRACBRIDGE_ALERT_DOWN": "0.001"}
    async with (
        web() as server,
        hooks_of(alerts(server)) as hooks,
        watched(site, hooks, down) as serving,
    ):
        at = serving.hosted.now() - timedelta(minutes=10)
        why = "MongoDB at mongodb://u:geheim@h\n refuses."
        serving.watch.vitals.failed("alpha", at, why)
        await serving.watch.look()
        (got,) = server.got
        assert b"geheim" not in got.body
        assert "refuses." in json.loads(got.body)["text"]
        await serving.run()
        await serving.watch.look()
        assert said(server) == [("alpha", "opened", "down"), ("alpha", "resolved", "down")]


async def test_a_receiver_that_is_away_gets_all_of_it_later(site: Site) -> None:
    for name in ("alpha", "beta"):
        old = datetime.now(UTC) - timedelta(hours=1)
        site.connect(name).plant(doc(1, at=old))
    async with (
        web() as server,
        hooks_of(alerts(server)) as hooks,
        watched(site, hooks, NEVER) as serving,
    ):
        server.answers = [500, 500, 500]
        await serving.watch.look()
        assert len(server.got) == 3  # one message, three attempts; beta is not even tried
        server.got.clear()
        await serving.watch.look()
        assert said(server) == [("alpha", "opened", "age"), ("beta", "opened", "age")]


async def test_the_daily_report_counts_each_order_once_and_is_shown_everywhere(site: Site) -> None:
    alpha = site.connect("alpha")
    for number in (1, 2, 3):
        alpha.drop(order(number))
    async with (
        web() as server,
        hooks_of(alerts(server)) as hooks,
        watched(site, hooks) as serving,
    ):
        await serving.run()
        site.edit(2, description="Changed by hand")
        alpha.orders.update_one({"number": 3}, {"$set": {"description": "Past the flag"}})
        alpha.plant(doc(4, status="odd"))
        await serving.watch.look()
        await serving.watch.look()
        answer = await serving.http.get("/api/v1/connections/alpha/reports", headers=ALL)
        (report,) = answer.json()["reports"]
        counts = {"in order": 1, "waiting": 1, "tampered": 1, "unreadable": 1}
        assert report["counts"] == counts
        assert report["orders"] == 4
        assert report["drift"] == 2
        bodies = [json.loads(one.body) for one in server.got]
        (told,) = [body for body in bodies if body["news"] == "report"]
        assert told["data"]["counts"] == counts
        hidden = await serving.http.get(
            "/api/v1/connections/alpha/reports", headers={"authorization": "Bearer beta"}
        )
        assert hidden.status_code == 404
    shown = site.cli("reconcile", "--report", "--connection", "alpha")
    assert f"{report['day']}: 4 orders: 1 in order, 1 waiting" in shown.out, shown.err


async def test_reports_come_in_pages_and_odd_questions_are_refused(site: Site) -> None:
    site.connect("alpha")
    async with watched(site) as serving:
        await serving.watch.look()
        place = "/api/v1/connections/alpha/reports"
        answer = await serving.http.get(f"{place}?limit=1", headers=ALL)
        assert answer.json()["next"] is None
        for query in ("limit=0", "limit=501", "after=$gt", "after[$gt]=", "other=1"):
            refused = await serving.http.get(f"{place}?{query}", headers=ALL)
            assert refused.status_code == 422, query


async def test_a_report_that_cannot_be_made_says_why(site: Site) -> None:
    alpha = site.connect("alpha")
    alpha.outbound.rmdir()
    async with watched(site) as serving:
        await serving.watch.look()
        answer = await serving.http.get("/api/v1/connections/alpha/reports", headers=ALL)
        (report,) = answer.json()["reports"]
        assert (report["orders"], report["counts"]) == (0, {})
        assert report["error"]
