"""``tracbridge preview``: the plan of what ``run`` would do."""

from typing import Annotated

import typer

from tracbridge.cli.context import TROUBLED, Json, say, say_json, serving_all, wait_for
from tracbridge.cli.report import stopped
from tracbridge.cli.resting import rest_of, rest_rows
from tracbridge.cli.run import AllowMassChange
from tracbridge.cli.table import counted, harmless, table, told_apart
from tracbridge.desk.preview import plan_json, plan_of
from tracbridge.domain.workorder import Side
from tracbridge.engine.preview import Change, Plan

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
    """What `run` would do now, field by field; writes nothing.

    The exit code is the one that the run would have.
    """
    if inbound_only and outbound_only:
        raise typer.BadParameter("choose one of --inbound-only and --outbound-only.")
    sides = {Side.CUSTOMER} if inbound_only else {Side.TRACOS} if outbound_only else set(Side)
    plans, rests = wait_for(_plans(frozenset(sides), allow=allow_mass_change))
    code = TROUBLED if any(plan.tally.troubled for plan in plans.values()) else 0
    if json:
        told = [plan_json(name, plan) for name, plan in plans.items()]
        say_json({"connections": told, "exit": code})
    else:
        for name, plan in plans.items():
            text = rests[name] + as_table(plan)
            say(text if len(plans) == 1 else f"{name}\n{text}\n")
    raise typer.Exit(code)


async def _plans(sides: frozenset[Side], *, allow: bool) -> tuple[dict[str, Plan], dict[str, str]]:
    """The plan of each connection, and what of it rests."""
    plans, rests = {}, {}
    async with serving_all() as services:
        for one in services:
            plans[one.name] = await plan_of(one, sides, allow=allow)
            rows = rest_rows(await rest_of(one))
            rests[one.name] = "".join(f"{word}: {text}\n" for word, text in rows)
    return plans, rests


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
