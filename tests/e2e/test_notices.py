"""What a person is told, and shown, although everything goes on."""

from datetime import timedelta

from tests.harness import NOW, World, doc, order


def test_a_version_that_the_customer_refuses_is_named_once(world: World) -> None:
    world.orders.insert_one(doc(1))
    assert world.run()[0] == 0
    (world.outbound / "workorder_1.json.err").write_text("unknown plant")
    code, _, said = world.run()
    assert code == 3
    assert "rejected" in said
    assert "unknown plant" in said
    assert "rejected" not in world.run()[2]


def test_a_field_that_becomes_held_is_not_shown_as_synced(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    world.drop(order(1))
    world.settle(1)
    world.edit(1, description="Text of TracOS", updatedAt=NOW + timedelta(hours=1))
    world.drop(order(1, summary="Text of the customer", at=NOW + timedelta(hours=1)))
    assert world.run()[0] == 3
    stored = world.doc(1)
    assert stored is not None
    assert stored["isSynced"] is False
    world.rests()


def test_a_number_that_was_perhaps_used_again_is_warned_about_once(world: World) -> None:
    world.drop(order(1))
    world.settle(1)
    later = NOW + timedelta(hours=1)
    world.drop(order(1, "completed", at=later, creationDate=(NOW - timedelta(days=1)).isoformat()))
    code, _, said = world.run()
    assert code == 0
    assert said.count("number_reused") == 1
    assert "number_reused" not in world.run()[2]
