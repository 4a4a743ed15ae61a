"""``status``, ``show`` and ``history``: where orders stand and what happened to them."""

from datetime import timedelta
from typing import Any

import pytest

from tests.harness import NOW, World, doc, order

LATER = NOW + timedelta(hours=1)


def status(world: World) -> dict[str, Any]:
    (connection,) = world.cli("status", "--json").json()
    assert isinstance(connection, dict)
    return connection


def agreed(world: World, number: int) -> None:
    """Both sides hold the order, and we know it."""
    world.drop(order(number))
    world.run()
    world.settle(number)


# -- status --------------------------------------------------------------------------------


def test_before_the_first_run_there_is_nothing_to_tell(world: World) -> None:
    said = world.cli("status")
    assert (said.code, said.err) == (0, "")
    assert "last run      never" in said.out
    assert status(world)["last_run"] is None


def test_an_order_is_to_be_sent_then_on_its_way_then_in_sync(world: World) -> None:
    world.orders.insert_one(doc(1, isSynced=False))
    before = status(world)
    assert (before["on_their_way"], before["in_sync"]) == (1, 0)
    assert before["oldest_undelivered"] == NOW.isoformat()
    world.run()
    sent = status(world)
    assert (sent["on_their_way"], sent["in_sync"]) == (1, 0)
    assert sent["oldest_undelivered"] > NOW.isoformat()
    world.settle(1)
    after = status(world)
    assert (after["on_their_way"], after["in_sync"]) == (0, 1)
    assert after["oldest_undelivered"] is None


def test_an_edit_that_was_not_sent_yet_makes_the_order_leave_the_ones_in_sync(world: World) -> None:
    agreed(world, 1)
    agreed(world, 2)
    world.edit(1, description="Edited", updatedAt=LATER, isSynced=False)
    now = status(world)
    assert (now["in_sync"], now["on_their_way"]) == (1, 1)


