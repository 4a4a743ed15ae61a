"""``tracbridge rules``: test the rules of a connection, and replay what it was given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from tracbridge.cli.context import (
    TROUBLED,
    Json,
    say,
    say_json,
    serving,
    settings,
    wait_for,
    with_mapping,
)
from tracbridge.cli.table import counted, table, told_apart
from tracbridge.config.rules import book_of, listed, rule_source
from tracbridge.desk.mappings import last_used
from tracbridge.desk.rules import days, deed, set_up, trials, trials_json
from tracbridge.engine.replay import Replayed, replay
from tracbridge.proof.replay import Difference
from tracbridge.rules.book import Book, flows
from tracbridge.rules.trial import Trial

app = typer.Typer(no_args_is_help=True, help="Business rules: list them, test them, replay them.")

Files = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="Other files than the connection's.")
]
FAILED = 1
NO_RULES = "No rules."


def book(files: list[str] | None) -> Book:
    """The rules that are meant."""
    if files:
        return book_of(rule_source(listed(files), Path()))
    config = settings()
    return book_of(config.rules) if config.rules else Book()


@app.command("list")
def list_(files: Files = None, json: Json = False) -> None:
    """The rules in the order in which they are asked."""
    rules = [written.rule for written in book(files).rules]
    if json:
        say_json([{"name": r.name, "on": list(flows(r)), "priority": r.priority} for r in rules])
        return
    rows = [
        (str(r.priority), r.name, ", ".join(flows(r)), deed(r.then), days(r.from_, r.until))
        for r in rules
    ]
    say(table(("PRIORITY", "RULE", "ON", "THEN", "DAYS"), rows) if rows else NO_RULES)


@app.command("test")
def run_tests(files: Files = None, json: Json = False) -> None:
    """Run the tests that stand inside the rules. Exit 1 where one does not come out."""
    now, asked = datetime.now(UTC), book(files)
    found = trials(asked, now)
    if json:
        say_json(trials_json(found)["items"])
    else:
        say("\n".join(lines(found)) if asked.rules else NO_RULES)
    raise typer.Exit(0 if all(trial.passed for trial in found) else FAILED)


def lines(found: list[Trial]) -> list[str]:
    """Those that failed, then how many there are."""
    failed = [trial for trial in found if not trial.passed]
    told = [
        f"FAILED  {one.rule}, test {one.number}: expected {one.expected}, found {one.found}"
        for one in failed
    ]
    return [*told, f"{counted(len(found), 'test')}, {len(failed)} failed."]


@app.command("replay")
def replay_(
    since: Annotated[str, typer.Option(metavar="DAYS", help="30d, or a day.")] = "30d",
    mapping: Annotated[
        str | None, typer.Option(metavar="NAME", help="The new mapping: a preset or a file.")
    ] = None,
    rules: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="The new rules; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Which orders would have ended otherwise with other rules, or with another mapping.

    Sends what was recorded (kept originals, edits in TracOS) through both, and touches nothing.
    Without --mapping and --rules the last version in use is compared with the files of now. Exit 3
    where an order ends otherwise.
    """
    start = since_of(since)
    done = wait_for(_replay(start, mapping, rules))
    if json:
        say_json({**asdict(done), "differences": [asdict(one) for one in done.differences]})
    else:
        say(told(done))
    raise typer.Exit(TROUBLED if done.differences else 0)


async def _replay(start: datetime, mapping: str | None, rules: list[str] | None) -> Replayed:
    async with serving() as service:
        config = service.settings
        other = config
        if mapping:
            other = with_mapping(other, mapping)
        if rules:
            other = replace(other, rules=rule_source(listed(rules), Path()))
        old = config if mapping or rules else await last_used(service)
        new = set_up(other)
        return await replay(
            service.connection, service.recorded, service.past, start, set_up(old), new
        )


def told(done: Replayed) -> str:
    """The differences, order by order, field by field."""
    total = (
        f"{counted(done.records, 'record')} and {counted(done.edits, 'edit')} of "
        f"{counted(done.orders, 'order')}: "
    )
    if not done.differences:
        return f"{total}each ends as it did."
    rows = [row for one in done.differences[:SHOWN] for row in rows_of(one)]
    more = len(done.differences) - SHOWN
    note = f"... and {more:,} more: tracbridge rules replay --json\n" if more > 0 else ""
    head = ("ORDER", "FIELD", "ENDED AS", "WOULD END AS")
    count = counted(len(done.differences), "order would end", "orders would end")
    return f"{table(head, rows)}{note}{total}{count} otherwise."


SHOWN = 200
"""Orders that the table shows; ``--json`` has them all."""


def rows_of(one: Difference) -> list[tuple[str, ...]]:
    """One order: what became of its last input, and the fields that differ."""
    words = {"": (one.old, one.new)} if one.old != one.new else {}
    fields = {name: told_apart(*pair) for name, pair in one.fields.items()}
    return [(one.order, name, *pair) for name, pair in (words | fields).items()]


DAY = timedelta(days=1)


def since_of(text: str) -> datetime:
    """``30d`` or a day; raises `BadParameter`."""
    now = datetime.now(UTC)
    if text.endswith("d") and text[:-1].isdigit():
        return now - int(text[:-1]) * DAY
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter("say a number of days such as 30d, or a day.") from None
