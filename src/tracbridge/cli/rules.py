"""``tracbridge rules``: test the rules of a connection, and replay what it was given."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from tracbridge.cli.context import Json, configuration, say, say_json, settings
from tracbridge.cli.table import counted, table
from tracbridge.config.rules import book_of, listed, rule_source
from tracbridge.config.settings import Settings
from tracbridge.rules.book import Book, flows
from tracbridge.rules.trial import Trial, tried

app = typer.Typer(no_args_is_help=True, help="Business rules: list them, test them, replay them.")

Files = Annotated[
    list[str] | None, typer.Argument(metavar="[FILE]...", help="Other files than the connection's.")
]
FAILED = 1


def book(files: list[str] | None) -> Book:
    """The rules that are meant."""
    if files:
        return book_of(rule_source(listed(files), Path()))
    config: Settings = settings()
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
    say(table(("PRIORITY", "RULE", "ON", "THEN", "DAYS"), rows) if rows else "No rules.")


def deed(then: Any) -> str:
    """What a rule does, in short."""
    for word in ("reject", "hold", "ignore", "warn"):
        if getattr(then, word) is not None:
            return f"{word}: {getattr(then, word)}"
    return f"set {', '.join(then.set)}"


def days(start: object, end: object) -> str:
    """From when to when a rule counts."""
    return "" if start is None and end is None else f"{start or ''} - {end or ''}"


@app.command("test")
def run_tests(files: Files = None, json: Json = False) -> None:
    """Run the tests that stand inside the rules. Exit 1 where one does not come out."""
    now = datetime.now(UTC)
    found = [trial for written in book(files).rules for trial in tried(written, now)]
    if json:
        say_json([{**asdict(trial), "passed": trial.passed} for trial in found])
    else:
        say("\n".join(lines(found)))
    raise typer.Exit(0 if all(trial.passed for trial in found) else FAILED)


def lines(found: list[Trial]) -> list[str]:
    """Those that failed, then how many there are."""
    failed = [trial for trial in found if not trial.passed]
    told = [
        f"FAILED  {one.rule}, test {one.number}: expected {one.expected}, found {one.found}"
        for one in failed
    ]
    return [*told, f"{counted(len(found), 'test')}, {len(failed)} failed."]


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


__all__ = ["app", "configuration"]
