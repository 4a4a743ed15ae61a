"""What goes wrong in a company, made to happen: one function for each incident of the how-to."""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.erp import Erp, erp
from tests.e2e.site import Place, Site
from tests.e2e.test_bad_inputs_waiting import without_rights
from tests.e2e.test_presets import maximo
from tests.faults.service import Service, serving
from tests.harness import NOW, Server, World, doc, order
from tracbridge.adapters.hooks.signing import signed
from tracbridge.adapters.mongo import embedded
from tracbridge.testing.erp import Refuse
from tracbridge.testing.erp.odoo.api import Odoo

LATER = NOW + timedelta(hours=1)

SERVE = ("serve", "--allow-root", "--port", "0")


@dataclass
class Scene:
    """Where an incident takes place; ``end``: what is ended with it."""

    replica_set: Server
    standalone: Callable[[], Server]
    root: Path
    end: ExitStack = field(default_factory=ExitStack)

    def world(self, server: Server | None = None, **settings: str) -> World:
        """One customer's folder, with these settings."""
        world = World(server or self.replica_set, self.root, settings)
        self.end.callback(world.close)
        return world

    def site(self, more: str = "", **secrets: str) -> Place:
        """A customer's folder that a file connects: ``acme``; ``more``: what the file says too."""
        site = Site(self.replica_set, self.root, secrets)
        self.end.callback(site.close)
        return site.connect("acme", more)

    def odoo(self, more: str = "") -> Erp:
        """A simulated Odoo with three orders, all of them synced."""
        company = self.end.enter_context(erp(self.replica_set, self.root, "odoo", more=more))
        company.sim.plant(3)
        company.run()
        return company

    def service(self, world: World, *words: str) -> Service:
        """It runs until the incident is over; what it says goes to ``service.log``."""
        script = 'log=$1; shift; exec "$@" 2> "$log"'
        before, world.before = world.before, ("sh", "-c", script, "sh", "service.log")
        service = self.end.enter_context(serving(world, *words))
        world.before = before
        return service


Seed = Callable[[Scene], World]
SEEDS: dict[str, Seed] = {}
"""What makes each incident happen, by its heading in the how-to."""


def incident(heading: str) -> Callable[[Seed], Seed]:
    """The function makes this one happen."""

    def known(seed: Seed) -> Seed:
        assert heading not in SEEDS, heading
        SEEDS[heading] = seed
        return seed

    return known


def ran(world: World, code: int, *words: str) -> None:
    """The run in which it happens, or shows."""
    said = world.cli("run", *words)
    assert said.code == code, (said.code, said.out, said.err)


# -- records that are refused, held, or changed --------------------------------------------------

PLANT = """
mapping:
  mapping: plant
  key: {path: no}
  updated: {path: at}
  fields:
    status:
      path: state
      values: {OPEN: pending, WORK: in_progress, WAIT: on_hold, DONE: completed, VOID: cancelled}
    title: {path: short, limit: 20}
    description: {path: text}
    ext.asset: {path: asset, table: assets, tracos: assetId}
tables:
  assets: {CR-001: CONV-001}
"""


def plant(place: Place, number: int, at: datetime = NOW, **over: Any) -> None:
    """The customer exports an order."""
    body = {"no": number, "at": at.isoformat(), "state": "OPEN", "short": "Pump", "text": "Oil"}
    place.drop(json.dumps({**body, "asset": "CR-001", **over}).encode(), f"{number}.json")


@incident("A status that the mapping does not know")
def unknown_status(scene: Scene) -> World:
    place = scene.site(PLANT)
    plant(place, 7, state="PARKED")
    ran(place.site, 3)
    return place.site


@incident("A code that no table knows")
def unknown_code(scene: Scene) -> World:
    place = scene.site(PLANT)
    plant(place, 7, asset="CR-999")
    ran(place.site, 3)
    return place.site


