"""One connection: what it is, how it fares, and what people say it shall do."""

from collections.abc import Collection, Mapping
from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.desk.standing import status_json, status_of
from tracbridge.domain.errors import ConfigError, TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused, pause, paused, resume
from tracbridge.engine.pace import KEPT, WISHES, wishes
from tracbridge.ports.connector import Paced

STATES = ("open", "closed", "automatic")
"""What a breaker may be told."""


async def connection_json(service: Service) -> dict[str, Any]:
    """The connection with its standing; one that cannot be asked says why in ``error``."""
    settings = service.settings
    told = {
        "connection": service.name,
        "tenant": settings.tenant,
        "customer": "rest" if isinstance(service.customer.connector, Paced) else "folder",
        "mapping": service.connection.translation.name,
    }
    try:
        status = status_json(await status_of(service))
        waits = await paused(service.connection.passes)
    except TracbridgeError as error:
        return {**told, "health": "unknown", "error": str(error)}
    controls = {side.value: pause_json(one) for side, one in waits.items()}
    return {**told, "health": health(status, controls), "paused": controls, "status": status}


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
