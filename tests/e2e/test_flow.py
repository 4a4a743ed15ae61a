"""The requirements' flow in both directions, rest, the folders' settings, and first contact."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.harness import CREATED, FLAGS, NOW, Doc, Server, World, doc, order

Settings = Callable[..., World]


@pytest.fixture
def world_with(replica_set: Server, tmp_path: Path) -> Iterator[Settings]:
    """Worlds with settings of their own."""
    made: list[World] = []

    def make(**settings: str) -> World:
        world = World(replica_set, tmp_path / str(len(made)), settings)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


def present(body: Doc | None) -> Doc:
    assert body is not None
    return body


# -- both directions -------------------------------------------------------------------------


def test_the_requirements_flow_runs_on_both_kinds_of_server(any_world: World) -> None:
    world = any_world
    for number, status in enumerate(FLAGS, start=100):
        world.orders.insert_one({**doc(number, status, assetId="P-101"), "a.b": [1]})
        world.drop(order(number + 100, status))
    world.drop(order(300, None, isActive=...))
    world.drop(order(301, None, isActive=..., isDeleted=True, deletedDate=NOW.isoformat()))
    world.drop(json.dumps([order(302, "on_hold"), order(303)]).encode(), "array.json")
    code, summary, said = world.run()
    assert code == 0, said
    assert (summary["inbound"]["read"], summary["inbound"]["created"]) == (9, 9)
    assert summary["outbound"]["delivered"] == 14
    for number, (status, flag) in enumerate(FLAGS.items(), start=100):
        sent = present(world.sent(number))
        assert [f for f in FLAGS.values() if sent[f]] == [flag]
        assert all(type(sent[f]) is bool for f in FLAGS.values())
        assert present(world.doc(number + 100))["status"] == status
    assert present(world.doc(300))["status"] == "in_progress"
    gone = present(world.doc(301))
    assert (gone["status"], gone["deleted"], gone["deletedAt"]) == ("cancelled", True, NOW)
    assert [path.name for path in world.inbound.rglob("*")] == [".claimed"]
    assert len(world.kept("archive")) == 8
    world.rests()


def test_an_order_that_comes_in_is_a_whole_document(world: World) -> None:
    world.drop(order(1, "on_hold", summary="Replace bearing\non pump P-101"))
    assert world.run()[0] == 0
    stored = present(world.doc(1))
    assert stored.pop("_id")
    assert stored.pop("syncedAt") <= datetime.now(UTC)
    assert stored == {
        "number": 1,
        "status": "on_hold",
        "title": "Replace bearing",
        "description": "Replace bearing\non pump P-101",
        "createdAt": CREATED,
        "updatedAt": NOW,
        "deleted": False,
        "deletedAt": None,
        "isSynced": True,
    }


def test_an_order_that_goes_out_is_a_whole_file(world: World) -> None:
    world.orders.insert_one(doc(1, "completed", deleted=True, deletedAt=NOW, priority="high"))
    before = present(world.doc(1))
    assert world.run()[0] == 0
    assert world.sent(1) == {
        "orderNo": 1,
        "isActive": False,
        "isCanceled": False,
        "isDone": True,
        "isOnHold": False,
        "isPending": False,
        "isDeleted": True,
        "isSynced": True,
        "summary": "Description 1",
        "creationDate": "2026-03-11T12:00:00.000+00:00",
        "lastUpdateDate": "2026-03-20T12:00:00.000+00:00",
        "deletedDate": "2026-03-20T12:00:00.000+00:00",
    }
    after = present(world.doc(1))
    assert after.pop("isSynced") is True
    assert after.pop("syncedAt") <= datetime.now(UTC)
    assert after == before, "nothing but the mark was written"


@pytest.mark.parametrize("marked", [..., None, False], ids=["absent", "null", "false"])
def test_an_order_without_the_mark_is_sent(world: World, marked: object) -> None:
    world.orders.insert_one(doc(1, isSynced=marked))
    world.orders.insert_one(doc(2, isSynced=True))
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert world.sent(1) is not None
    assert world.sent(2) is None, "it was marked before we came"


def test_a_change_on_either_side_arrives_on_the_other(world: World) -> None:
    world.drop(order(1))
    world.orders.insert_one(doc(2))
    world.settle(1, 2)
    world.drop(order(1, "completed", at=NOW + timedelta(hours=1)))
    world.edit(2, status="completed", description="Done", isSynced=False)
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["updated"], summary["outbound"]["delivered"]) == (0, 1, 2)
    assert present(world.doc(1))["status"] == "completed"
    sent = present(world.sent(2))
    assert (sent["isDone"], sent["summary"]) == (True, "Done")
    world.rests()


def test_an_edit_in_tracos_that_left_the_mark_is_found(world: World) -> None:
    world.orders.insert_one(doc(1))
    world.settle(1)
    world.edit(1, status="completed")
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert present(world.sent(1))["isDone"]
    world.rests()


def test_fields_of_tracos_survive_and_the_title_belongs_to_it(world: World) -> None:
    foreign = {"assetId": "P-101", "assignee": {"id": 7, "tags": ["a", "b"]}, "$odd": 1, "a.b": 2}
    world.orders.insert_one(doc(1) | foreign)
    world.orders.insert_one(doc(2, title="Old line", description="Old line\nmore"))
    world.settle(1, 2)
    later = NOW + timedelta(hours=1)
    world.drop(order(1, "completed", at=later, summary="New text"))
    world.drop(order(2, at=later, summary="New line\nmore"))
    assert world.run()[1]["inbound"]["updated"] == 2
    one, two = present(world.doc(1)), present(world.doc(2))
    assert {key: one[key] for key in foreign} == foreign
    assert (one["title"], one["description"]) == ("Title 1", "New text")
    assert (two["title"], two["description"]) == ("New line", "New line\nmore")


SPELLINGS = (
    '"big": 123456789012345678',
    '"exact": 0.10',
    '"money": 1234567890.120000000000000001',
    '"small": 1.0e-7',
    '"minus": -0',
    '"nested": {"a": [1.0, null, true, {"b": "\\u00e9\\n"}]}',
    '"sl\\/ash": "a\\/b"',
    '"": ""',
    '"$where": "sleep(1)"',
    '"a.b": 1',
)


def test_keys_that_we_do_not_know_come_back_exactly_as_they_were_spelt(world: World) -> None:
    body = json.dumps(order(1))[:-1] + ", " + ", ".join(SPELLINGS) + "}"
    world.drop(body.encode(), "1.json")
    assert world.run()[0] == 0
    sent = (world.outbound / "workorder_1.json").read_text()
    for spelling in SPELLINGS:
        value = spelling.partition(": ")[2]
        assert value in sent, spelling
    assert json.loads(sent).keys() == json.loads(body).keys()
    world.edit(1, status="completed")
    world.settle()
    again = (world.outbound / "workorder_1.json").read_text()
    assert present(world.sent(1))["isDone"]
    assert all(spelling.partition(": ")[2] in again for spelling in SPELLINGS)
    assert "big" not in present(world.doc(1))


def test_a_key_that_alone_changes_is_kept_for_the_next_file(world: World) -> None:
    world.drop({**order(1), "asset": "A"})
    world.settle(1)
    world.drop({**order(1, at=NOW + timedelta(hours=1)), "asset": "B"})
    assert world.run()[1]["inbound"]["unchanged"] == 1
    world.edit(1, status="completed")
    assert world.run()[0] == 0
    assert present(world.sent(1))["asset"] == "B"


# -- marks, receipts, sending again ----------------------------------------------------------


def test_a_mark_set_back_in_tracos_sends_the_order_again(world: World) -> None:
    world.orders.insert_one(doc(1))
    world.settle(1)
    assert world.sent(1) is None
    world.orders.update_one({"number": 1}, {"$set": {"isSynced": False}})
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert world.sent(1) is not None
    assert present(world.doc(1))["isSynced"] is True
    world.rests()


def test_a_receipt_goes_out_once_and_its_return_is_an_echo(world: World) -> None:
    world.drop(order(1))
    assert world.run()[1]["outbound"]["delivered"] == 1
    receipt = present(world.take(1))
    assert receipt["summary"] == "Inspect conveyor 1"
    assert world.run()[0] == 0
    world.rests()
    world.drop(receipt)
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["unchanged"]) == (0, 1)
    assert summary["outbound"]["delivered"] == 0
    assert world.sent(1) is None


def test_without_receipts_the_order_is_marked_and_nothing_is_sent(world_with: Settings) -> None:
    world = world_with(ACKNOWLEDGE_INBOUND="false")
    world.drop(order(1))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["created"], summary["outbound"]["delivered"]) == (0, 1, 0)
    stored = present(world.doc(1))
    assert stored["isSynced"] is True
    assert isinstance(stored["syncedAt"], datetime)
    world.drop(order(1, "completed", at=NOW + timedelta(hours=1)))
    assert world.run()[1]["outbound"]["delivered"] == 0
    assert world.outbound_files() == {}
    world.rests()
    world.edit(1, status="on_hold")
    assert world.run()[1]["outbound"]["delivered"] == 1


def test_a_customer_who_writes_ack_has_it_and_keeps_his_file(world: World) -> None:
    world.orders.insert_one(doc(1))
    assert world.run()[0] == 0
    (world.outbound / "workorder_1.json.ack").touch()
    assert world.run()[0] == 0
    (link,) = world.records("links")
    assert "out" not in link
    assert link["base"]["status"] == "pending"
    assert world.sent(1) is not None
    world.rests()
    world.edit(1, status="completed")
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert not (world.outbound / "workorder_1.json.ack").exists(), "it was for the version before"


@pytest.mark.parametrize("ending", [".err", ".nak"])
def test_a_refusal_by_the_customer_is_shown_and_changes_nothing_by_itself(
    world: World, ending: str
) -> None:
    world.orders.insert_one(doc(1, "completed"))
    assert world.run()[0] == 0
    (world.outbound / f"workorder_1.json{ending}").write_text("closed period\n")
    code, summary, said = world.run()
    assert (code, summary["outbound"]["failed"]) == (3, 1)
    (link,) = world.records("links")
    assert link["out"]["error"] == "closed period"
    assert "base" not in link, "a refusal is no acknowledgement"
    world.rests()
    world.drop(order(1, "pending", summary="Description 1"))
    world.run()
    assert present(world.doc(1))["status"] == "completed", "his next export does not revert it"
    world.edit(1, status="on_hold")
    world.run()
    assert present(world.sent(1))["isOnHold"]
    assert not (world.outbound / f"workorder_1.json{ending}").exists()
    assert "incident" in said, "and it is on the log"


# -- the folders -----------------------------------------------------------------------------


def test_what_was_taken_is_archived_by_day_byte_by_byte(world: World) -> None:
    data = json.dumps(order(1), indent=3).encode() + b"\n\n"
    world.drop(data, "any name.json")
    assert world.run()[0] == 0
    (kept,) = world.kept("archive")
    assert kept.read_bytes() == data
    day = kept.relative_to(world.root / "archive").parts[0]
    assert day == f"{datetime.now(UTC):%Y-%m-%d}"
    assert "any name.json" in kept.name


def test_mode_delete_keeps_refused_files_only(world_with: Settings) -> None:
    world = world_with(DATA_INBOUND_MODE="delete")
    world.drop(order(1))
    world.drop(b"{}", "bad.json")
    world.drop(json.dumps([order(2), {}]).encode(), "half.json")
    assert world.run()[0] == 3
    assert [path.name for path in world.inbound.rglob("*")] == [".claimed"]
    assert world.kept("archive") == []
    assert [path.read_bytes() for path in world.kept("quarantine")] == [b"{}"]
    assert [bytes(c["raw"]) for c in world.cases() if c["source"] == "half.json"] == [b"{}"]
    world.rests()


def test_mode_keep_leaves_the_folder_as_it_is_and_takes_each_content_once(
    world_with: Settings,
) -> None:
    world = world_with(DATA_INBOUND_MODE="keep")
    path = world.drop(order(1))
    world.drop(b"{}", "bad.json")
    world.inbound.chmod(0o550)
    try:
        assert world.run()[0] == 3
        world.rests()
    finally:
        world.inbound.chmod(0o750)
    assert sorted(one.name for one in world.inbound.iterdir()) == ["1.json", "bad.json"]
    assert [one.read_bytes() for one in world.kept("quarantine")] == [b"{}"]
    assert world.kept("archive") == []
    os.utime(path, (1e9, 1e9))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["read"]) == (0, 0), "only its time is new"
    world.drop(order(1, "completed", at=NOW + timedelta(hours=1)))
    assert world.run()[1]["inbound"]["updated"] == 1
    world.rests()


def test_mode_keep_refuses_what_it_must_not_read_and_goes_on(world_with: Settings) -> None:
    world = world_with(DATA_INBOUND_MODE="keep", DATA_MAX_FILE_MB="1")
    with world.drop(b"", "huge.json").open("r+b") as sparse:
        sparse.truncate(2 * 1024 * 1024)
    (world.inbound / "link.json").symlink_to("/etc/passwd")
    world.drop(order(1))
    code, _, said = world.run()
    assert code == 3, said
    assert {case["source"]: case["code"] for case in world.cases()} == {
        "huge.json": "too_large",
        "link.json": "not_regular",
    }
    assert world.doc(1) is not None
    world.rests()


def test_mode_keep_takes_names_that_are_not_text(world_with: Settings) -> None:
    world = world_with(DATA_INBOUND_MODE="keep")
    world.drop(order(1), os.fsdecode(b"caf\xe9.json"))
    world.drop(b"{}", os.fsdecode(b"bad\xe9.json"))
    code, _, said = world.run()
    assert code == 3, said
    assert world.doc(1) is not None
    world.rests()


def test_mode_keep_waits_for_a_growing_file(world_with: Settings) -> None:
    world = world_with(DATA_INBOUND_MODE="keep", DATA_SETTLE_SECONDS="3600")
    world.drop(b'{"order', "1.json")
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["waiting"]) == (0, 1)
    world.drop(order(1))
    assert world.run()[1]["inbound"]["created"] == 1
    world.rests()


@pytest.mark.parametrize("mode", ["0640", "0600"])
def test_our_files_have_the_mode_that_is_set(world_with: Settings, mode: str) -> None:
    world = world_with(DATA_FILE_MODE=mode)
    world.orders.insert_one(doc(1))
    assert world.run()[0] == 0
    written = world.outbound / "workorder_1.json"
    assert stat.S_IMODE(written.stat().st_mode) == int(mode, 8)


def test_dates_without_offset_are_read_in_the_zone_that_is_set(world_with: Settings) -> None:
    world = world_with(DATA_TIMEZONE="America/Sao_Paulo")
    world.drop({**order(1), "lastUpdateDate": "2026-03-20T09:00:00"})
    assert world.run()[0] == 0
    assert present(world.doc(1))["updatedAt"] == NOW
    assert present(world.sent(1))["lastUpdateDate"].startswith("2026-03-20T12:00:00.001")


def test_a_name_in_the_outbound_folder_is_a_number_whatever_lies_there(world: World) -> None:
    trap = world.root / "trap.json"
    trap.write_text("untouched")
    (world.outbound / "workorder_1.json").symlink_to(trap)
    world.orders.insert_many([doc(1), doc(2**63 - 1)])
    assert world.run()[0] == 0
    assert trap.read_text() == "untouched", "a link there is replaced, never followed"
    assert present(world.sent(1))["orderNo"] == 1
    names = {path.name for path in world.outbound.iterdir() if path.suffix == ".json"}
    assert names == {"workorder_1.json", f"workorder_{2**63 - 1}.json"}


def test_a_file_that_cannot_be_put_in_place_fails_alone_and_is_tried_again(world: World) -> None:
    (world.outbound / "workorder_1.json").mkdir()
    world.orders.insert_many([doc(1), doc(2)])
    code, summary, said = world.run()
    assert (code, summary["outbound"]["failed"], summary["outbound"]["delivered"]) == (3, 1, 1)
    assert "workorder_1.json" in said
    assert present(world.doc(1)).get("isSynced") is not True
    (world.outbound / "workorder_1.json").rmdir()
    code, summary, _ = world.run()
    assert (code, summary["outbound"]["delivered"]) == (0, 1)
    assert present(world.doc(1))["isSynced"] is True
    world.rests()


# -- does the folder belong to our memory? ---------------------------------------------------


def untouched(world: World, *words: str) -> str:
    """The run refuses, with one line and code 1, and everything is as it was."""
    before = world.memory()
    code, _, said = world.run(*words)
    assert code == 1, said
    assert len(said.splitlines()) == 1
    assert world.memory() == before
    return said


def test_a_lost_marker_stops_before_anything_is_touched(world: World) -> None:
    world.orders.insert_one(doc(1))
    assert world.run()[0] == 0
    (world.outbound / ".tracbridge").unlink()
    (world.outbound / "workorder_1.json").unlink()
    world.drop(order(2))
    assert "marker" in untouched(world)
    assert "base" not in world.records("links")[0], "an unmounted share took nothing"
    code, summary, _ = world.run("--rebind")
    assert (code, summary["inbound"]["created"]) == (0, 1)
    assert world.run()[0] == 0
    assert (world.outbound / ".tracbridge").exists()


def test_a_second_database_for_the_same_folder_is_refused(world: World) -> None:
    world.drop(order(1))
    assert world.run()[0] == 0
    mine, world.state = world.state, world.server.fresh_name("state")
    world.drop(order(2))
    said = untouched(world)
    assert "--rebind" in said
    assert "STATE_DATABASE" in said
    world.server.drop(world.state)
    world.state = mine
    assert world.run()[0] == 0


def test_a_folder_of_another_connection_is_refused(world_with: Settings) -> None:
    mine, other = world_with(), world_with()
    for world in (mine, other):
        world.orders.insert_one(doc(1))
        assert world.run()[0] == 0
    marker = (other.outbound / ".tracbridge").read_bytes()
    (mine.outbound / ".tracbridge").write_bytes(marker)
    assert "another connection" in untouched(mine)


def test_a_missing_folder_is_a_setting_to_mend(world: World) -> None:
    world.drop(order(1))
    world.outbound.rmdir()
    code, _, said = world.run()
    assert code == 2
    assert "DATA_OUTBOUND_DIR" in said
    assert str(world.outbound) in said
    assert (world.inbound / "1.json").exists()


# -- first contact ---------------------------------------------------------------------------

LONG_AGO = CREATED - timedelta(days=400)


@pytest.mark.parametrize(
    ("setting", "tracos", "held"),
    [
        ("check", {"createdAt": CREATED + timedelta(hours=23)}, False),
        ("check", {"createdAt": LONG_AGO, "description": "Same"}, False),
        ("check", {"createdAt": LONG_AGO}, True),
        ("link", {"createdAt": LONG_AGO}, False),
        ("hold", {"createdAt": CREATED, "description": "Same"}, True),
    ],
    ids=["check-same-day", "check-same-text", "check-strangers", "link-strangers", "hold-all"],
)
def test_a_number_that_both_sides_hold_is_linked_or_held(
    world_with: Settings, setting: str, tracos: Doc, held: bool
) -> None:
    world = world_with(FIRST_CONTACT=setting)
    world.orders.insert_one(doc(1, "on_hold", **tracos))
    world.drop(order(1, "completed", at=NOW + timedelta(hours=1), summary="Same"))
    code, summary, _ = world.run()
    assert summary["inbound"]["held"] == held
    assert code == (3 if held else 0)
    kinds = [conflict["kind"] for conflict in world.records("conflicts")]
    stored = present(world.doc(1))
    if held:
        assert kinds == ["first-contact"]
        assert (stored["status"], stored.get("isSynced")) == ("on_hold", None)
        assert world.sent(1) is None
    else:
        assert (stored["status"], stored["description"]) == ("completed", "Same")
        assert present(world.sent(1))["isDone"]
    world.rests()


def test_two_filled_systems_are_linked_without_a_single_double(world: World) -> None:
    world.orders.insert_many([doc(n, description=f"Inspect conveyor {n}") for n in range(1, 301)])
    for number in range(101, 401):
        world.drop(order(number))
    code, summary, _ = world.run()
    inbound = summary["inbound"]
    assert (code, inbound["created"], inbound["unchanged"]) == (0, 100, 200)
    assert inbound["conflicts"] == 0
    assert world.orders.count_documents({}) == 400
    assert len(world.outbound_files()) == 400
    world.rests()


def test_an_order_that_is_gone_from_tracos_is_not_created_again(world: World) -> None:
    world.drop(order(1))
    world.settle(1)
    world.orders.delete_one({"number": 1})
    world.drop(order(1, "completed", at=NOW + timedelta(hours=1)))
    code, summary, _ = world.run()
    assert (code, summary["inbound"]["held"]) == (3, 1)
    assert world.doc(1) is None
    assert [conflict["kind"] for conflict in world.records("conflicts")] == ["missing"]
    world.rests()


@pytest.mark.parametrize("side", ["--inbound-only", "--outbound-only"])
def test_one_direction_alone_leaves_the_other_alone(world: World, side: str) -> None:
    world.orders.insert_one(doc(1))
    path = world.drop(order(2))
    assert world.run(side)[0] == 0
    inbound = side == "--inbound-only"
    assert path.exists() is not inbound
    assert (world.doc(2) is not None) is inbound
    assert (world.sent(1) is None) is inbound
    assert world.run()[0] == 0
    assert world.doc(2) is not None
    assert world.sent(1) is not None
    world.rests()


def test_what_sample_makes_flows_and_comes_to_rest(world: World) -> None:
    assert world.cli("sample", "--customer", "10", "--tracos", "10").code == 0
    code, summary, _ = world.run()
    assert code in (0, 3)
    assert (summary["inbound"]["read"], summary["inbound"]["quarantined"]) == (10, 0)
    assert len(world.outbound_files()) >= 14
    world.rests()
