"""``undo`` and ``runs``: a run is taken back, on both sides, where nothing was changed since."""

import signal
from datetime import timedelta
from typing import Any

import pytest

from tests.harness import NOW, Doc, World, doc, order
from tests.terminal import on_terminal

LATER = NOW + timedelta(hours=1)
LATEST = NOW + timedelta(hours=2)


def last(world: World) -> str:
    """The name of the latest run."""
    return str(world.cli("runs", "--json").json()[0]["run"])


def linked(world: World, number: int = 7) -> None:
    """An order on which both sides agree, and nothing is on its way."""
    world.drop(order(number, summary="Pump"))
    world.run()
    world.settle(number)


def changed_by_the_customer(world: World, number: int = 7) -> str:
    """He put the order on hold, and its receipt was taken; the run that applied it."""
    linked(world, number)
    world.drop(order(number, "on_hold", LATER, summary="Pump"))
    world.run()
    run = last(world)
    world.settle(number)
    assert (world.doc(number) or {})["status"] == "on_hold"
    return run


def undone(world: World, run: str, *words: str, code: int = 0) -> Any:
    said = world.cli("undo", run, "--json", *words)
    assert said.code == code, said.out + said.err
    return said.json()


def status(world: World, number: int = 7) -> tuple[Any, str]:
    """TracOS's status, and the flag in the customer's file."""
    sent = world.sent(number) or {}
    flags = [name for name, value in sent.items() if value is True and name != "isSynced"]
    return (world.doc(number) or {})["status"], " ".join(flags)


def test_what_a_run_wrote_to_tracos_is_set_back_on_both_sides(world: World) -> None:
    run = changed_by_the_customer(world)
    (one,) = undone(world, run)["orders"]
    assert one["fields"] == {"status": {"from": "on_hold", "to": "pending"}}
    assert one["sides"] == ["tracos", "customer"]
    assert (world.doc(7) or {})["isSynced"] is False
    assert world.run()[0] == 0
    assert status(world) == ("pending", "isPending")
    assert (world.doc(7) or {})["isSynced"] is True
    world.rests()


def test_what_a_run_sent_to_the_customer_is_set_back_on_both_sides(world: World) -> None:
    linked(world)
    world.edit(7, description="Oil", updatedAt=LATER)
    world.run()
    run = last(world)
    assert (world.take(7) or {})["summary"] == "Oil"
    undone(world, run)
    world.run()
    assert (world.doc(7) or {})["description"] == "Pump"
    assert (world.sent(7) or {})["summary"] == "Pump"
    world.rests()


def test_a_deletion_is_taken_back(world: World) -> None:
    linked(world)
    world.drop(order(7, None, LATER, isDeleted=True, summary="Pump"))
    world.run()
    assert (world.doc(7) or {})["deleted"] is True
    run = last(world)
    world.settle(7)
    undone(world, run)
    world.run()
    assert (world.doc(7) or {})["deleted"] is False
    assert (world.sent(7) or {})["isDeleted"] is False
    world.rests()


def test_the_customer_takes_it_for_newer_than_all_he_has_seen(world: World) -> None:
    run = changed_by_the_customer(world)
    world.edit(7, updatedAt=LATEST)
    undone(world, run)
    world.run()
    assert (world.sent(7) or {})["lastUpdateDate"] > LATEST.isoformat()


def test_his_own_export_that_knows_nothing_of_it_does_not_bring_it_back(world: World) -> None:
    run = changed_by_the_customer(world)
    undone(world, run)
    world.drop(order(7, "on_hold", LATEST, summary="Pump"))
    world.run()
    assert status(world)[0] == "pending"


def test_what_was_changed_since_is_not_overwritten_and_can_be_taken_later(world: World) -> None:
    run = changed_by_the_customer(world)
    world.edit(7, status="completed", updatedAt=LATEST)
    found = undone(world, run, code=3)
    assert (found["set_back"], found["changed_since"]) == (0, 1)
    values = {"by_run": "on_hold", "now": "completed", "before": "pending"}
    assert found["orders"][0]["changed_since"] == {"status": values}
    assert status(world)[0] == "completed"
    (conflict,) = [c for c in world.cli("conflicts", "list", "--json").json() if c["order"] == "7"]
    assert (conflict["kind"], conflict["waiting"]) == ("undo", False)
    assert "It was changed again after a run" in world.cli("conflicts", "show", conflict["id"]).out
    assert world.cli("conflicts", "resolve", conflict["id"], "--take", "customer").code == 0
    world.run()
    assert status(world) == ("pending", "isPending")
    assert undone(world, run)["orders"] == []


