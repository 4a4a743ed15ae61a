"""``tracbridge conflicts resolve``: what a person decides, in one conflict or in many."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from tracbridge.cli.acting import acting, in_the_name_of
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    person,
    say,
    say_json,
    serving,
    settings,
    wait_for,
)
from tracbridge.cli.table import counted, harmless, quoted, table, told_apart
from tracbridge.cli.values import typed
from tracbridge.desk.conflicts import Deed, Filter, Work, deed_json, refusals
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side
from tracbridge.engine.amend import Present
from tracbridge.engine.decide import Choice

Order = Annotated[str, typer.Option("--order", metavar="N", help="Only this order's.")]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only those of this kind.")]
Field = Annotated[str, typer.Option("--field", metavar="FIELD", help="Only this field.")]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="DAY",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
        help="Only those on record since then, UTC.",
    ),
]


def resolve_(  # noqa: PLR0913, PLR0917 - each is an option of the command
    id_: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    decided: Annotated[
        bool, typer.Option("--decided", help="With --all: those that a policy decided instead.")
    ] = False,
    order: Order = "",
    kind: OfKind = None,
    field: Field = "",
    since: Since = None,
    take: Annotated[Side | None, typer.Option(help="Whose values shall stand.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="What shall stand; may be repeated."),
    ] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.  [default: you]")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; goes on record.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Show it; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: ask nothing.")] = False,
    json: Json = False,
) -> None:
    """Let one side's values stand, or others; both sides show them after the next run.

    Exit code 3: some of several could not be decided.
    """
    meant = Filter(order, kind, field, since)
    if everything == bool(id_):
        raise typer.BadParameter("name the conflict, or say --all.")
    if not everything and (decided or order or kind or since):
        raise typer.BadParameter("--decided, --order, --kind and --since go with --all.")
    if (take is None) == (not sets):
        raise typer.BadParameter("say either --take tracos|customer or --set FIELD=VALUE.")
    if field and sets:
        raise typer.BadParameter("--set names its field itself: leave --field out.")
    choice = Choice(
        by or person(),
        why,
        take,
        typed(sets, settings()) if sets else {},
        (field,) if field else (),
    )
    work = Work(choice, meant, id_, decided)
    if preview or (everything and not yes):
        deeds = wait_for(_foreseen(work))
        if preview or not deeds:
            tell(deeds, json=json, preview=True)
            return
        agree(deeds, json=json)
    deeds = wait_for(_done(work))
    tell(deeds, json=json)
    raise typer.Exit(TROUBLED if any(deed.refused for deed in deeds) else 0)


async def _foreseen(work: Work) -> list[Deed]:
    async with serving() as service:
        return await work.foreseen(service)


async def _done(work: Work) -> list[Deed]:
    async with acting("conflict.resolve", "", work.choice.why) as (service, act):
        deeds = await work.done(service)
        act.about([deed.conflict.id for deed in deeds if not deed.refused])
        act.outcome = in_short(work.choice) + in_the_name_of(work.choice.by)
        return deeds


def in_short(choice: Choice) -> str:
    """What was decided, without values: they stand with the conflict."""
    if choice.side is None:
        return f"set {', '.join(choice.values)}"
    where = f" in {', '.join(choice.fields)}" if choice.fields else ""
    return f"took the values of {choice.side.value}{where}"


def agree(deeds: list[Deed], *, json: bool) -> None:
    """Show it and ask; where nobody can answer, say what to say."""
    count = counted(len(deeds), "conflict")
    if json or not sys.stdin.isatty():
        raise typer.BadParameter(f"--all decides {count}: look with --preview, then add --yes.")
    say(as_table(deeds))
    typer.confirm(f"Decide {count}?", abort=True)


def tell(deeds: list[Deed], *, json: bool, preview: bool = False) -> None:
    """What was done, or would be."""
    if json:
        done = [deed_json(deed) for deed in deeds if not deed.refused]
        say_json({"preview": preview, "resolved": done, "refused": refusals(deeds)})
    elif preview:
        say(as_table(deeds) or "Nothing to decide: no conflict is meant.")
    else:
        say("\n".join(map(sentence, deeds)) or "Nothing to decide: no conflict is meant.")
        if any(deed.values and not deed.stays_gone for deed in deeds):
            say("The next run tells the other side.")


def sentence(deed: Deed) -> str:
    """One decided conflict."""
    order = f"Order {harmless(deed.order)}"
    if deed.refused:
        return f"{order}: not decided: {harmless(deed.refused)}"
    if deed.stays_gone:
        return f"{order}: stays gone from TracOS."
    return f"{order}: " + ", ".join(
        f"{harmless(name)} = {quoted(value, 60)}" for name, value in deed.values.items()
    )


def row(deed: Deed, present: Present, name: str) -> tuple[str, ...]:
    """One field: what each side shows, and what would stand."""
    sides = present.shown.get(name), present.customer(name)
    texts = told_apart(*sides, 24)
    value = deed.values[name]
    stands = texts[sides.index(value)] if value in sides else quoted(value, 24)
    return deed.conflict.id, deed.order, name, *texts, stands


def as_table(deeds: list[Deed]) -> str:
    """What would stand in each field, beside what stands there now."""
    rows = [row(deed, deed.present, name) for deed in deeds if deed.present for name in deed.values]
    head = ("ID", "ORDER", "FIELD", "TRACOS", "CUSTOMER", "WOULD STAND")
    text = table(head, rows) if rows else ""
    return text + "".join(sentence(deed) + "\n" for deed in deeds if deed.refused)