def test_what_waits_for_a_person_is_counted_by_kind(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    agreed(world, 1)
    agreed(world, 2)
    agreed(world, 3)
    world.edit(1, status="on_hold", updatedAt=LATER, isSynced=False)
    world.drop(order(1, "in_progress", LATER))
    world.orders.delete_one({"number": 2})
    world.drop(order(2, "in_progress", LATER))
    world.drop(order(4, isDone=True))
    world.edit(3, description="Refuse me", updatedAt=LATER, isSynced=False)
    world.run()
    (world.outbound / "workorder_3.json.err").write_text("unknown asset")
    assert world.run()[0] == 3
    now = status(world)
    counts = {name: now[name] for name in ("held", "quarantined", "refused", "missing")}
    assert counts == {"held": 1, "quarantined": 1, "refused": 1, "missing": 1}
    said = world.cli("status").out
    assert "tracbridge quarantine list" in said
    assert "tracbridge conflicts list" in said


def test_the_last_run_is_told_with_its_end(world: World) -> None:
    world.drop(order(1, isDone=True))
    world.run()
    last = status(world)["last_run"]
    assert (last["exit"], last["ended"] >= last["started"]) == (3, True)
    assert "something needs attention (exit 3)" in world.cli("status").out


def test_looking_writes_nothing(world: World) -> None:
    agreed(world, 1)
    before = world.memory()
    looks = ["status", "show 1", "history 1", "check", "runs", "reconcile", "conflicts list"]
    for words in [*looks, "quarantine list", "repair duplicates"]:
        assert world.cli(*words.split()).code == 0, words
    assert world.memory() == before


# -- show ----------------------------------------------------------------------------------


def test_an_order_that_both_hold_agrees(world: World) -> None:
    agreed(world, 7)
    said = world.cli("show", "7")
    row = next(line for line in said.out.splitlines() if line.startswith("status"))
    assert row.split() == ["status", "pending", "=", "="]
    assert said.out.splitlines()[-1].startswith("agrees (version ")
    shown = world.cli("show", "7", "--json").json()
    assert shown["tracos"] == shown["last_agreed"] == shown["customer"]


def test_a_version_that_is_not_taken_yet_is_on_its_way(world: World) -> None:
    agreed(world, 7)
    world.edit(7, status="completed", updatedAt=LATER, isSynced=False)
    world.run()
    said = world.cli("show", "7").out
    assert "completed" in said
    assert "<- on its way since" in said
    assert "workorder_7.json" in said
    shown = world.cli("show", "7", "--json").json()
    assert (shown["tracos"]["status"], shown["customer"]["status"]) == ("completed", "pending")
    assert shown["on_its_way_since"]


def test_a_held_field_shows_each_side_its_own(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    agreed(world, 7)
    world.edit(7, status="on_hold", updatedAt=LATER, isSynced=False)
    world.drop(order(7, "in_progress", LATER))
    world.run()
    shown = world.cli("show", "7", "--json").json()
    assert shown["held"] == ["status"]
    assert (shown["tracos"]["status"], shown["customer"]["status"]) == ("on_hold", "in_progress")
    assert "held: status (tracbridge conflicts list)" in world.cli("show", "7").out


def test_an_order_that_was_only_refused_shows_why(world: World) -> None:
    world.drop(order(7, isDone=True))
    world.run()
    said = world.cli("show", "7").out
    assert said.startswith("quarantined: 7.json: ")
    assert "TRACOS" not in said


def test_an_order_of_tracos_that_no_run_has_seen_is_told_apart(world: World) -> None:
    world.orders.insert_one(doc(7))
    said = world.cli("show", "7")
    assert "unknown here: no run has seen it yet" in said.out


@pytest.mark.parametrize("number", ["999", "abc", "$ne", "9" * 5_000])
def test_an_unknown_order_is_an_answer_and_no_error(world: World, number: str) -> None:
    said = world.cli("show", number)
    assert (said.code, said.out) == (0, f"no order {number} on either side\n")
    assert world.cli("show", number, "--json").json() == {"order": number, "found": False}


def test_the_help_of_show_says_that_an_unknown_order_exits_0(world: World) -> None:
    assert "exit 0" in world.cli("show", "--help").out


def test_text_from_outside_cannot_move_the_cursor(world: World) -> None:
    evil = "Pump\x1b[2J\u202enoisy\r\nnext"
    world.drop(order(7, summary=evil))
    world.run()
    for words in (["show", "7"], ["history", "7"]):
        said = world.cli(*words).out
        assert all(line.isprintable() for line in said.splitlines())
        assert "\x1b" not in said
    assert world.cli("show", "7", "--json").json()["tracos"]["description"] == evil


# -- history -------------------------------------------------------------------------------


def test_history_tells_each_change_with_its_reason(world: World) -> None:
    agreed(world, 7)
    world.drop(order(7, "in_progress", LATER))
    world.run()
    events = world.cli("history", "7", "--json").json()
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    first = events[0]
    assert (first["event"], first["side"], first["source"]) == ("new", "tracos", "7.json")
    change = next(e for e in events if e["event"] == "change" and e["side"] == "tracos")
    assert change["fields"] == {"status": {"from": "pending", "to": "in_progress"}}
    assert change["why"] == {"status": "changed by the customer"}
    said = world.cli("history", "7").out
    assert "pending -> in_progress" in said
    assert "changed by the customer, 7.json, run " in said


def test_history_cuts_long_texts_for_people_only(world: World) -> None:
    text = "Replace the bearing of the pump " * 40
    world.drop(order(7, summary=text))
    world.run()
    assert "…" in world.cli("history", "7").out
    (first, *_) = world.cli("history", "7", "--json").json()
    assert first["fields"]["description"]["to"] == text


def test_history_holds_what_was_decided(world: World) -> None:
    agreed(world, 7)
    world.edit(7, status="on_hold", updatedAt=LATER, isSynced=False)
    world.drop(order(7, "in_progress", LATER + timedelta(hours=1)))
    world.run()
    events = world.cli("history", "7", "--json").json()
    (conflict,) = [event for event in events if event["event"] == "conflict"]
    assert conflict["fields"]["status"] == {"tracos": "on_hold", "customer": "in_progress"}
    assert (conflict["taken"], conflict["decided"]) == ({"status": "customer"}, "newest")


def test_an_order_without_history_is_an_answer_and_no_error(world: World) -> None:
    said = world.cli("history", "999")
    assert (said.code, said.out) == (0, "nothing on record of order 999\n")
    assert world.cli("history", "999", "--json").json() == []
