"""A later release finds the state of an earlier one in the middle of its work, and finishes it."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.older_state import FIXTURES, POLICY, plant
from tests.harness import Doc, World

RELEASES = sorted(FIXTURES.glob("state-*"))


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name)
def taken_over(world: World, request: pytest.FixtureRequest) -> World:
    folder: Path = request.param
    world.extra = POLICY
    plant(world, folder)
    return world


def links(world: World) -> dict[str, Doc]:
    return {link["ref"]: link for link in world.records("links")}


def test_the_state_holds_an_order_in_each_phase(taken_over: World) -> None:
    """Else the other tests would say little."""
    found: dict[str, Any] = links(taken_over)
    assert {ref: (found[ref].get("out") or {}).get("phase") for ref in "13456"} == {
        "1": None,
        "3": "published",
        "4": None,
        "5": "staged",
        "6": "intent",
    }
    assert "held" in found["2"]
    assert found["4"]["repush"]
    assert "8" not in found
    assert (taken_over.doc(7) or {})["description"] == "Claimed: 7"
    assert len(list((taken_over.inbound / ".claimed").rglob("*.json"))) == 2
    assert len(taken_over.cases()) == 1


def test_what_was_begun_is_finished_and_nothing_is_done_twice(taken_over: World) -> None:
    world = taken_over
    sent: dict[int, str] = {}
    for _ in range(6):
        code, _, said = world.run()
        assert code in (0, 3), said
        sent |= {n: body["summary"] for n in range(1, 10) if (body := world.take(n))}
    world.rests()
    assert sent == {
        3: "Not read yet",
        4: "Description 4",
        5: "On its way: 5",
        6: "On its way: 6",
        7: "Claimed: 7",
        8: "Claimed: 8",
        9: "Description 9",
    }
    assert (world.doc(2) or {})["description"] == "TracOS's text of 2"
    assert links(world)["2"]["held"]["description"]["customer"] == "The customer's text of 2"
    assert world.orders.count_documents({}) == 9
    assert world.orders.count_documents({"isSynced": True}) == 8
    assert [case["source"] for case in world.cases()] == ["bad.json"]
    effects = [(e["ref"], e["side"], e["number"]) for e in world.records("history")]
    assert len(effects) == len(set(effects))
    assert list((world.inbound / ".claimed").rglob("*.json")) == []


def test_the_case_of_then_can_be_retried_and_the_conflict_decided(taken_over: World) -> None:
    world = taken_over
    assert world.run()[0] in (0, 3)
    (conflict,) = (c for c in world.records("conflicts") if c["decided"] is None)
    said = world.cli("conflicts", "resolve", conflict["_id"], "--take", "customer")
    assert said.code == 0, said.err
    assert (world.doc(2) or {})["description"] == "The customer's text of 2"
    (case,) = world.cases()
    assert world.cli("quarantine", "retry", case["_id"]).code == 3, "it is as bad as it was"
    assert "refused again" in world.cli("quarantine", "retry", "--all").out
