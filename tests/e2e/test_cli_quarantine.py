"""``quarantine``: what was refused can be seen, mended, tried again and discarded."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.harness import NOW, World, doc, order

BAD = order(7, isDone=True)


def listed(world: World) -> list[dict[str, Any]]:
    cases = world.cli("quarantine", "list", "--json").json()
    assert isinstance(cases, list)
    return cases


def retried(world: World, *words: str) -> tuple[int, list[dict[str, Any]]]:
    said = world.cli("quarantine", "retry", "--json", *words)
    assert said.out, said.err
    return said.code, said.json()


def test_an_empty_quarantine_says_so(world: World) -> None:
    assert world.cli("quarantine", "list").out == "The quarantine is empty.\n"
    assert listed(world) == []
    assert retried(world, "--all") == (0, [])


def test_a_case_tells_file_place_value_reason_and_what_to_do(world: World) -> None:
    world.drop(order(7, lastUpdateDate="2026-02-30T00:00:00Z"))
    world.run()
    (case,) = listed(world)
    assert (case["source"], case["order"], case["pointer"]) == ("7.json", "7", "/lastUpdateDate")
    assert case["value"] == '"2026-02-30T00:00:00Z"'
    assert "February 2026 has 28 days" in case["reason"]
    said = world.cli("quarantine", "list").out
    for part in (case["id"], "7.json", case["pointer"], case["value"], case["reason"]):
        assert part in said


def test_cases_are_listed_newest_first(world: World) -> None:
    for number in (1, 2, 3):
        world.drop(order(number, isDone=True))
        world.run()
    assert [case["order"] for case in listed(world)] == ["3", "2", "1"]


def test_show_gives_the_original_bytes(world: World) -> None:
    data = b'{"orderNo": 7, "summary": "\xff\x1b[2J'
    world.drop(data, "7.json")
    world.run()
    (case,) = listed(world)
    said = world.cli("quarantine", "show", case["id"])
    assert said.code == 0
    assert "\x1b" not in said.out
    assert r"\x1b[2J" in said.out
    assert case["file"] in said.out
    shown = world.cli("quarantine", "show", case["id"], "--json").json()
    assert shown["content"] == data.decode("utf-8", "replace")


@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_an_unknown_case_is_named(world: World, command: str) -> None:
    said = world.cli("quarantine", command, "nowhere")
    assert (said.code, said.out) == (1, "")
    assert said.err == "tracbridge: no case nowhere: see tracbridge quarantine list.\n"


def test_retry_wants_to_know_what(world: World) -> None:
    assert world.cli("quarantine", "retry").code == 2
    assert world.cli("quarantine", "retry", "some", "--all").code == 2


def test_a_discarded_case_is_closed_and_its_bytes_stay(world: World) -> None:
    world.drop(BAD)
    world.run()
    (case,) = listed(world)
    assert world.cli("quarantine", "discard", case["id"]).code == 0
    assert listed(world) == []
    assert len(world.kept("quarantine")) == 1
    again = world.cli("quarantine", "discard", case["id"])
    assert (again.code, "discarded already" in again.err) == (1, True)


def test_what_is_still_wrong_is_refused_again_and_stays_to_be_seen(world: World) -> None:
    world.drop(BAD)
    world.run()
    (case,) = listed(world)
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (3, "refused again")
    (again,) = listed(world)
    assert one["cases"] == [again["id"]]
    shown = world.cli("quarantine", "show", again["id"], "--json").json()
    assert json.loads(shown["content"]) == BAD


def test_a_record_that_is_good_by_now_is_applied(world: World) -> None:
    """The document that stood in its way is mended."""
    world.orders.insert_one(doc(7, status="nonsense", isSynced=True))
    world.drop(order(7, "in_progress", NOW + timedelta(hours=1)))
    assert world.run()[0] == 3
    (case,) = listed(world)
    world.edit(7, status="pending", updatedAt=NOW)
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (0, "applied")
    assert listed(world) == []
    assert (world.doc(7) or {})["status"] == "in_progress"
    assert world.kept("quarantine") == []
    assert len(world.kept("archive")) == 1


def test_a_record_of_a_larger_file_is_tried_by_itself(world: World) -> None:
    zoneless = order(7, lastUpdateDate="2026-03-20T12:00:00")
    world.drop(json.dumps([order(6), zoneless]).encode(), "many.json")
    world.run()
    world.extra = {"DATA_TIMEZONE": "UTC"}
    code, (one,) = retried(world, "--all")
    assert (code, one["outcome"], one["counts"]) == (0, "applied", {"created": 1})
    assert world.doc(7) is not None


def test_retry_never_beats_a_newer_version(world: World) -> None:
    zoneless = order(7, "on_hold", lastUpdateDate="2026-03-20T12:00:00")
    world.drop(zoneless)
    world.run()
    (case,) = listed(world)
    # As if a person kept the case open: a newer good version would have closed it.
    world.drop(order(7, "in_progress", NOW + timedelta(hours=1)))
    world.run()
    assert listed(world) == []
    cases = world.server.client[world.state]["tracbridge_quarantine"]
    cases.update_one({"_id": case["id"]}, {"$set": {"state": "open"}})
    world.extra = {"DATA_TIMEZONE": "UTC"}
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (0, "stale")
    assert (world.doc(7) or {})["status"] == "in_progress"


def test_an_old_version_that_is_good_by_now_leaves_a_newer_bad_one_open(world: World) -> None:
    world.drop(order(7, lastUpdateDate="2026-03-20T12:00:00"))
    world.run()
    world.drop(order(7, isDone=True))
    world.run()
    newer, older = listed(world)
    world.extra = {"DATA_TIMEZONE": "UTC"}
    assert retried(world, older["id"])[1][0]["outcome"] == "applied"
    assert [case["id"] for case in listed(world)] == [newer["id"]]


def test_several_cases_are_tried_in_the_order_in_which_they_came(world: World) -> None:
    for hour, status in enumerate(("pending", "in_progress", "on_hold")):
        at = f"2026-03-20T{12 + hour}:00:00"
        world.drop(order(7, status, lastUpdateDate=at))
        world.run()
    world.extra = {"DATA_TIMEZONE": "UTC"}
    code, tried = retried(world, "--all")
    assert (code, [one["outcome"] for one in tried]) == (0, ["applied"] * 3)
    assert (world.doc(7) or {})["status"] == "on_hold"


def test_a_case_whose_bytes_are_gone_says_so(world: World) -> None:
    world.drop(BAD)
    world.run()
    (case,) = listed(world)
    (path,) = world.kept("quarantine")
    path.unlink()
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (0, "gone")


def test_a_file_that_stays_in_the_inbound_folder_can_be_retried(world: World) -> None:
    world.extra = {"DATA_INBOUND_MODE": "keep"}
    world.drop(order(7, lastUpdateDate="2026-03-20T12:00:00"))
    world.run()
    (case,) = listed(world)
    assert retried(world, case["id"])[1][0]["outcome"] == "refused again"
    (case,) = listed(world)
    world.extra = {"DATA_INBOUND_MODE": "keep", "DATA_TIMEZONE": "UTC"}
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (0, "applied")
    assert world.doc(7) is not None
    assert (world.inbound / "7.json").exists()


def test_a_document_of_tracos_is_tried_again_when_it_is_mended(world: World) -> None:
    world.orders.insert_one(doc(7, status="nonsense", isSynced=False))
    assert world.run()[0] == 3
    (case,) = listed(world)
    assert (case["side"], case["order"]) == ("tracos", "7")
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (3, "refused again")
    assert [again["id"] for again in listed(world)] == [case["id"]]
    world.edit(7, status="pending", updatedAt=NOW)
    code, (one,) = retried(world, case["id"])
    assert (code, one["outcome"]) == (0, "applied")
    assert world.sent(7) is not None
    assert listed(world) == []


def test_a_discarded_document_opens_no_case_again(world: World) -> None:
    world.orders.insert_one(doc(7, status="nonsense", isSynced=False))
    world.run()
    (case,) = listed(world)
    world.cli("quarantine", "discard", case["id"])
    assert world.run()[0] == 0
    assert listed(world) == []


def test_while_a_run_works_a_case_is_handed_over_to_it(world: World) -> None:
    world.drop(order(7, lastUpdateDate="2026-03-20T12:00:00"))
    world.orders.insert_one(doc(8, status="nonsense", isSynced=False))
    world.run()
    world.extra = {"DATA_TIMEZONE": "UTC"}
    with world.popen("run", "--every", "0.2") as process:
        try:
            until(lambda: world.records("leases")[0].get("owner", {}).get("pid") == process.pid)
            code, tried = retried(world, "--all")
            assert (code, {one["outcome"] for one in tried}) == (0, {"handed over"})
            # Mended afterwards: the worker that finds it mended closes the case by itself.
            world.orders.update_one({"number": 8}, {"$set": {"status": "pending"}})
            until(lambda: world.doc(7) and world.sent(8) and not world.cases())
        finally:
            process.terminate()
    assert listed(world) == []


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
