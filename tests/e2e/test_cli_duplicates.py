"""Several TracOS documents with one number: no run starts, and what to do is proposed."""

from typing import Any

import pytest

from tests.faults.life import Life
from tests.harness import NOW, Doc, World, doc, order
from tests.terminal import on_terminal


def several(world: World, *documents: Doc) -> list[str]:
    """Planted side by side; their names."""
    world.orders.drop_indexes()
    world.orders.insert_many(documents)
    return [f"tracos:{document['_id']}" for document in documents]


def told(world: World, *words: str) -> tuple[int, list[dict[str, Any]]]:
    said = world.cli("repair", "duplicates", "--json", *words)
    return said.code, said.json()["duplicates"]


def test_no_run_starts_and_the_documents_are_named(world: World) -> None:
    names = several(world, doc(7), doc(7), doc(8))
    path = world.drop(order(1))
    said = world.cli("run")
    assert (said.code, said.out) == (1, "")
    assert all(name.removeprefix("tracos:") in said.err for name in names[:2])
    assert "tracbridge repair duplicates" in said.err
    assert path.exists()


def test_the_latest_is_proposed_where_none_was_synced_and_nothing_is_written(world: World) -> None:
    old, new = several(world, doc(7), doc(7, "completed", NOW.replace(hour=13)))
    before = world.fingerprint()
    code, (found,) = told(world)
    assert (code, found["number"], found["why"]) == (3, 7, "changed last")
    assert (found["keep"]["document"], found["others"][0]["document"]) == (new, old)
    table = world.cli("repair", "duplicates").out
    assert all(name in table for name in (old, new))
    assert "keep: changed last" in table
    assert world.fingerprint() == before


def test_the_one_that_was_synced_is_proposed_whatever_was_changed_later(world: World) -> None:
    world.orders.insert_one(doc(7))
    assert world.run()[0] == 0
    kept = f"tracos:{(world.doc(7) or {})['_id']}"
    (other,) = several(world, doc(7, at=NOW.replace(hour=13)))
    _, (found,) = told(world)
    assert (found["keep"]["document"], found["why"]) == (kept, "the one that was synced")
    assert found["others"][0]["document"] == other


def test_applied_the_others_lose_their_number_and_nothing_else(world: World) -> None:
    life = Life(world)
    life.tracos_creates()
    life.rest()
    (other,) = several(world, doc(1, description="Somebody else's text"))
    assert told(world, "--apply", "--yes")[0] == 0
    left = world.orders.find_one({"duplicateOf": 1}) or {}
    assert (f"tracos:{left['_id']}", left["description"]) == (other, "Somebody else's text")
    assert "number" not in left
    assert told(world) == (0, [])
    code, _, said = world.run()
    assert code == 3, said
    (case,) = world.cases()
    assert (case["source"], case["code"]) == (other, "required")
    world.orders.delete_one({"_id": left["_id"]})
    assert world.run()[0] == 0


@pytest.mark.parametrize("words", [("--apply",), ("--apply", "--json")])
def test_it_is_not_applied_without_a_yes(world: World, words: tuple[str, ...]) -> None:
    several(world, doc(7), doc(7))
    before = world.fingerprint()
    said = world.cli("repair", "duplicates", *words)
    assert said.code == 2
    assert "--yes" in said.err
    assert world.fingerprint() == before


def test_where_each_number_stands_once_it_says_so(world: World) -> None:
    world.orders.insert_one(doc(7))
    said = world.cli("repair", "duplicates")
    assert (said.code, said.out) == (0, "Each number stands once in TracOS.\n")


def test_the_documents_can_be_told_apart_also_where_it_is_narrow(world: World) -> None:
    names = several(world, doc(7), doc(7))
    shown = on_terminal(world, 80, "repair", "duplicates")
    assert all(name in shown for name in names)
