"""``tracbridge status``: where the orders of each connection stand."""

from datetime import datetime
from typing import Any

from tracbridge.cli.context import TROUBLED, Json, say, say_json, serving_all, wait_for
from tracbridge.cli.resting import rest_of, rest_rows
from tracbridge.cli.table import counted, lasting, moment
from tracbridge.desk.standing import Status, status_json, status_of
from tracbridge.ports.views import LastRun, Standing


def status(json: Json = False) -> None:
    """Last run; orders in sync, on their way, held; what rests."""
    found, now = wait_for(_status())
    if json:
        say_json([{**status_json(one), **rest} for one, rest in found])
    else:
        say("\n".join(line for one, rest in found for line in lines(one, rest, now)))


async def _status() -> tuple[list[tuple[Status, dict[str, Any]]], datetime]:
    async with serving_all() as services:
        found = [(await status_of(service), await rest_of(service)) for service in services]
        return found, services[0].connection.clock.now()


def lines(one: Status, rest: dict[str, Any], now: datetime) -> list[str]:
    """One connection for people: calm where nothing is to be done."""
    standing, waits = one.standing, one.standing.open
    refused = waits.quarantined - one.to_approve
    rows = [
        ("last run", told(standing.last_run, now)),
        ("running now", standing.worker),
        *rest_rows(rest),
        ("in sync", counted(standing.in_sync, "order")),
        ("on their way", on_their_way(standing, now)),
        ("only TracOS", todo(one.not_created, "not created at the customer's (create)")),
        ("held", todo(waits.held, "tracbridge conflicts list")),
        ("to approve", todo(one.to_approve, "tracbridge approve CASE, of quarantine list")),
        ("quarantined", todo(refused, "tracbridge quarantine list")),
        ("refused", todo(waits.refused, "refused by the customer, see his .err files")),
        ("unreachable", todo(waits.unreachable, "his system refuses the step: see show NUMBER")),
        ("missing", todo(waits.missing, "gone from TracOS: tracbridge conflicts list")),
        ("why", why(standing)),
    ]
    return [standing.connection, *(f"  {name:<13} {text}" for name, text in rows if text)]


def told(run: LastRun | None, now: datetime) -> str:
    """When it was, how long it took and how it ended."""
    if run is None:
        return "never"
    if run.ended is None:
        return f"begun {moment(run.started)}, not ended"
    took = f", took {run.seconds:.1f} s" if run.seconds is not None else ""
    end = {0: "in order", 3: "something needs attention"}.get(run.exit or 0, "could not run")
    text = f"{moment(run.ended)} ({lasting(now - run.ended)} ago){took}: {end} (exit {run.exit})"
    return f"{text}: {run.error}" if run.error else text


def why(standing: Standing) -> str:
    """Where to look when no figure here says what the last run found; else ""."""
    run = standing.last_run
    silent = run is not None and run.exit == TROUBLED and not standing.open
    return "tracbridge preview says what a run would hold back, or not do" if silent else ""


def on_their_way(standing: Standing, now: datetime) -> str:
    """How many, and since when the oldest waits."""
    text = counted(standing.on_their_way, "order")
    if standing.oldest is None:
        return text
    return (
        f"{text}, the oldest for {lasting(now - standing.oldest)} (since {moment(standing.oldest)})"
    )


def todo(number: int, where: str) -> str:
    """A figure with the command that shows what is behind it; silent at 0."""
    return f"{number:,}   {where}" if number else ""
