"""Simulators of customers' systems: ASGI apps with the quirks of the real ones, and faults.

A test starts one with ``async with serve(Odoo()) as address`` and acts as the company's people by
its methods: ``odoo.plant(1000)``, ``odoo.edit("12", name="...")``.
"""

from typing import Final

from tracbridge.testing.erp.clock import START, Clock
from tracbridge.testing.erp.faults import (
    Bomb,
    Drift,
    Elsewhere,
    Faults,
    Late,
    Refuse,
    Strike,
    Trickle,
)
from tracbridge.testing.erp.frappe.api import Frappe
from tracbridge.testing.erp.maximo.api import Maximo
from tracbridge.testing.erp.odoo.api import Odoo
from tracbridge.testing.erp.requests import Requests, Seen
from tracbridge.testing.erp.sap.api import SapPm
from tracbridge.testing.erp.serving import serve, serve_in_thread
from tracbridge.testing.erp.simulator import Simulator

SYSTEMS: Final[dict[str, type[Simulator]]] = {
    system.SYSTEM: system for system in (Odoo, SapPm, Maximo, Frappe)
}
"""The simulators by the names of their presets."""

__all__ = [
    "START",
    "SYSTEMS",
    "Bomb",
    "Clock",
    "Drift",
    "Elsewhere",
    "Faults",
    "Frappe",
    "Late",
    "Maximo",
    "Odoo",
    "Refuse",
    "Requests",
    "SapPm",
    "Seen",
    "Simulator",
    "Strike",
    "Trickle",
    "serve",
    "serve_in_thread",
]
