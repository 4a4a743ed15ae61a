"""``tracbridge undo`` and ``runs``: what was done run by run, and how to take a run back."""

from collections.abc import Iterator
from typing import Annotated

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import Json, person, say, say_json, serving, wait_for
from tracbridge.cli.table import NAMES, counted, harmless, lasting, moment, table, told_apart
from tracbridge.desk.orders import ref_of
from tracbridge.desk.runs import WHY, Undone, done_json, foreseen, run_json
from tracbridge.desk.runs import undo as take_run_back
from tracbridge.ports.undo import Run
from tracbridge.sync.undo import Rest, Undo

LATELY = 20
"""Runs that the list shows; ``--all`` shows every one."""

SHOWN = 200
"""Orders that the table shows; ``--json`` has them all."""

NOTHING = "Nothing can be set back."


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="See tracbridge runs.")],
    order: Annotated[str | None, typer.Option(help="Of this order only.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Look only; write nothing.")] = False,
    json: Json = False,
) -> None:
    """Take back what a run did, where nothing was changed since."""
    ref = None if order is None else ref_of(order)
    done = wait_for(_preview(run, ref) if preview else _undo(run, ref))
    say_json(done_json(done)) if json else say(as_table(done))
    raise typer.Exit(done.code)


async def _preview(run: str, ref: str | None) -> Undone:
    async with serving() as service:
        return await foreseen(service, run, ref and await service.ref(ref), person())


async def _undo(run: str, ref: str | None) -> Undone:
    async with acting("run.undo", run) as (service, act):
        done = await take_run_back(service, run, ref and await service.ref(ref), person())
        only = f" of order {done.ref}" if done.ref else ""
        act.outcome = f"{counted(done.set_back, 'order')} set back{only}"
        return done


# -- what was done ---------------------------------------------------------------------------


def as_table(done: Undone) -> str:
    """One row per field; then what it means."""
    orders = [one for one in done.orders if one]
    if not orders:
        what = f" to order {harmless(done.ref)}" if done.ref else ""
        return f"Nothing to do: nothing that run {harmless(done.of)} did{what} stands."
    orders.sort(key=lambda one: one.whole and not one.fields)  # what is harmless comes last
    head = ("ORDER", "FIELD", "NOW", "BACK TO", "WHAT")
    rows = [row for one in orders[:SHOWN] for row in rows_of(one)]
    more = len(orders) - SHOWN
    note = f"... and {more:,} more orders: tracbridge undo {done.of} --json\n" if more > 0 else ""
    return table(head, rows) + note + "\n".join(summary(done))


def summary(done: Undone) -> Iterator[str]:
    """What was done, or would be, and what to do next."""
    what = "set back; the next run tells the customer" if done.run else "to be set back"
    yield f"{counted(done.set_back, 'order')} {what}." if done.set_back else NOTHING
    if done.changed_since:
        since = f"{counted(done.changed_since, 'order')} changed since, not overwritten"
        yield f"{since}: tracbridge conflicts list" if done.run else f"{since}."
    if done.partial:
        yield "Some of the run's history may have been removed (HISTORY_RETENTION_DAYS)."
    if not done.run:
        yield "Nothing was written."
    elif done.set_back:
        yield f"This was run {done.run}; to take it back: tracbridge undo {done.run}"


def rows_of(one: Undo) -> Iterator[tuple[str, ...]]:
    """What is set back, what was changed since, and what is left, field by field."""
    where = " and ".join(NAMES[side] for side in one.sides)
    for name, (now, back) in one.fields.items():
        yield (one.ref, name, *told_apart(now, back, 28), where)
    for name, late in one.later.items():
        yield (one.ref, name, *told_apart(late.now, late.before, 28), "changed since: stays")
    for rest in one.rest:
        yield (one.ref, rest.field, "", "", reason(rest))


def reason(rest: Rest) -> str:
    """Why something is left as it is."""
    return f"not undone: {WHY[rest.why]}"


# -- runs ------------------------------------------------------------------------------------


def runs(
    everything: Annotated[bool, typer.Option("--all", help="Every run on record.")] = False,
    json: Json = False,
) -> None:
    """The latest runs: when, what they did, how they ended."""
    found = wait_for(_runs(None if everything else LATELY))
    if json:
        say_json([run_json(run) for run in found])
    elif found:
        head = ("RUN", "STARTED", "TOOK", "DID", "EXIT")
        say(table(head, [run_row(run) for run in found]))
    else:
        say("No run is on record.")


async def _runs(limit: int | None) -> list[Run]:
    async with serving() as service:
        return await service.past.runs(limit)


def run_row(run: Run) -> tuple[str, ...]:
    """One run for people."""
    took = lasting(run.ended - run.started) if run.ended else "not ended"
    what = [f"undo of {run.undoes}"] if run.undoes else []
    what += [f"{number:,} {name}" for name, number in run.did.items()]
    did = ", ".join(what) or "nothing"
    code = "" if run.exit is None else str(run.exit)
    return run.run, moment(run.started), took, harmless(run.error or did), code
