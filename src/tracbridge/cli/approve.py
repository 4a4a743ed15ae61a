"""``tracbridge approve``: let through what a rule holds."""

from typing import Annotated

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import TROUBLED, Json, person, say, say_json, wait_for
from tracbridge.cli.quarantine import became
from tracbridge.cli.table import harmless
from tracbridge.desk.approvals import approve as let_through
from tracbridge.desk.quarantine import again
from tracbridge.engine.retry import Tried, tried_json


def approve(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[CASE]...")] = None,
    rule: Annotated[str, typer.Option(metavar="NAME", help="All that this rule holds.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves.  [default: you]")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; goes on record.")] = "",
    json: Json = False,
) -> None:
    """Let through what a rule holds, as it is.

    Who and why goes on record. Another change of the same order is held again.
    """
    if bool(ids) == bool(rule):
        raise typer.BadParameter("name the cases to approve (quarantine list), or a --rule.")
    tried = wait_for(_approve(ids or [], rule, by or person(), why))
    if json:
        say_json([tried_json(one) for one in tried])
    else:
        say("\n".join(map(became, tried)) or f"Rule {harmless(rule)!r} holds nothing.")
    raise typer.Exit(TROUBLED if any(one.refused or one.held for one in tried) else 0)


async def _approve(ids: list[str], rule: str, by: str, why: str) -> list[Tried]:
    async with acting("case.approve", "", why) as (service, act):
        tried = await again(service, await let_through(service, ids, rule, by, why), by)
        act.tried(tried, by)
        return tried
