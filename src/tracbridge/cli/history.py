"""``tracbridge history``: what happened to one order, and why."""

from collections.abc import Mapping
from typing import Any

from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.show import Number
from tracbridge.cli.table import NAMES, harmless, moment, quoted, table, told_apart
from tracbridge.desk.history import history_of
from tracbridge.desk.orders import ref_of
from tracbridge.domain.workorder import Side, Value


def history(number: Number, json: Json = False) -> None:
    """What happened to one order: when, where, what and why."""
    ref, events = wait_for(_history(number))
    if json:
        say_json(events)
    elif not events:
        say(f"nothing on record of order {harmless(ref)}")
    else:
        rows = [cells for event in events for cells in told(event)]
        say(table(("WHEN", "WHERE", "FIELD", "CHANGE", "WHY"), rows))


async def _history(number: str) -> tuple[str, list[dict[str, Any]]]:
    async with serving() as service:
        ref = await service.ref(ref_of(number))
        return ref, await history_of(service, ref)


def told(event: Mapping[str, Any]) -> list[list[str]]:
    """One event as rows of the table, one per field."""
    at = moment(event["at"])
    if event["event"] == "approval":
        by = ", ".join(part for part in (f"by {event['by']}", event["why"]) if part)
        return [[at, "approval", "", f"rule {quoted(event['rule'])}", by]]
    if event["event"] == "conflict":
        why = f"{decided(event)}, {event['id']}"
        return [[at, "conflict", n, against(value), why] for n, value in event["fields"].items()]
    where = f"-> {NAMES[Side(event['side'])]}" if event["number"] else ""
    fields = event["fields"] or {"": {"from": None, "to": None}}
    new, bare = event["event"] == "new", "forgotten" if event["event"] == "forgotten" else ""
    return [
        [at, where, name, step(value, new=new) if name else bare, reason(event, name)]
        for name, value in fields.items()
    ]


def step(value: Mapping[str, Value], *, new: bool) -> str:
    """From what to what."""
    if new:
        return quoted(value["to"], 28)
    return " -> ".join(told_apart(value["from"], value["to"], 28))


def against(value: Mapping[str, Value]) -> str:
    """Both sides' values."""
    ours, theirs = told_apart(value["tracos"], value["customer"], 24)
    return f"TracOS {ours}, customer {theirs}"


def decided(event: Mapping[str, Any]) -> str:
    """What became of a disagreement."""
    if event["decided"] is None:
        return f"{event['kind']}, waits for a decision"
    sides = sorted({NAMES[Side(side)] for side in event["taken"].values() if side})
    return f"{event['kind']}, {' and '.join(sides) or 'settled'} ({event['decided']})"


def reason(event: Mapping[str, Any], name: str) -> str:
    """Why one field was changed, and where that came from."""
    why = event["why"].get(name) or event["why"].get("") or ""
    version_ = f"version {event['version']}" if event["version"] else ""
    words = " ".join(part for part in (event["mapping"], event["words"]) if part)
    parts = (why, event["source"], version_, f"run {event['run']}", words)
    return ", ".join(part for part in parts if part)
