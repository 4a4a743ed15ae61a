"""Where the rules of a connection are asked, and what their answers make of a record."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Fields, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.mapping.route import Graph
from tracbridge.mapping.translation import Route
from tracbridge.ports.connector import Record
from tracbridge.rules.book import HELD, Held, Situation, Verdict
from tracbridge.sync.identity import canonical, record_id


class HeldError(RecordError):
    """Held until somebody approves exactly this change (``token``)."""

    def __init__(self, held: Held, token: str) -> None:
        hint = "Approve it with tracbridge approve, or mend it and send it again."
        super().__init__(HELD, held.message, value=held.rule, hint=hint)
        self.token = token


async def approved(connection: Connection, refs: Sequence[str]) -> Collection[str]:
    """What was approved of these orders; asked only where rules may hold something."""
    if connection.approvals is None or not connection.book.holds or not refs:
        return ()
    return await connection.approvals.of(refs)


def token_of(connection: Connection, ref: str, rule: str, fields: Fields) -> str:
    """The name of one content of one order, held by one rule."""
    return record_id(connection.name, ref, rule, canonical(fields))[:24]


def judged(
    connection: Connection,
    situation: Situation,
    ref: str,
    approvals: Collection[str],
    place: str,
    *,
    transition: bool = False,
) -> Verdict:
    """What the rules say; raises `RecordError` for what is rejected, or held and not approved."""
    verdict = connection.book.judge(situation, transition=transition)
    for held in verdict.holds:
        token = token_of(connection, ref, held.rule, situation.new)
        if token not in approvals:
            raise HeldError(held, token)
    for rule, message in verdict.warnings:
        connection.observer.incident("rule", place, f"{message} (rule {rule!r})")
    return verdict


def turns(old: Fields | None, new: Fields) -> bool:
    """The status changes."""
    return old is not None and old.get("status") != new.get("status")


def refuse_illegal(legal: Graph | None, old: Fields | None, new: Fields) -> None:
    """Raises `RecordError` for a change of TracOS's status that no legal steps lead to."""
    if legal is None or old is None:
        return
    start, end = str(old.get("status")), str(new.get("status"))
    if legal.way(start, {end}) is None:
        reason = f"would take TracOS's order from {start} to {end}: {legal.why_not(start, {end})}."
        hint = "Let it go there in steps, or allow it under tracos.transitions."
        raise RecordError("transition", reason, value=end, hint=hint)


def told(
    connection: Connection,
    record: Record,
    link: Link,
    order: WorkOrder,
    now: datetime,
    approvals: Collection[str],
) -> Verdict:
    """What the rules say of what the customer is to be given; raises `RecordError`."""
    old, new = link.last_given, order.fields
    if not connection.book.rules:
        return Verdict(new)
    situation = Situation("outbound", old, new, now, body_of(record.body))
    said = judged(connection, situation, link.ref, approvals, record.source)
    if turns(old, said.new):
        turn = replace(situation, new=said.new)
        then = judged(connection, turn, link.ref, approvals, record.source, transition=True)
        said = replace(said, ignored=said.ignored or then.ignored)
    return said


def route_of(connection: Connection, link: Link, order: WorkOrder) -> Route | None:
    """How his system gets to TracOS's status; None where it may be given at once."""
    given, wanted = link.last_given, str(order.fields["status"])
    if given is None:
        return connection.translation.route("", "", None, wanted)
    if "status" not in given or "status" in link.held:
        return None
    return connection.translation.route(link.state, link.extra, str(given["status"]), wanted)


def body_of(body: Any) -> Any:
    """A record as expressions see it."""
    return {name: value for name, value in (body or {}).items() if name != "_id"}