@incident("A text that his system cuts")
def cut_text(scene: Scene) -> World:
    place = scene.site(PLANT)
    plant(place, 7)
    ran(place.site, 0)
    place.site.edit(7, title="Replace the bearing of the pump")
    ran(place.site, 0)
    return place.site


RULES = """
rules:
  - name: no empty text
    on: inbound
    when: new.description == ""
    then: {reject: "An order needs a text."}
  - name: completed stays completed
    on: inbound transition
    when: old.status == "completed" && new.status != "completed"
    then: {hold: "Re-opened through a planner only."}
"""


def ruled(scene: Scene) -> Place:
    place = scene.site("rules: rules/acme.yaml\n")
    place.site.write("rules/acme.yaml", RULES)
    return place


@incident("A rule rejects an order")
def rejected(scene: Scene) -> World:
    place = ruled(scene)
    place.drop(order(7, summary=""))
    ran(place.site, 3)
    return place.site


@incident("A rule holds an order for approval")
def held_by_rule(scene: Scene) -> World:
    place = ruled(scene)
    place.drop(order(7, "completed"))
    ran(place.site, 0)
    place.drop(order(7, "pending", LATER))
    ran(place.site, 3)
    return place.site


@incident("Half a file")
def half_a_file(scene: Scene) -> World:
    world = scene.world()
    world.drop(b'{"orderNo": 7, "summary": "Repl', "7.json")
    ran(world, 3)
    return world


def agreed(scene: Scene, **settings: Any) -> World:
    """Order 7, as both sides know it."""
    world = scene.world(**settings)
    world.drop(order(7))
    world.settle(7)
    return world


@incident("A clock that is ahead")
def clock_ahead(scene: Scene) -> World:
    world = agreed(scene)
    world.edit(7, status="on_hold")
    world.drop(order(7, "in_progress", datetime.now(UTC) + timedelta(hours=1)))
    ran(world, 0)
    return world


@incident("Both sides changed the same field")
def clash(scene: Scene) -> World:
    world = agreed(scene, CONFLICT_POLICY="ask")
    world.edit(7, status="on_hold")
    world.drop(order(7, "in_progress", datetime.now(UTC)))
    ran(world, 3)
    return world


@incident("Deleted on one side, edited on the other")
def deleted_and_edited(scene: Scene) -> World:
    world = agreed(scene, DELETE_CONFLICT="edit_wins")
    world.edit(7, title="Planned", description="Planned")
    at = datetime.now(UTC)
    world.drop(order(7, "pending", at, isDeleted=True, deletedDate=at.isoformat()))
    ran(world, 0)
    return world


@incident("A mass of cancellations")
def mass(scene: Scene) -> World:
    world = scene.world(ACKNOWLEDGE_INBOUND="false")
    for number in range(1, 31):
        world.drop(order(number))
    ran(world, 0)
    for number in range(1, 26):
        world.drop(order(number, "cancelled", LATER))
    ran(world, 3)
    return world


@incident("TracOS was emptied")
def emptied(scene: Scene) -> World:
    world = scene.world(ACKNOWLEDGE_INBOUND="false")
    for number in range(1, 31):
        world.drop(order(number))
    ran(world, 0)
    world.orders.delete_many({})
    ran(world, 1)
    return world


@incident("Two documents with one number")
def two_documents(scene: Scene) -> World:
    world = scene.world()
    world.orders.insert_many([doc(7), doc(7, "completed")])
    ran(world, 1)
    return world


# -- what goes out -------------------------------------------------------------------------------


@incident("A customer who does not take his files")
def not_taken(scene: Scene) -> World:
    world = scene.world()
    world.orders.insert_one(doc(7))
    ran(world, 0)
    return world


@incident("A customer who refuses a version")
def refused(scene: Scene) -> World:
    world = scene.world()
    world.orders.insert_one(doc(7))
    ran(world, 0)
    (world.outbound / "workorder_7.json.err").write_text("no such asset")
    ran(world, 3)
    return world


