"""The plan of what a pass would do now; writes nothing anywhere."""

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from tracbridge.bootstrap import Service
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import paused
from tracbridge.engine.preview import Change, Plan
from tracbridge.engine.preview import preview as rehearse
from tracbridge.runtime.counts import INBOUND, OUTBOUND, withheld_json


async def plan_of(service: Service, sides: Collection[Side], *, allow: bool = False) -> Plan:
    """What a pass would do to changes of these sides; ``allow``: also masses of grave ones. What is
    paused waits, as in the pass.
    """
    await service.look()
    waits = await paused(service.connection.passes)
    taken = frozenset(sides) - waits.keys()
    connection = replace(service.connection, guards={}) if allow else service.connection
    return await rehearse(connection, service.state.runs, taken)


def plan_json(name: str, plan: Plan) -> dict[str, Any]:
    """The plan of one connection for programs."""
    return {
        "connection": name,
        "inbound": {name: plan.tally.inbound[name] for name in INBOUND},
        "outbound": {name: plan.tally.outbound[name] for name in OUTBOUND},
        **withheld_json(plan.tally.withheld),
        "changes": [change_json(change) for change in plan.changes],
    }


def change_json(change: Change) -> dict[str, Any]:
    """One change; the number as TracOS spells it."""
    ref = change.ref
    fields = {name: {"from": old, "to": new} for name, (old, new) in change.fields.items()}
    return {
        "number": int(ref) if ref and ref.isdigit() else ref,
        "side": change.side.value,
        "action": change.action,
        "fields": fields,
        "why": change.why,
    }
