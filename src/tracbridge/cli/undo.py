"""``tracbridge undo`` and ``runs``: what was done run by run, and how to take a run back."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from msgspec import Struct

from tracbridge.bootstrap import Service
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    new_run,
    person,
    say,
    say_json,
    serving,
    wait_for,
)
from tracbridge.cli.show import ref_of
from tracbridge.cli.table import NAMES, counted, harmless, lasting, moment, table, told_apart
from tracbridge.domain.errors import ConfigError
from tracbridge.engine.session import session
from tracbridge.engine.undo import Undoing
from tracbridge.ports.undo import Run
from tracbridge.sync.undo import Left, Rest, Undo

LATELY = 20
"""Runs that the list shows; ``--all`` shows every one."""

SHOWN = 200
"""Orders that the table shows; ``--json`` has them all."""

NOTHING = "Nothing can be set back."

WHY = {
    Left.CREATED: "the run made it in TracOS; orders are never removed",
    Left.FIRST: "the run gave it to the customer for the first time",
    Left.RECEIPT: "given to the customer once more; nothing had changed",
    Left.NO_EFFECT: "on record, but not known to have happened",
    Left.UNFINISHED: "not finished because of a crash; let a run finish it first",
    Left.FORGOTTEN: "its values were forgotten (tracbridge forget)",
    Left.HELD: "waits for a decision (tracbridge conflicts list)",
    Left.GONE: "gone from TracOS",
    Left.TWICE: "TracOS holds it more than once",
    Left.UNREADABLE: "TracOS's document cannot be understood",
    Left.UNLINKED: "nothing is remembered of it",
    Left.BUSY: "others kept changing it; undo the run once more",
}


class Undone(Struct, frozen=True):
    """What became of the orders of a run, or of one (``ref``). ``run`` "": only looked at.

    ``partial``: the run is so old that some of its history may have been removed.
    """

    of: str
    ref: str | None
    run: str
    orders: Sequence[Undo]
    partial: bool

    @property
    def set_back(self) -> int:
        """Orders of which something is set back."""
        return sum(bool(one.fields) for one in self.orders)

    @property
    def changed_since(self) -> int:
        """Orders with something that was changed since."""
        return sum(bool(one.later) for one in self.orders)

    @property
    def code(self) -> int:
        """The exit code."""
        return 0 if all(one.whole for one in self.orders) else TROUBLED


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="See tracbridge runs.")],
    order: Annotated[str | None, typer.Option(help="Of this order only.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Look only; write nothing.")] = False,
    json: Json = False,
) -> None:
    """Take back what a run did, where nothing was changed since."""
    ref = None if order is None else ref_of(order)
    done = wait_for(_preview(run, ref) if preview else _undo(run, ref))
    say_json(as_json(done)) if json else say(as_table(done))
    raise typer.Exit(done.code)


async def _preview(run: str, ref: str | None) -> Undone:
    async with serving() as service:
        await service.look()
        partial = await is_partial(service, run)
        ref = None if ref is None else await service.ref(ref)
        return Undone(run, ref, "", await undoing(service, run, ref).preview(), partial)


async def _undo(run: str, ref: str | None) -> Undone:
    async with serving() as service:
        await service.prepare()
        partial = await is_partial(service, run)
        ref = None if ref is None else await service.ref(ref)
        connection, runs = service.connection, service.state.runs
        async with session(connection, runs, new_run()):
            own = await service.past.begin_undo(run, ref, new_run(), connection.clock.now())
            done = Undone(run, ref, own, await undoing(service, run, ref)(own), partial)
            did = {"set back": done.set_back, "changed since": done.changed_since}
            ended = {"exit": done.code, "did": {n: count for n, count in did.items() if count}}
            await runs.end(own, connection.clock.now(), ended)
        return done


def undoing(service: Service, run: str, ref: str | None) -> Undoing:
    """The undo of that run, asked for by whoever works at this terminal."""
    return Undoing(service.connection, service.past, run, ref, person())


async def is_partial(service: Service, run: str) -> bool:
    """Whether some of the run's history may be gone; raises `ConfigError` for an unknown run."""
    began = await service.past.since(run)
    if began is None:
        raise ConfigError(
            f"no run {harmless(run)} is on record: see tracbridge runs --all. "
            "What is older than HISTORY_RETENTION_DAYS is removed."
        )
    days = service.settings.history_retention_days
    return bool(days) and service.connection.clock.now() - began >= timedelta(days=days)


# -- what was done ---------------------------------------------------------------------------


def as_json(done: Undone) -> dict[str, Any]:
    """For programs; orders of which nothing is to be said are left out."""
    return {
        "undoes": done.of,
        "run": done.run or None,
        "preview": not done.run,
        "partial": done.partial,
        "orders": [order_json(one) for one in done.orders if one],
        "set_back": done.set_back,
        "changed_since": done.changed_since,
        "exit": done.code,
    }


def order_json(one: Undo) -> dict[str, Any]:
    """One order; the number as TracOS spells it."""
    return {
        "number": int(one.ref) if one.ref.isdigit() else one.ref,
        "sides": [side.value for side in one.sides],
        "fields": {name: {"from": now, "to": back} for name, (now, back) in one.fields.items()},
        "changed_since": {
            name: {"by_run": late.by_run, "now": late.now, "before": late.before}
            for name, late in one.later.items()
        },
        "left": [
            {"side": rest.side, "field": rest.field or None, "why": rest.why.value}
            for rest in one.rest
        ],
    }


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
    """The latest runs, newest first: when, what they did, how they ended."""
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


def run_json(run: Run) -> dict[str, Any]:
    """One run for programs."""
    return {
        "run": run.run,
        "started": run.started,
        "ended": run.ended,
        "undoes": run.undoes or None,
        "did": run.did,
        "exit": run.exit,
        "error": run.error or None,
    }


def run_row(run: Run) -> tuple[str, ...]:
    """One run for people."""
    took = lasting(run.ended - run.started) if run.ended else "not ended"
    what = [f"undo of {run.undoes}"] if run.undoes else []
    what += [f"{number:,} {name}" for name, number in run.did.items()]
    did = ", ".join(what) or "nothing"
    code = "" if run.exit is None else str(run.exit)
    return run.run, moment(run.started), took, harmless(run.error or did), code
