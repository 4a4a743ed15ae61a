"""One connection: what it is, how it fares, and what people say it shall do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.desk.blackouts import blackout_of
from tracbridge.desk.standing import Status, fares_of, status_json, status_of
from tracbridge.domain.errors import ConfigError, TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused, pause, paused, resume
from tracbridge.engine.pace import KEPT, WISHES, wishes
from tracbridge.ports.connector import Paced

STATES = ("open", "closed", "automatic")
"""What a breaker may be told."""


async def connection_json(service: Service) -> dict[str, Any]:
    """The connection with its standing, exactly; one that cannot be asked says why in ``error``."""
    try:
        status = await status_of(service)
        waits = await paused(service.connection.passes)
    except TracbridgeError as error:
        return _away(service, error)
    return _told(service, status, waits)


async def connections_json(services: Sequence[Service]) -> list[dict[str, Any]]:
    """The same of many, in their order, read in a few questions for all of them.

    Where ``status.exact`` is false, ``on_their_way`` is an upper bound and ``in_sync`` a lower one.
    """
    found = {name: one async for name, one in fares_of(services, sums=True)}
    told = []
    for service in services:
        one = found[service.name]
        if isinstance(one, TracbridgeError):
            told.append(_away(service, one))
        else:
            told.append(_told(service, one.status, one.paused))
    return told


def _told(service: Service, status: Status, waits: Mapping[Side, Paused]) -> dict[str, Any]:
    controls = {side.value: pause_json(one) for side, one in waits.items()}
    said = {**status_json(status), "exact": status.exact}
    return {
        **_named(service),
        "health": health(said, controls),
        "paused": controls,
        "blackout": blackout_json(service),
        "status": said,
    }


def _away(service: Service, error: TracbridgeError) -> dict[str, Any]:
    return {**_named(service), "health": "unknown", "error": str(error)}


def _named(service: Service) -> dict[str, Any]:
    return {
        "connection": service.name,
        "tenant": service.settings.tenant,
        "customer": "rest" if isinstance(service.customer.connector, Paced) else "folder",
        "mapping": service.connection.translation.name,
    }


def blackout_json(service: Service) -> dict[str, Any] | None:
    """Hours in which nothing is done: ``until`` where that is now, ``next`` and its end; None where
    the connection has none.
    """
    one = blackout_of(service.settings.blackouts, service.connection.clock.now())
    if one is None:
        return None
    return {"until": one.until, "next": one.next, "next_until": one.next_until}


def health(status: Mapping[str, Any], controls: Mapping[str, Any]) -> str:
    """In a word: ``cannot run``, ``needs attention``, ``paused`` or ``in order``."""
    last = status["last_run"]
    if last and last["exit"] == 1:
        return "cannot run"
    names = ("held", "quarantined", "refused", "missing", "unreachable")
    if any(status[name] for name in names):
        return "needs attention"
    return "paused" if controls else "in order"


def pause_json(one: Paused) -> dict[str, Any]:
    """Since when it is paused, by whom and why."""
    return {"at": one.at, "by": one.by, "why": one.why or None}


def sides_text(sides: Collection[Side]) -> str:
    """As the audit has them."""
    return " ".join(sorted(sides))


async def hold_back(service: Service, sides: Collection[Side], by: str, why: str) -> dict[str, Any]:
    """From the next pass on nothing that was changed on these sides is taken. Repeatable."""
    wish = Paused(service.connection.clock.now(), by, why)
    await pause(service.connection.passes, sides, wish)
    return await controls_json(service)


async def go_on(service: Service, sides: Collection[Side]) -> dict[str, Any]:
    """From the next pass on it is taken again. Repeatable."""
    await resume(service.connection.passes, sides)
    return await controls_json(service)


async def controls_json(service: Service) -> dict[str, Any]:
    """The sides whose changes wait."""
    waits = await paused(service.connection.passes)
    return {
        "connection": service.name,
        "paused": {side.value: pause_json(one) for side, one in waits.items()},
    }


async def breaker_json(service: Service) -> dict[str, Any]:
    """What operators want of the breakers, and how they were when it was kept last.

    Raises `ConfigError` where there are none.
    """
    refuse_unpaced(service)
    passes = service.connection.passes
    kept = await passes.cursor(KEPT) or {}
    return {"wanted": await wishes(passes), "at": kept.get("at"), **kept.get("state", {})}


async def set_breaker(service: Service, state: str, operation: str = "") -> dict[str, Any]:
    """From the next pass on: of these calls, or of all. Raises `ConfigError` as `breaker_json`."""
    refuse_unpaced(service)
    passes = service.connection.passes
    said = dict(await wishes(passes))
    await passes.keep_cursor(WISHES, {**said, operation: state} if operation else {"": state})
    return await breaker_json(service)


def refuse_unpaced(service: Service) -> None:
    """Raises `ConfigError` where no breaker is."""
    if not isinstance(service.customer.connector, Paced):
        raise ConfigError("this customer's system is not called at a pace: it has no breakers.")
