"""What else goes wrong around a process: few handles, no output, rivals, readers, old copies."""

import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.faults import inside
from tests.faults.life import Life
from tests.faults.service import fair, live, serving
from tests.harness import Doc, World, doc, order
from tracbridge.bootstrap import Service
from tracbridge.ports.runtime import Step

BACKLOG = 2_500


def limited(*words: str) -> tuple[str, ...]:
    """Words before a command that give it less of something."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("there is no prlimit here")
    return (prlimit, *words, "--")


def backlog(world: World) -> None:
    """Many files at once."""
    for number in range(1, BACKLOG + 1):
        (world.inbound / f"{number}.json").write_text(json.dumps(order(number)))


def test_a_backlog_needs_few_handles_and_little_memory(world: World) -> None:
    world.before = limited("--nofile=64", "--as=700000000")
    backlog(world)
    code, summary, said = world.run()
    assert (code, summary["inbound"]["created"]) == (0, BACKLOG), said


def test_with_too_few_handles_it_ends_with_one_line_and_nothing_is_lost(world: World) -> None:
    life = Life(world)
    life.begin()
    world.before = limited("--nofile=12")
    code, _, said = world.run()
    assert code in (0, 1), said
    assert "Traceback" not in said
    world.before = ()
    life.rest()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_nobody_has_to_listen(world: World, stream: str) -> None:
    """The other end of the pipe is closed, as when a log's disk is full and its writer has died."""
    world.drop(order(1))
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(
        [sys.executable, "-m", "tracbridge", "run", "--json"],
        cwd=world.root,
        env=world.env,
        stdin=subprocess.DEVNULL,
        **{**streams, stream: writing},
    )
    os.close(writing)
    process.wait(60)
    assert world.sent(1) is not None
    world.rests()


@pytest.mark.parametrize("rounds", fair([2, 50], [0]))
def test_of_two_that_start_at_the_same_moment_at_most_one_works_at_a_time(
    world: World, rounds: int
) -> None:
    life = Life(world)
    life.begin()
    for _ in range(rounds):
        life.all_act()
        both = [world.popen("run", "--json"), world.popen("run", "--json")]
        ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
        for _, said, code in ended:
            assert code in (0, 3) or "one at a time" in said, said
    life.rest()


def test_a_customer_who_reads_all_the_time_sees_whole_files_and_no_step_back(world: World) -> None:
    world.orders.insert_one(doc(1, description="0"))
    seen: list[int] = []
    over = threading.Event()

    def reads() -> None:
        while not over.is_set():
            if body := world.sent(1):
                seen.append(int(body["summary"]))

    reader = threading.Thread(target=reads)
    with serving(world) as service:
        service.until(lambda: world.sent(1))
        reader.start()
        try:
            for number in range(1, 150):
                world.edit(1, description=str(number))
                assert service.runs_on(0.01), service.text
            service.until(lambda: (world.sent(1) or {})["summary"] == "149")
        finally:
            over.set()
            reader.join()
        service.stop()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


def test_whole_documents_may_be_replaced_in_tracos(world: World) -> None:
    """A program that knows nothing of our fields writes the document as it has it."""
    world.drop(order(1))
    world.settle(1)
    old = world.doc(1) or {}
    fresh = {**doc(1, description="From the other program"), "_id": old["_id"]}
    fresh["updatedAt"] = old["updatedAt"].replace(year=2027)
    world.orders.replace_one({"_id": old["_id"]}, fresh)
    assert world.run()[0] == 0
    assert (world.take(1) or {})["summary"] == "From the other program"
    world.settle(1)
    world.rests()


def test_a_customer_who_deletes_his_file_under_our_hands_is_no_trouble(world: World) -> None:
    with serving(world) as service:
        for number in range(1, 200):
            world.drop(order(number)).unlink(missing_ok=True)
        world.drop(order(1_000))
        service.until(lambda: world.doc(1_000))
        service.stop()
    assert world.records("quarantine") == []


def test_files_dropped_again_or_under_other_names_are_no_news(world: World) -> None:
    body = order(1)
    world.drop(body)
    world.settle(1)
    world.drop(body)
    world.drop(body, "another name.json")
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["unchanged"]) == (0, 2)
    assert summary["outbound"]["delivered"] == 0
    world.rests()


def test_a_clock_that_jumps_loses_nothing(world: World) -> None:
    """An hour ahead, an hour behind, the year 2038; and then it is right again."""
    life = Life(world)
    life.begin()
    for hours in (1, -1, 24 * 365 * 12, -24):
        life.all_act()
        clock = inside.Wrong(timedelta(hours=hours))
        assert inside.run(world, clock=clock) in (0, 3)
    life.rest()


@pytest.mark.parametrize("step", [Step.STAGED, Step.EFFECT])
def test_an_edit_while_its_order_is_being_sent_is_not_marked_as_sent(
    world: World, step: Step
) -> None:
    world.orders.insert_one(doc(1, description="First"))

    def edits(_service: Service, passed: str) -> None:
        if passed == step and (world.doc(1) or {})["description"] == "First":
            world.edit(1, description="Second")

    assert inside.run(world, edits) == 0
    assert (world.sent(1) or {})["summary"] == "First"
    assert (world.doc(1) or {}).get("isSynced") is not True
    assert inside.run(world) == 0
    assert (world.sent(1) or {})["summary"] == "Second"
    assert (world.doc(1) or {})["isSynced"] is True


# -- yesterday's copy ------------------------------------------------------------------------


def copied(world: World) -> dict[str, list[Doc]]:
    database = world.server.client[world.state]
    return {name: list(database[name].find()) for name in database.list_collection_names()}


def restored(world: World, copy: dict[str, list[Doc]]) -> None:
    database = world.server.client[world.state]
    for name in database.list_collection_names():
        database[name].delete_many({})
    for name, documents in copy.items():
        if documents:
            database[name].insert_many(documents)


@pytest.mark.parametrize("seed", fair(range(12), [1]))
def test_our_memory_of_yesterday_deletes_nothing_and_loses_nothing(world: World, seed: int) -> None:
    """Restored from a backup, while both sides went on: what it cannot know is decided anew."""
    life = Life(world, seed)
    life.begin()
    life.rest()
    copy = copied(world)
    life.customer_errs = lambda: None  # type: ignore[method-assign]
    with serving(world) as service:
        live(life, service, 30)
        service.until(lambda: any(row.get("owner") for row in world.records("leases")))
        service.stop()
    life.rest()
    before = world.orders.count_documents({})
    restored(world, copy)
    for _ in range(14):
        life.customer_imports_all()
        assert world.run()[0] in (0, 3)
    assert world.orders.count_documents({}) == before
    assert world.orders.count_documents({"deleted": True}) == 0
    for document in world.orders.find():
        assert document["description"] == life.own[document["number"]]
    world.rests()
