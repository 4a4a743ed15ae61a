"""``conflicts list`` and ``show``: what waits for a decision, and what was decided."""

from datetime import timedelta

from tests.harness import NOW, World, order
from tests.terminal import on_terminal

LATER = NOW + timedelta(hours=1)


def clash(world: World, number: int) -> str:
    """Both sides change the status of an order on which they agreed; the conflict's id."""
    world.drop(order(number))
    world.run()
    world.settle(number)
    world.edit(number, status="on_hold", updatedAt=LATER, isSynced=False)
    world.drop(order(number, "in_progress", LATER + timedelta(hours=1)))
    world.run()
    found = world.cli("conflicts", "list", "--json", "--order", str(number)).json()
    return str(found[0]["id"])


def test_without_conflicts_there_is_an_answer(world: World) -> None:
    said = world.cli("conflicts", "list")
    assert (said.code, said.out) == (0, "No conflict waits for a decision.\n")
    assert world.cli("conflicts", "list", "--json").json() == []


def test_a_conflict_that_waits_shows_all_three_values(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    id_ = clash(world, 7)
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert (conflict["order"], conflict["kind"], conflict["waiting"]) == ("7", "clash", True)
    assert conflict["fields"] == {
        "status": {
            "last_agreed": "pending",
            "tracos": "on_hold",
            "customer": "in_progress",
            "taken": None,
            "waiting": True,
        }
    }
    said = world.cli("conflicts", "list").out
    row = next(line for line in said.splitlines() if line.startswith(id_))
    assert row.split()[1:6] == ["7", "status", "pending", "on_hold", "in_progress"]


def test_show_has_both_sides_beside_each_other_with_their_times_and_says_how_to_decide(
    world: World,
) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    id_ = clash(world, 7)
    said = world.cli("conflicts", "show", id_).out
    assert said.startswith("Order 7, since ")
    assert "Both sides changed it." in said
    rows = [line.split("  ") for line in said.splitlines()]
    table = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["FIELD", "LAST AGREED", "TRACOS", "CUSTOMER", "STANDS"] in table
    assert ["status", "pending", "on_hold", "in_progress", "each its own"] in table
    assert ["edited", "2026-03-20 13:00Z", "2026-03-20 14:00Z"] in table
    assert ["file", "7.json"] in table
    for words in ("--take tracos", "--take customer", "--set status=VALUE"):
        assert f"tracbridge conflicts resolve {id_} {words}" in said


def test_show_tells_what_was_changed_since(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    id_ = clash(world, 7)
    world.edit(7, status="completed", isSynced=False)
    said = world.cli("conflicts", "show", id_)
    assert "By now status is completed in TracOS, in_progress at the customer's." in said.out
    now = world.cli("conflicts", "show", id_, "--json").json()["now"]
    assert now == {"status": {"tracos": "completed", "customer": "in_progress"}}


def test_of_an_order_gone_from_tracos_the_customer_holds_what_is_on_record(world: World) -> None:
    world.drop(order(7))
    world.run()
    world.orders.delete_one({"number": 7})
    world.drop(order(7, "on_hold", at=NOW + timedelta(hours=1)))
    world.run()
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert conflict["kind"] == "missing"
    assert "By now" not in world.cli("conflicts", "show", conflict["id"]).out
    now = world.cli("conflicts", "show", conflict["id"], "--json").json()["now"]
    assert now["status"] == {"tracos": None, "customer": "on_hold"}


def test_the_loser_of_an_automatic_decision_is_listed_and_can_be_taken(world: World) -> None:
    id_ = clash(world, 7)
    (conflict,) = world.cli("conflicts", "list", "--json").json()
    assert (conflict["waiting"], conflict["decided"]) == (False, "newest")
    assert conflict["fields"]["status"]["taken"] == "customer"
    listed = world.cli("conflicts", "list").out
    assert listed.startswith("No conflict waits for a decision.")
    assert "customer (newest)" in listed
    said = world.cli("conflicts", "show", id_).out
    assert "--take tracos" in said
    assert "--take customer" not in said
    assert "--set" not in said


FILTERS = [
    ("--order 7", {"7"}),
    ("--order 007", {"7"}),
    ("--kind clash --field status", {"7", "8"}),
    ("--kind doubt", set()),
    ("--field description", set()),
    ("--since 2020-01-01", {"7", "8"}),
    ("--since 2100-01-01", set()),
]


def test_the_list_can_be_filtered(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    for number in (7, 8):
        clash(world, number)
    for words, found in FILTERS:
        listed = world.cli("conflicts", "list", "--json", *words.split()).json()
        assert {conflict["order"] for conflict in listed} == found, words


def test_an_unknown_conflict_is_named(world: World) -> None:
    said = world.cli("conflicts", "show", "nowhere")
    assert (said.code, said.out) == (1, "")
    assert said.err == "tracbridge: no conflict nowhere: see tracbridge conflicts list.\n"


def test_a_clash_that_comes_back_after_it_was_decided_waits_again(world: World) -> None:
    world.extra = {"CONFLICT_POLICY": "ask"}
    first = clash(world, 7)
    world.cli("conflicts", "resolve", first, "--take", "tracos")
    world.run()
    world.settle(7)
    for hours, status in ((3, "pending"), (5, "in_progress")):
        if status == "in_progress":
            world.edit(7, status="on_hold", isSynced=False, updatedAt=NOW + timedelta(hours=hours))
        world.drop(order(7, status, NOW + timedelta(hours=hours + 1)))
        world.run()
        if status == "pending":
            world.settle(7)
    assert world.run("--strict")[0] == 3
    listed = world.cli("conflicts", "list", "--json").json()
    (again,) = [one for one in listed if one["waiting"]]
    assert again["id"] != first
    assert world.cli("conflicts", "resolve", again["id"], "--take", "customer").code == 0
    world.run()
    assert (world.doc(7) or {})["status"] == "in_progress"


def test_long_texts_are_cut_so_that_they_can_be_told_apart_also_where_it_is_narrow(
    world: World,
) -> None:
    long = "The pump in hall 4 leaks, the gasket was replaced by shift"
    world.extra = {"CONFLICT_POLICY": "ask"}
    world.drop(order(7, summary="Pump"))
    world.run()
    world.settle(7)
    world.edit(7, description=f"{long} A", updatedAt=LATER, isSynced=False)
    world.drop(order(7, at=LATER + timedelta(hours=1), summary=f"{long} B"))
    world.run()
    for words in (("list",), ("resolve", "--all", "--take", "customer", "--preview")):
        lines = on_terminal(world, 80, "conflicts", *words).splitlines()
        (row,) = [line for line in lines if "description" in line]
        assert 'shift A"' in row
        assert 'shift B"' in row
