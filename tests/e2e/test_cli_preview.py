"""``preview``: what a run would do, and exactly that."""

from datetime import timedelta
from typing import Any

from tests.harness import NOW, World, doc, order

LATER = NOW + timedelta(hours=1)


def busy(world: World) -> None:
    """Something of each kind on both sides."""
    world.drop(order(1))
    world.drop(order(2, "on_hold", summary="Pump"))
    world.run()
    world.settle(1, 2)
    world.edit(1, status="completed", updatedAt=LATER, isSynced=False)
    world.drop(order(1, "cancelled", LATER, summary="Other words"))
    world.drop(order(2, "on_hold", LATER, summary="Pump, gasket"))
    world.drop(order(3), name="new.json")
    world.drop(b"{broken", name="bad.json")
    world.drop(order(4, isDone=True), name="two-flags.json")
    world.orders.insert_many([doc(50), doc(51, status="archived")])


def everything(world: World) -> tuple[Any, ...]:
    """Files of both folders and all we remember."""
    return world.fingerprint(), world.memory(), world.kept("archive"), world.kept("quarantine")


def test_a_preview_writes_nothing_anywhere(world: World) -> None:
    busy(world)
    before = everything(world)
    assert world.cli("preview").code == 3
    assert everything(world) == before


def test_a_preview_counts_its_changes_in_words(world: World) -> None:
    world.drop(order(1))
    only = ("preview", "--inbound-only")
    assert world.cli(*only).out.endswith("\n1 change; nothing was written.\n")
    world.drop(order(2))
    assert world.cli(*only).out.endswith("\n2 changes; nothing was written.\n")


def test_a_preview_before_the_first_run_makes_no_marker_index_or_folder(world: World) -> None:
    world.drop(order(1))
    assert world.cli("preview").code == 0
    assert sorted(p.name for p in world.root.rglob("*") if p.is_file()) == ["1.json"]
    assert "workorders" not in world.orders.database.list_collection_names()


def test_the_run_does_exactly_what_the_preview_said(world: World) -> None:
    busy(world)
    plan = world.cli("preview", "--json").json()
    code, done, _ = world.run()
    (said,) = plan["connections"]
    assert (said["inbound"], said["outbound"]) == (done["inbound"], done["outbound"])
    assert plan["exit"] == code == 3
    for change in said["changes"]:
        number = change["number"]
        match change["action"], change["side"]:
            case (("create" | "update"), "tracos"):
                shown = world.doc(number) or {}
                assert {n: shown[n] for n in change["fields"]} == {
                    n: value["to"] for n, value in change["fields"].items()
                }
            case (("send" | "send again"), _):
                assert world.sent(number) is not None
    again = world.cli("preview", "--json").json()["connections"][0]["changes"]
    assert again == []


def test_each_change_says_why(world: World) -> None:
    busy(world)
    changes = world.cli("preview", "--json").json()["connections"][0]["changes"]
    why = {(c["number"], c["action"]): c["why"] for c in changes}
    assert "changed by the customer" in why[2, "update"]
    assert "new.json" in why[3, "create"]
    assert "waits for a person" in why[1, "hold"]
    assert {c["action"] for c in changes if c["number"] is None} == {"quarantine"}


def test_nothing_to_do_is_said(world: World) -> None:
    assert world.cli("preview").out == "Nothing to do: a run would change nothing.\n"


def test_one_direction_only_is_previewed_alone(world: World) -> None:
    world.drop(order(1))
    world.orders.insert_one(doc(50))
    plan = world.cli("preview", "--outbound-only", "--json").json()["connections"][0]
    assert [(c["number"], c["side"]) for c in plan["changes"]] == [(50, "customer")]


def test_a_preview_of_doubled_numbers_is_refused_like_the_run(world: World) -> None:
    world.orders.insert_many([doc(7), doc(7)])
    said = world.cli("preview")
    assert said.code == 1
    assert "several documents with one number" in said.err
    assert world.run()[0] == 1
