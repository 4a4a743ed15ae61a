"""``tracbridge preview``: the plan of what ``run`` would do."""

from typing import Annotated, Any

import typer
from msgspec.structs import replace

from tracbridge.cli.context import TROUBLED, Json, say, say_json, serving_all, wait_for
from tracbridge.cli.report import stopped
from tracbridge.cli.run import AllowMassChange
from tracbridge.cli.table import counted, harmless, table, told_apart
from tracbridge.domain.workorder import Side
from tracbridge.engine.preview import Change, Plan
from tracbridge.engine.preview import preview as rehearse
from tracbridge.runtime.work import INBOUND, OUTBOUND, withheld_json

SHOWN = 200
"""Changes that the table shows; ``--json`` has them all."""


def preview(
    inbound_only: Annotated[
        bool, typer.Option("--inbound-only", help="Only customer to TracOS.")
    ] = False,
    outbound_only: Annotated[
        bool, typer.Option("--outbound-only", help="Only TracOS to customer.")
    ] = False,
    allow_mass_change: AllowMassChange = False,
    json: Json = False,
) -> None:
    """What `run` would do now, field by field and why; writes nothing anywhere.

    The exit code is the one that the run would have.
    """
    if inbound_only and outbound_only:
        raise typer.BadParameter("choose one of --inbound-only and --outbound-only.")
    sides = {Side.CUSTOMER} if inbound_only else {Side.TRACOS} if outbound_only else set(Side)
    plans = wait_for(_plans(frozenset(sides), allow=allow_mass_change))
    code = TROUBLED if any(plan.tally.troubled for plan in plans.values()) else 0
    if json:
        told = [as_json(name, plan) for name, plan in plans.items()]
        say_json({"connections": told, "exit": code})
    else:
        for name, plan in plans.items():
            say(as_table(plan) if len(plans) == 1 else f"{name}\n{as_table(plan)}\n")
    raise typer.Exit(code)


async def _plans(sides: frozenset[Side], *, allow: bool) -> dict[str, Plan]:
    plans = {}
    async with serving_all() as services:
        for service in services:
            await service.look()
            connection = replace(service.connection, guards={}) if allow else service.connection
            plans[service.name] = await rehearse(connection, service.state.runs, sides)
    return plans


def as_json(name: str, plan: Plan) -> dict[str, Any]:
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


def as_table(plan: Plan) -> str:
    """One row per field."""
    notes = "".join(f"{text}\n" for text in stopped(plan.tally.withheld))
    if not plan.changes:
        return f"{notes}Nothing to do: a run would change nothing."
    head = ("ORDER", "SIDE", "ACTION", "FIELD", "FROM", "TO", "WHY")
    rows = [row for change in plan.changes[:SHOWN] for row in rows_of(change)]
    more = len(plan.changes) - SHOWN
    note = f"... and {more:,} more: tracbridge preview --json\n" if more > 0 else ""
    changes = counted(len(plan.changes), "change")
    return f"{table(head, rows)}{note}{notes}{changes}; nothing was written."


def rows_of(change: Change) -> list[tuple[str, ...]]:
    """The change's fields, or one row if it changes none."""
    start = (harmless(change.ref or "-"), change.side.value, change.action)
    fields = change.fields or {"": (None, None)}
    return [
        (*start, name, *(told_apart(*values, 28) if name else ("", "")), harmless(change.why))
        for name, values in fields.items()
    ]
