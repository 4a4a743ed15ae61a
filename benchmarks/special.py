"""Special cases: many documents and few to do, a large archive, everything compared, no memory."""

import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pymongo import MongoClient

from benchmarks.flows import fill, fresh, progress, run
from benchmarks.plain import portions
from benchmarks.process import Cost, timed
from tests.harness import Doc, Server, World, doc
from tests.mappings import flags
from tracbridge.adapters.mongo.links import to_document
from tracbridge.domain.link import Claim, Link
from tracbridge.sync.identity import link_id
from tracbridge.sync.merge import seen_now

FEW = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the report."""

    what: str
    seconds: float
    inner: float
    """Seconds of the pass alone, without start-up."""
    rss_mb: float


def case(what: str, cost: Cost) -> Case:
    inner = float(cost.counts()["seconds"])
    progress(f"{what}: {cost.seconds:.2f} s, {inner:.2f} s without start-up")
    return Case(what, cost.seconds, inner, cost.rss_mb)


def million(server: Server, root: Path, documents: int) -> list[Case]:
    """One outbound pass among so many documents of which few are unsynced."""
    world = World(server, root / "million", {"ACKNOWLEDGE_INBOUND": "false"})
    try:
        _seed(world, documents)
        among = f"outbound among {documents:,} documents"
        first = case(f"{among}: first pass, makes the indexes", run(world, "--outbound-only"))
        rest = case(f"{among}: nothing to do", run(world, "--outbound-only"))
        return [first, rest, _few(world, f"{among}: {FEW:,} unsynced")]
    finally:
        world.close()


def _seed(world: World, documents: int) -> None:
    progress(f"inserting {documents:,} documents")
    with MongoClient[Doc](world.server.uri, w=1) as client:
        orders = client[world.database]["workorders"]
        for some in portions(_synced(documents)):
            orders.insert_many(some, ordered=False)


def _synced(count: int) -> Iterator[Doc]:
    for number in range(1, count + 1):
        body = doc(number)
        yield {**body, "isSynced": True, "syncedAt": body["updatedAt"]}


def _few(world: World, what: str) -> Case:
    """Three passes with another few unsynced each; the median one."""
    passes = sorted((_pass(world, turn) for turn in range(3)), key=lambda cost: cost.seconds)
    return case(what, passes[1])


def _pass(world: World, turn: int) -> Cost:
    numbers = list(range(turn * FEW + 1, (turn + 1) * FEW + 1))
    values = {"isSynced": False, "status": "completed", "updatedAt": datetime.now(UTC)}
    world.orders.update_many({"number": {"$in": numbers}}, {"$set": values})
    os.sync()
    cost = run(world, "--outbound-only")
    if cost.counts()["outbound"]["delivered"] != FEW:
        raise RuntimeError(f"not {FEW} delivered: {cost.out}")
    return cost


def linked(server: Server, root: Path, orders: int) -> list[Case]:
    """The same with orders that all came from the customer, so that each has a link."""
    with fresh(server, root, "linked") as world:
        progress(f"{orders:,} linked orders")
        fill(world.inbound, orders, "linked", datetime(2026, 1, 15, tzinfo=UTC))
        run(world)
        long_ago = datetime(2026, 1, 16, tzinfo=UTC)
        world.orders.update_many({}, {"$set": {"updatedAt": long_ago}})
        run(world)
        among = f"outbound among {orders:,} linked orders"
        rest = case(f"{among}: nothing to do", run(world, "--outbound-only"))
        return [rest, _few(world, f"{among}: {FEW:,} unsynced")]


def archive(server: Server, root: Path, files: int) -> list[Case]:
    """An inbound pass of few new files, with an empty archive and with a full one."""
    with fresh(server, root, "archived") as world:
        empty = _intake(world, 0)
        progress(f"putting {files:,} files into the archive")
        day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
        for number in range(files // FEW):
            stamp = f"{day.replace('-', '')}T000000-{number:016x}"
            fill(world.root / "archive" / day / stamp, FEW, "old")
        full = _intake(world, 3)
    return [
        case(f"inbound, {FEW:,} new files, archive empty", empty),
        case(f"inbound, {FEW:,} new files, {files:,} files in the archive", full),
    ]


def _intake(world: World, turn: int) -> Cost:
    """The median of three passes with new content each."""
    costs = []
    for more in range(turn, turn + 3):
        at = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(hours=more)
        fill(world.inbound, FEW, f"turn {more}", at)
        costs.append(run(world, "--inbound-only"))
    middle = statistics.median(cost.seconds for cost in costs)
    return next(cost for cost in costs if cost.seconds == middle)


def command(world: World, *words: str) -> Cost:
    """Any command of ours; what it answers is left to the caller."""
    return timed([sys.executable, "-m", "tracbridge", *words, "--json"], world.env, world.root)


def reconciled(server: Server, root: Path, orders: int) -> list[Case]:
    """So many orders that are equal on both sides, compared with what was agreed."""
    with fresh(server, root, f"reconciled-{orders}") as world:
        progress(f"inserting {orders:,} equal orders and their links")
        with MongoClient[Doc](server.uri, w=1, tz_aware=True) as client:
            documents, links = client[world.database], client[world.state]["tracbridge_links"]
            for some in portions(_synced(orders)):
                documents["workorders"].insert_many(some, ordered=False)
                links.insert_many([_link(body) for body in some], ordered=False)
        one = command(world, "reconcile", "--order", "1")
        cost = command(world, "reconcile")
    if f'"orders": {orders}' not in cost.out:
        raise RuntimeError(f"not {orders} compared: {cost.out[:1_000]}")
    return [_told(f"reconcile, {orders:,} equal orders", cost, cost.seconds - one.seconds)]


def _link(body: Doc) -> Doc:
    """The memory of an order on which both sides agree."""
    order = flags().from_tracos(body, None)
    name = link_id("default", order.kind, order.scope, order.ref)
    seen = seen_now(order, Claim(1, 0), None, order.updated_at)
    link = Link(name, "default", order.ref, base=order.fields, seen=seen, given=body["syncedAt"])
    return to_document(link, 1)


def _told(what: str, cost: Cost, inner: float) -> Case:
    progress(f"{what}: {cost.seconds:.2f} s, {cost.rss_mb:.0f} MB")
    return Case(what, cost.seconds, inner, cost.rss_mb)


def adopted(server: Server, root: Path, orders: int) -> list[Case]:
    """Our memory is lost, both sides hold so many equal orders; then a run that changes nothing."""
    with fresh(server, root, "adopted") as world:
        fill(world.inbound, orders, "held by both")
        run(world, "--inbound-only")
        before = _contents(world)
        server.drop(world.state)
        fill(world.inbound, orders, "held by both")
        cost = command(world, "adopt", "--rebind")
        again = run(world)
        if f'"linked": {orders},' not in cost.out or _contents(world) != before:
            raise RuntimeError(f"not {orders} linked, or changed: {cost.out[:1_000]}")
    what = f"adopt, {orders:,} orders, no memory"
    return [_told(what, cost, cost.seconds), case("the run after it", again)]


def _contents(world: World) -> int:
    """A print of all that TracOS shows, the view aside."""
    shown = {"_id": 0, "isSynced": 0, "syncedAt": 0}
    return hash(tuple(repr(body) for body in world.orders.find({}, shown).sort("number", 1)))
