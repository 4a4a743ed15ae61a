"""The ledger of the other tests sees what it is there to see."""

from collections.abc import Iterator

import pytest

from tests.faults.life import Life
from tests.harness import Server, World


@pytest.fixture(scope="module")
def settled(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """At rest, after edits on both sides of one order."""
    world = World(replica_set, tmp_path_factory.mktemp("settled"))
    life = Life(world)
    for happens in (life.customer_creates, life.tracos_edits, life.customer_edits):
        happens()
        life.rest()
    yield life
    world.close()


@pytest.fixture
def life(settled: Life) -> Iterator[Life]:
    """The same, given back as it was."""
    own, document = dict(settled.own), settled.world.doc(1) or {}
    yield settled
    settled.own = own
    settled.world.orders.delete_many({})
    settled.world.orders.insert_one(document)


def test_it_is_content_with_a_world_at_rest(life: Life) -> None:
    life.check()
    assert len(life.ledger.seen) == 3


def test_it_sees_an_edit_that_was_taken_back_on_both_sides(life: Life) -> None:
    """Both sides are equal; that alone says nothing."""
    life.world.edit(1, description="tracos 2")
    life.own[1] = "tracos 2"
    with pytest.raises(AssertionError, match="lost \\['customer 3'\\]"):
        life.check()


def test_it_sees_sides_that_differ(life: Life) -> None:
    life.own[1] = "tracos 2"
    with pytest.raises(AssertionError, match="customer 3 against tracos 2"):
        life.check()


def test_it_sees_a_mark_that_is_not_true(life: Life) -> None:
    life.world.edit(1, isSynced=False)
    with pytest.raises(AssertionError, match="isSynced is False"):
        life.check()


def test_it_sees_an_order_on_one_side_only(life: Life) -> None:
    life.world.orders.delete_one({"number": 1})
    with pytest.raises(AssertionError, match="on one side only"):
        life.check()


def test_it_sees_an_effect_that_stands_twice(life: Life) -> None:
    history = life.world.server.client[life.world.state]["tracbridge_history"]
    entry = history.find_one({"side": "tracos"}) or {}
    history.insert_one({**entry, "_id": "again"})
    with pytest.raises(AssertionError, match="stands twice"):
        life.check()
    history.delete_one({"_id": "again"})
