"""Tracbridge end to end, as a user sees it: the command line, a real MongoDB, files in two folders.

``pytest tests/test_integration.py -v`` shows in a minute that the two sides stay the same. What
happens with each bad input, in each story of two sides and after each crash is in ``tests/e2e``.
"""

from datetime import timedelta

from tests.harness import NOW, Doc, World, doc, order

LATER = NOW + timedelta(hours=1)


def there(body: Doc | None) -> Doc:
    assert body is not None
    return body


def test_a_file_of_the_customer_becomes_a_work_order_in_tracos(world: World) -> None:
    world.drop(order(1, "in_progress", summary="Replace bearing on pump P-101"))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["created"]) == (0, 1)
    stored = there(world.doc(1))
    assert stored["status"] == "in_progress"
    assert stored["title"] == stored["description"] == "Replace bearing on pump P-101"
    assert stored["updatedAt"] == NOW
    assert list(world.inbound.glob("*.json")) == [], "it is in the archive now"


def test_a_newer_file_updates_the_work_order_and_nothing_else_in_it(world: World) -> None:
    world.orders.insert_one(doc(1, description="Inspect conveyor 1", assetId="P-101"))
    world.drop(order(1, "completed", at=LATER))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["updated"]) == (0, 1)
    stored = there(world.doc(1))
    assert (stored["status"], stored["updatedAt"]) == ("completed", LATER)
    assert (stored["title"], stored["assetId"]) == ("Title 1", "P-101")


def test_a_work_order_of_tracos_becomes_a_file_for_the_customer(world: World) -> None:
    world.orders.insert_one(doc(1, "on_hold", isSynced=False))
    code, summary, _ = world.run()
    assert (code, summary["outbound"]["delivered"]) == (0, 1)
    sent = there(world.sent(1))
    assert (sent["orderNo"], sent["isOnHold"], sent["summary"]) == (1, True, "Description 1")
    stored = there(world.doc(1))
    assert stored["isSynced"] is True
    assert stored["syncedAt"]


def test_edits_of_different_fields_on_both_sides_both_survive(world: World) -> None:
    world.drop(order(1, summary="Pump"))
    world.settle(1)
    world.edit(1, status="completed", updatedAt=LATER)
    world.drop(order(1, summary="Pump, gasket", at=LATER))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["conflicts"]) == (0, 0)
    stored, sent = there(world.doc(1)), there(world.sent(1))
    assert (stored["status"], stored["description"]) == ("completed", "Pump, gasket")
    assert (sent["isDone"], sent["summary"]) == (True, "Pump, gasket")


def test_edits_of_the_same_field_are_decided_and_on_record(world: World) -> None:
    world.drop(order(1))
    world.settle(1)
    world.edit(1, status="on_hold", updatedAt=LATER)
    world.drop(order(1, "in_progress", at=LATER + timedelta(hours=1)))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["conflicts"]) == (0, 1)
    assert there(world.doc(1))["status"] == "in_progress", "the later change wins"
    (conflict,) = world.records("conflicts")
    assert conflict["tracos"] == {"status": "on_hold"}


def test_a_deleted_order_is_marked_on_the_other_side_and_never_removed(world: World) -> None:
    world.orders.insert_one(doc(1))
    world.drop(order(2, isDeleted=True, deletedDate=NOW.isoformat()))
    world.run()
    world.edit(1, deleted=True, deletedAt=LATER)
    assert world.run()[0] == 0
    assert there(world.sent(1))["isDeleted"] is True
    stored = there(world.doc(2))
    assert (stored["deleted"], stored["deletedAt"]) == (True, NOW)


def test_a_bad_record_is_quarantined_with_its_reason_and_the_others_go_on(world: World) -> None:
    world.drop(order(1))
    world.drop({**order(2), "isDone": True})
    world.drop(order(3))
    code, summary, said = world.run()
    assert (code, summary["inbound"]["created"], summary["inbound"]["quarantined"]) == (3, 2, 1)
    assert "contradictory_status" in said
    assert world.doc(2) is None
    (case,) = world.cases()
    assert (case["source"], case["pointer"]) == ("2.json", "/isPending")


def test_a_second_run_writes_nothing(world: World) -> None:
    world.orders.insert_many([doc(number) for number in range(1, 6)])
    for number in range(6, 11):
        world.drop(order(number))
    assert world.run()[0] == 0
    world.rests()
