"""What happened to one order, and why: changes, disagreements, approvals."""

from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.ports.approvals import Approval
from tracbridge.ports.state import Conflict, Entry


async def history_of(service: Service, ref: str) -> list[dict[str, Any]]:
    """The order's `timeline`; [] where nothing is on record of it."""
    views = service.views
    entries, conflicts = await views.history(ref), await views.conflicts(ref=ref)
    return timeline(entries, conflicts, await views.approvals(ref))


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
