"""``conflicts``: what waits for a decision, and what was decided."""

from datetime import timedelta

from tests.harness import NOW, World, order

LATER = NOW + timedelta(hours=1)


def clash(world: World, number: int) -> None:
    """Both sides change the status of an order on which they agreed."""
    world.drop(order(number))
    world.run()
    world.settle(number)
    world.edit(number, status="on_hold", updatedAt=LATER, isSynced=False)
    world.drop(order(number, "in_progress", LATER + timedelta(hours=1)))
    world.run()


def test_without_conflicts_there_is_an_answer(world: World) -> None:
    said = world.cli("conflicts", "list")
    assert (said.code, said.out) == (0, "No conflict waits for a decision.\n")
    assert world.cli("conflicts", "list", "--json").json() == []


def test_a_conflict_that_waits_shows_all_three_values(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    clash(world, 7)
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert (conflict["order"], conflict["kind"], conflict["waiting"]) == ("7", "clash", True)
    assert conflict["fields"] == {
        "status": {
            "last_agreed": "pending",
            "tracos": "on_hold",
            "customer": "in_progress",
            "taken": None,
        }
    }
    said = world.cli("conflicts", "list").out
    row = next(line for line in said.splitlines() if line.startswith(conflict["id"]))
    assert row.split()[1:6] == ["7", "status", "pending", "on_hold", "in_progress"]


def test_show_says_how_to_decide(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    clash(world, 7)
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    said = world.cli("conflicts", "show", conflict["id"]).out
    assert said.startswith("Order 7, field status, since ")
    assert f"tracbridge conflicts resolve {conflict['id']} --take tracos" in said
    assert f"tracbridge conflicts resolve {conflict['id']} --take customer" in said
    assert "7.json" in said
    assert world.cli("conflicts", "show", conflict["id"], "--json").json() == conflict


def test_the_loser_of_an_automatic_decision_is_listed_and_can_be_taken(world: World) -> None:
    clash(world, 7)
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert (conflict["waiting"], conflict["decided"]) == (False, "newest")
    assert conflict["fields"]["status"]["taken"] == "customer"
    listed = world.cli("conflicts", "list").out
    assert listed.startswith("No conflict waits for a decision.")
    assert "customer (newest)" in listed
    said = world.cli("conflicts", "show", conflict["id"]).out
    assert "--take tracos" in said
    assert "--take customer" not in said


def test_an_unknown_conflict_is_named(world: World) -> None:
    said = world.cli("conflicts", "show", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert said.err == "tracbridge: no conflict nowhere: see tracbridge conflicts list.\n"