@incident("A status that cannot be reached")
def unreachable(scene: Scene) -> World:
    place = scene.site("mapping: maximo\n")
    body = maximo(status="CLOSE")
    place.drop(json.dumps({"member": [body]}).encode(), "export.json")
    ran(place.site, 0)
    (made,) = place.orders.find()
    place.site.edit(made["number"], status="in_progress")
    ran(place.site, 3)
    return place.site


# -- systems that are away, or shut us out -------------------------------------------------------


@incident("An ERP that is dead")
def dead(scene: Scene) -> World:
    company = scene.odoo()
    path, port = company.site.root / "tracbridge.yaml", embedded.free_port()
    path.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", path.read_text()))
    company.site.extra = {**company.site.extra, "MONGO_RETRY_DELAY": "0.05"}
    ran(company.site, 1)
    return company.site


@incident("A key that is wrong or expired")
def expired(scene: Scene) -> World:
    company = scene.odoo()
    assert isinstance(company.sim, Odoo)
    company.sim.keys = {"the-next-one": None}
    ran(company.site, 1)
    return company.site


@incident("An ERP that asks for patience")
def throttled(scene: Scene) -> World:
    company = scene.odoo()
    company.sim.faults.refuse = Refuse(status=429, retry_after="3600")
    company.site.extra = {**company.site.extra, "MONGO_RETRY_DELAY": "0.05"}
    ran(company.site, 1)
    return company.site


@incident("A folder without rights")
def no_rights(scene: Scene) -> World:
    world = scene.world()
    world.before = without_rights()
    world.drop(order(7))
    world.inbound.chmod(0o550)
    scene.end.callback(world.inbound.chmod, 0o750)
    return world


@incident("MongoDB is away")
def mongodb_away(scene: Scene) -> World:
    return scene.world(MONGO_URI=f"mongodb://127.0.0.1:{embedded.free_port()}/")


# -- what somebody said --------------------------------------------------------------------------


@incident("A direction is paused")
def paused(scene: Scene) -> World:
    place = scene.site()
    site = place.site
    place.drop(order(7))
    ran(site, 0)
    made = site.cli("keys", "create", "Ana", "--role", "operator", "--json").json()
    service = scene.service(site, *SERVE)
    address = listening(site, service)
    said = httpx2.post(
        f"{address}/api/v1/connections/acme/pause",
        headers={"Authorization": f"Bearer {made['key']}"},
        json={"sides": ["tracos"], "why": "month end"},
    )
    assert said.status_code == 200, said.text
    service.stop()
    site.edit(7, title="Planned", description="Planned", isSynced=False)
    return site


def listening(world: World, service: Service) -> str:
    log = world.root / "service.log"
    service.until(lambda: log.exists() and "api.listening" in log.read_text())
    found = re.search(r"http://[0-9.:]+", log.read_text())
    assert found
    return found.group()


@incident("A blackout")
def blackout(scene: Scene) -> World:
    now = datetime.now(UTC)
    begin, end = ((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-1, 1))
    place = scene.site(f'blackouts: [{{from: "{begin}", to: "{end}"}}]\n')
    place.drop(order(7))
    return place.site


@incident("A second instance")
def second(scene: Scene) -> World:
    company = scene.odoo()
    runs = len(company.site.records("runs"))
    service = scene.service(company.site, "run", "--every", "3")
    service.until(lambda: len(company.site.records("runs")) > runs)
    return company.site


@incident("A webhook with a wrong signature")
def webhook(scene: Scene) -> World:
    place = scene.site("hooks: {in: {secret: '${env:HOOK_SECRET}'}}\n", HOOK_SECRET="s" * 20)
    site = place.site
    service = scene.service(site, *SERVE)
    address = listening(site, service)
    body = b'{"name": "7"}'
    said = httpx2.post(
        f"{address}/api/v1/hooks/acme",
        content=body,
        headers=signed("t" * 20, body, "e1", datetime.now(UTC)),
    )
    assert said.status_code == 404
    return site


@incident("Changes come late")
def no_hints(scene: Scene) -> World:
    return scene.world(scene.standalone())
