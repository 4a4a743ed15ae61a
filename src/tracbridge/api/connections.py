"""Connections: how they fare, and what people say they shall do."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from tracbridge.api.context import Connection, Connections, Operator, Viewer
from tracbridge.api.desk import DeskRoute, Limit, Said, page
from tracbridge.desk.connections import (
    breaker_json,
    connection_json,
    connections_json,
    controls_json,
    go_on,
    hold_back,
    set_breaker,
    sides_text,
)
from tracbridge.domain.workorder import Side

router = APIRouter(tags=["connections"], route_class=DeskRoute)

WHERE = "/connections/{connection}"


class Sides(Said):
    """``sides``: whose changes are meant; both where none is named."""

    sides: Annotated[list[Side], Field(default_factory=list, max_length=2)]

    @property
    def meant(self) -> frozenset[Side]:
        """At least one."""
        return frozenset(self.sides or Side)


class Breaker(Said):
    """``open``: no call goes out; ``closed``: calls go out whatever becomes of them."""

    state: Literal["automatic", "open", "closed"]
    operation: str = Field("", max_length=100)


@router.get("/connections")
async def connections(
    caller: Viewer,
    among: Connections,
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    """Those that the caller may see, by name, each with its standing."""
    names = sorted(name for name in among.connections(caller.tenants) if name > after)
    some = names[:limit]
    services = [one for name in some if (one := await among.service(name))]
    items = await connections_json(services)
    return page(items, some[-1] if len(names) > limit else "")


@router.get(WHERE)
async def connection_(service: Connection) -> dict[str, Any]:
    """One connection: last run, worker, orders in sync, on their way, held, quarantined."""
    return await connection_json(service)


@router.get(WHERE + "/controls")
async def controls(service: Connection) -> dict[str, Any]:
    """The sides whose changes wait until somebody resumes them."""
    return await controls_json(service)


@router.post(WHERE + "/pause")
async def pause(
    caller: Operator, service: Connection, among: Connections, said: Sides
) -> dict[str, Any]:
    """From the next pass on nothing that was changed on these sides is taken. Repeatable."""
    done = await hold_back(service, said.meant, caller.name, said.why)
    await among.audit(caller, service.name, "connection.pause", sides_text(said.meant), said.why)
    return done


@router.post(WHERE + "/resume")
async def resume(
    caller: Operator, service: Connection, among: Connections, said: Sides
) -> dict[str, Any]:
    """What waited is taken by the next pass, which begins at once. Repeatable."""
    done = await go_on(service, said.meant)
    await among.audit(caller, service.name, "connection.resume", sides_text(said.meant), said.why)
    among.ring(service.name, ())  # a whole pass: what waited may not say of itself that it is new
    return done


@router.post(WHERE + "/run", status_code=202)
async def run(
    caller: Operator, service: Connection, among: Connections, said: Sides
) -> dict[str, Any]:
    """Wake its worker: the next pass begins as soon as the one at work has ended."""
    among.ring(service.name, said.meant)
    await among.audit(caller, service.name, "connection.run", sides_text(said.meant), said.why)
    return {"connection": service.name, "asked": True}


@router.get(WHERE + "/breaker")
async def breaker(service: Connection) -> dict[str, Any]:
    """The breakers; 409 where the customer's system has none."""
    return await breaker_json(service)


@router.post(WHERE + "/breaker")
async def tell_breaker(
    caller: Operator, service: Connection, among: Connections, said: Breaker
) -> dict[str, Any]:
    """What they shall do from the next pass on, all of them or those of one operation."""
    done = await set_breaker(service, said.state, said.operation)
    target = said.operation or "all calls"
    await among.audit(caller, service.name, "breaker.set", target, said.why, said.state)
    return done
