"""``reconcile``: each kind of drift is found, healed by a pass, and then there is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.harness import NOW, Doc, World, doc, order

EVERYTHING = ("leases", "passes", "cursors", "connections", "runs")
"""What `World.memory` leaves out, since a run at rest may change it: a look may not."""


def found(world: World, *words: str) -> dict[int, str]:
    """The reason for each order that is not as agreed. Looking must change nothing at all."""
    before = {**world.memory(), **{name: world.records(name) for name in EVERYTHING}}
    said = world.cli("reconcile", "--json", *words)
    assert {**world.memory(), **{name: world.records(name) for name in EVERYTHING}} == before
    answer = said.json()
    drifted = any(one["drift"] for one in answer["found"])
    assert (said.code, answer["exit"]) == ((3, 3) if drifted else (0, 0)), said.err
    return {one["number"]: one["reason"] for one in answer["found"]}


def healed(world: World, *words: str) -> dict[str, Any]:
    """Heal; afterwards nothing drifts, and a run has nothing to do."""
    said = world.cli("reconcile", "--fix", "--json", *words)
    assert said.code == 0, said.out + said.err
    assert not any(one["drift"] for one in world.cli("reconcile", "--json").json()["found"])
    answer: dict[str, Any] = said.json()
    return answer


def agreed(world: World, *numbers: int) -> None:
    """Orders that both sides hold, taken by the customer and at rest."""
    for number in numbers:
        world.drop(order(number))
    assert world.run()[0] == 0
    world.settle(*numbers)
    world.rests()


def published(world: World, number: int = 1) -> None:
    """An order of TracOS whose first version lies unread in the outbound folder."""
    world.orders.insert_one(doc(number))
    assert world.run()[0] == 0
    assert world.sent(number) is not None


def tampered(world: World, number: int, **values: Any) -> None:
    """Somebody edits past everything that could tell: neither flag nor time is moved."""
    assert world.orders.update_one({"number": number}, {"$set": values}).modified_count == 1


# -- what there is to find --------------------------------------------------------------------


def test_an_untouched_pair_shows_no_drift(world: World) -> None:
    agreed(world, 1, 2)
    published(world, 3)
    assert found(world) == {}
    said = world.cli("reconcile")
    assert (said.code, said.out) == (0, "3 orders compared: no drift.\n")


def test_before_the_first_run_everything_waits_and_nothing_is_made(world: World) -> None:
    world.orders.insert_many([doc(1), doc(2)])
    assert found(world) == {1: "waiting", 2: "waiting"}
    assert world.server.client[world.state].list_collection_names() == []
    assert list(world.orders.index_information()) == ["_id_"]
    assert list(world.outbound.iterdir()) == list(world.inbound.iterdir()) == []


def test_an_edit_that_was_not_sent_yet_waits(world: World) -> None:
    agreed(world, 1)
    world.edit(1, status="completed")
    world.orders.insert_one(doc(2))
    assert found(world) == {1: "waiting", 2: "waiting"}
    healed(world)
    assert (world.sent(1) or {})["isDone"]
    assert world.sent(2) is not None


def test_an_edit_past_flag_and_time_is_tampering_and_is_given_to_the_customer(
    world: World,
) -> None:
    agreed(world, 1, 2)
    tampered(world, 2, status="cancelled")
    assert found(world) == {2: "tampered"}
    said = world.cli("reconcile")
    assert "its time was not moved: status" in said.out
    assert "gives it to the customer again" in said.out
    answer = healed(world)
    fields = answer["found"][0]["fields"]
    assert fields == {"status": {"agreed": "pending", "tracos": "cancelled"}}
    assert (world.sent(2) or {})["isCanceled"]
    assert (world.doc(2) or {})["isSynced"] is True


def test_a_mark_on_what_the_customer_was_not_given_is_a_wrong_flag(world: World) -> None:
    agreed(world, 1)
    now = datetime.now(UTC)
    world.edit(1, status="completed", isSynced=True, syncedAt=now, updatedAt=now)
    assert found(world) == {1: "wrong flag"}
    healed(world)
    assert (world.sent(1) or {})["isDone"]


def test_a_missing_mark_on_what_the_customer_has_is_set_and_nothing_is_sent(world: World) -> None:
    agreed(world, 1)
    tampered(world, 1, isSynced=False, syncedAt=None)
    assert found(world) == {1: "wrong flag"}
    healed(world)
    assert (world.doc(1) or {})["isSynced"] is True
    assert world.sent(1) is None


def test_a_mark_set_back_with_its_time_left_is_a_wish_to_send_again(world: World) -> None:
    agreed(world, 1)
    tampered(world, 1, isSynced=False)
    assert found(world) == {1: "waiting"}
    healed(world)
    assert world.sent(1) is not None


def test_a_file_that_is_gone_is_given_again_to_one_who_never_removes_files(world: World) -> None:
    published(world)
    world.take(1)
    assert found(world) == {1: "missing file"}
    healed(world)
    assert world.sent(1) is not None


def test_a_file_that_is_gone_counts_as_taken_by_one_who_removes_files(world: World) -> None:
    agreed(world, 1)
    published(world, 2)
    world.take(2)
    assert found(world) == {2: "missing file"}
    assert "runs a pass" in world.cli("reconcile").out
    healed(world)
    assert world.sent(2) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"summary": "Something else"}'], ids=repr)
def test_a_file_with_other_content_is_replaced(world: World, content: bytes) -> None:
    published(world)
    meant = world.sent(1) or {}
    path = world.outbound / "workorder_1.json"
    path.write_bytes(content)
    assert found(world) == {1: "altered file"}
    assert "workorder_1.json" in world.cli("reconcile").out
    healed(world)
    assert world.sent(1) == meant


def test_one_changed_value_in_a_file_is_seen_and_named(world: World) -> None:
    published(world)
    path = world.outbound / "workorder_1.json"
    path.write_text(json.dumps({**(world.sent(1) or {}), "isDone": True, "isPending": False}))
    said = world.cli("reconcile", "--json").json()
    assert said["found"][0]["why"].endswith("isDone, isPending")
    healed(world)


def test_keys_that_no_mapping_knows_make_no_file_altered(world: World) -> None:
    world.drop(order(1, plant="North"))
    assert world.run()[0] == 0
    assert (world.sent(1) or {})["plant"] == "North"
    assert found(world) == {}


def test_a_marked_order_that_we_do_not_know_is_given_to_the_customer(world: World) -> None:
    agreed(world, 1)
    world.orders.insert_one({**doc(2), "isSynced": True, "syncedAt": NOW})
    assert found(world) == {2: "missing link"}
    healed(world)
    assert (world.sent(2) or {})["summary"] == "Description 2"


def test_a_marked_order_that_the_customer_shows_equal_is_linked_and_not_sent(
    world: World,
) -> None:
    agreed(world, 1)
    world.orders.insert_one({**doc(2), "isSynced": True, "syncedAt": NOW})
    world.drop(order(2, summary="Description 2"))
    healed(world)
    assert world.sent(2) is None
    assert [link["ref"] for link in world.records("links")].count("2") == 1


def test_an_order_that_is_gone_from_tracos_is_asked_about_and_can_be_made_again(
    world: World,
) -> None:
    agreed(world, *range(1, 31))
    before = world.doc(7) or {}
    world.orders.delete_one({"number": 7})
    assert found(world) == {7: "missing document"}
    healed(world)
    assert found(world) == {7: "held"}
    assert world.doc(7) is None
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert (conflict["order"], conflict["kind"]) == ("7", "missing")
    assert world.cli("conflicts", "resolve", conflict["id"], "--take", "customer").code == 0
    assert world.run()[0] == 0
    assert (world.doc(7) or {})["description"] == before["description"]
    assert found(world) == {}


def test_double_numbers_are_named_with_their_documents_and_left_to_a_person(world: World) -> None:
    agreed(world, 1)
    world.orders.drop_index("tracbridge_number")
    other: Doc = {**doc(1), "isSynced": True}
    world.orders.insert_one(other)
    assert found(world) == {1: "duplicate number"}
    assert str(other["_id"]) in world.cli("reconcile", "--json").out
    said = world.cli("reconcile", "--fix")
    assert (said.code, "several documents with one number" in said.err) == (1, True)
    world.orders.delete_one({"_id": other["_id"]})
    assert found(world) == {}


def test_a_document_that_cannot_be_translated_is_drift_until_it_is_mended(world: World) -> None:
    agreed(world, 1)
    tampered(world, 1, status="lost")
    assert found(world) == {1: "unreadable"}
    assert world.cli("reconcile", "--fix").code == 3
    tampered(world, 1, status="pending")
    assert found(world) == {}


def test_held_fields_are_listed_and_are_no_drift(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    agreed(world, 1)
    world.edit(1, status="completed")
    world.drop(order(1, "on_hold", datetime.now(UTC)))
    assert world.run()[0] == 3
    assert found(world) == {1: "held"}
    said = world.cli("reconcile")
    assert (said.code, "1 order compared: no drift." in said.out) == (0, True)
    world.orders.update_one({"number": 1}, {"$set": {"isSynced": True}})
    assert found(world) == {1: "wrong flag"}
    healed(world)
    assert (world.doc(1) or {})["isSynced"] is False


def test_what_the_customers_system_refused_is_listed_and_is_no_drift(world: World) -> None:
    published(world)
    (world.outbound / "workorder_1.json.err").write_text("unknown asset")
    assert found(world) == {1: "refused"}
    assert "unknown asset" in world.cli("reconcile").out


# -- how it is asked --------------------------------------------------------------------------


def test_one_order_can_be_compared_and_healed_alone(world: World) -> None:
    agreed(world, 1, 2)
    for number in (1, 2):
        tampered(world, number, status="cancelled")
    assert found(world, "--order", "2") == {2: "tampered"}
    said = world.cli("reconcile", "--fix", "--order", "2", "--json").json()
    assert (said["orders"], said["summary"], said["left"]) == (1, {"tampered": 1}, {})
    assert (world.sent(2) or {})["isCanceled"]


def test_an_order_that_nobody_knows_is_refused(world: World) -> None:
    agreed(world, 1)
    said = world.cli("reconcile", "--order", "99", "--json")
    assert (said.code, said.out, "neither in TracOS" in said.err) == (1, "", True)


def test_many_orders_are_compared_in_pages_found_once_and_healed(world: World) -> None:
    documents = [{**doc(n), "isSynced": True} for n in range(1, 2_346)]
    world.orders.insert_many(documents)
    assert found(world) == dict.fromkeys(range(1, 2_346), "missing link")
    said = world.cli("reconcile")
    assert "... and 2,145 more: tracbridge reconcile --json" in said.out
    assert "2,345  missing link" in said.out
    healed(world)
    assert len(world.outbound_files()) == 2_345


def test_nothing_is_compared_where_folder_and_memory_do_not_belong_together(world: World) -> None:
    agreed(world, 1)
    (world.outbound / ".tracbridge").write_text("another")
    said = world.cli("reconcile")
    assert (said.code, "marker of another connection" in said.err) == (1, True)
