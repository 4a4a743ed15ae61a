"""Our memory in MongoDB fulfils the suites of the ports."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from tests import harness
from tracbridge.adapters.mongo.client import Document, connect
from tracbridge.adapters.mongo.lease import MongoLease
from tracbridge.adapters.mongo.orders import orders_of
from tracbridge.adapters.mongo.schema import prepare
from tracbridge.adapters.mongo.state import mongo_state
from tracbridge.adapters.mongo.stores import to_conflict
from tracbridge.domain.errors import Reason
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import Side
from tracbridge.engine.known import KnownPasses, KnownQuarantine
from tracbridge.ports.numbers import Key
from tracbridge.ports.state import Conflict, Good, Lease, OpenCases, QuarantineCase
from tracbridge.testing.ports import (
    AT,
    LedgerContract,
    Memory,
    OnMemory,
    Stores,
    bare,
)
from tracbridge.testing.stores import (
    ConflictsContract,
    HistoryContract,
    QuarantineContract,
    case,
)
from tracbridge.testing.turns import LeaseContract, PassesContract

ELSEWHERE = {"host": "elsewhere", "boot": "b", "pid": 1, "started": "1"}
NEVER = 4_194_304 + 1
"""A process id that Linux never gives."""


@pytest.fixture(scope="module")
def prepared(replica_set: harness.Server) -> Iterator[str]:
    """One database, whose indexes are made once."""
    name = replica_set.fresh_name()
    yield name
    replica_set.drop(name)


class MongoEyes:
    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.database = database

    async def case(self, id_: str) -> QuarantineCase | None:
        row = await self.database["tracbridge_quarantine"].find_one({"_id": id_})
        if row is None:
            return None
        why = Reason(row["code"], row["pointer"], row["value"], row["reason"], row["hint"])
        claim = Claim(row["claim"]["pass"], row["claim"]["complete"]) if row["claim"] else None
        names = ("source", "version", "at", "ref", "file", "raw", "state")
        rest: dict[str, Any] = {name: row[name] for name in names}
        side = Side(row["side"])
        return QuarantineCase(
            id=row["_id"], connection=row["c"], side=side, why=why, claim=claim, **rest
        )

    async def conflict(self, id_: str) -> Conflict | None:
        row = await self.database["tracbridge_conflicts"].find_one({"_id": id_})
        return to_conflict(row) if row else None

    async def is_superseded(self, id_: str) -> bool:
        row = await self.database["tracbridge_history"].find_one({"_id": id_})
        return bool(row and row.get("superseded"))


class MongoTime:
    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.database = database

    async def expire(self) -> None:
        past = {"$set": {"expires": harness.CREATED}}
        await self.database["tracbridge_leases"].update_one({"_id": "mine"}, past)

    async def forget_renewal(self, lease: Lease) -> None:
        assert isinstance(lease, MongoLease)
        lease._renewed -= 1_000_000


class OnMongo(OnMemory):
    server: harness.Server
    database: str

    @pytest.fixture(autouse=True)
    def _database(self, replica_set: harness.Server, prepared: str) -> None:
        self.server, self.database = replica_set, prepared
        database = replica_set.client[prepared]
        for name in database.list_collection_names():
            database[name].delete_many({})

    @asynccontextmanager
    async def memory(self) -> AsyncIterator[Memory]:
        client = connect(self.server.uri)
        try:
            database = client[self.database]
            await prepare(orders_of(database["workorders"], "test"), database)
            mine = stores(database, "mine")
            rival = stores(database, "mine", owner=ELSEWHERE)
            ghost = stores(database, "mine", owner={"pid": NEVER, "started": "1"})
            other = stores(database, "other")
            eyes, time = MongoEyes(database), MongoTime(database)
            yield Memory(mine, rival, ghost, other, eyes, time)
        finally:
            await client.close()


def stores(
    database: AsyncDatabase[Document], connection: str, owner: Document | None = None
) -> Stores:
    """One worker's stores; ``owner``: how its process differs from ours."""
    state = mongo_state(database, connection, "test")
    state.lease._me |= owner or {}
    return Stores(
        connection,
        state.ledger,
        state.passes,
        state.quarantine,
        state.conflicts,
        state.history,
        state.lease,
    )


class TestMongoLedger(OnMongo, LedgerContract):
    async def test_the_id_of_the_tracos_document_comes_back(self, kept: Memory) -> None:
        id_ = ObjectId()
        await kept.mine.ledger.save([replace(bare(kept.mine), tracos=id_)])
        assert (await kept.mine.ledger.find(["1"]))["1"].tracos == id_


async def test_a_document_keeps_its_id_and_shares_it_with_nobody() -> None:
    """Who remembers nothing of a document that we made knows it again by its id."""
    client = connect("mongodb://127.0.0.1")
    database = client["state"]
    ids = [
        mongo_state(database, connection, "test", owner).numbers.document(Key(ref, scope))
        for connection, owner, ref, scope in (
            ("mine", {"companyId": 1}, "7", ""),
            ("mine", {"companyId": 2}, "7", ""),
            ("mine", None, "7", ""),
            ("mine", None, "7", "site"),
            ("mine", None, "8", ""),
            ("other", None, "7", ""),
        )
    ]
    assert len(set(ids)) == len(ids)
    assert mongo_state(database, "mine", "test").numbers.document(Key("7")) == ids[2]
    await client.close()


