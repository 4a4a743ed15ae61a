"""``tracbridge conflicts``: on what the two sides do not agree, and what was decided."""

from typing import Annotated, Any

import typer

from tracbridge.cli.context import Json, new_run, say, say_json, serving, wait_for
from tracbridge.cli.table import NAMES, harmless, moment, quoted, shown, table
from tracbridge.domain.errors import ConfigError
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Fields, Side
from tracbridge.engine.decide import resolve as decide
from tracbridge.ports.state import Conflict

app = typer.Typer(
    help="Fields on which the sides disagree: waiting, or decided.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LATELY = 20
"""Decided conflicts that `list` shows; ``--all`` shows every one."""

WHY = {
    Kind.CLASH: "Both sides changed it.",
    Kind.DOUBT: "The customer showed an earlier value; ours was sent again.",
    Kind.STALE: "The customer's record was older than one that was accepted before.",
    Kind.FIRST_CONTACT: "Both sides hold an order of this number; perhaps it is not the same one.",
    Kind.MISSING: "The order is gone from TracOS; it is not created again by itself.",
}


@app.command("list")
def list_(
    json: Json = False,
    everything: Annotated[bool, typer.Option("--all", help="Every decided one too.")] = False,
) -> None:
    """Those that wait for a person, then those whose loser can be taken."""
    found = wait_for(_list())
    waiting = [conflict for conflict in found if conflict.decided is None]
    decided = found[len(waiting) :]
    shown_now = decided if everything else decided[:LATELY]
    if json:
        say_json([as_json(conflict) for conflict in (*waiting, *shown_now)])
        return
    parts = [
        listed("Waiting for a decision", waiting) or "No conflict waits for a decision.\n",
        listed("Decided; the loser can be taken", shown_now),
    ]
    say("\n".join(part for part in parts if part))
    if left := len(decided) - len(shown_now):
        say(f"{left} older ones: tracbridge conflicts list --all")


async def _list() -> list[Conflict]:
    async with serving() as service:
        return await service.views.conflicts()


@app.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """Both versions, what was last agreed, and how to decide."""
    conflict = wait_for(_show(id_))
    if json:
        say_json(as_json(conflict))
        return
    say("\n\n".join(block(conflict, name) for name in conflict.taken))
    say("\n" + "\n".join(advice(conflict)))


async def _show(id_: str) -> Conflict:
    async with serving() as service:
        found = await service.views.conflict(id_)
    if found is None:
        raise ConfigError(f"no conflict {harmless(id_)}: see tracbridge conflicts list.")
    return found


@app.command()
def resolve(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    take: Annotated[Side, typer.Option(help="Whose values shall stand.")],
    json: Json = False,
) -> None:
    """Let one side's values stand; the other side learns them by the next run."""
    conflict, values = wait_for(_resolve(id_, take))
    if json:
        say_json({"id": conflict.id, "order": conflict.ref, "taken": take.value, "fields": values})
        return
    texts = (f"{harmless(name)} = {quoted(value, 60)}" for name, value in values.items())
    say(f"Order {harmless(conflict.ref)}: {', '.join(texts)} ({NAMES[take]}).")
    say("The next run tells the other side.")


async def _resolve(id_: str, side: Side) -> tuple[Conflict, Fields]:
    async with serving() as service:
        conflict = await service.views.conflict(id_)
        if conflict is None:
            raise ConfigError(f"no conflict {harmless(id_)}: see tracbridge conflicts list.")
        await service.connection.lease.join()
        return conflict, await decide(service.connection, conflict, side, new_run())


def as_json(conflict: Conflict) -> dict[str, Any]:
    """One conflict for programs."""
    fields = {
        name: {
            "last_agreed": conflict.base.get(name),
            "tracos": conflict.tracos.get(name),
            "customer": conflict.customer.get(name),
            "taken": side.value if side else None,
        }
        for name, side in conflict.taken.items()
    }
    return {
        "id": conflict.id,
        "order": conflict.ref,
        "kind": conflict.kind.value,
        "at": conflict.at,
        "waiting": conflict.decided is None,
        "decided": conflict.decided,
        "fields": fields,
        "source": conflict.source,
        "customer_at": conflict.customer_at,
        "tracos_at": conflict.tracos_at,
    }


def listed(title: str, conflicts: list[Conflict]) -> str:
    """A table with one row per field; "" if there is none."""
    if not conflicts:
        return ""
    head = ("ID", "ORDER", "FIELD", "LAST AGREED", "TRACOS", "CUSTOMER", "SINCE", "STANDS")
    rows = [row(conflict, name) for conflict in conflicts for name in conflict.taken]
    return f"{title}\n{table(head, rows)}"


def row(conflict: Conflict, name: str) -> tuple[str, ...]:
    """One field of one conflict."""
    values = (conflict.base, conflict.tracos, conflict.customer)
    return (
        conflict.id,
        conflict.ref,
        name,
        *(quoted(fields.get(name), 24) for fields in values),
        moment(conflict.at),
        stands(conflict, name),
    )


def stands(conflict: Conflict, name: str) -> str:
    """Whose value stands, and who decided."""
    side = conflict.taken[name]
    if conflict.decided is None or side is None:
        return "each its own" if conflict.decided is None else conflict.decided
    return f"{NAMES[side]} ({conflict.decided})"


def block(conflict: Conflict, name: str) -> str:
    """One field: the three values under each other."""
    head = f"Order {harmless(conflict.ref)}, field {harmless(name)}, since {moment(conflict.at)}"
    sides = (
        ("last agreed", shown(conflict.base.get(name), 400), ""),
        ("TracOS", shown(conflict.tracos.get(name), 400), moment(conflict.tracos_at)),
        ("customer", shown(conflict.customer.get(name), 400), came(conflict)),
    )
    width = max(len(value) for _, value, _ in sides)
    texts = (f"    {who:<13} {value:<{width}}   {note}".rstrip() for who, value, note in sides)
    return "\n".join((head, *texts, f"  {WHY[conflict.kind]} Now: {stands(conflict, name)}."))


def came(conflict: Conflict) -> str:
    """When and in which file the customer's version came."""
    return f"{moment(conflict.customer_at)}   {harmless(conflict.source)}".strip()


def advice(conflict: Conflict) -> list[str]:
    """The commands that decide it."""
    if conflict.decided is None:
        return [f"    tracbridge conflicts resolve {conflict.id} --take {side}" for side in Side]
    losers = {side.other for side in conflict.taken.values() if side}
    return [
        f"    tracbridge conflicts resolve {conflict.id} --take {s}" for s in Side if s in losers
    ]
