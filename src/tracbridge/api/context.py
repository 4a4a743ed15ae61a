"""Who calls, and what he may see: the dependencies of every route.

The tenant comes from the credential alone, never from a parameter.
"""

from typing import Annotated, Any, Protocol

from fastapi import Depends, Path, Request
from starlette.requests import HTTPConnection

from tracbridge.api.limits import refused
from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.ports.access import Caller, Role

__all__ = [
    "SIGNED",
    "Access",
    "Admin",
    "Caller",
    "Connection",
    "Connections",
    "Needs",
    "Operator",
    "Role",
    "Viewer",
]

SIGNED: dict[str, Any] = {"x-role": "signature"}
"""``openapi_extra`` of a route that takes no credential, because its body is signed."""


class Access(Protocol):
    """Knows callers by what they show."""

    async def caller(self, request: Request) -> Caller:
        """Raises `ProblemError` 401 where it is nobody."""


def hosted(request: HTTPConnection) -> Hosted:
    """All connections of this process."""
    found: Hosted = request.app.state.hosted
    return found


Connections = Annotated[Hosted, Depends(hosted)]


class Needs:
    """The dependency that lets in who may do at least that. One request is looked at once."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Caller:
        """Who calls; raises `ProblemError` 401, 403 or 429."""
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            access: Access = request.app.state.access
            caller = request.state.caller = await access.caller(request)
        if not caller.role.may(self.role):
            refused(request, f"takes the role {self.role}", caller.name)
            raise ProblemError(403, "Not allowed", f"This takes the role {self.role}.")
        return caller


Viewer = Annotated[Caller, Depends(Needs(Role.VIEWER))]
Operator = Annotated[Caller, Depends(Needs(Role.OPERATOR))]
Admin = Annotated[Caller, Depends(Needs(Role.ADMIN))]


async def service_of(
    caller: Viewer, among: Connections, connection: Annotated[str, Path(max_length=100)]
) -> Service:
    """The connection of that name, where the caller may see it; 404 else, in the same words."""
    if connection not in among.connections(caller.tenants):
        raise missing()
    service = await among.service(connection)
    if service is None:
        raise missing()
    return service


Connection = Annotated[Service, Depends(service_of)]
