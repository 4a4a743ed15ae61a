"""The indexes of our memory: which questions they answer, and how those of earlier releases go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient

from tests import harness
from tracbridge.adapters.mongo.client import connect
from tracbridge.adapters.mongo.orders import orders_of
from tracbridge.adapters.mongo.probe import ACTIONS
from tracbridge.adapters.mongo.schema import FORMER, STATE, prepare
from tracbridge.adapters.mongo.views import (
    AGAIN,
    HELD,
    MISSING,
    ON_ITS_WAY,
    REFUSED,
    STUCK,
    UNKNOWN,
)

LINKS = "tracbridge_links"

RARE: dict[str, Any] = {
    "repush": True,
    "missing": True,
    "unknown": {"status": "in_transit"},
    "stuck": "no way to `completed`",
    "held": {"status": {"tracos": "completed", "customer": "cancelled"}},
}


async def prepared(uri: str, name: str) -> None:
    client = connect(uri)
    try:
        await prepare(orders_of(client[name]["workorders"], "test"), client[name])
    finally:
        await client.close()


@pytest.fixture
def database(replica_set: harness.Server) -> Iterator[str]:
    name = replica_set.fresh_name()
    yield name
    replica_set.drop(name)


def rows() -> list[harness.Doc]:
    """Two hundred links at rest, and one in each rare state."""
    odd: list[harness.Doc] = [{}] * 200 + [{name: value} for name, value in RARE.items()]
    key = {"c": "mine", "kind": "work_order", "scope": ""}
    return [{**key, "ref": str(n), **one} for n, one in enumerate(odd)]


@pytest.mark.parametrize("question", [AGAIN, MISSING, UNKNOWN, STUCK, HELD], ids=str)
async def test_a_rare_state_is_found_without_reading_what_is_at_rest(
    replica_set: harness.Server, database: str, question: harness.Doc
) -> None:
    await prepared(replica_set.uri, database)
    links = replica_set.client[database][LINKS]
    links.insert_many(rows())
    ran = links.find({"c": "mine", **question}).explain()["executionStats"]
    # Orders to be sent again may be many, and are asked for in each pass: they lead the index.
    most = 1 if question is AGAIN else len(RARE)
    assert (ran["nReturned"], ran["totalDocsExamined"]) == (1, most)


async def test_a_question_for_several_of_them_reads_nothing_at_rest_either(
    replica_set: harness.Server, database: str
) -> None:
    await prepared(replica_set.uri, database)
    links = replica_set.client[database][LINKS]
    links.insert_many(rows())
    for owner in ("mine", {"$in": ["mine", "other"]}):
        some = [{"c": owner, **one} for one in (ON_ITS_WAY, REFUSED, MISSING, HELD, UNKNOWN)]
        ran = links.find({"$or": some}).explain()["executionStats"]
        assert ran["nReturned"] == 3
        assert ran["totalDocsExamined"] <= 3 * len(RARE)


BEFORE = [
    IndexModel([("c", 1), ("repush", 1), ("ref", 1)], name="repush", partialFilterExpression=AGAIN),
    IndexModel([("c", 1), ("missing", 1)], name="missing", partialFilterExpression=MISSING),
    IndexModel([("c", 1), ("ref", 1)], name="unknown", partialFilterExpression=UNKNOWN),
    IndexModel([("c", 1), ("stuck", 1)], name="stuck", partialFilterExpression=STUCK),
    IndexModel([("c", 1), ("ref", 1)], name="held", partialFilterExpression=HELD),
]
"""As releases before this one made them."""


async def test_indexes_of_earlier_releases_are_dropped_and_those_of_this_one_made(
    replica_set: harness.Server, database: str
) -> None:
    links = replica_set.client[database][LINKS]
    assert sorted(links.create_indexes(BEFORE)) == sorted(FORMER[LINKS])
    links.drop_index("stuck")
    await prepared(replica_set.uri, database)
    names = {"_id_", *(model.document["name"] for model in STATE[LINKS])}
    assert set(links.index_information()) == names
    await prepared(replica_set.uri, database)
    assert set(links.index_information()) == names


async def test_an_account_that_may_not_drop_them_works_with_them(tmp_path: Path) -> None:
    with harness.server(tmp_path / "mongod", "--auth", replica_set=False) as guarded:
        # Who comes first may make the administrator, and nothing else.
        guarded.client["admin"].command({"createUser": "root", "pwd": "r", "roles": ["root"]})
        where = f"127.0.0.1:{guarded.port}"
        with MongoClient[harness.Doc](f"mongodb://root:r@{where}") as admin:
            kept = admin["kept"]
            kept[LINKS].create_indexes(BEFORE)
            some = {"resource": {"db": "kept", "collection": ""}, "actions": sorted(ACTIONS)}
            kept.command("createRole", "worker", privileges=[some], roles=[])
            kept.command({"createUser": "worker", "pwd": "w", "roles": ["worker"]})
            await prepared(f"mongodb://worker:w@{where}/?authSource=kept", "kept")
            assert {*FORMER[LINKS], "rare"} <= set(kept[LINKS].index_information())
