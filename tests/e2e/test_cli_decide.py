"""``conflicts resolve``, ``resend`` and ``adopt``: what a person decides takes effect."""

from datetime import timedelta
from typing import Any

import pytest

from tests.harness import CREATED, NOW, World, doc, order

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
    assert decided["resolutions"][0]["values"] == {"status": expected[0]}
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


def gone(world: World) -> str:
    """The order is gone from TracOS, and the customer has gone on with it; the conflict's id."""
    world.drop(order(7))
    world.run()
    world.settle(7)
    world.orders.delete_one({"number": 7})
    world.drop(order(7, "on_hold", LATER))
    assert world.run()[0] == 3
    assert world.doc(7) is None
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    return str(conflict["id"])


def test_an_order_that_is_gone_from_tracos_can_be_made_again(world: World) -> None:
    conflict = gone(world)
    assert world.cli("conflicts", "resolve", conflict, "--take", "customer").code == 0
    made = world.doc(7) or {}
    assert (made["status"], made["createdAt"]) == ("on_hold", CREATED)
    assert world.run()[0] == 0
    told = world.sent(7) or {}
    assert (told["isOnHold"], told["creationDate"][:10]) == (True, f"{CREATED:%Y-%m-%d}")
    world.settle(7)
    world.rests()


def test_an_order_that_is_gone_from_tracos_can_stay_gone(world: World) -> None:
    conflict = gone(world)
    said = world.cli("conflicts", "resolve", conflict, "--take", "tracos", "--by", "ana")
    assert (said.code, said.out) == (0, "Order 7: stays gone from TracOS.\n")
    assert world.run("--strict")[0] == 0
    assert world.doc(7) is None
    assert world.cli("conflicts", "list", "--json").json()[0]["decided"] == "person"
    last = world.cli("history", "7", "--json").json()[-1]
    assert last["why"] == {"": "the value of tracos taken by ana"}
    assert "it was decided that it stays gone" in world.cli("show", "7").out
    assert "no drift" in world.cli("reconcile").out


def test_an_order_that_stays_gone_is_asked_about_again_only_where_there_is_news(
    world: World,
) -> None:
    world.cli("conflicts", "resolve", gone(world), "--take", "tracos")
    for at in (LATER, LATEST):
        world.drop(order(7, "on_hold", at))
        assert world.run("--strict")[0] == 0
    world.drop(order(7, "completed", LATEST))
    assert world.run()[0] == 3
    assert waiting(world) == {"7": ["description", "deleted", "status"]}


def test_an_order_that_stayed_gone_can_be_made_again_later(world: World) -> None:
    conflict = gone(world)
    world.cli("conflicts", "resolve", conflict, "--take", "tracos")
    assert world.cli("conflicts", "resolve", conflict, "--take", "customer").code == 0
    world.run()
    assert statuses(world)[0] == "on_hold"
    assert (world.sent(7) or {})["isOnHold"] is True
    world.settle(7)
    world.rests()


def test_of_an_order_that_is_gone_nothing_waits_to_be_sent(world: World) -> None:
    world.cli("conflicts", "resolve", gone(world), "--take", "tracos")
    world.drop(order(7, "on_hold", NOW - timedelta(days=1)))
    assert world.run()[1]["inbound"]["stale"] == 1
    said = world.cli("resend", "7")
    assert (said.code, "gone from TracOS" in said.err) == (1, True)
    assert world.cli("status", "--json").json()[0]["on_their_way"] == 0


# -- other values, one field, many conflicts -----------------------------------------------


def clashes(world: World, *numbers: int) -> None:
    """Status and text of each order are changed on both sides; its id."""
    for number in numbers:
        world.drop(order(number, summary="Pump"))
    world.run()
    world.settle(*numbers)
    for number in numbers:
        values = {"status": "completed", "description": "Ours", "updatedAt": LATER}
        world.edit(number, **values, isSynced=False)
        world.drop(order(number, "cancelled", LATEST, summary="Theirs"))
    world.run()


def waiting(world: World) -> dict[str, list[str]]:
    """The fields that wait, by order."""
    found = world.cli("conflicts", "list", "--json").json()
    return {
        one["order"]: [name for name, field in one["fields"].items() if field["waiting"]]
        for one in found
        if one["waiting"]
    }


