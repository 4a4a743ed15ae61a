"""Why each field of an order is as it is: event, mapping, rules, policy, write, acknowledgement."""

from collections.abc import Mapping
from typing import Any

from tracbridge.bootstrap import Service
from tracbridge.desk.history import changed
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import Entry


async def why_of(service: Service, ref: str) -> dict[str, list[dict[str, Any]]]:
    """Per field the changes that made it what it is, newest first: the last on each side.

    {} where no change of the order is on record (any more).
    """
    entries = await service.views.history(ref)
    link = (await service.connection.ledger.find([ref])).get(ref)
    found: dict[str, list[dict[str, Any]]] = {}
    seen: set[tuple[str, Side]] = set()
    for entry in reversed(entries):
        for name in entry.after:
            if (name, entry.side) not in seen:
                seen.add((name, entry.side))
                found.setdefault(name, []).append(step(entry, name, link))
    return found


def step(entry: Entry, name: str, link: Link | None) -> dict[str, Any]:
    """One change of one field, from its cause to what is known of its effect."""
    why: Mapping[str, Any] = entry.why
    told = changed(entry)
    by = told["why"].get(name) or told["why"].get("") or None
    return {
        "at": entry.at,
        "side": entry.side.value,
        "event": why.get("source") or ("an edit in TracOS" if _out(entry) else "a decision here"),
        "kept": why.get("kept") or None,
        "mapping": why.get("mapping"),
        "words": why.get("words"),
        "rules": list(why.get("rules", ())),
        "policy": by,
        "write": {
            "from": (entry.before or {}).get(name),
            "to": entry.after[name],
            "run": entry.run,
            "version": why.get("version"),
            "new": entry.before is None,
        },
        "acknowledged": acknowledged(entry, link),
    }


def _out(entry: Entry) -> bool:
    return entry.side is Side.CUSTOMER


def acknowledged(entry: Entry, link: Link | None) -> bool | None:
    """Whether the other side is known to have it: TracOS answers each write. None: not known."""
    if not _out(entry):
        return True
    if link is None:
        return None
    if link.out and entry.number >= link.out.seq:
        return False
    open_ = link.window is not None and link.window.gone is None and entry.number >= link.seq
    return None if open_ else True
