"""Files that are not ready yet, that may not be read, and folders that hold very many of them."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness import NOW, Server, World, order


@pytest.fixture
def patient(replica_set: Server, tmp_path: Path) -> Iterator[World]:
    """A world that gives a file an hour to be finished."""
    world = World(replica_set, tmp_path, {"DATA_SETTLE_SECONDS": "3600"})
    yield world
    world.close()


def aged(path: Path, seconds: float = 7200) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


HALF = {
    "empty": b"",
    "half": b'{"orderNo": 3, "summary": "Rep',
    "half-a-character": b'{"orderNo": 3, "summary": "\xc3',
    "half-an-array": b'[{"orderNo": 3}, {"order',
    "blocks-not-written-yet": b"\0" * 512,
}


@pytest.mark.parametrize("data", HALF.values(), ids=HALF)
def test_a_young_file_waits_until_it_is_complete(patient: World, data: bytes) -> None:
    path = patient.drop(data, "3.json")
    stamp = path.stat()
    patient.drop(order(1))
    code, summary, _ = patient.run()
    assert (code, summary["inbound"]["waiting"], summary["inbound"]["created"]) == (0, 1, 1)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (data, stamp.st_mtime_ns)
    patient.rests()
    path.write_bytes(json.dumps(order(3)).encode())
    assert patient.run()[1]["inbound"]["created"] == 1
    assert patient.doc(3) is not None
    assert patient.records("quarantine") == []


def test_a_file_that_stays_incomplete_is_refused_when_it_is_old(patient: World) -> None:
    for name, data in HALF.items():
        aged(patient.drop(data, f"{name}.json"))
    code, summary, _ = patient.run()
    assert (code, summary["inbound"]["waiting"]) == (3, 0)
    assert {case["source"].removesuffix(".json"): case["code"] for case in patient.cases()} == {
        "empty": "empty_file",
        "half": "truncated_json",
        "half-a-character": "truncated_json",
        "half-an-array": "truncated_json",
        "blocks-not-written-yet": "nul_bytes",
    }
    patient.rests()


def test_a_young_file_that_is_whole_and_wrong_is_refused_at_once(patient: World) -> None:
    patient.drop({**order(3), "isDone": True})
    assert patient.run()[0] == 3
    assert [case["code"] for case in patient.cases()] == ["contradictory_status"]


def test_a_file_that_was_refused_as_incomplete_and_is_finished_later_comes_back(
    patient: World,
) -> None:
    whole = json.dumps(order(3)).encode()
    path = patient.drop(whole[:40], "3.json")
    with path.open("ab") as slow:
        aged(path)
        assert patient.run()[0] == 3
        slow.write(whole[40:])
    code, summary, _ = patient.run()
    assert (code, summary["inbound"]["created"]) == (0, 1)
    assert patient.cases() == []
    assert patient.kept("quarantine") == []
    patient.rests()


def test_a_file_that_was_refused_and_comes_again_complete_closes_its_case(world: World) -> None:
    world.drop(b'{"orderNo": 3, "summ', "3.json")
    assert world.run()[0] == 3
    world.drop(order(3), "3.json")
    assert world.run()[0] == 0
    assert world.cases() == []
    assert world.doc(3) is not None


def test_a_waiting_file_never_makes_the_pass_complete(patient: World) -> None:
    """Else a record that waits would count as made after the customer took our version."""
    patient.drop(b"{", "wait.json")
    patient.drop(order(1))
    patient.run()
    (row,) = patient.records("passes")
    assert row.get("complete", 0) == 0


def without_rights() -> tuple[str, ...]:
    """Words that take root's right to read everything; nothing for others, who do not have it."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root reads every file, and there is no setpriv to take that right away")
    rights = "-dac_override,-dac_read_search"
    return (setpriv, f"--bounding-set={rights}", f"--inh-caps={rights}", "--")


def test_a_file_that_may_not_be_read_waits_with_a_warning(world: World) -> None:
    world.before = without_rights()
    path = world.drop(order(70))
    path.chmod(0)
    world.drop(order(1))
    code, summary, said = world.run()
    assert (code, summary["inbound"]["waiting"], summary["inbound"]["created"]) == (0, 1, 1)
    assert "permission" in said
    assert "70.json" in said
    path.chmod(0o640)
    assert world.run()[1]["inbound"]["created"] == 1


def test_a_folder_that_may_not_be_written_is_an_error_that_names_it(world: World) -> None:
    world.before = without_rights()
    world.drop(order(1))
    world.inbound.chmod(0o550)
    code, _, said = world.run()
    world.inbound.chmod(0o750)
    assert code == 2
    assert "DATA_INBOUND_DIR" in said
    assert len(said.splitlines()) == 1
    assert world.doc(1) is None


def test_many_files_are_taken_in_pages_and_one_order_keeps_its_sequence(world: World) -> None:
    for number in range(1, 2_999):
        world.drop(order(number))
    for turn in range(1, 4):
        at = NOW + timedelta(hours=turn)
        path = world.drop(order(1, "on_hold" if turn == 3 else "completed", at=at), f"z{turn}.json")
        aged(path, -60 * turn)
    code, summary, _ = world.run("--inbound-only")
    inbound = summary["inbound"]
    assert (code, inbound["read"], inbound["created"]) == (0, 3_001, 2_998)
    assert inbound["updated"] == 2, "completed, completed again, on hold"
    first = world.doc(1)
    assert first is not None
    assert first["status"] == "on_hold"
    assert world.orders.count_documents({}) == 2_998
    assert len(world.kept("archive")) == 3_001


def test_an_array_longer_than_a_page_is_applied_whole_and_in_order(world: World) -> None:
    orders = [order(number) for number in range(1, 2_501)]
    orders += [order(1, "completed", at=NOW + timedelta(hours=1))]
    world.drop(json.dumps(orders).encode(), "many.json")
    code, summary, _ = world.run("--inbound-only")
    assert (code, summary["inbound"]["created"], summary["inbound"]["updated"]) == (0, 2_500, 1)
    assert len(world.kept("archive")) == 1
