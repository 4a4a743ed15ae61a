"""Events for others, on their way: one row for each event and receiver."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import insert_missing
from tracbridge.ports.deliveries import Attempt, Deliveries, Delivery, State

KEPT: Final = timedelta(days=14)

INDEXES: Final = [
    IndexModel([("c", 1), ("at", -1), ("_id", -1)], name="listed"),
    IndexModel([("c", 1), ("state", 1), ("next", 1)], name="due"),
    IndexModel(
        [("c", 1), ("subject", 1)],
        name="open",
        partialFilterExpression={"state": State.OPEN.value},
    ),
    IndexModel([("done", 1)], name="done", expireAfterSeconds=int(KEPT.total_seconds())),
]


class MongoDeliveries(Deliveries):
    """``tracbridge_deliveries``. ``next``: while it waits, also until when somebody has it."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._rows, self._c, self._host = database["tracbridge_deliveries"], connection, host

    async def prepare(self) -> None:
        """The indexes are there."""
        with translated(self._host):
            await self._rows.create_indexes(INDEXES)

    async def put(self, deliveries: Sequence[Delivery]) -> None:
        with translated(self._host):
            await insert_missing(self._rows, [self._document(one) for one in deliveries])

    async def open(self, limit: int) -> Sequence[Delivery]:
        query = {"c": self._c, "state": State.OPEN.value}
        with translated(self._host):
            rows = await self._rows.find(query).sort("next", 1).to_list(limit)
        return [self._delivery(row) for row in rows]

    async def settle(self, sure: Collection[str], void: Collection[str], now: datetime) -> None:
        with translated(self._host):
            if sure:
                waits = {"state": State.WAITING.value, "next": now}
                await self._rows.update_many(self._open(sure), {"$set": waits})
            if void:
                await self._rows.delete_many(self._open(void))

    def _open(self, subjects: Collection[str]) -> Document:
        state = State.OPEN.value
        return {"c": self._c, "subject": {"$in": list(subjects)}, "state": state}

    async def claim(
        self, targets: Collection[str], now: datetime, again: datetime
    ) -> Delivery | None:
        query = {**self._waiting(), "next": {"$lte": now}, "target": {"$in": list(targets)}}
        with translated(self._host):
            row = await self._rows.find_one_and_update(
                query,
                {"$set": {"next": again}},
                sort=[("next", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return self._delivery(row) if row else None

    async def book(self, id_: str, attempt: Attempt, state: State, next_: datetime) -> None:
        ended = state in (State.DELIVERED, State.GIVEN_UP)
        values: Document = {"last": _attempt(attempt), "state": state.value, "next": next_}
        values |= {"done": attempt.at} if ended else {}
        change = {"$set": values, "$inc": {"attempts": 1}}
        with translated(self._host):
            await self._rows.update_one({"_id": self._name(id_)}, change)

    async def abandon(self, targets: Collection[str], attempt: Attempt) -> None:
        query = {**self._waiting(), "target": {"$nin": list(targets)}}
        gone = {"state": State.GIVEN_UP.value, "last": _attempt(attempt), "done": attempt.at}
        with translated(self._host):
            await self._rows.update_many(query, {"$set": gone})

    async def next_due(self) -> datetime | None:
        with translated(self._host):
            row = await self._rows.find_one(self._waiting(), {"next": 1}, sort=[("next", 1)])
        return row["next"] if row else None

    def _waiting(self) -> Document:
        return {"c": self._c, "state": State.WAITING.value}

    async def retry(self, id_: str, now: datetime, until: datetime) -> bool:
        query = {"_id": self._name(id_), "state": {"$ne": State.OPEN.value}}
        waits = {"state": State.WAITING.value, "next": now, "until": until}
        with translated(self._host):
            found = await self._rows.update_one(query, {"$set": waits, "$unset": {"done": ""}})
        return bool(found.matched_count)

    async def find(self, id_: str) -> Delivery | None:
        with translated(self._host):
            row = await self._rows.find_one({"_id": self._name(id_)})
        return self._delivery(row) if row else None

    async def listed(
        self, state: State | None, after: str, limit: int
    ) -> Sequence[Delivery] | None:
        query: dict[str, Any] = {"c": self._c} | ({"state": state.value} if state else {})
        with translated(self._host):
            if after:
                last = await self._rows.find_one({"_id": self._name(after)}, {"at": 1})
                if last is None:
                    return None
                same = {"at": last["at"], "_id": {"$lt": last["_id"]}}
                query["$or"] = [{"at": {"$lt": last["at"]}}, same]
            found = self._rows.find(query).sort([("at", -1), ("_id", -1)])
            rows = await found.limit(limit).to_list()
        return [self._delivery(row) for row in rows]

    def _name(self, id_: str) -> str:
        return f"{self._c}:{id_}"

    def _document(self, one: Delivery) -> Document:
        return {
            "_id": self._name(one.id),
            "c": self._c,
            "event": one.event,
            "kind": one.kind,
            "ref": one.ref,
            "subject": one.subject,
            "at": one.at,
            "target": one.target,
            "url": one.url,
            "next": one.next,
            "until": one.until,
            "state": one.state.value,
            "attempts": one.attempts,
            "last": _attempt(one.last) if one.last else None,
        }

    def _delivery(self, row: Document) -> Delivery:
        names = ("event", "kind", "ref", "subject", "at", "target", "url", "next", "until")
        last = row["last"]
        return Delivery(
            id=str(row["_id"]).removeprefix(f"{self._c}:"),
            state=State(row["state"]),
            attempts=row["attempts"],
            last=Attempt(last["at"], last["status"], last["error"]) if last else None,
            **{name: row[name] for name in names},
        )


def _attempt(attempt: Attempt) -> Document:
    return {"at": attempt.at, "status": attempt.status, "error": attempt.error}
