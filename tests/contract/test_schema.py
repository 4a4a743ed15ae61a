"""The indexes of our memory: which questions they answer, and how those of earlier releases go."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests import harness
from tracbridge.adapters.mongo import embedded
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


async def test_indexes_of_earlier_releases_are_dropped_and_those_of_this_one_made(
    replica_set: harness.Server, database: str
) -> None:
    links = replica_set.client[database][LINKS]
    for name in FORMER[LINKS]:
        links.create_index([("c", 1), (name, 1)], name=name)
    links.drop_index("stuck")
    await prepared(replica_set.uri, database)
    names = {"_id_", *(model.document["name"] for model in STATE[LINKS])}
    assert set(links.index_information()) == names
    await prepared(replica_set.uri, database)
    assert set(links.index_information()) == names


async def test_an_account_that_may_not_drop_them_works_with_them(tmp_path: Path) -> None:
    with guarded(tmp_path) as (admin, port):
        admin["kept"][LINKS].create_index([("c", 1), ("repush", 1)], name="repush")
        collection = {"resource": {"db": "kept", "collection": ""}, "actions": sorted(ACTIONS)}
        admin["kept"].command("createRole", "worker", privileges=[collection], roles=[])
        admin["kept"].command({"createUser": "worker", "pwd": "w", "roles": ["worker"]})
        await prepared(f"mongodb://worker:w@127.0.0.1:{port}/?authSource=kept", "kept")
        assert {"repush", "rare"} <= set(admin["kept"][LINKS].index_information())


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[MongoClient[harness.Doc], int]]:
    """A server that asks who is there; its administrator, and its port."""
    port = embedded.free_port()
    (folder / "data").mkdir()
    words = embedded.command(embedded.find_binary(), folder, port, replica_set=False)
    process = subprocess.Popen([*harness.tied_to_us(), *words, "--auth"])
    try:
        embedded.make_writable(port, replica_set=False)
        with MongoClient[harness.Doc](f"mongodb://127.0.0.1:{port}") as first:
            first["admin"].command({"createUser": "root", "pwd": "r", "roles": ["root"]})
        uri = f"mongodb://root:r@127.0.0.1:{port}"
        with MongoClient[harness.Doc](uri) as admin:
            yield admin, port
    finally:
        process.kill()
        process.wait()