def test_a_value_of_neither_side_can_be_set_and_it_is_on_record_who_did_and_why(
    world: World,
) -> None:
    conflict = clash(world)
    words = ("--set", "status=in_progress", "--by", "ana", "--why", "The pump runs again.")
    assert world.cli("conflicts", "resolve", conflict, *words).code == 0
    assert world.run()[0] == 0
    assert (world.doc(7) or {})["status"] == "in_progress"
    assert (world.sent(7) or {})["isActive"] is True
    (decided,) = world.cli("conflicts", "list", "--json").json()
    (resolution,) = decided["resolutions"]
    assert resolution.pop("at")
    assert resolution == {
        "values": {"status": "in_progress"},
        "side": None,
        "by": "ana",
        "why": "The pump runs again.",
    }
    shown = world.cli("conflicts", "show", conflict).out
    assert "in_progress (ana)" in shown
    assert "The pump runs again." in shown
    changes = world.cli("history", "7", "--json").json()
    why = [one["why"].get("status") for one in changes if one["event"] == "change"]
    assert "set by ana: The pump runs again." in why


def test_a_decision_for_what_tracos_shows_already_is_in_the_history_too(world: World) -> None:
    conflict = clash(world)
    assert world.cli("conflicts", "resolve", conflict, "--take", "tracos").code == 0
    changes = world.cli("history", "7", "--json").json()
    (entry,) = [one for one in changes if "taken by" in one.get("why", {}).get("status", "")]
    assert entry["fields"] == {"status": {"from": "completed", "to": "completed"}}


@pytest.mark.parametrize("lost", [["conflicts"], ["conflicts", "links"]], ids=" and ".join)
def test_a_decision_that_was_cut_short_can_be_made_again(world: World, lost: list[str]) -> None:
    conflict = clash(world)
    state = world.server.client[world.state]
    before = {name: world.records(name) for name in lost}
    words = ("conflicts", "resolve", conflict, "--take", "customer")
    assert world.cli(*words).code == 0
    for name, documents in before.items():
        for document in documents:
            state[f"tracbridge_{name}"].replace_one({"_id": document["_id"]}, document)
    assert world.cli(*words).code == 0
    assert waiting(world) == {}
    assert world.run()[0] == 0
    assert statuses(world) == ("cancelled", False, True)
    world.rests()


