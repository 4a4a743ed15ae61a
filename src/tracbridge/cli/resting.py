"""Why nothing happens on a connection although something waits: people, hours or his system said
so.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.cli.table import NAMES, harmless, lasting, moment
from tracbridge.desk.connections import blackout_json, breaker_json, pause_json
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import paused
from tracbridge.ports.connector import Paced


async def rest_of(service: Service) -> dict[str, Any]:
    """``paused``: by side, since when, by whom and why; ``blackout``: as over the API, or None;
    ``calls``: which calls of the customer's system fail or rest, in words, or None.
    """
    waits = await paused(service.connection.passes)
    calls: list[str] = []
    if isinstance(service.customer.connector, Paced):
        calls = list(calls_of(await breaker_json(service), service.connection.clock.now()))
    return {
        "paused": {side.value: pause_json(one) for side, one in waits.items()},
        "blackout": blackout_json(service),
        "calls": "; ".join(calls) or None,
    }


def calls_of(state: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """What is not as it should be with the calls of the customer's system."""
    for operation, word in state["wanted"].items():
        if word != "automatic":
            yield f"{harmless(operation) or 'all calls'}: {word}, as somebody said"
    if state.get("login"):
        yield "his system refuses our login"
    ends = (state["at"] or now) + timedelta(seconds=state.get("target", {}).get("paused", 0.0))
    if ends > now:
        yield f"his system asked for a pause, {lasting(ends - now)} are left"
    for operation, one in state.get("operations", {}).items():
        if one["failures"]:
            yield f"{harmless(operation)} failed {one['failures']} times in a row"


def rest_rows(rest: dict[str, Any]) -> list[tuple[str, str]]:
    """The same for people; [] where nothing rests."""
    rows = [("paused", text) for text in paused_lines(rest)]
    blackout = rest["blackout"]
    if blackout and blackout["until"]:
        until = moment(blackout["until"])
        rows.append(("blackout", f"until {until}: a service does nothing, and what happens waits"))
    if rest["calls"]:
        rows.append(("calls", f"{rest['calls']}: tracbridge check, tracbridge breaker"))
    return rows


def paused_lines(rest: dict[str, Any]) -> list[str]:
    """Of each side whose changes wait, a sentence."""
    return [pause_text(Side(side), one) for side, one in rest["paused"].items()]


def pause_text(side: Side, one: dict[str, Any]) -> str:
    """Whose changes wait, who said so, and where it is ended."""
    by = harmless(one["by"]) + (f": {harmless(one['why'])}" if one["why"] else "")
    waits = f"what the {NAMES[side]}" if side is Side.CUSTOMER else f"what {NAMES[side]}"
    return (
        f"{waits} changed waits since {moment(one['at'])}, by {by} (tracbridge resume {side.value})"
    )
