"""Several TracOS documents with one number: which of them to keep, and why. A proposal only."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

from tracbridge.domain.link import Link
from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Record
from tracbridge.ports.views import Orders

NEVER = datetime.min.replace(tzinfo=UTC)


class Why(StrEnum):
    """Why one of several documents is the one to keep."""

    LINKED = "the one that was synced"
    LATEST = "changed last"


class Duplicate(Struct, frozen=True):
    """One number that several documents carry: the one to keep, the others, latest first."""

    ref: str
    keep: Record
    others: tuple[Record, ...]
    why: Why


async def duplicates(connection: Connection, orders: Orders) -> list[Duplicate]:
    """All of them, in the order of their numbers."""
    found: list[Duplicate] = []
    async for page in orders.by_number():
        several = {ref: records for ref, records in page.items() if len(records) > 1}
        links = await connection.ledger.find(list(several)) if several else {}
        found += [proposed(ref, records, links.get(ref)) for ref, records in several.items()]
    return found


def proposed(ref: str, records: Sequence[Record], link: Link | None) -> Duplicate:
    """The document that our memory names, or else the one that was changed last."""
    latest = sorted(records, key=changed_at, reverse=True)
    linked = [r for r in latest if link and link.tracos and _id(r) == link.tracos]
    keep = (linked or latest)[0]
    others = tuple(record for record in latest if record is not keep)
    return Duplicate(ref, keep, others, Why.LINKED if linked else Why.LATEST)


def changed_at(record: Record) -> datetime:
    """When TracOS says it was changed; what is no time is older than everything."""
    at = (record.body or {}).get("updatedAt")
    return at if isinstance(at, datetime) else NEVER


def _id(record: Record) -> object:
    return (record.body or {}).get("_id")