def test_one_field_is_decided_while_the_other_waits(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    clashes(world, 7)
    assert waiting(world) == {"7": ["description", "status"]}
    words = ("--all", "--yes", "--order", "7", "--field", "status", "--take", "customer")
    assert world.cli("conflicts", "resolve", *words).code == 0
    assert waiting(world) == {"7": ["description"]}
    assert world.run()[0] == 0
    assert statuses(world)[0] == "cancelled"
    assert (world.doc(7) or {})["description"] == "Ours"
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    said = world.cli("conflicts", "resolve", conflict["id"], "--set", "description=Ours and theirs")
    assert said.code == 0
    assert world.run()[0] == 0
    assert (world.sent(7) or {})["summary"] == "Ours and theirs"
    assert waiting(world) == {}
    world.settle(7)
    world.rests()


def test_a_field_on_which_both_sides_come_to_agree_waits_no_more_and_the_other_does(
    world: World,
) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    clashes(world, 7)
    world.settle(7)
    world.drop(order(7, "completed", LATEST + timedelta(hours=1), summary="Theirs"))
    world.run()
    assert waiting(world) == {"7": ["description"]}


def test_many_conflicts_are_decided_by_filter_after_a_look(world: World) -> None:
    clashes(world, 7, 8, 9)
    assert set(waiting(world)) == {"7", "8", "9"}
    many = ("conflicts", "resolve", "--all", "--kind", "clash", "--field", "status")
    before = world.memory()
    seen = world.cli(*many, "--take", "customer", "--preview", "--json").json()
    assert [one["fields"] for one in seen["resolved"]] == [{"status": "cancelled"}] * 3
    said = world.cli(*many, "--take", "customer", "--preview")
    assert (said.code, said.out.count("cancelled")) == (0, 6)
    said = world.cli(*many, "--take", "customer")
    assert (said.code, "look with --preview, then add --yes" in said.err) == (2, True)
    assert world.memory() == before
    world.orders.delete_one({"number": 8})
    done = world.cli(*many, "--take", "customer", "--yes", "--json")
    assert done.code == 3
    found = done.json()
    assert sorted(one["order"] for one in found["resolved"]) == ["7", "9"]
    assert [one["order"] for one in found["refused"]] == ["8"]
    assert "gone from TracOS" in found["refused"][0]["why"]
    assert [(world.doc(n) or {})["status"] for n in (7, 9)] == ["cancelled", "cancelled"]
    assert set(waiting(world)) == {"8"}


def test_what_a_policy_decided_can_be_turned_round_in_bulk(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "tracos"}
    clashes(world, 7, 8)
    ids = {one["order"]: one["id"] for one in world.cli("conflicts", "list", "--json").json()}
    assert world.cli("conflicts", "resolve", ids["8"], "--take", "customer").code == 0
    shown = [((world.doc(n) or {})["status"], (world.doc(n) or {})["description"]) for n in (7, 8)]
    assert shown == [("completed", "Ours"), ("cancelled", "Ours")]
    words = ("--decided", "--field", "description", "--take", "customer", "--yes", "--json")
    done = world.cli("conflicts", "resolve", "--all", *words)
    assert done.code == 0, done
    assert len(done.json()["resolved"]) == 2
    assert [(world.doc(n) or {})["description"] for n in (7, 8)] == ["Theirs", "Theirs"]
    again = world.cli("conflicts", "resolve", "--all", *words)
    assert (again.code, again.json()["resolved"]) == (0, [])


def test_in_bulk_only_what_a_policy_decided_is_turned_round_unless_the_kind_is_named(
    world: World,
) -> None:
    world.drop(order(7, "on_hold", LATER, summary="Pump"))
    world.run()
    world.settle(7)
    world.drop(order(7, "on_hold", NOW, summary="Old words"))
    assert world.run()[1]["inbound"]["stale"] == 1
    words = ("conflicts", "resolve", "--all", "--decided", "--take", "customer", "--yes")
    assert "no conflict is meant" in world.cli(*words).out
    assert world.cli(*words, "--kind", "stale").code == 0
    assert (world.doc(7) or {})["description"] == "Old words"


def test_a_delete_can_be_set_and_taken_back(world: World) -> None:
    conflict = clash(world)
    said = world.cli("conflicts", "resolve", conflict, "--set", "deleted=true")
    assert (said.code, "is about status, not about deleted" in said.err) == (1, True)
    dead = {"isDeleted": True, "deletedDate": LATEST.isoformat()}
    world.extra = {"CONFLICT_POLICY": "ask"}
    world.edit(7, deleted=True, deletedAt=LATER, isSynced=False)
    world.drop(order(7, "cancelled", LATEST + timedelta(hours=1), summary="Pump, gasket", **dead))
    world.run()
    done = world.cli("conflicts", "resolve", "--all", "--set", "deleted=false", "--yes", "--json")
    (resolved,) = done.json()["resolved"]
    assert resolved["fields"] == {"deleted": False}
    world.run()
    assert (world.doc(7) or {})["deleted"] is False
    assert (world.sent(7) or {})["isDeleted"] is False
    assert world.cli("conflicts", "resolve", resolved["id"], "--set", "deleted=true").code == 0
    world.run()
    assert (world.doc(7) or {})["deletedAt"] is not None
    assert (world.sent(7) or {})["isDeleted"] is True


MISUSE = {
    "": "name the conflict, or say --all",
    "12ab --all --take tracos": "name the conflict, or say --all",
    "12ab": "say either --take",
    "12ab --take tracos --set status=pending": "say either --take",
    "12ab --order 7 --take tracos": "go with --all",
    "12ab --field status --set status=pending": "leave --field out",
    "12ab --set status": "write it as FIELD=VALUE",
    "12ab --set status=done": "choose one of pending",
    "12ab --set status=pending --set status=completed": "status is set twice",
    "12ab --set deleted=yes": "choose one of true, false",
    "12ab --set description=": "must not be empty",
    "12ab --set titel=x": "no such field",
}


def test_what_cannot_be_meant_is_said_before_anything_is_done(world: World) -> None:
    for words, answer in MISUSE.items():
        said = world.cli("conflicts", "resolve", *words.split())
        found = " ".join(said.err.replace("│", " ").split())
        assert (said.code, answer in found) == (2, True), (words, said)


def test_in_a_field_that_waits_the_present_values_are_taken_and_what_gives_way_is_in_the_history(
    world: World,
) -> None:
    conflict = clash(world)
    world.edit(7, status="on_hold")
    world.run()
    assert "By now status is on_hold in TracOS" in world.cli("conflicts", "show", conflict).out
    world.cli("conflicts", "resolve", conflict, "--take", "customer")
    assert statuses(world)[0] == "cancelled"
    assert world.cli("history", "7", "--json").json()[-1]["fields"] == {
        "status": {"from": "on_hold", "to": "cancelled"}
    }


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
