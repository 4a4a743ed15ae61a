"""``tracbridge demo --live``: the service with three customers who change things by themselves."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tracbridge.bootstrap import Service, log_of, opening, start_embedded, stop_embedded
from tracbridge.cli.context import configuration, say
from tracbridge.cli.simulator import LOGINS, System, loaded, told
from tracbridge.domain.errors import ConfigError
from tracbridge.runtime.sample import customer_orders, tracos_documents, write_customer_files

ORDERS, SEED = 12, 1
"""Orders of each customer at the beginning."""

PAUSE = (0.5, 3.0)
"""Seconds between two things that somebody does."""

NEW = 5
"""Of so many things that a planner does, one is a new order."""

EVERY = 5
"""Seconds between two looks at systems that tell nothing by themselves."""

READY = 60
"""Seconds until the service listens."""

SYSTEMS: Final = (System.ODOO, System.SAP_PM)

FOLDER = """\
tenant: folder
customer: {inbound: data/inbound, outbound: data/outbound, settle_seconds: 0}
tracos: {filter: {companyId: folder}}
"""

WORDS = ("Bearing ordered", "Seal replaced", "Waits for a permit", "Oil changed", "Noise is gone")
STATUSES = ("pending", "in_progress", "completed", "on_hold")

Deed = Callable[[], Any]
"""Something that somebody does."""


def live(place: Path, port: int) -> None:
    """Until Ctrl-C; everything that it started ends with it."""
    kit = loaded()
    os.chdir(place)
    os.environ["LOG_LEVEL"] = "ERROR"
    os.environ["MONGO_URI"] = start_embedded()
    try:
        with ExitStack() as stack:
            sims = {system: stack.enter_context(_customer(kit, system)) for system in SYSTEMS}
            _folder()
            address = stack.enter_context(_serving(port))
            key = json.loads(_said("keys", "create", "demo", "--role", "admin", "--json"))["key"]
            say(f"Three customers: a folder, a simulated Odoo, a simulated SAP.\n\n  {address}\n")
            say(f"Log in with this key: {key}\nCtrl-C ends everything; it is in {place}.")
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                asyncio.run(_days(sims))
    finally:
        stop_embedded()
    say("\nEnded.")


@contextmanager
def _customer(kit: Any, system: System) -> Iterator[Any]:
    """A simulated system with some orders, and the file of its connection."""
    login = LOGINS[system]
    sim = kit.SYSTEMS[system.value](clock=kit.Clock.real())
    sim.plant(ORDERS)
    with kit.serve_in_thread(sim) as url:
        text = told(system, url)
        name = system.value.replace("_", "-")
        path = Path(f"connections/{name}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text[text.index("tenant:") :] + f"every: {EVERY}\n")
        os.environ[login.variable] = login.secret
        yield sim


def _folder() -> None:
    """The customer who lays files into a folder, and his connection."""
    Path("connections/folder.yaml").write_text(FOLDER)
    now = datetime.now(UTC)
    write_customer_files(Path("data/inbound"), customer_orders(ORDERS, SEED, now, tracos=ORDERS))
    Path("data/outbound").mkdir(parents=True, exist_ok=True)


@contextmanager
def _serving(port: int) -> Iterator[str]:
    """The service as a process of its own; its address."""
    words = [sys.executable, "-m", "tracbridge", "serve", "--allow-root", "--port", str(port)]
    environ = {**os.environ, "LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
    with Path("serve.log").open("w+") as log:
        process = subprocess.Popen(  # noqa: S603 (ourselves)
            # Of a session of its own: Ctrl-C means us, and we end it.
            words,
            env=environ,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _address(process, Path("serve.log"))
        finally:
            process.terminate()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it does. Raises `ConfigError` where it does not."""
    for _ in range(READY * 10):
        for line in log.read_text().splitlines():
            if line.startswith("{") and json.loads(line)["message"] == "api.listening":
                return str(json.loads(line)["address"])
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    raise ConfigError(f"the service did not begin to listen: see {log.resolve()}.")


def _said(*words: str) -> str:
    """What a command of ours answers."""
    command = [sys.executable, "-m", "tracbridge", *words]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return ran.stdout


async def _days(sims: dict[System, Any]) -> None:
    """People work on both sides, one after the other."""
    chance = random.Random()  # noqa: S311 (a play)
    async with opening(configuration().connections, log_of) as services:
        by_name = {service.name: service for service in services}
        documents = tracos_documents(ORDERS, SEED, datetime.now(UTC))
        await by_name["folder"].plant([{**one, "companyId": "folder"} for one in documents])
        while True:
            await asyncio.sleep(chance.uniform(*PAUSE))
            who = chance.randrange(3)
            if who == 0:
                await _technician(chance.choice(services), chance)
            elif who == 1:
                _planner(chance.choice(list(sims.values())), chance)
            else:
                _importer(chance)


async def _technician(service: Service, chance: random.Random) -> None:
    """Somebody in TracOS changes an order."""
    edit: dict[str, Any] = {"updatedAt": datetime.now(UTC), "isSynced": False}
    if chance.choice((True, False)):
        edit["status"] = chance.choice(STATUSES)
    else:
        edit["description"] = chance.choice(WORDS)
    ours = service.orders.ours({"deleted": {"$ne": True}})
    numbers = [one["number"] async for one in service.orders.collection.find(ours)]
    if numbers:
        query = service.orders.ours({"number": chance.choice(numbers)})
        await service.orders.collection.update_one(query, {"$set": edit})


def _planner(sim: Any, chance: random.Random) -> None:
    """Somebody at a customer's plans an order, or makes one."""
    keys = [record[sim.KEY] for record in sim.records()]
    if not keys or chance.randrange(NEW) == 0:
        sim.plant(1)
        return
    with suppress(ValueError, KeyError):  # his system does not let an order go there
        sim.move(chance.choice(keys), chance.choice(STATUSES))


def _importer(chance: random.Random) -> None:
    """The folder's customer takes what we gave him, and exports an order."""
    for path in Path("data/outbound").glob("*.json"):
        path.unlink(missing_ok=True)
    now = datetime.now(UTC)
    order = chance.choice(customer_orders(ORDERS, SEED, now, tracos=ORDERS))
    order |= {"summary": chance.choice(WORDS), "lastUpdateDate": now.isoformat()}
    write_customer_files(Path("data/inbound"), [order])
