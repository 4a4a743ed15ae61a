"""``tracbridge forget``: one order's personal data out of what we keep."""

import sys
from typing import Annotated, Any

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    new_run,
    person,
    say,
    say_json,
    wait_for,
)
from tracbridge.cli.show import ref_of
from tracbridge.cli.table import harmless
from tracbridge.engine.forget import Forgotten
from tracbridge.engine.session import session


def forget(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove one order's data from all that we keep, for good."""
    ref = ref_of(number)
    if not yes:
        confirm(ref)
    done = wait_for(_forget(ref))
    say_json(as_json(done)) if json else say("\n".join(lines(done)))
    raise typer.Exit(TROUBLED if done.moving else 0)


def confirm(ref: str) -> None:
    """Ask; where nobody can answer, ``--yes`` has to be said."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("this cannot be taken back; confirm it with --yes.")
    words = f"Forget history, conflicts, refused and archived records of order {harmless(ref)}?"
    typer.confirm(f"{words} This cannot be taken back.", abort=True)


async def _forget(ref: str) -> Forgotten:
    async with acting("order.forget", ref) as (service, act):
        await service.prepare()
        run, act.target = new_run(), await service.ref(ref)
        async with session(service.connection, service.state.runs, run):
            return await service.forgetting(act.target, run, person())


def as_json(done: Forgotten) -> dict[str, Any]:
    """For programs."""
    return {
        "number": int(done.ref) if done.ref.isdigit() else done.ref,
        "forgotten": {name.replace(" ", "_"): count for name, count in done.counts.items()},
        "agreed_state_stays": done.agreed,
        "earlier_values_stay": done.moving,
    }


def lines(done: Forgotten) -> list[str]:
    """What was forgotten, and what stays and why."""
    found = [f"{count:,} {name}" for name, count in done.counts.items() if count]
    what = ", ".join(found) or "nothing was left to forget"
    said = [f"Order {harmless(done.ref)}: {what}."]
    if done.agreed:
        said.append("What both sides last agreed on stays: both systems show it.")
    if done.moving:
        said.append(
            "A version is on its way, so earlier values that the customer may still show stay too. "
            "Forget the order once more when `tracbridge show` says that it agrees."
        )
    return said
