"""``tracbridge resend`` and ``tracbridge adopt``."""

from typing import Annotated, Any

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import Json, new_run, say, say_json, wait_for
from tracbridge.cli.table import counted, harmless, table, told_apart
from tracbridge.engine.adopt import Adopted
from tracbridge.engine.adopt import adopt as link_equal
from tracbridge.engine.decide import resend as send_again
from tracbridge.engine.session import session

SHOWN = 200
"""Differing orders that the table shows; ``--json`` has them all."""


def resend(number: Annotated[str, typer.Argument(metavar="NUMBER")], json: Json = False) -> None:
    """Give the customer this order again with the next run."""
    wait_for(_resend(number))
    if json:
        say_json({"number": int(number) if number.isdigit() else number, "resend": True})
    else:
        say(f"Order {harmless(number)} will be sent again by the next run.")


async def _resend(number: str) -> None:
    async with acting("order.resend", number) as (service, act):
        await service.connection.lease.join()
        act.target = await service.ref(number)
        await send_again(service.connection, act.target)


def adopt(
    rebind: Annotated[
        bool, typer.Option("--rebind", help="Our memory was lost: tie this folder to a new one.")
    ] = False,
    json: Json = False,
) -> None:
    """Link two filled sides: equal orders; list the differences."""
    found = wait_for(_adopt(rebind=rebind))
    say_json(as_json(found)) if json else say(as_table(found))


async def _adopt(*, rebind: bool) -> Adopted:
    async with acting("connection.adopt", "rebind" if rebind else "both sides") as (service, act):
        await service.prepare()
        connection = service.connection
        async with session(connection, service.state.runs, new_run(), rebind=rebind):
            found = await link_equal(connection)
        act.outcome = f"{counted(found.linked, 'order')} linked, {len(found.different):,} different"
        return found


def as_json(found: Adopted) -> dict[str, Any]:
    """What was found, for programs."""
    different = [
        {
            "number": int(one.ref) if one.ref.isdigit() else one.ref,
            "fields": {n: {"tracos": t, "customer": c} for n, (t, c) in one.fields.items()},
        }
        for one in found.different
    ]
    return {
        "linked": found.linked,
        "known": found.known,
        "customer_only": found.customer_only,
        "unreadable": found.unreadable,
        "different": different,
    }


def as_table(found: Adopted) -> str:
    """Counts, then one row per differing field."""
    counts = (
        f"{counted(found.linked, 'order')} linked, {found.known:,} linked before, "
        f"{len(found.different):,} different, {found.customer_only:,} at the customer's only, "
        f"{found.unreadable:,} unreadable."
    )
    if not found.different:
        return counts
    rows = [
        (harmless(one.ref), name, *told_apart(tracos, customer, 40))
        for one in found.different[:SHOWN]
        for name, (tracos, customer) in one.fields.items()
    ]
    more = len(found.different) - SHOWN
    note = f"... and {more:,} more orders: tracbridge adopt --json\n" if more > 0 else ""
    advice = "They were not linked: a run decides on each by FIRST_CONTACT and CONFLICT_POLICY."
    return f"{counts}\n{table(('ORDER', 'FIELD', 'TRACOS', 'CUSTOMER'), rows)}{note}{advice}"
