"""The process is killed after each durable step; then the world is as if it had not been.

The same two days happen in a world that never crashes and in one that does, in the second day's
pass. Both run until they rest. Then both hold the same documents and files, remember the same
agreements, and have the same history of what took effect.
"""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness import NOW, Doc, Server, World, doc, order

REACHED = {
    "I0": 1,
    "I1": 1,
    "I2": 2,
    "I3": 1,
    "I4": 4,
    "I5": 3,
    "I6": 3,
    "I7": 2,
    "O2": 2,
    "O3": 2,
    "O4": 2,
    "O5": 2,
}
"""How often the second day's pass goes over each step at the least."""

CRASHES = [(step, n) for step, times in REACHED.items() for n in range(1, min(times, 2) + 1)]


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def first_day(world: World) -> None:
    """Eight orders, four from each side; some of our versions are read, others lie there."""
    for number in range(1, 5):
        world.drop(order(number))
    world.orders.insert_many([doc(number) for number in range(5, 9)])
    assert world.run()[0] == 0
    for number in (1, 2, 5):
        world.take(number)
    world.edit(5, description="Not read yet", updatedAt=hours(0.5))


def second_day(world: World) -> None:
    """Edits on both sides, of the same and of different fields; new orders; a bad file; an echo."""
    for number in (4, 6):
        world.take(number)
    world.drop(order(1, summary="Text of the customer", at=hours(1)))
    world.drop(order(2, "on_hold", at=hours(1)), "2a.json")
    world.drop(order(2, "completed", at=hours(2)), "2b.json")
    world.drop(order(2, "completed", at=hours(3), summary="And a text"), "2c.json")
    world.drop({**order(3, "in_progress", at=hours(2)), "asset": "P-101"})
    world.drop(order(4, "pending", at=hours(-1), summary="Stale"))
    world.drop(order(5, summary="Description 5", at=hours(5)))
    world.drop(order(8, "on_hold", summary="Description 8", at=hours(1)))
    world.drop(order(9, isDeleted=True))
    world.drop(b'{"orderNo": 11, ', "bad.json")
    world.edit(1, status="completed", updatedAt=hours(1))
    world.edit(3, status="on_hold", updatedAt=hours(1))
    world.edit(5, status="completed", updatedAt=hours(1), isSynced=False)
    world.edit(6, description="Text of TracOS", updatedAt=hours(1))
    world.edit(7, deleted=True, deletedAt=hours(1), updatedAt=hours(1))
    world.orders.insert_one(doc(10))


def live(world: World, crash: str = "") -> None:
    """Both days, the second one's pass with a crash, and rest."""
    first_day(world)
    assert world.run()[0] == 0
    second_day(world)
    if crash:
        world.extra = {"CRASH_AT": crash}
        said = world.cli("run", "--json")
        world.extra = {}
        assert said.code == -signal.SIGKILL, f"{crash} is not reached: {said.err}"
    assert world.run()[0] in (0, 3)
    world.rests()


def state(world: World) -> Doc:
    """All that must be the same, without ids, and without the times at which it was synced."""
    return {
        "documents": [without(d, "_id", "syncedAt") for d in world.orders.find().sort("number", 1)],
        "files": {p.name: json.loads(p.read_bytes()) for p in world.outbound.glob("*.json")},
        "inbound": [path.name for path in world.inbound.rglob("*")],
        "links": sorted((link_of(link) for link in world.records("links")), key=repr),
        "history": counted(
            [e["ref"], e["side"], e["number"], e["before"], e["after"], e["why"].get("by")]
            for e in world.records("history")
            if not e.get("superseded")
        ),
        "conflicts": counted(
            [c["ref"], c["kind"], c["base"], c["tracos"], c["customer"], c["taken"], c["decided"]]
            for c in world.records("conflicts")
        ),
        "quarantine": counted(
            [c["source"], c["code"], c["state"]] for c in world.records("quarantine")
        ),
        "kept": Counter(sorted(path.name for path in world.kept("archive"))),
        "refused": Counter(sorted(path.name for path in world.kept("quarantine"))),
    }


def without(document: Doc, *names: str) -> Doc:
    return {name: value for name, value in document.items() if name not in names}


def link_of(link: Doc) -> Doc:
    out = link.get("out") or {}
    names = ("ref", "base", "native", "seen", "held", "repush", "seq", "changes")
    kept: Doc = {name: link.get(name) for name in names}
    kept["seen"] = without(kept["seen"] or {}, "pass", "position")
    return kept | {"out": {name: out.get(name) for name in ("seq", "fields", "phase", "over")}}


def counted(rows: Iterator[list[Any]]) -> dict[str, int]:
    return dict(sorted(Counter(repr(row) for row in rows).items()))


@pytest.fixture(scope="module")
def twin(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doc]:
    """The world that never crashed."""
    world = World(replica_set, tmp_path_factory.mktemp("twin"))
    live(world)
    yield state(world)
    world.close()