def test_one_field_changed_since_keeps_no_other_from_being_set_back(world: World) -> None:
    linked(world)
    world.drop(order(7, "on_hold", LATER, summary="Pump, gasket"))
    world.run()
    run = last(world)
    world.edit(7, description="Pump, seal", updatedAt=LATEST)
    (one,) = undone(world, run, code=3)["orders"]
    assert (set(one["fields"]), set(one["changed_since"])) == ({"status"}, {"description"})
    world.run()
    shown = world.doc(7) or {}
    assert (shown["status"], shown["description"]) == ("pending", "Pump, seal")


def test_what_cannot_be_undone_is_listed_with_its_reason(world: World) -> None:
    linked(world)
    linked(world, 8)
    world.orders.insert_one(doc(9))
    world.drop(order(10))
    world.drop(order(8, "on_hold", LATER))
    world.cli("resend", "7")
    world.run()
    run = last(world)
    world.orders.delete_one({"number": 8})
    found = undone(world, run, code=3)
    left = {o["number"]: [(r["side"], r["why"]) for r in o["left"]] for o in found["orders"]}
    assert left == {
        7: [("customer", "receipt")],
        8: [(None, "gone")],
        9: [("customer", "first")],
        10: [("tracos", "created")],
    }
    said = world.cli("undo", run, "--preview").out
    assert "not undone: the run made it in TracOS; orders are never removed" in said
    assert world.orders.count_documents({}) == 3
    said = world.cli("undo", run).out
    assert said.endswith("Nothing can be set back.\n")
    assert "nothing that run" in world.cli("undo", run, "--order", "99").out


def test_a_receipt_is_nothing_to_undo(world: World) -> None:
    linked(world)
    world.cli("resend", "7")
    world.run()
    found = undone(world, last(world))
    assert [r["why"] for o in found["orders"] for r in o["left"]] == ["receipt"]


def test_the_table_shows_the_values_also_where_it_is_narrow_and_what_is_harmless_last(
    world: World,
) -> None:
    for number in (7, 8):
        linked(world, number)
    world.cli("resend", "7")
    world.drop(order(8, "on_hold", LATER, summary="Pump"))
    world.drop(order(9))
    world.run()
    _, *rows = on_terminal(world, 80, "undo", last(world), "--preview").splitlines()
    assert rows[0].split() == ["8", "status", "on_hold", "pending", "TracOS", "and", "customer"]
    assert [row.split()[0] for row in rows if row[:1].isdigit()][:3] == ["8", "9", "7"]


def test_undoing_twice_does_nothing_the_second_time(world: World) -> None:
    run = changed_by_the_customer(world)
    undone(world, run)
    before = world.memory()
    assert undone(world, run)["orders"] == []
    assert world.memory() == before
    assert "Nothing to do" in world.cli("undo", run).out


def test_an_undo_is_a_run_of_its_own_and_can_be_undone(world: World) -> None:
    run = changed_by_the_customer(world)
    own = undone(world, run)["run"]
    listed = world.cli("runs", "--json").json()[0]
    assert (listed["run"], listed["undoes"], listed["did"]) == (own, run, {"set back": 1})
    world.run()
    world.settle(7)
    undone(world, own)
    world.run()
    assert status(world) == ("on_hold", "isOnHold")
    texts = world.cli("history", "7").out
    assert f"undo of {run} by " in texts
    assert f"undo of {own} by " in texts


def test_a_preview_writes_nothing_and_shows_exactly_what_the_undo_does(world: World) -> None:
    for number in (7, 8):
        linked(world, number)
    for number in (7, 8, 9):
        world.drop(order(number, "on_hold", LATER, summary="Pump, gasket"))
    world.run()
    run = last(world)
    world.edit(8, description="Pump, seal", updatedAt=LATEST)
    before = world.memory()
    planned = world.cli("undo", run, "--preview", "--json")
    assert world.cli("undo", run, "--preview").out.endswith("Nothing was written.\n")
    assert (world.memory(), last(world)) == (before, run)
    done = world.cli("undo", run, "--json")
    assert planned.code == done.code == 3
    assert without_names(planned.json()) == without_names(done.json())
    assert [one["number"] for one in done.json()["orders"]] == [7, 8, 9]


def without_names(found: Doc) -> Doc:
    return {name: value for name, value in found.items() if name not in ("run", "preview")}


