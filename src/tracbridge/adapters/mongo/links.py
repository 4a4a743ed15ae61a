"""Links as documents and back."""

from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from tracbridge.domain.errors import Reason
from tracbridge.domain.link import (
    Held,
    Link,
    Out,
    Phase,
    Refused,
    Seen,
    Theirs,
    Turns,
    Window,
)

Document = dict[str, Any]


def to_document(link: Link, fence: int) -> Document:
    """The link as it is stored next: one revision on, under this fence. The empty takes no room."""
    document: Document = {
        "_id": link.id,
        "c": link.connection,
        "kind": link.kind,
        "scope": link.scope,
        "ref": link.ref,
        "rev": link.rev + 1,
        "fence": fence,
        "seq": link.seq,
        "changes": link.changes,
        "tracos": link.tracos,
        "base": link.base,
        "native": link.extra,
        "given": link.given,
        "times": link.times,
        "missing": link.missing,
        "dropped": link.dropped,
        "repush": link.repush,
        "seen": _seen(link.seen),
        "out": _out(link.out),
        "window": _window(link.window),
        "turns": _turns(link.turns),
        "state": link.state,
        "stuck": link.stuck,
        "unknown": dict(link.unknown),
        "said": link.said,
        "theirs": _theirs(link.theirs),
        "refused": _refused(link.refused),
        "held": {n: {"tracos": h.tracos, "customer": h.customer} for n, h in link.held.items()},
    }
    return {key: value for key, value in document.items() if value or key in _ALWAYS}


_ALWAYS = ("fence", "seq", "changes", "scope")


def _seen(seen: Seen | None) -> Document | None:
    if seen is None:
        return None
    part: Document = {"at": seen.at, "pass": seen.pass_, "prints": dict(seen.prints)}
    if seen.position:
        part["position"] = seen.position
    if seen.words:
        part["words"] = seen.words
    return part


def _out(out: Out | None) -> Document | None:
    if out is None:
        return None
    return {
        "seq": out.seq,
        "key": out.key,
        "fields": out.fields,
        "createdAt": out.created_at,
        "updatedAt": out.updated_at,
        "at": out.at,
        "phase": out.phase.value,
        "over": out.over,
        "overtakes": out.overtakes,
        "error": out.error,
        **({"state": out.state, "last": out.last} if out.state else {}),
        **({"asked": out.asked} if out.asked else {}),
    }


def _window(window: Window | None) -> Document | None:
    if window is None:
        return None
    old = {name: list(values) for name, values in window.old.items()}
    return {"pass": window.pass_, "repeat": window.repeat, "gone": window.gone, "old": old}


def _turns(turns: Turns | None) -> Document | None:
    return None if turns is None else asdict(turns)


def _theirs(theirs: Theirs | None) -> Document | None:
    return None if theirs is None else asdict(theirs)


def _refused(refused: Refused | None) -> Document | None:
    return None if refused is None else {"fields": refused.fields, "why": asdict(refused.why)}


def from_document(document: Document) -> Link:
    """The link as it was stored."""
    get = document.get
    held: Document = get("held") or {}
    turns: Document | None = get("turns")
    theirs: Document | None = get("theirs")
    refused: Document | None = get("refused")
    return Link(
        id=document["_id"],
        connection=document["c"],
        ref=document["ref"],
        scope=get("scope", ""),
        kind=document["kind"],
        tracos=get("tracos"),
        base=get("base"),
        extra=get("native", ""),
        seen=_to_seen(get("seen")),
        out=_to_out(get("out")),
        window=_to_window(get("window")),
        times=get("times") or {},
        held={n: Held(h.get("tracos"), h.get("customer")) for n, h in held.items()},
        missing=get("missing", False),
        dropped=get("dropped", False),
        repush=get("repush", False),
        given=get("given"),
        turns=Turns(**turns) if turns else None,
        state=get("state", ""),
        stuck=get("stuck", ""),
        unknown=get("unknown") or {},
        said=get("said") or {},
        theirs=Theirs(**theirs) if theirs else None,
        refused=Refused(refused["fields"], Reason(**refused["why"])) if refused else None,
        seq=document["seq"],
        changes=document["changes"],
        rev=document["rev"],
        fence=document["fence"],
    )


def _to_seen(part: Document | None) -> Seen | None:
    if part is None:
        return None
    words = part.get("words", "")
    return Seen(part["at"], part["pass"], part["prints"], part.get("position", ""), words)


def _to_out(part: Document | None) -> Out | None:
    if part is None:
        return None
    at: datetime = part["at"]
    return Out(
        seq=part["seq"],
        key=part["key"],
        fields=part["fields"],
        created_at=part["createdAt"],
        updated_at=part["updatedAt"],
        at=at,
        phase=Phase(part["phase"]),
        over=part["over"],
        overtakes=bool(part.get("overtakes", part["over"])),
        error=part["error"],
        state=part.get("state", ""),
        last=part.get("last", True),
        asked=part.get("asked"),
    )


def _to_window(part: Document | None) -> Window | None:
    if part is None:
        return None
    old = {name: tuple(values) for name, values in part["old"].items()}
    return Window(part["pass"], part["repeat"], part["gone"], old)
