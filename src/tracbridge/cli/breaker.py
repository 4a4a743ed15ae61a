"""``tracbridge breaker``: whether the customer's system is called at all, and an operator's word
on it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.table import harmless, lasting, moment, table
from tracbridge.desk.connections import STATES, breaker_json, set_breaker


def breaker(
    word: Annotated[
        str,
        typer.Argument(
            metavar="[open|closed|automatic]",
            help="open: no more calls. closed: calls go out whatever becomes of them. automatic: "
            "after failures in a row nobody calls for a while.",
        ),
    ] = "",
    operation: Annotated[
        str, typer.Option(metavar="NAME", help="Of these calls only, such as read or update.")
    ] = "",
    json: Json = False,
) -> None:
    """Show or set the breakers of a connection."""
    if word and word not in STATES:
        raise typer.BadParameter(f"say {', '.join(STATES[:-1])} or {STATES[-1]}.")
    state = wait_for(_breaker(word, operation))
    if json:
        say_json(state)
    else:
        say(lines(state))


async def _breaker(word: str, operation: str) -> dict[str, Any]:
    if not word:
        async with serving() as service:
            return await breaker_json(service)
    async with acting("breaker.set", operation or "all calls") as (service, act):
        act.outcome = word
        return await set_breaker(service, word, operation)


def lines(state: Mapping[str, Any]) -> str:
    """The breakers as a table, and the pause that the system asked for."""
    wanted: Mapping[str, str] = state["wanted"]
    operations: Mapping[str, Any] = state.get("operations", {})
    rows = [
        (
            harmless(name),
            one["state"],
            f"{one['seconds']:.0f} s" if one["seconds"] else "",
            str(one["failures"] or ""),
            wanted.get(name, wanted.get("", "automatic")),
        )
        for name, one in operations.items()
    ]
    found = [table(("CALLS", "STATE", "FOR", "FAILED IN A ROW", "WANTED"), rows)] if rows else []
    paused = state.get("target", {}).get("paused", 0.0)
    if paused:
        found.append(f"His system asked for a pause: {paused:.0f} s were left.\n")
    if login := state.get("login"):
        rests = lasting(timedelta(seconds=login["breaker"]["seconds"]))
        found.append(f"His system refuses our login; it rests for {rests}, another one is tried.\n")
    if not found:
        found.append("All calls go out: nothing has failed.\n")
    found += [f"Wanted from the next pass on: {_wish(*one)}.\n" for one in wanted.items()]
    if state["at"]:
        found.append(f"As of {moment(state['at'])}.\n")
    return "".join(found).rstrip("\n")


def _wish(operation: str, word: str) -> str:
    return f"{word} ({harmless(operation) or 'all calls'})"
