"""What happened on one connection, out of history, quarantine, conflicts and runs. Read only."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.domain.link import Phase
from tracbridge.domain.workorder import Side
from tracbridge.ports.deliveries import Happening
from tracbridge.ports.state import AGREED, PERSON

PAGE: Final = 1_000

KINDS: Final = {Side.TRACOS.value: "order.updated", Side.CUSTOMER.value: "order.delivered"}

SHOWN: Final = {"ref": 1, "side": 1, "number": 1, "at": 1}

PLAIN: Final = {"ref": 1, "at": 1}

ANY_STATE: Final = {"state": {"$in": ["open", "closed", "retried", "discarded"]}}
"""Named, since the index begins with it."""

WAITED: Final = {"decided": {"$in": [None, PERSON, AGREED]}}
"""What a policy decided at once was never open."""

ENDED: Final = (0, 3)
"""How a run ends that could do its work."""


class MongoNews:
    """The stores of one connection, by time."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._db, self._c, self._host = database, connection, host

    async def since(
        self, at: datetime, kinds: Collection[str]
    ) -> AsyncIterator[Sequence[Happening]]:
        sides = [side for side, kind in KINDS.items() if kind in kinds]
        if sides:
            query = {"side": {"$in": sides}, "number": {"$gt": 0}}
            async for page in self._pages("history", at, query, SHOWN):
                sure = await self._done(page)
                yield [_told(row, sure=row["_id"] in sure) for row in page]
        if "case.opened" in kinds:
            async for page in self._pages("quarantine", at, ANY_STATE, PLAIN):
                yield [
                    Happening(row["_id"], "case.opened", row["ref"] or "", row["at"])
                    for row in page
                ]
        if "conflict.opened" in kinds:
            async for page in self._pages("conflicts", at, WAITED, PLAIN):
                yield [
                    Happening(row["_id"], "conflict.opened", row["ref"], row["at"]) for row in page
                ]

    async def _pages(
        self, name: str, at: datetime, query: Document, shown: Document
    ) -> AsyncIterator[list[Document]]:
        whole = {"c": self._c, "at": {"$gte": at}, **query}
        with translated(self._host):
            cursor = self._db[f"tracbridge_{name}"].find(whole, shown, batch_size=PAGE)
            async for page in paged(cursor.sort("at", 1), PAGE):
                yield page

    async def sure(self, entries: Collection[str]) -> set[str]:
        query = {"_id": {"$in": list(entries)}, "c": self._c}
        with translated(self._host):
            rows = await self._db["tracbridge_history"].find(query, SHOWN).to_list()
            return await self._done(rows)

    async def _done(self, rows: Sequence[Document]) -> set[str]:
        """Those whose effect has happened. The links are read before it is seen whether an entry is
        void: what is withdrawn is void first.
        """
        with translated(self._host):
            query = {"c": self._c, "ref": {"$in": list({row["ref"] for row in rows})}}
            shown = {"ref": 1, "seq": 1, "changes": 1, "out.seq": 1, "out.phase": 1}
            found = self._db["tracbridge_links"].find(query, shown)
            links = {link["ref"]: link async for link in found}
            done = [
                row["_id"] for row in rows if row["ref"] in links and _past(row, links[row["ref"]])
            ]
            void = {"_id": {"$in": done}, "superseded": True}
            gone = await self._db["tracbridge_history"].find(void, {"_id": 1}).to_list()
        return set(done) - {row["_id"] for row in gone}

    async def ran(self, since: datetime) -> bool:
        query = {"c": self._c, "ended": {"$gt": since}, "exit": {"$in": list(ENDED)}}
        with translated(self._host):
            return await self._db["tracbridge_runs"].find_one(query, {"_id": 1}) is not None


def _told(row: Document, *, sure: bool) -> Happening:
    return Happening(row["_id"], KINDS[row["side"]], row["ref"], row["at"], sure)


def _past(entry: Document, link: Document) -> bool:
    """The link has come beyond that change, or that version."""
    if entry["side"] == Side.TRACOS.value:
        return bool(link["changes"] >= entry["number"])
    out = link.get("out") or {}
    if link["seq"] != entry["number"] or out.get("seq") != entry["number"]:
        return bool(link["seq"] >= entry["number"])
    return bool(out["phase"] == Phase.PUBLISHED.value)
