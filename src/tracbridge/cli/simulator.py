"""``tracbridge simulator``: a customer's system on this machine, to try a connection with."""

import asyncio
import sys
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from msgspec import Struct

from tracbridge.cli.context import say
from tracbridge.domain.errors import ConfigError

KIT = "tracbridge.testing.erp"
NEEDED = ("starlette", "uvicorn", "h11")


class System(StrEnum):
    """Which system; the names are those of the presets."""

    ODOO = "odoo"
    SAP_PM = "sap_pm"
    MAXIMO = "maximo"
    ERPNEXT = "erpnext"


class Login(Struct, frozen=True):
    """How the simulator is logged in to: what stands in the file, and the secret apart from it."""

    auth: str
    variable: str
    secret: str
    zone: str


LOGINS: Final = {
    System.ODOO: Login("{kind: bearer, token: %s}", "ODOO_KEY", "odoo-key", "UTC"),
    System.SAP_PM: Login(
        "{kind: basic, user: TRACBRIDGE, password: %s}",
        "SAP_PASSWORD",
        "sap-password",
        "America/Sao_Paulo",
    ),
    System.MAXIMO: Login(
        "{kind: header, header: apikey, token: %s}",
        "MAXIMO_KEY",
        "maximo-key",
        "America/New_York",
    ),
    System.ERPNEXT: Login(
        "{kind: frappe, user: frappe-key, password: %s}",
        "FRAPPE_SECRET",
        "frappe-secret",
        "America/Sao_Paulo",
    ),
}


def simulator(
    system: Annotated[System, typer.Argument(help="Which system.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 is any free one.", max=65535)] = 0,
    orders: Annotated[int, typer.Option(help="Orders that are there from the start.", min=0)] = 20,
    latency_ms: Annotated[int, typer.Option(help="Before each answer.", min=0)] = 0,
) -> None:
    """Serve a customer's system, with its quirks, until Ctrl-C.

    It keeps nothing. Faults can be set, and its people told what to do, over HTTP as well; see the
    lines that it prints.
    """
    kit = loaded()
    app = kit.SYSTEMS[system.value](clock=kit.Clock.real())
    app.plant(orders)
    app.faults.latency = latency_ms / 1000
    try:
        asyncio.run(_serve(kit, app, system, port))
    except KeyboardInterrupt:
        say("\nStopped; nothing is kept.")
    except OSError as error:
        raise ConfigError(f"127.0.0.1:{port} cannot be served: {error.strerror}") from None


def loaded() -> Any:
    """The kit; raises `ConfigError` where what it needs is not installed.

    By name: nothing that is shipped depends on the testing kit.
    """
    try:
        return import_module(KIT)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDED:
            raise
        raise ConfigError(
            f"the simulators need {missing}, which is not installed: "
            "pip install tracbridge[simulators]"
        ) from None


async def _serve(kit: Any, app: Any, system: System, port: int) -> None:
    async with kit.serve(app, port) as address:
        say(told(system, address))
        sys.stdout.flush()  # what reads our output wants the address now
        await asyncio.Event().wait()


def told(system: System, address: str) -> str:
    """Where it is, how to log in, and a connection to it."""
    login = LOGINS[system]
    reference = f'"${{env:{login.variable}}}"'
    name = system.value.replace("_", "-")
    return f"""\
{system.value} at {address} (Ctrl-C ends it)

Login: export {login.variable}={login.secret}
Faults: curl -d '{{"drop_reply": {{"times": 1}}}}' {address}/_simulator/faults
People: curl -d '{{"count": 5}}' {address}/_simulator/people/plant
Counts: curl {address}/_simulator/requests

connections/{name}.yaml:

tenant: {name}
customer:
  connector: rest
  preset: {system.value}
  url: {address}
  networks: [127.0.0.0/8]
  auth: {login.auth % reference}
mapping: {system.value}
zone: {login.zone}
tracos:
  filter: {{companyId: {name}}}
"""
