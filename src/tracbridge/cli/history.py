"""``tracbridge history``: what happened to one order, and why."""

from collections.abc import Mapping
from typing import Any

from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.show import Number, ref_of
from tracbridge.cli.table import NAMES, harmless, moment, quoted, table, told_apart
from tracbridge.domain.workorder import Side, Value
from tracbridge.ports.approvals import Approval
from tracbridge.ports.state import Conflict, Entry


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
        ref, views = await service.ref(ref_of(number)), service.views
        entries, conflicts = await views.history(ref), await views.conflicts(ref=ref)
        return ref, timeline(entries, conflicts, await views.approvals(ref))


def timeline(
    entries: list[Entry], conflicts: list[Conflict], approvals: list[Approval]
) -> list[dict[str, Any]]:
    """Changes, disagreements and approvals in the order in which they happened."""
    events = [*map(changed, entries), *map(disagreed, conflicts), *map(approved, approvals)]
    return sorted(events, key=lambda event: event["at"])


def approved(approval: Approval) -> dict[str, Any]:
    """What somebody let through although a rule held it."""
    rule, by, why = approval.rule, approval.by, approval.why
    return {"at": approval.at, "event": "approval", "rule": rule, "by": by, "why": why}


def changed(entry: Entry) -> dict[str, Any]:
    """One change that we made."""
    before = entry.before or {}
    why = dict(entry.why)
    fields = {n: {"from": before.get(n), "to": value} for n, value in entry.after.items()}
    return {
        "at": entry.at,
        "event": event_of(entry),
        "side": entry.side.value,
        "number": entry.number,
        "run": entry.run,
        "fields": fields,
        "why": why.get("by", {}),
        "source": why.get("source"),
        "kept": why.get("kept"),
        "mapping": why.get("mapping"),
        "words": why.get("words"),
        "version": why.get("version"),
    }


def event_of(entry: Entry) -> str:
    """What kind of change it was."""
    if entry.why.get("forgotten"):
        return "forgotten"
    return "change" if entry.before is not None else "new"


def disagreed(conflict: Conflict) -> dict[str, Any]:
    """One disagreement: TracOS's value before the customer's."""
    fields = {
        name: {"tracos": conflict.tracos.get(name), "customer": conflict.customer.get(name)}
        for name in conflict.taken
    }
    return {
        "at": conflict.at,
        "event": "conflict",
        "kind": conflict.kind.value,
        "id": conflict.id,
        "fields": fields,
        "taken": {n: side.value if side else None for n, side in conflict.taken.items()},
        "decided": conflict.decided,
        "source": conflict.source,
    }


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
