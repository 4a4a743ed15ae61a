"""How long changes took from one side to the other, out of history and links. Read only."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.domain.workorder import KIND, Side
from tracbridge.sync.identity import link_id

MOST = 1_000
"""Changes of all connections that one reading looks at."""

FLOWS = {Side.TRACOS.value: "inbound", Side.CUSTOMER.value: "outbound"}
"""The flow of a change, by the side on which we make it."""

FIELDS: Document = {"$objectToArray": {"$ifNull": ["$after", {}]}}


async def latencies(
    database: AsyncDatabase[Document],
    host: str,
    connections: Collection[str],
    since: datetime,
    until: datetime,
) -> AsyncIterator[tuple[str, str, datetime, float]]:
    """Of changes that were recorded after ``since`` and not after ``until``: connection, flow, when
    it was recorded, and the seconds from the change on the other side until then.

    The change's time is that of its newest field, as the link remembers it; of a customer's new
    order that of his record. What seems to have been made before it was changed is left out: a
    clock is ahead, or the order was changed again.
    Raises `RetryableError` where the server is away.
    """
    match = {"c": {"$in": list(connections)}, "at": {"$gt": since, "$lte": until}}
    names = {"$map": {"input": FIELDS, "in": "$$this.k"}}
    stages: list[Document] = [
        {"$match": {**match, "superseded": {"$ne": True}}},
        {"$limit": MOST},
        {"$project": {"c": 1, "side": 1, "ref": 1, "at": 1, "fields": names}},
    ]
    with translated(host):
        found = await database["tracbridge_history"].aggregate(stages)
        rows = [row async for row in found if row["fields"]]
        ids = [link_id(row["c"], KIND, "", row["ref"]) for row in rows]
        links = database["tracbridge_links"].find({"_id": {"$in": ids}}, {"times": 1, "seen.at": 1})
        known = {link["_id"]: link async for link in links}
    for row, id_ in zip(rows, ids, strict=True):
        changed = changed_at(row, known.get(id_, {}))
        seconds = (row["at"] - changed).total_seconds() if changed else -1.0
        if seconds >= 0:
            yield row["c"], FLOWS[row["side"]], row["at"], seconds


def changed_at(row: Document, link: Document) -> datetime | None:
    """When the change was made on its own side, None where that is not known."""
    times = link.get("times") or {}
    of_fields: list[datetime] = [at for name in row["fields"] if (at := times.get(name))]
    if of_fields:
        return max(of_fields)
    seen = (link.get("seen") or {}).get("at") if row["side"] == Side.TRACOS.value else None
    return seen if isinstance(seen, datetime) else None
