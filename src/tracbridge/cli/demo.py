"""``tracbridge demo``: from samples on both sides to a merge, in a folder of its own."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tracbridge.bootstrap import Service, observer, opened, stop_embedded
from tracbridge.cli.context import new_run, say, wait_for
from tracbridge.cli.table import counted, quoted, table, told_apart
from tracbridge.config.settings import load
from tracbridge.domain.workorder import Side, WorkOrder
from tracbridge.engine.connection import Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.preview import Change, preview
from tracbridge.engine.session import session
from tracbridge.runtime.counts import total_of
from tracbridge.runtime.sample import customer_orders, tracos_documents, write_customer_files

ORDERS, SEED = 10, 1


def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where to play; a new temporary folder by default.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="The service with three customers, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="With --live: of API and dashboard.", min=0, max=65_535)
    ] = 8_080,
) -> None:
    """Samples on both sides, brought together, edited, merged."""
    place = folder or Path(tempfile.mkdtemp(prefix="tracbridge-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    if live:
        from tracbridge.cli.live import live as play  # noqa: PLC0415 (it takes its time)

        play(place.resolve(), port)
        return
    command = Path(sys.argv[0]).resolve() if os.sep in sys.argv[0] else "tracbridge"
    os.chdir(place)
    try:
        number = wait_for(_demo())
    finally:
        stop_embedded()
    say(f"\nNext:\n  cd {place.resolve()}")
    for words in (f"show {number}", f"history {number}", "preview", "mongo stop"):
        say(f"  {command} {words}")


async def _demo() -> int:
    kept = {name: os.environ[name] for name in ("MONGOD_BINARY",) if name in os.environ}
    config = load({"MONGO_URI": "embedded", "LOG_LEVEL": "ERROR", **kept}, None)
    async with opened(config, observer(config, new_run())) as service:
        say(service.note)
        await service.prepare()
        now = datetime.now(UTC)
        await plant(service, now)
        await first_run(service)
        await second_run(service)
        return await third_run(service, now)


async def plant(service: Service, now: datetime) -> None:
    """Sample orders on both sides, some of them the same ones."""
    config = service.settings
    for folder in (config.inbound_dir, config.outbound_dir):
        folder.mkdir(parents=True, exist_ok=True)
    await service.plant(tracos_documents(ORDERS, SEED, now))
    orders = customer_orders(ORDERS, SEED, now, tracos=ORDERS)
    write_customer_files(config.inbound_dir, orders)
    say(f"Sample orders: {ORDERS} in {config.inbound_dir}, {ORDERS} in TracOS, some the same.\n")


async def first_run(service: Service) -> None:
    """Everything is new; shows both sides afterwards."""
    plan, tally = await run(service)
    say(f"Run 1   {summary(tally)}")
    say(await both_sides(service, plan))


async def second_run(service: Service) -> None:
    """Nothing is new; nothing is written."""
    _, tally = await run(service)
    done = total_of(tally)
    say("Run 2   nothing to do: both sides agree\n" if not done else f"Run 2   {summary(tally)}\n")


async def third_run(service: Service, now: datetime) -> int:
    """One edit on each side of the same order; returns its number."""
    order = customer_orders(ORDERS, SEED, now, tracos=ORDERS)[-1]
    number = order["orderNo"]
    text = f"Bearing ordered: {order['summary']}"
    # The customer's importer has taken what we gave him.
    (service.settings.outbound_dir / f"workorder_{number}.json").unlink()
    await run(service)
    await complete_in_tracos(service, number)
    order |= {"summary": text, "lastUpdateDate": datetime.now(UTC).isoformat()}
    write_customer_files(service.settings.inbound_dir, [order])
    say(f"Now TracOS completes order {number} while the customer rewrites its text ...")
    plan, tally = await run(service)
    say(f"Run 3   {summary(tally)}")
    rows = [
        (str(number), c.side.value, name, *told_apart(old, new), c.why)
        for c in plan
        for name, (old, new) in c.fields.items()
    ]
    say(table(("ORDER", "SIDE", "FIELD", "FROM", "TO", "WHY"), rows, indent=8))
    say(await both_sides(service, plan, only=str(number)))
    return int(number)


async def complete_in_tracos(service: Service, number: int) -> None:
    """A technician closes the order."""
    edit = {"status": "completed", "isSynced": False}
    moment = datetime.now(UTC) + timedelta(milliseconds=1)
    change = {"$set": {**edit, "updatedAt": moment}}
    await service.orders.collection.update_one({"number": number}, change)


async def run(service: Service) -> tuple[tuple[Change, ...], Tally]:
    """One pass as `tracbridge run` does it, and what `tracbridge preview` would have said."""
    connection, runs = service.connection, service.state.runs
    plan = await preview(connection, runs, set(Side))
    tally = Tally(new_run())
    async with session(connection, runs, tally.run):
        await cycle(connection, tally, set(Side))
    return plan.changes, tally


def summary(tally: Tally) -> str:
    """What the run did, in one line."""
    created, updated = tally.inbound["created"], tally.inbound["updated"]
    delivered = tally.outbound["delivered"]
    return (
        f"inbound {tally.inbound['read']} read: {created} created, {updated} updated; "
        f"outbound {counted(delivered, 'order')} delivered"
    )


async def both_sides(service: Service, plan: tuple[Change, ...], only: str = "") -> str:
    """Each order as TracOS shows it and as the customer was given it, and what happened to it."""
    happened: dict[str, list[str]] = {}
    for change in plan:
        happened.setdefault(change.ref or "", []).append(told(change))
    rows = []
    async for document in service.orders.collection.find().sort("number"):
        order = service.connection.translation.from_tracos(document, None)
        if not only or order.ref == only:
            what = "; ".join(happened.get(order.ref, ["nothing"]))
            rows.append((order.ref, *cells(order), *cells(given(service, order.ref)), what))
    head = ("ORDER", "TRACOS", "TEXT", "CUSTOMER", "TEXT", "WHAT HAPPENED")
    return table(head, rows, indent=8)


def given(service: Service, ref: str) -> WorkOrder | None:
    """What lies in the outbound folder for this order."""
    path = service.settings.outbound_dir / f"workorder_{ref}.json"
    if not path.exists():
        return None
    body: Mapping[str, Any] = json.loads(path.read_bytes())
    return service.connection.translation.from_customer(body)


def cells(order: WorkOrder | None) -> tuple[str, str]:
    """Status (and deletion) and text."""
    if order is None:
        return ("", "")
    status = str(order.fields.get("status", ""))
    gone = ", deleted" if order.fields.get("deleted") else ""
    return status + gone, quoted(order.fields.get("description"), 26)


def told(change: Change) -> str:
    """One change in a few words."""
    if change.action == "create":
        return f"created in TracOS from {change.why.split(',')[0]}"
    if change.side is Side.TRACOS:
        return f"{', '.join(change.fields)} from the customer"
    names = [name for name, (old, _) in change.fields.items() if old is not None]
    return f"{', '.join(names)} to the customer" if names else "given to the customer"
