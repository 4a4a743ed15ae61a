"""``tracbridge conflicts``: on what the two sides do not agree, and what was decided."""

from collections.abc import Mapping
from typing import Annotated

import typer

from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.resolve import Field, OfKind, Order, Since, resolve_
from tracbridge.cli.table import (
    NAMES,
    both,
    harmless,
    lasting,
    moment,
    quoted,
    shown,
    table,
    told_apart,
)
from tracbridge.desk.conflicts import (
    WHY,
    Filter,
    conflict_json,
    customer_now,
    now_json,
    one_of,
    present_of,
)
from tracbridge.desk.orders import keys_of
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side
from tracbridge.engine.amend import Present
from tracbridge.ports.state import Conflict
from tracbridge.sync.policy import AHEAD

app = typer.Typer(
    help="Fields on which the sides disagree: waiting, or decided.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command("resolve")(resolve_)

LATELY = 20
"""Decided conflicts that `list` shows; ``--all`` shows every one."""


@app.command("list")
def list_(
    json: Json = False,
    everything: Annotated[bool, typer.Option("--all", help="Every decided one too.")] = False,
    order: Order = "",
    kind: OfKind = None,
    field: Field = "",
    since: Since = None,
) -> None:
    """Those that wait for a person, then those whose loser can be taken."""
    found, keys = wait_for(_list(Filter(order, kind, field, since)))
    waiting = [conflict for conflict in found if conflict.decided is None]
    decided = found[len(waiting) :]
    shown_now = decided if everything else decided[:LATELY]
    if json:
        say_json([conflict_json(one, keys.get(one.ref, "")) for one in (*waiting, *shown_now)])
        return
    parts = [
        listed("Waiting for a decision", waiting, keys) or "No conflict waits for a decision.\n",
        listed("Decided; the loser can be taken", shown_now, keys),
    ]
    say("\n".join(part for part in parts if part))
    if left := len(decided) - len(shown_now):
        say(f"{left} older ones: tracbridge conflicts list --all")


async def _list(meant: Filter) -> tuple[list[Conflict], dict[str, str]]:
    async with serving() as service:
        found = await meant.find(service)
        return found, await keys_of(service, [conflict.ref for conflict in found])


@app.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """All three values of each field with their times, who decided what, and how to decide."""
    conflict, present, key = wait_for(_show(id_))
    if json:
        say_json(conflict_json(conflict, key) | {"now": now_json(conflict, present)})
        return
    order = harmless(both(conflict.ref, key))
    say(f"Order {order}, since {moment(conflict.at)}. {WHY[conflict.kind]}")
    say("\n" + side_by_side(conflict))
    notes = [*clock_of(conflict), *changed_since(conflict, present)]
    say(decisions(conflict) + "\n".join([*notes, *advice(conflict)]))


async def _show(id_: str) -> tuple[Conflict, Present | None, str]:
    async with serving() as service:
        conflict = await one_of(service, id_)
        key = await service.key(conflict.ref)
        return conflict, await present_of(service, conflict), key


def listed(title: str, conflicts: list[Conflict], keys: Mapping[str, str]) -> str:
    """A table with one row per field; "" if there is none."""
    if not conflicts:
        return ""
    head = ("ID", "ORDER", "FIELD", "LAST AGREED", "TRACOS", "CUSTOMER", "SINCE", "STANDS")
    rows = [row(one, name, keys.get(one.ref, "")) for one in conflicts for name in one.taken]
    return f"{title}\n{table(head, rows, spare=('LAST AGREED', 'SINCE'))}"


def row(conflict: Conflict, name: str, key: str) -> tuple[str, ...]:
    """One field of one conflict."""
    return (
        conflict.id,
        both(conflict.ref, key),
        name,
        quoted(conflict.base.get(name), 24),
        *told_apart(conflict.tracos.get(name), conflict.customer.get(name), 24),
        moment(conflict.at),
        stands(conflict, name),
    )


def stands(conflict: Conflict, name: str) -> str:
    """Whose value stands, and who decided."""
    if name in conflict.waiting:
        return "each its own"
    later = conflict.resolution(name)
    side, by = conflict.taken[name], later.by if later else conflict.decided
    what = NAMES[side] if side else quoted(later.values[name], 24) if later else ""
    return f"{what} ({by})".strip() if by else what


def side_by_side(conflict: Conflict) -> str:
    """One row per field, then the times."""
    rows = [
        (
            name,
            *(shown(v.get(name), 400) for v in (conflict.base, conflict.tracos, conflict.customer)),
            stands(conflict, name),
        )
        for name in conflict.taken
    ]
    rows.append(("edited", "", moment(conflict.tracos_at), moment(conflict.customer_at), ""))
    if conflict.source:
        rows.append(("file", "", "", conflict.source, ""))
    return table(("FIELD", "LAST AGREED", "TRACOS", "CUSTOMER", "STANDS"), rows)


def decisions(conflict: Conflict) -> str:
    """What was decided after it was put on record; "" if nothing was."""
    rows = [
        (moment(one.at), name, quoted(value, 40), harmless(one.by), harmless(one.why))
        for one in conflict.resolutions
        for name, value in one.values.items()
    ]
    return "\n" + table(("WHEN", "FIELD", "DECIDED", "BY", "WHY"), rows) + "\n" if rows else "\n"


def clock_of(conflict: Conflict) -> list[str]:
    """That the customer's clock is wrong, where his edit was made after we read it."""
    if conflict.customer_at is None or conflict.customer_at <= conflict.at + AHEAD:
        return []
    by = lasting(conflict.customer_at - conflict.at)
    return [
        f"The customer's edit was {by} ahead of our clock when we read it: by such a time he wins "
        "no conflict. Have his clock set."
    ]


def changed_since(conflict: Conflict, present: Present | None) -> list[str]:
    """What either side shows by now instead, in fields that wait."""
    found: list[str] = []
    for name in conflict.waiting:
        if present is None:
            break
        now = present.shown.get(name), customer_now(conflict, present, name)
        if now != (conflict.tracos.get(name), conflict.customer.get(name)):
            ours, theirs = (quoted(value, 60) for value in now)
            found.append(
                f"By now {harmless(name)} is {ours} in TracOS, {theirs} at the customer's."
            )
    return found


def advice(conflict: Conflict) -> list[str]:
    """The commands that decide it."""
    command = f"    tracbridge conflicts resolve {conflict.id}"
    losers = {side.other for side in conflict.taken.values() if side}
    sides = [side for side in Side if conflict.waiting or side in losers]
    fields = [name for name in conflict.waiting if conflict.kind is not Kind.MISSING]
    return [
        *(f"{command} --take {side}" for side in sides),
        *(f"{command} --set {harmless(name)}=VALUE" for name in fields),
    ]
