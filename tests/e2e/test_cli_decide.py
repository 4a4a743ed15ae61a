"""``conflicts resolve``, ``resend`` and ``adopt``: what a person decides takes effect."""

from datetime import timedelta
from typing import Any

import pytest

from tests.harness import NOW, World, doc, order

LATER = NOW + timedelta(hours=1)
LATEST = NOW + timedelta(hours=2)


def clash(world: World) -> str:
    """Completed against cancelled, and a text that only the customer changed; its id."""
    world.drop(order(7, summary="Pump"))
    world.run()
    world.settle(7)
    world.edit(7, status="completed", updatedAt=LATER, isSynced=False)
    world.drop(order(7, "cancelled", LATEST, summary="Pump, gasket"))
    assert world.run()[0] == 3
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert conflict["waiting"]
    return str(conflict["id"])


def statuses(world: World) -> tuple[Any, bool, bool]:
    """TracOS's status, and whether the customer's file says done or cancelled."""
    sent = world.sent(7) or {}
    return (world.doc(7) or {})["status"], sent.get("isDone", False), sent.get("isCanceled", False)


@pytest.mark.parametrize(
    ("side", "expected"),
    [("tracos", ("completed", True, False)), ("customer", ("cancelled", False, True))],
)
def test_a_held_field_takes_the_side_that_a_person_names(
    world: World, side: str, expected: tuple[str, bool, bool]
) -> None:
    conflict = clash(world)
    assert statuses(world)[0] == "completed"
    assert world.cli("conflicts", "resolve", conflict, "--take", side).code == 0
    assert world.run()[0] == 0
    assert statuses(world) == expected
    assert (world.doc(7) or {})["description"] == "Pump, gasket"
    assert (world.doc(7) or {})["isSynced"] is True
    (decided,) = world.cli("conflicts", "list", "--json").json()
    assert (decided["decided"], decided["fields"]["status"]["taken"]) == ("person", side)
    world.rests()


def test_resolving_twice_changes_nothing_more(world: World) -> None:
    conflict = clash(world)
    world.cli("conflicts", "resolve", conflict, "--take", "customer")
    before = world.doc(7)
    said = world.cli("conflicts", "resolve", conflict, "--take", "customer")
    assert said.code == 1
    assert "stand already" in said.err
    assert world.doc(7) == before


def test_the_loser_of_an_automatic_decision_can_be_taken_later(world: World) -> None:
    world.drop(order(7, summary="Pump"))
    world.run()
    world.settle(7)
    world.edit(7, description="Ours", updatedAt=LATER, isSynced=False)
    world.drop(order(7, at=LATEST, summary="Theirs"))
    assert world.run()[0] == 0
    assert (world.doc(7) or {})["description"] == "Theirs"
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert world.cli("conflicts", "resolve", conflict["id"], "--take", "tracos").code == 0
    world.run()
    assert (world.doc(7) or {})["description"] == "Ours"
    assert (world.sent(7) or {})["summary"] == "Ours"


def test_what_was_changed_since_is_not_overwritten(world: World) -> None:
    world.drop(order(7, summary="Pump"))
    world.run()
    world.settle(7)
    world.edit(7, description="Ours", updatedAt=LATER, isSynced=False)
    world.drop(order(7, at=LATEST, summary="Theirs"))
    world.run()
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    world.edit(7, description="Later words", isSynced=False)
    said = world.cli("conflicts", "resolve", conflict["id"], "--take", "tracos")
    assert said.code == 1
    assert "was changed since; nothing was overwritten" in said.err
    assert (world.doc(7) or {})["description"] == "Later words"


def test_an_order_that_is_gone_from_tracos_can_be_made_again(world: World) -> None:
    world.drop(order(7))
    world.run()
    world.settle(7)
    world.orders.delete_one({"number": 7})
    world.drop(order(7, "on_hold", LATER))
    assert world.run()[0] == 3
    assert world.doc(7) is None
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert world.cli("conflicts", "resolve", conflict["id"], "--take", "customer").code == 0
    assert (world.doc(7) or {})["status"] == "on_hold"
    assert world.run()[0] == 0
    world.rests()


def test_an_unknown_conflict_is_named(world: World) -> None:
    said = world.cli("conflicts", "resolve", "nosuch", "--take", "tracos")
    assert (said.code, "no conflict nosuch" in said.err) == (1, True)


def test_a_decision_can_be_made_while_a_service_works_on_the_connection(world: World) -> None:
    conflict = clash(world)
    service = world.popen("run", "--every", "0.2")
    try:
        assert world.cli("conflicts", "resolve", conflict, "--take", "customer").code == 0
        world.until(lambda: statuses(world) == ("cancelled", False, True))
    finally:
        service.terminate()
        service.communicate(timeout=20)


def test_resend_gives_the_customer_the_order_again(world: World) -> None:
    world.orders.insert_one(doc(7))
    world.run()
    world.settle(7)
    assert world.sent(7) is None
    assert world.cli("resend", "7").code == 0
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert world.sent(7) is not None
    world.rests()


def test_resend_of_an_unknown_order_is_refused(world: World) -> None:
    said = world.cli("resend", "999")
    assert (said.code, "never given to the customer" in said.err) == (1, True)


def test_adopt_links_what_is_equal_lists_what_differs_and_writes_nothing_else(world: World) -> None:
    world.orders.insert_many([doc(1, description="Same"), doc(2, description="One"), doc(9)])
    for body in (order(1, summary="Same"), order(2, summary="Two"), order(3)):
        world.drop(body)
    before = world.fingerprint()
    found = world.cli("adopt", "--json").json()
    assert (found["linked"], found["customer_only"]) == (1, 1)
    assert found["different"] == [
        {"number": 2, "fields": {"description": {"tracos": "One", "customer": "Two"}}}
    ]
    assert world.fingerprint()[1] == before[1]
    assert {p.name for p in world.inbound.glob("*.json")} == {"1.json", "2.json", "3.json"}
    assert not world.outbound_files()
    assert world.cli("adopt", "--json").json()["known"] == 1


def test_after_adopt_a_run_neither_doubles_nor_resends_equal_orders(world: World) -> None:
    numbers = range(1, 31)
    world.orders.insert_many([doc(n, description=f"T{n}") for n in numbers])
    for n in numbers:
        world.drop(order(n, summary=f"T{n}"))
    assert world.cli("adopt", "--json").json()["linked"] == 30
    code, done, _ = world.run()
    assert (code, done["inbound"]["unchanged"], done["outbound"]["delivered"]) == (0, 30, 0)
    assert world.orders.count_documents({}) == 30
    assert world.orders.count_documents({"isSynced": True}) == 30
    world.rests()
