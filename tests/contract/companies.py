"""Simulated systems, each with a connector that speaks to it by the interface that is shipped."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from tracbridge.adapters.connectors.rest.connector import RestConnector
from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.resilience.paces import Paces
from tracbridge.sdk import Body, Cursor, Place, Record
from tracbridge.testing.erp.clock import Clock
from tracbridge.testing.erp.frappe.api import Frappe
from tracbridge.testing.erp.maximo.api import Maximo
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.sap.api import SapPm
from tracbridge.testing.erp.serving import serve
from tracbridge.testing.erp.simulator import Simulator
from tracbridge.testing.rig import FIRST

ZONE = ZoneInfo("America/Sao_Paulo")


class Company(Struct, frozen=True):
    """How one system is spoken to. ``new``: a record as the mapping spells a new one; ``change``:
    a key of it and another value. ``kept``: what the system makes of the new one, if not the same.
    """

    preset: str
    simulator: type[Simulator]
    auth: dict[str, str]
    new: Body
    change: tuple[str, Any]


COMPANIES = [
    Company(
        "odoo",
        Odoo,
        {"kind": "bearer", "token": "odoo-key"},
        {
            "name": "Check pump",
            "description": "<p>Now</p>",
            "stage_id": 1,
            "kanban_state": "normal",
        },
        ("name", "Check the pump"),
    ),
    Company(
        "sap_pm",
        SapPm,
        {"kind": "basic", "user": "TRACBRIDGE", "password": "sap-password"},
        {
            "MaintenanceOrder": "88123",
            "MaintenanceOrderDesc": "Check pump",
            "MaintenanceOrderLongText": "Now",
            "SystemStatusText": "CRTD",
        },
        ("MaintenanceOrderDesc", "Check the pump"),
    ),
    Company(
        "maximo",
        Maximo,
        {"kind": "header", "token": "maximo-key"},
        {"siteid": "BEDFORD", "externalrefid": "88123", "description": "Check pump"},
        ("description", "Check the pump"),
    ),
    Company(
        "erpnext",
        Frappe,
        {"kind": "frappe", "user": "frappe-key", "password": "frappe-secret"},
        {"description": "Check pump", "repair_status": "Pending"},
        ("description", "Check the pump"),
    ),
]


class Site(Struct):
    """A company's system as it runs, and our connector to it."""

    company: Company
    erp: Any
    connector: RestConnector

    async def read(self, since: Cursor | None = None) -> list[Record]:
        """All that is read now."""
        return [r for page in await self.pages(since) for r in page.records]

    async def pages(self, since: Cursor | None = None) -> list[Any]:
        return [page async for page in self.connector.read(since, FIRST)]


@asynccontextmanager
async def site(company: Company, *, also: Any = None, **given: Any) -> AsyncIterator[Site]:
    """The system of that company at work; ``also``: over the interface; ``given``: to it."""
    erp = company.simulator(clock=Clock(), **given)
    async with serve(erp) as url:
        made = connector(company, url, erp, also or {})
        try:
            yield Site(company, erp, made)
        finally:
            await made.aclose()


def connector(company: Company, url: str, erp: Simulator, also: Any) -> RestConnector:
    settings = RestSettings.model_validate(
        {
            "connector": "rest",
            "preset": company.preset,
            "also": also,
            "url": url,
            "auth": company.auth,
            "networks": ["127.0.0.0/8"],
            "calls_per_second": 1000,
            "timeout": 20,
        }
    )
    place = Place(company.preset, Path(), ZONE, erp.clock.now)
    paces = Paces(time.monotonic, asyncio.sleep, random.random)
    made = RestConnector(settings, place)
    csrf = made.system.spec.csrf
    made.asking.sender = Sender(settings, name=company.preset, csrf=csrf, paces=paces)
    return made
