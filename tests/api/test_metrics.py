"""``/metrics``: what it says of each connection, to whom, and what it never says."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from tests.api.watched import ALL, watched
from tests.e2e.site import Site
from tests.harness import Server, doc, order
from tracbridge.adapters.mongo import embedded
from tracbridge.bootstrap import inflow
from tracbridge.config.files import Configuration
from tracbridge.domain.workorder import Side
from tracbridge.engine import controls, pace

CANARY = "kanarienvogel"


@pytest.fixture
def site(replica_set: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    logger.remove()
    site = Site(replica_set, tmp_path)
    monkeypatch.chdir(tmp_path)
    yield site
    site.close()


async def test_a_pass_shows_in_counts_and_figures(site: Site) -> None:
    alpha, beta = site.connect("alpha"), site.connect("beta")
    alpha.drop(order(1))
    alpha.drop(order(2, None), "bad.json")
    beta.plant(doc(7))
    async with watched(site) as serving:
        await serving.run()
        records = await serving.samples("records_total")
        assert records[("alpha", "inbound", "created")] == 1
        assert records[("alpha", "inbound", "quarantined")] == 1
        assert records[("beta", "outbound", "delivered")] == 1
        assert await serving.samples("quarantine_open") == {("no_status", "alpha"): 1}
        assert await serving.samples("backlog_orders") == {("alpha",): 0, ("beta",): 1}
        assert await serving.samples("up") == {("alpha",): 1, ("beta",): 1}
        assert await serving.samples("pass_seconds_count") == {("alpha",): 1, ("beta",): 1}
        passes = await serving.samples("passes_total")
        assert passes == {("alpha", "attention"): 1, ("beta", "ok"): 1}
        ended = (await serving.samples("last_success_timestamp_seconds"))[("alpha",)]
        assert ended == pytest.approx(datetime.now(UTC).timestamp(), abs=60)


async def test_what_was_agreed_already_counts_as_an_echo(site: Site) -> None:
    alpha = site.connect("alpha")
    async with watched(site) as serving:
        for _ in range(2):
            alpha.drop(order(1))
            await serving.run()
        assert await serving.samples("echoes_total") == {("alpha",): 1}


async def test_freshness_is_the_age_of_the_oldest_change_that_was_not_given(site: Site) -> None:
    alpha, old = site.connect("alpha"), datetime.now(UTC) - timedelta(hours=3)
    alpha.plant(doc(1, at=old), doc(2, at=old + timedelta(hours=2)))
    site.connect("beta")
    async with watched(site) as serving:
        found = await serving.samples("freshness_seconds")
        assert found[("alpha",)] == pytest.approx(3 * 3600, abs=120)
        assert found[("beta",)] == 0
        assert (await serving.samples("backlog_orders"))[("alpha",)] == 2


async def test_inbound_freshness_is_the_age_of_the_oldest_file_that_was_not_taken(
    site: Site,
) -> None:
    alpha = site.connect("alpha")
    site.connect("beta")
    for number, hours in ((1, 3), (2, 1)):
        path, then = alpha.drop(order(number)), time.time() - 3_600 * hours
        os.utime(path, (then, then))
    async with watched(site) as serving:
        found = await serving.samples("inbound_freshness_seconds")
        assert found[("alpha",)] == pytest.approx(3 * 3_600, abs=120)
        assert found[("beta",)] == 0
        await serving.run()
        serving.watch.readings._at.clear()
        assert (await serving.samples("inbound_freshness_seconds"))[("alpha",)] == 0


async def test_where_files_stay_it_is_the_time_since_the_last_whole_reading(site: Site) -> None:
    alpha = site.connect("alpha")
    path = site.root / "connections" / "alpha.yaml"
    path.write_text(path.read_text().replace("{inbound:", "{mode: keep, inbound:"))
    alpha.drop(order(1))
    async with watched(site) as serving:
        assert await serving.samples("inbound_freshness_seconds") == {}
        await serving.run()
        ago = serving.hosted.now() - timedelta(minutes=5)
        serving.watch.vitals.succeeded("alpha", ago)
        found = await serving.samples("inbound_freshness_seconds")
        assert found[("alpha",)] == pytest.approx(300, abs=60)
        service = await serving.hosted.service("alpha")
        assert service
        wish = controls.Paused(serving.hosted.now(), "ana")
        await controls.pause(service.connection.passes, [Side.CUSTOMER], wish)
        serving.watch.readings._at.clear()
        serving.watch.vitals.succeeded("alpha", serving.hosted.now())
        found = await serving.samples("inbound_freshness_seconds")
        assert found[("alpha",)] == pytest.approx(300, abs=60)


async def test_latency_is_from_the_change_itself_to_its_effect_in_both_directions(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflow, "LAG", timedelta(0))
    alpha, beta, now = site.connect("alpha"), site.connect("beta"), datetime.now(UTC)
    async with watched(site) as serving:
        alpha.drop(order(1, at=now - timedelta(seconds=40)))
        beta.plant(doc(7, at=now - timedelta(seconds=200)))
        await serving.run()
        counts = await serving.samples("latency_seconds_count")
        assert counts == {("alpha", "inbound"): 1, ("beta", "outbound"): 1}
        sums = await serving.samples("latency_seconds_sum")
        assert sums[("alpha", "inbound")] == pytest.approx(41, abs=30)
        assert sums[("beta", "outbound")] == pytest.approx(201, abs=30)
        buckets = await serving.samples("latency_seconds_bucket")
        assert buckets[("beta", "outbound", "60.0")] == 0
        assert buckets[("beta", "outbound", "+Inf")] == 1
        serving.watch.readings._at.clear()
        assert await serving.samples("latency_seconds_count") == counts
        mine = await serving.samples("latency_seconds_count", {"authorization": "Bearer beta"})
        assert mine == {("beta", "outbound"): 1}


async def test_what_was_there_before_the_process_counts_in_no_latency(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflow, "LAG", timedelta(0))
    site.connect("alpha").drop(order(1))
    async with watched(site) as serving:
        await serving.run()
    async with watched(site) as serving:
        assert await serving.samples("latency_seconds_count") == {}


async def test_what_a_customer_does_not_get_is_no_backlog(site: Site) -> None:
    site.connect("alpha", "create: [customer]").plant(doc(1))
    async with watched(site) as serving:
        assert await serving.samples("backlog_orders") == {("alpha",): 0}


async def test_pauses_and_breakers_are_shown(site: Site) -> None:
    site.connect("alpha")
    async with watched(site) as serving:
        service = await serving.hosted.service("alpha")
        assert service
        passes, now = service.connection.passes, serving.hosted.now()
        await controls.pause(passes, [Side.TRACOS], controls.Paused(now, "ana"))
        one = {"state": "open", "force": "automatic", "failures": 5, "openings": 1}
        operations = {
            "read": {**one, "seconds": 900.0},
            "update": {**one, "seconds": 0.0},
            "delete": {**one, "state": "closed", "seconds": 0.0},
        }
        kept = {"at": now, "state": {"operations": operations}}
        await passes.keep_cursor(pace.KEPT, kept)
        assert await serving.samples("breaker_state") == {
            ("alpha", "delete"): 0,
            ("alpha", "read"): 1,
            ("alpha", "update"): 0.5,
        }
        assert await serving.samples("paused") == {("alpha", "customer"): 0, ("alpha", "tracos"): 1}


async def test_a_connection_that_cannot_run_is_down_until_it_can(site: Site) -> None:
    alpha = site.connect("alpha")
    async with watched(site) as serving:
        told = serving.watch.observer(serving.watch.metrics.observer(_Deaf(), "", ""), "alpha")
        told.incident("connection_waits", "", "The folder is gone. Next attempt in 5 s.")
        assert await serving.samples("up") == {("alpha",): 0}
        assert (await serving.samples("retries_total"))[("alpha",)] == 1
        assert serving.watch.vitals.of("alpha").why == "The folder is gone."
        alpha.drop(order(1))
        await serving.run()
        assert await serving.samples("up") == {("alpha",): 1}


class _Deaf:
    def batch(self, flow: str, counts: object) -> None: ...

    def incident(self, code: str, where: str, message: str) -> None: ...


async def test_a_caller_sees_his_connections_and_nothing_of_the_process(site: Site) -> None:
    for name in ("alpha", "beta"):
        site.connect(name).drop(order(1))
    async with watched(site) as serving:
        await serving.run()
        page = await serving.page({"authorization": "Bearer beta"})
        assert 'connection="beta"' in page
        assert "alpha" not in page
        assert "process_" not in page
        whole = await serving.page(ALL)
        assert "process_resident_memory_bytes" in whole
        assert "tracbridge_memory_reachable 1.0" in whole
        assert "tracbridge_build_info{" in whole


async def test_without_a_key_there_is_nothing_unless_it_is_open(site: Site) -> None:
    site.connect("alpha")
    async with watched(site) as serving:
        assert (await serving.http.get("/metrics")).status_code == 401
    async with watched(site, environ={"TRACBRIDGE_METRICS": "open"}) as serving:
        assert "tracbridge_backlog_orders" in await serving.page({})


async def test_no_order_and_no_value_is_ever_a_label(site: Site) -> None:
    alpha = site.connect("alpha")
    alpha.drop(order(987_654, summary=CANARY), f"{CANARY}.json")
    alpha.drop(order(987_655, None, summary=CANARY), f"bad-{CANARY}.json")
    async with watched(site) as serving:
        await serving.run()
        page = await serving.page()
        assert CANARY not in page
        assert "98765" not in page


async def test_a_connection_that_is_gone_is_gone_from_the_page(site: Site) -> None:
    for name in ("alpha", "beta"):
        site.connect(name).drop(order(1))
    async with watched(site) as serving:
        await serving.run()
        left = [one for one in serving.hosted.configuration.connections if one.name == "beta"]
        serving.hosted.adjust(Configuration(tuple(left)))
        assert "alpha" not in await serving.page()


async def test_the_page_is_there_while_our_memory_is_away(site: Site) -> None:
    site.connect("alpha").drop(order(1))
    async with watched(site) as serving:
        await serving.run()
        whole = serving.hosted.configuration
        nobody = embedded.uri_of(embedded.free_port(), replica_set=False)
        gone = replace(whole.connections[0], mongo_uri=nobody)
        serving.hosted.adjust(Configuration((gone,)))
        page = await serving.page()
        assert "tracbridge_memory_reachable 0.0" in page
        assert 'tracbridge_passes_total{connection="alpha"' in page


async def test_serve_has_the_page(site: Site) -> None:
    site.connect("alpha").drop(order(1))
    site.extra = {"TRACBRIDGE_METRICS": "open", "LOG_FORMAT": "json"}
    with site.popen("serve", "--port", "0", "--allow-root", "--every", "0.5") as process:
        try:
            assert process.stderr
            address = ""
            for line in process.stderr:
                if "api.listening" in line:
                    address = line.partition('"address": "')[2].partition('"')[0]
                    break
            site.until(lambda: site.orders.find_one({"number": 1}))
            site.until(lambda: 'up{connection="alpha",tenant="alpha"} 1.0' in _got(address))
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _got(address: str) -> str:
    import httpx2  # noqa: PLC0415

    return httpx2.get(f"{address}/metrics", timeout=10).text
