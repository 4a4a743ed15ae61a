"""What ``check`` finds out about MongoDB. Changes nothing."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.adapters.mongo.schema import OLDEST, STATE, doubles, refuse_shared
from tracbridge.domain.errors import RetryableError, TracbridgeError
from tracbridge.ports.runtime import Finding

NEWEST = 8
"""The newest major version that we stand for."""

ACTIONS = frozenset({"find", "insert", "update", "createIndex", "listIndexes"})
BOOKS = ("leases", "passes", "cursors", "connections", "files", "versions")


async def look(orders: Orders, state: AsyncDatabase[Document]) -> AsyncIterator[Finding]:
    """One finding after the other; ends at the first that makes the others pointless."""
    try:
        with translated(orders.host):
            yield await _server(state, orders.host)
            await orders.collection.find_one({}, {"_id": 1})
            await refuse_shared(orders)
            yield await _rights(orders, state)
            async for finding in _indexes(orders):
                yield finding
    except RetryableError as error:
        yield Finding("MongoDB", ok=False, text=f"{error} Start it, or set MONGO_URI.")
    except TracbridgeError as error:
        yield Finding("MongoDB", ok=False, text=str(error))


async def _server(state: AsyncDatabase[Document], host: str) -> Finding:
    info = await state.client.server_info()
    hello = await state.client.admin.command("hello")
    version, numbers = info["version"], tuple(info["versionArray"][:2])
    text = f"version {version} at {host}, {topology(hello)}"
    if numbers < OLDEST:
        return Finding("MongoDB", ok=False, text=f"{text}: 6.0 or newer is needed")
    if not hello.get("isWritablePrimary"):
        return Finding("MongoDB", ok=False, text=f"{text}: takes no writes just now")
    newer = f"; not tried with versions after {NEWEST}" if numbers[0] > NEWEST else ""
    return Finding("MongoDB", ok=True, text=text + newer)


def topology(hello: Document) -> str:
    """Standalone, replica set or sharded cluster, as the server says it; and what that means."""
    if hello.get("msg") == "isdbgrid":
        return "sharded cluster"
    if "setName" in hello:
        return f"replica set {hello['setName']}"
    return "standalone: it tells nobody of changes, so TracOS is looked at every so often"


async def _rights(orders: Orders, state: AsyncDatabase[Document]) -> Finding:
    status = await state.client.admin.command("connectionStatus", showPrivileges=True)
    auth = status["authInfo"]
    if not auth["authenticatedUsers"]:
        return Finding(
            "rights", ok=True, text="no account: this MongoDB lets everybody do anything"
        )
    ours = [*STATE, *(f"tracbridge_{name}" for name in BOOKS)]
    tracos = orders.collection
    needed = [(tracos.database.name, tracos.name), *((state.name, name) for name in ours)]
    lacking = lacks(auth["authenticatedUserPrivileges"], needed)
    if lacking:
        text = f"this account may not {lacking}; see docs/reference/mongodb-rights.md"
        return Finding("rights", ok=False, text=text)
    return Finding("rights", ok=True, text="this account may do all that is needed")


def lacks(privileges: list[Document], needed: Iterable[tuple[str, str]]) -> str:
    """The first collection on which an action is missing, in words; "" if none is."""
    for database, collection in needed:
        granted: set[str] = set()
        for privilege in privileges:
            if covers(privilege["resource"], database, collection):
                granted |= set(privilege["actions"])
        if missing := sorted(ACTIONS - granted):
            return f"{', '.join(missing)} in {database}.{collection}"
    return ""


def covers(resource: Document, database: str, collection: str) -> bool:
    """A privilege's resource names this collection; an empty name stands for all."""
    if resource.get("anyResource"):
        return True
    names = (resource.get("db"), resource.get("collection"))
    return names[0] in ("", database) and names[1] in ("", collection)


async def _indexes(orders: Orders) -> AsyncIterator[Finding]:
    there = {index["name"] async for index in await orders.collection.list_indexes()}
    names = [str(model.document["name"]) for model in orders.indexes]
    missing = [name for name in names if name not in there]
    text = f"to be made by the first run: {', '.join(missing)}" if missing else "all there"
    yield Finding("indexes", ok=True, text=text)
    rows = await doubles(orders) if names[0] in missing else []
    yield _numbers(rows, orders.collection.full_name)


def _numbers(rows: list[dict[str, Any]], where: str) -> Finding:
    if not rows:
        return Finding("numbers", ok=True, text=f"each order stands once in {where}")
    named = "; ".join(f"{row['_id']}: {', '.join(map(str, row['ids']))}" for row in rows)
    text = (
        f"{where} holds several documents of one number ({named}): keep one of each; "
        "tracbridge repair duplicates proposes which"
    )
    return Finding("numbers", ok=False, text=text)