async def test_a_number_that_belongs_to_another_key_is_given_to_nobody_else(
    replica_set: harness.Server, prepared: str
) -> None:
    client = connect(replica_set.uri)
    try:
        database = client[prepared]
        await prepare(orders_of(database["workorders"], "test"), database)
        numbers = mongo_state(database, "mine", "test").numbers
        (first,) = (await numbers.of([Key("A")])).values()
        following = str(int(first.number) + 1)
        assert not await numbers.pair({Key("B"): following})
        found = await numbers.of([Key("C"), Key("D"), Key("A")])
        assert found[Key("A")].number == first.number, "a key keeps its number"
        given = [found[Key(name)].number for name in "CD"]
        assert len({first.number, following, *given}) == 4
        assert {key: one.number for key, one in (await numbers.known([*found])).items()} == {
            key: one.number for key, one in found.items()
        }
    finally:
        await client.close()


class TestMongoPasses(OnMongo, PassesContract):
    pass


class TestMongoQuarantine(OnMongo, QuarantineContract):
    pass


class TestMongoConflicts(OnMongo, ConflictsContract):
    pass


class TestMongoHistory(OnMongo, HistoryContract):
    pass


class TestMongoLease(OnMongo, LeaseContract):
    pass


class Hands:
    """Those of a clock, which a test moves."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at


class OnKnown(OnMongo):
    """What remembers what it was told is no other store than the one behind it."""

    @asynccontextmanager
    async def memory(self) -> AsyncIterator[Memory]:
        async with super().memory() as kept:
            mine = kept.mine
            assert isinstance(mine.quarantine, OpenCases)
            quarantine = KnownQuarantine(mine.quarantine, mine.quarantine)
            known = replace(mine, passes=KnownPasses(mine.passes, Hands()), quarantine=quarantine)
            yield replace(kept, mine=known)


class TestKnownPasses(OnKnown, PassesContract):
    async def test_what_was_asked_once_is_known_until_it_is_forgotten(self, kept: Memory) -> None:
        passes = kept.mine.passes
        assert isinstance(passes, KnownPasses)
        assert (await passes.counter(), await passes.cursor("removes")) == (0, False)
        await kept.rival.passes.begin()
        await kept.rival.passes.keep_cursor("removes", True)
        await kept.rival.passes.keep_cursor("changed", 1)
        assert (await passes.counter(), await passes.cursor("removes")) == (0, False)
        assert await passes.cursor("changed") == 1, "what others change is asked each time"
        passes.forget()
        assert (await passes.counter(), await passes.cursor("removes")) == (1, True)

    async def test_the_passes_after_the_first_take_their_numbers_together(
        self, kept: Memory
    ) -> None:
        passes, rival = KnownPasses(kept.mine.passes, Hands(), ahead=2), kept.rival.passes
        assert await passes.begin() == Claim(1, 0)
        assert await passes.begin() == Claim(2, 0), "some records are looked at apart"
        assert await rival.counter() == 2, "a whole pass takes one at a time"
        passes.whole, claims = False, []
        for _ in range(4):
            claims.append(await passes.begin())
            assert await passes.counter() == claims[-1].pass_
            await passes.complete(claims[-1].pass_)
        assert claims == [Claim(3, 0), Claim(4, 3), Claim(5, 4), Claim(6, 5)]
        assert await rival.counter() == 8
        passes.forget()
        assert await passes.begin() == Claim(9, 5)

    async def test_numbers_that_were_taken_long_ago_are_not_used(self, kept: Memory) -> None:
        """Our machine slept, say, and another one has worked meanwhile."""
        hands = Hands()
        passes, rival = KnownPasses(kept.mine.passes, hands, ahead=9), kept.rival.passes
        passes.whole = False
        assert await passes.begin() == Claim(1, 0)
        assert await rival.begin() == Claim(11, 0)
        hands.at += timedelta(seconds=10)
        assert await passes.begin() == Claim(2, 0)
        hands.at += timedelta(seconds=10.001)
        assert await passes.begin() == Claim(12, 0)
        hands.at -= timedelta(minutes=1)
        assert await passes.begin() == Claim(22, 0)

    async def test_others_hear_of_a_complete_hinted_pass_at_the_next_one_or_when_it_is_settled(
        self, kept: Memory
    ) -> None:
        mine, rival = kept.mine.passes, kept.rival.passes
        assert isinstance(mine, KnownPasses)
        await mine.complete((await mine.begin()).pass_)
        assert await rival.completed() == 1, "of a whole one at once: what follows may fail"
        mine.whole = False
        await mine.complete((await mine.begin()).pass_)
        assert (await mine.completed(), await rival.completed()) == (2, 1)
        assert await mine.begin() == Claim(3, 2)
        await mine.complete(3)
        await mine.settle()
        assert await rival.completed() == 3
        await mine.complete((await mine.begin()).pass_)
        mine.forget()
        await mine.settle()
        assert await rival.completed() == 3, "what we do not know any more is not said"


class TestKnownQuarantine(OnKnown, QuarantineContract):
    async def test_that_none_is_open_is_known_until_we_open_one(self, kept: Memory) -> None:
        mine, rival = kept.mine.quarantine, kept.rival.quarantine
        assert await mine.waiting(Side.CUSTOMER) == 0
        await rival.put([case(kept.rival)])
        assert await mine.waiting(Side.CUSTOMER) == 0
        await mine.put([case(kept.mine, "q2")])
        assert await mine.waiting(Side.CUSTOMER) == 1
        await rival.settle(Good({"1": None}, {}), Side.CUSTOMER, AT)
        assert await mine.waiting(Side.CUSTOMER) == 0, "a person may end them at any time"
