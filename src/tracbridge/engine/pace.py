"""The customer's system is called at a pace that outlives our process, and that operators set."""

from collections.abc import Mapping
from typing import Any

from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Paced
from tracbridge.ports.state import Passes

KEPT = "pace"
"""Where the state of the pace is kept; `WISHES`: what operators want, by operation."""

WISHES = "pace wishes"


async def resume(connection: Connection) -> None:
    """Go on where the process before us was, and as operators say: a pause is kept."""
    customer = connection.customer
    kept = await connection.passes.cursor(KEPT) if isinstance(customer, Paced) else None
    if isinstance(customer, Paced) and kept:
        elapsed = (connection.clock.now() - kept["at"]).total_seconds()
        customer.resume_pace(kept["state"], max(0.0, elapsed))
    await heed(connection)


async def heed(connection: Connection) -> None:
    """Do as operators say since the last pass."""
    customer = connection.customer
    if isinstance(customer, Paced):
        for operation, word in (await wishes(connection.passes)).items():
            customer.force(operation, word)


async def keep(connection: Connection) -> None:
    """Store the state where it tells something else than what is stored; at rest it does not."""
    customer = connection.customer
    if not isinstance(customer, Paced):
        return
    state = customer.pace()
    kept = await connection.passes.cursor(KEPT)
    if told(state) != told(kept["state"] if kept else {}):
        row = {"at": connection.clock.now(), "state": state}
        await connection.passes.keep_cursor(KEPT, row)


async def wishes(passes: Passes) -> Mapping[str, str]:
    """What operators want, by operation."""
    return dict(await passes.cursor(WISHES) or {})


def told(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a state is news; how many seconds of a pause are left is none."""
    operations = state.get("operations", {})
    odd = {
        name: (one["state"], one["force"], one["failures"], one["openings"])
        for name, one in operations.items()
        if (one["state"], one["force"], one["failures"]) != ("closed", "automatic", 0)
    }
    target = state.get("target", {})
    paused = {"throttles": target["throttles"]} if target.get("paused") else {}
    login = {"login": state["login"]["breaker"]["openings"]} if state.get("login") else {}
    return {**odd, **paused, **login}