def test_the_twin_has_seen_all_that_can_happen(twin: Doc) -> None:
    """Else the comparison would say little."""
    kinds = " ".join(twin["conflicts"])
    assert all(f"'{kind}'" in kinds for kind in ("clash", "stale", "doubt")), kinds
    assert [case.split("'")[3] for case in twin["quarantine"]] == ["truncated_json"]
    assert set(twin["files"]) == {f"workorder_{number}.json" for number in range(1, 11)}


@pytest.mark.parametrize(("step", "n"), CRASHES)
def test_after_a_crash_at_a_step_the_world_is_as_if_it_had_not_been(
    world: World, twin: Doc, step: str, n: int
) -> None:
    live(world, f"{step}:{n}")
    after = state(world)
    for what, expected in twin.items():
        assert after[what] == expected, what


def test_after_a_sigkill_the_next_run_starts_at_once(world: World) -> None:
    world.drop(order(1))
    world.extra = {"CRASH_AT": "I5:1"}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = {}
    code, summary, said = world.run()
    assert (code, summary["inbound"]["read"]) == (0, 1), said
    world.rests()


@pytest.mark.parametrize("apart", [0, 1], ids=["same time", "one hour apart"])
@pytest.mark.parametrize("receipts", ["true", "false"])
def test_records_of_one_order_that_were_applied_before_a_crash_are_not_applied_again(
    world: World, apart: int, receipts: str
) -> None:
    settings = {"ACKNOWLEDGE_INBOUND": receipts}
    world.extra = settings
    world.drop(order(1))
    world.settle(1)
    world.drop(order(1, "on_hold", at=hours(1)), "a.json")
    world.drop(order(1, "completed", at=hours(1 + apart)), "b.json")
    world.extra = settings | {"CRASH_AT": "I6:2"}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = settings
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["unchanged"], summary["inbound"]["updated"]) == (0, 2, 0)
    steps = [e["after"] for e in world.records("history") if e["side"] == "tracos" and e["before"]]
    assert sorted(step["status"] for step in steps) == ["completed", "on_hold"]
    assert world.records("conflicts") == []
    assert (world.sent(1) is not None) is (receipts == "true")
    world.rests()


def test_each_crash_in_a_row_is_survived(world: World) -> None:
    """Killed at one step after the other, before anything could be finished in between."""
    first_day(world)
    second_day(world)
    for step in REACHED:
        world.extra = {"CRASH_AT": f"{step}:1"}
        assert world.cli("run").code in (-signal.SIGKILL, 0, 3)
    world.extra = {}
    for _ in range(2):
        assert world.run()[0] in (0, 3)
    world.rests()
    assert world.orders.count_documents({}) == 10
    assert len(world.outbound_files()) == 10
    assert [case["source"] for case in world.cases()] == ["bad.json"]
    assert [path.name for path in world.inbound.rglob("*")] == [".claimed"]


def test_a_second_instance_says_who_runs_and_harms_nothing(world: World, tmp_path: Path) -> None:
    for number in range(1, 1_501):
        world.drop(order(number))
    first = world.popen("run", "--json")
    try:
        while not (world.outbound / ".tracbridge").exists():
            assert first.poll() is None
        second = world.cli("run")
        assert second.code in (0, 1)
        if second.code == 1:
            assert len(second.err.splitlines()) == 1, second.err
        first.communicate(timeout=60)
        assert first.returncode == 0
    finally:
        first.kill()
        first.wait()
    assert world.orders.count_documents({}) == 1_500
    world.rests()


@pytest.mark.parametrize(
    ("crash", "edit"),
    [("I5:1", {"status": "pending"}), ("I4:1", {"description": "Text of TracOS"})],
    ids=["seen and taken back", "never seen"],
)
def test_an_order_that_was_edited_while_we_were_interrupted_in_it_waits_for_a_person(
    world: World, crash: str, edit: Doc
) -> None:
    """TracOS shows what it showed before we wrote, or before we could: nobody can tell which."""
    world.drop(order(1))
    assert world.run()[0] == 0
    world.take(1)
    world.drop(order(1, "in_progress", at=hours(1)))
    world.extra = {"CRASH_AT": crash}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = {}
    world.edit(1, **edit, updatedAt=hours(2))
    assert world.run()[0] == 3
    assert (world.doc(1) or {})["status"] == "pending"
    (conflict,) = world.records("conflicts")
    assert (conflict["kind"], conflict["taken"]) == ("clash", {"status": None})
    assert (conflict["tracos"], conflict["customer"]) == (
        {"status": "pending"},
        {"status": "in_progress"},
    )


@pytest.mark.parametrize("crash", ["I4:1", "I5:1"], ids=["before it was written", "after it"])
def test_an_order_that_nobody_edited_while_we_were_interrupted_is_finished(
    world: World, crash: str
) -> None:
    world.drop(order(1))
    assert world.run()[0] == 0
    world.take(1)
    world.drop(order(1, "in_progress", at=hours(1)))
    world.extra = {"CRASH_AT": crash}
    assert world.cli("run").code == -signal.SIGKILL
    world.extra = {}
    assert world.run()[0] == 0
    assert (world.doc(1) or {})["status"] == "in_progress"
    assert world.records("conflicts") == []
