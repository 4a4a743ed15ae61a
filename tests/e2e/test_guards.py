"""What a run does not do unasked: masses of grave changes, an emptied side, and endless loops."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness import NOW, Doc, Server, World, doc, order

LATER = NOW + timedelta(hours=1)
LINKED = range(1, 31)
CANCELLED = range(1, 26)


@pytest.fixture
def world_with(replica_set: Server, tmp_path: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(**settings: str) -> World:
        world = World(replica_set, tmp_path / str(len(made)), settings)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def linked(world_with: Callable[..., World]) -> World:
    """Thirty orders that both sides show as pending."""
    return link(world_with(ACKNOWLEDGE_INBOUND="false"))


def link(world: World) -> World:
    for number in LINKED:
        world.drop(order(number))
    assert world.run()[0] == 0
    return world


def statuses(world: World) -> dict[str, int]:
    found = [document["status"] for document in world.orders.find()]
    return {status: found.count(status) for status in sorted(set(found))}


def cancel(world: World) -> None:
    """The customer cancels most of his orders, and edits another one."""
    for number in CANCELLED:
        world.drop(order(number, "cancelled", LATER))
    world.drop(order(30, at=LATER, summary="New text"))


def withheld(summary: Doc) -> list[tuple[str, str, int]]:
    return [(one["side"], one["kind"], one["count"]) for one in summary.get("withheld", [])]


def changes(world: World, *words: str) -> tuple[int, list[Doc]]:
    said = world.cli("preview", "--json", *words)
    return said.code, said.json()["connections"][0]["changes"]


def test_a_mass_of_cancellations_is_not_applied_and_all_else_flows(linked: World) -> None:
    cancel(linked)
    code, summary, said = linked.run()
    assert code == 3
    assert withheld(summary) == [("tracos", "removal", 25)]
    assert statuses(linked) == {"pending": 30}
    assert (linked.doc(30) or {})["description"] == "New text"
    counts = summary["inbound"]
    assert (counts["read"], counts["updated"], counts["held"]) == (26, 1, 25)
    assert "more than 20 in one pass" in said


def test_what_was_stopped_stays_stopped_until_somebody_allows_it(linked: World) -> None:
    cancel(linked)
    linked.run()
    code, summary, _ = linked.run()
    assert (code, withheld(summary)) == (3, [("tracos", "removal", 25)])
    code, summary, _ = linked.run("--allow-mass-change")
    assert (code, withheld(summary)) == (0, [])
    assert summary["inbound"]["updated"] == 25
    assert statuses(linked) == {"cancelled": 25, "pending": 5}
    assert [path.name for path in linked.inbound.rglob("*.json")] == []
    linked.rests()


def test_the_preview_shows_what_was_stopped_and_the_run_does_just_that(linked: World) -> None:
    cancel(linked)
    linked.run()
    assert changes(linked) == (3, [])
    assert "more than 20 in one pass" in linked.cli("preview").out
    code, planned = changes(linked, "--allow-mass-change")
    assert (code, sorted(one["number"] for one in planned)) == (0, list(CANCELLED))
    assert {str(one["fields"]) for one in planned} == {
        "{'status': {'from': 'pending', 'to': 'cancelled'}}"
    }
    linked.run("--allow-mass-change")
    done = [
        entry for entry in linked.records("history") if entry["after"] == {"status": "cancelled"}
    ]
    assert sorted(int(entry["ref"]) for entry in done) == list(CANCELLED)


def test_as_many_as_are_ordinary_are_applied(linked: World) -> None:
    for number in range(1, 21):
        linked.drop(order(number, "cancelled", LATER))
    code, summary, _ = linked.run()
    assert (code, withheld(summary), summary["inbound"]["updated"]) == (0, [], 20)
    linked.rests()


def test_a_correction_that_comes_before_the_consent_makes_it_needless(linked: World) -> None:
    cancel(linked)
    linked.run()
    for number in CANCELLED:
        linked.drop(order(number, at=LATER + timedelta(hours=1)))
    code, summary, _ = linked.run()
    assert (code, withheld(summary), summary["inbound"]["stale"]) == (0, [], 25)
    assert statuses(linked) == {"pending": 30}
    linked.rests()


def test_a_mass_of_deletions_in_tracos_is_not_sent(linked: World) -> None:
    before = linked.outbound_files()
    for number in CANCELLED:
        linked.edit(number, deleted=True, deletedAt=LATER)
    linked.edit(30, description="New text")
    code, summary, _ = linked.run()
    assert (code, withheld(summary)) == (3, [("customer", "removal", 25)])
    assert (summary["outbound"]["delivered"], summary["outbound"]["failed"]) == (1, 25)
    assert linked.outbound_files().keys() - before.keys() == {"workorder_30.json"}
    code, summary, _ = linked.run("--allow-mass-change")
    assert (code, summary["outbound"]["delivered"]) == (0, 25)
    linked.rests()


def test_the_limits_are_settings(world_with: Callable[..., World]) -> None:
    settings = {"MASS_REMOVALS": "off", "MASS_COMPLETIONS": "2,10%"}
    world = link(world_with(ACKNOWLEDGE_INBOUND="false", **settings))
    cancel(world)
    for number in range(26, 30):
        world.drop(order(number, "completed", LATER))
    code, summary, _ = world.run()
    assert (code, withheld(summary)) == (3, [("tracos", "completion", 4)])
    assert statuses(world) == {"cancelled": 25, "pending": 5}


def test_an_emptied_outbound_folder_is_no_receipt(world_with: Callable[..., World]) -> None:
    world = world_with(MASS_ACKNOWLEDGEMENTS="5,50%")
    for number in LINKED:
        world.orders.insert_one(doc(number))
    world.run()
    for path in world.outbound.glob("*.json"):
        path.unlink()
    code, summary, _ = world.run()
    assert (code, withheld(summary)) == (3, [("customer", "acknowledgement", 30)])
    assert all(link_["out"]["phase"] == "published" for link_ in world.records("links"))
    assert world.run("--allow-mass-change")[0] == 0
    assert not any("out" in link_ for link_ in world.records("links"))


def test_an_emptied_tracos_stops_the_run_before_anything_is_touched(linked: World) -> None:
    linked.orders.delete_many({})
    linked.drop(order(1, "on_hold", LATER))
    before = linked.memory()
    said = linked.cli("run")
    assert (said.code, linked.memory()) == (1, before)
    assert "TracOS shows none of the first 20 linked orders (1, 10, ...)" in said.err
    assert linked.run("--allow-mass-change")[0] == 3


def test_two_systems_that_undo_each_others_changes_are_stopped(world: World) -> None:
    world.drop(order(1))
    world.run()
    arrivals = 0
    for round_ in range(1, 10):
        world.drop(order(1, "on_hold", NOW + timedelta(minutes=2 * round_)))
        code, summary, said = world.run()
        if code:
            break
        arrivals += 1
        world.take(1)
        world.edit(1, status="pending")
        assert world.run()[0] == 0, said
        world.take(1)
        world.run()
    assert (arrivals, summary["inbound"]["held"]) == (4, 1)
    [conflict] = [c for c in world.records("conflicts") if c["kind"] == "loop"]
    assert (conflict["tracos"], conflict["customer"]) == (
        {"status": "pending"},
        {"status": "on_hold"},
    )
    assert (world.doc(1) or {})["status"] == "pending"
