"""``tracbridge approve``: let through what a rule holds."""

from typing import Annotated

import typer

from tracbridge.bootstrap import Service
from tracbridge.cli.context import TROUBLED, Json, person, say, say_json, serving, wait_for
from tracbridge.cli.quarantine import again, became, every_case, found, refuse_closed, tried_json
from tracbridge.cli.table import harmless
from tracbridge.domain.errors import ConfigError
from tracbridge.engine.retry import Tried
from tracbridge.ports.approvals import Approval
from tracbridge.ports.state import QuarantineCase


def approve(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[CASE]...")] = None,
    rule: Annotated[str, typer.Option(metavar="NAME", help="All that this rule holds.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves.  [default: you]")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; goes on record.")] = "",
    json: Json = False,
) -> None:
    """Let through what a rule holds, as it is; who and why goes on record.

    Another change of the same order is held again.
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
    async with serving() as service:
        wanted = await found(service, ids) if ids else await held_by(service, rule)
        for case in wanted:
            refuse_closed(case, "open")
            if not case.token:
                raise ConfigError(f"case {case.id} waits for no approval: see quarantine show.")
        now = service.connection.clock.now()
        made = [Approval(c.token, c.ref or "", rule_of(c), now, by, why) for c in wanted]
        await service.state.approvals.put(made)
        return await again(service, wanted)


async def held_by(service: Service, rule: str) -> list[QuarantineCase]:
    """All open cases that this rule holds."""
    return [case for case in await every_case(service) if case.token and rule_of(case) == rule]


def rule_of(case: QuarantineCase) -> str:
    """The rule that holds it."""
    return case.why.value.strip('"')
