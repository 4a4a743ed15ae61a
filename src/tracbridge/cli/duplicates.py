"""``tracbridge repair duplicates``: several documents with one number, and which one to keep."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import TROUBLED, Json, say, say_json, serving, wait_for
from tracbridge.cli.table import counted, harmless, moment, quoted, table
from tracbridge.engine.duplicates import NEVER, Duplicate, changed_at
from tracbridge.engine.duplicates import duplicates as looked_for
from tracbridge.ports.connector import Record

app = typer.Typer(
    help="What a run refuses to start on, and how to mend it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

HEAD = ("ORDER", "DOCUMENT", "STATUS", "DESCRIPTION", "CHANGED", "PROPOSAL")


@app.callback()
def repair() -> None:
    """Mend what keeps a run from starting."""


@app.command()
def duplicates(
    apply: Annotated[
        bool, typer.Option("--apply", help="Take the number from all but the ones to keep.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """List numbers that several TracOS documents carry, and propose which to keep.

    Exit 0: none is left. Exit 3: there are some. Nothing is written without --apply.
    """
    found = wait_for(_look())
    others = sum(len(one.others) for one in found)
    if not json:
        say(as_table(found))
    if apply and others and not yes:
        confirm(others)
    done = wait_for(_apply(found)) if apply else 0
    if json:
        say_json({"duplicates": [as_json(one) for one in found], "applied": done})
    elif apply:
        say(f"{counted(done, 'document')} of {others} gave up the number, in `duplicateOf` now.")
    raise typer.Exit(0 if done == others else TROUBLED)


def confirm(others: int) -> None:
    """Ask; where nobody can answer, ``--yes`` has to be said."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("this changes documents of TracOS; confirm it with --yes.")
    typer.confirm(f"Take the number from {counted(others, 'document')}?", abort=True)


async def _look() -> list[Duplicate]:
    async with serving() as service:
        return await looked_for(service.connection, service.numbered)


async def _apply(found: list[Duplicate]) -> int:
    async with acting("order.repair", "") as (service, act):
        act.about([one.ref for one in found if one.others])
        done = await service.give_up_number([record for one in found for record in one.others])
        act.outcome = f"{counted(done, 'document')} gave up the number"
        return done


def as_json(one: Duplicate) -> dict[str, Any]:
    """One number, for programs."""
    return {
        "number": int(one.ref),
        "keep": shown(one.keep),
        "why": one.why.value,
        "others": [shown(record) for record in one.others],
    }


def shown(record: Record) -> dict[str, Any]:
    """What tells one document from another."""
    names = ("status", "title", "description", "updatedAt", "isSynced")
    return {"document": record.source, **{n: (record.body or {}).get(n) for n in names}}


def as_table(found: list[Duplicate]) -> str:
    """One row per document, and what to do."""
    if not found:
        return "Each number stands once in TracOS."
    rows = [row for one in found for row in rows_of(one)]
    advice = (
        "tracbridge repair duplicates --apply takes the number from the others; they keep all else."
    )
    return table(HEAD, rows, spare=("STATUS", "CHANGED")) + advice


def rows_of(one: Duplicate) -> Iterator[tuple[str, ...]]:
    """The document to keep first."""
    for record in (one.keep, *one.others):
        body, at = record.body or {}, changed_at(record)
        yield (
            one.ref,
            record.source,
            harmless(str(body.get("status"))),
            quoted(str(body.get("description") or "")),
            moment(None if at == NEVER else at),
            f"keep: {one.why}" if record is one.keep else "gives up the number",
        )
