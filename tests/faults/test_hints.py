"""``tracbridge serve``: what happens on either side is done soon, and lost hints lose nothing."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from tests.e2e.site import Site
from tests.faults.service import Service, serving
from tests.harness import Doc, Server, World, doc, order

SELDOM = ("serve", "--allow-root", "--port", "0", "--every", "3600")
"""Without hints nobody would live to see the next pass."""


@contextmanager
def served(world: World, *words: str) -> Iterator[Service]:
    """The service, after its first pass."""
    with serving(world, *(words or SELDOM)) as service:
        service.until(lambda: "api.listening" in service.text)
        service.until(lambda: world.records("runs"))
        service.until(lambda: all(run.get("ended") for run in world.records("runs")))
        yield service


def address(service: Service) -> str:
    found = re.search(r"http://[0-9.:]+", service.text)
    assert found
    return found.group()


def edit(world: World, number: int, **values: object) -> None:
    now = {"updatedAt": datetime.now(UTC), "isSynced": False}
    assert world.orders.update_one({"number": number}, {"$set": {**values, **now}}).matched_count


def test_what_happens_on_either_side_is_done_without_waiting_for_the_next_pass(
    world: World,
) -> None:
    with served(world) as service:
        world.drop(order(7))
        service.until(lambda: world.doc(7))
        edit(world, 7, title="Seen to", description="Seen to")
        service.until(lambda: (world.sent(7) or {}).get("summary") == "Seen to")
        world.orders.insert_one(doc(8))
        service.until(lambda: world.sent(8))
        service.stop()


def test_a_collection_that_is_replaced_under_the_stream_is_listened_to_again(world: World) -> None:
    with served(world) as service:
        world.orders.insert_one(doc(7))
        service.until(lambda: world.sent(7))
        world.orders.drop()
        service.until(lambda: "hints_lost" in service.text)
        world.orders.insert_one(doc(8))
        service.until(lambda: world.sent(8))
        service.stop()


def test_many_files_at_once_are_all_taken(world: World) -> None:
    """More than the kernel keeps events for would be; what is lost is found by looking."""
    with served(world) as service:
        for number in range(1, 301):
            world.drop(order(number))
        service.until(lambda: world.orders.count_documents({}) == 300)
        service.until(lambda: not list(world.inbound.glob("*.json")))
        service.stop()


def test_a_server_without_streams_is_looked_at_every_so_often(any_world: World) -> None:
    with served(any_world, "serve", "--allow-root", "--port", "0", "--every", "0.3") as service:
        any_world.orders.insert_one(doc(8))
        service.until(lambda: any_world.sent(8))
        service.stop()


def test_a_service_whose_server_is_away_lives_and_says_that_it_is_not_ready(world: World) -> None:
    world.extra = {"MONGO_URI": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100"}
    with serving(world, *SELDOM) as service:
        service.until(lambda: "api.listening" in service.text)
        assert httpx2.get(f"{address(service)}/health/live").status_code == 200
        answer = httpx2.get(f"{address(service)}/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
        service.until(lambda: "connection_waits" in service.text)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone is refused")
def test_root_is_refused_unless_it_is_meant(world: World) -> None:
    said = world.cli("serve", "--port", "0")
    assert said.code == 1
    assert "does not run as root" in said.err


# -- several connections ---------------------------------------------------------------------------


@pytest.fixture
def site(replica_set: Server, tmp_path: Path) -> Iterator[Site]:
    made = Site(replica_set, tmp_path)
    yield made
    made.close()


def runs_of(site: Site, name: str) -> list[Doc]:
    return [run for run in site.records("runs") if run["c"] == name]


def test_of_connections_to_one_collection_those_are_woken_whose_orders_changed(site: Site) -> None:
    acme, bolt = site.connect("acme"), site.connect("bolt")
    with served(site) as service:
        service.until(lambda: runs_of(site, "acme") and runs_of(site, "bolt"))
        service.until(lambda: all(run.get("ended") for run in site.records("runs")))
        before = runs_of(site, "bolt")
        site.orders.insert_one(doc(8, companyId="acme"))
        service.until((acme.outbound / "workorder_8.json").exists)
        assert runs_of(site, "bolt") == before
        assert not list(bolt.outbound.glob("*.json"))
        service.stop()


def test_in_hours_of_rest_changes_wait_and_are_brought_over_afterwards_as_they_are_by_then(
    site: Site,
) -> None:
    now = datetime.now(UTC)
    hours = [f"{now + timedelta(hours=ahead):%H:%M}" for ahead in (-2, 2)]
    rest = f"blackouts: [{{from: '{hours[0]}', to: '{hours[1]}', zone: UTC}}]\n"
    acme, bolt = site.connect("acme", rest), site.connect("bolt")
    with serving(site, *SELDOM) as service:
        site.orders.insert_many([doc(8, companyId="acme"), doc(9, companyId="bolt")])
        service.until((bolt.outbound / "workorder_9.json").exists)
        for title in ("First", "Second"):
            edit(site, 8, title=title, description=title)
        assert not list(acme.outbound.glob("*.json"))
        assert runs_of(site, "acme") == []
        site.connect("acme")
        service.until((acme.outbound / "workorder_8.json").exists)
        sent = json.loads((acme.outbound / "workorder_8.json").read_bytes())
        assert sent["summary"] == "Second"
        service.stop()
    changes = [entry for entry in site.records("history") if entry["ref"] == "8"]
    assert len(changes) == 1