def test_one_order_of_a_run_can_be_undone_alone(world: World) -> None:
    for number in (7, 8):
        linked(world, number)
    for number in (7, 8):
        world.drop(order(number, "on_hold", LATER))
    world.run()
    run = last(world)
    found = undone(world, run, "--order", "008")
    assert [one["number"] for one in found["orders"]] == [8]
    assert [(world.doc(n) or {})["status"] for n in (7, 8)] == ["on_hold", "pending"]


def test_thousands_of_orders_are_undone_page_by_page(world: World) -> None:
    numbers = range(1, 2_102)
    world.orders.insert_many([doc(number) for number in numbers])
    world.run()
    world.orders.update_many({}, {"$set": {"description": "Wrong", "updatedAt": LATER}})
    assert world.run()[1]["outbound"]["delivered"] == 2_101
    assert undone(world, last(world))["set_back"] == 2_101
    assert world.orders.count_documents({"description": "Wrong"}) == 0
    world.run()
    for number in (1, 1_000, 2_101):
        assert (world.sent(number) or {})["summary"] == f"Description {number}"


@pytest.mark.parametrize("step", ["I0", "I4", "I5", "I6"])
def test_an_undo_that_a_crash_cut_off_is_repeated_as_if_it_had_not_been(
    world: World, step: str
) -> None:
    run = changed_by_the_customer(world)
    world.extra = {"CRASH_AT": f"{step}:1"}
    assert world.cli("undo", run).code == -signal.SIGKILL
    world.extra = {}
    begun = [one["run"] for one in world.cli("runs", "--json").json() if one["undoes"]]
    own = undone(world, run)["run"]
    assert begun in ([], [own])
    (link,) = world.records("links")
    assert (link["changes"], link["repush"]) == (3, True)
    entries = [e for e in world.records("history") if e["run"] == own]
    assert [(e["before"], e["after"]) for e in entries] == [
        ({"status": "on_hold"}, {"status": "pending"})
    ]
    assert world.run()[0] == 0
    assert status(world) == ("pending", "isPending")
    world.rests()
    undone(world, own)
    assert status(world)[0] == "on_hold"


def test_what_a_crash_left_undone_is_not_known_to_have_happened(world: World) -> None:
    linked(world)
    world.drop(order(7, "on_hold", LATER, summary="Pump"))
    world.extra = {"CRASH_AT": "I4:1"}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = {}
    run = last(world)
    found = undone(world, run)
    assert [r["why"] for o in found["orders"] for r in o["left"]] == ["no effect"]


def test_what_a_crash_left_half_done_is_finished_before_it_is_undone(world: World) -> None:
    linked(world)
    world.drop(order(7, "on_hold", LATER, summary="Pump"))
    world.extra = {"CRASH_AT": "I5:1"}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = {}
    run = last(world)
    found = undone(world, run, code=3)
    assert [r["why"] for o in found["orders"] for r in o["left"]] == ["unfinished"]
    world.run()
    assert undone(world, run)["set_back"] == 1
    world.run()
    assert status(world) == ("pending", "isPending")


def test_an_unknown_run_is_named(world: World) -> None:
    world.run()
    said = world.cli("undo", "nosuch", "--preview")
    assert (said.code, said.out) == (1, "")
    assert "no run nosuch is on record: see tracbridge runs" in said.err


def test_while_a_service_works_an_undo_says_who_works(world: World) -> None:
    run = changed_by_the_customer(world)
    service = world.popen("run", "--every", "0.2")
    try:
        world.until(lambda: world.cli("status", "--json").json()[0]["running"])
        said = world.cli("undo", run)
        assert (said.code, "one at a time" in said.err) == (1, True)
    finally:
        service.terminate()
        service.communicate(timeout=20)
    assert status(world)[0] == "on_hold"


def test_runs_lists_the_latest_first_with_what_they_did(world: World) -> None:
    assert world.cli("runs").out == "No run is on record.\n"
    world.drop(order(7))
    world.run()
    world.run()
    newest, first = world.cli("runs", "--json").json()
    assert (newest["did"], newest["exit"]) == ({}, 0)
    assert first["did"] == {"created": 1, "delivered": 1}
    said = world.cli("runs").out
    assert said.index(newest["run"]) < said.index(first["run"])
    assert "1 created, 1 delivered" in said
    assert world.cli("runs", "--all", "--json").json() == [newest, first]


def test_an_undo_does_not_pass_for_the_last_run(world: World) -> None:
    run = changed_by_the_customer(world)
    before = world.cli("status", "--json").json()[0]["last_run"]
    undone(world, run)
    assert world.cli("status", "--json").json()[0]["last_run"] == before
