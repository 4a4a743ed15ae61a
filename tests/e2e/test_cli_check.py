"""``check`` finds what is wrong before a run does, and changes nothing."""

from typing import Any

from tests.e2e.test_bad_inputs_waiting import without_rights
from tests.harness import World, doc, order


def findings(world: World) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in world.cli("check", "--json").json()}


def wrong(world: World) -> set[str]:
    return {name for name, one in findings(world).items() if not one["ok"]}


def test_everything_in_order_exits_0(any_world: World) -> None:
    said = any_world.cli("check")
    assert said.code == 0, said.out
    assert all(line.startswith("ok ") for line in said.out.splitlines())
    kind = "replica set" if any_world.server.replica_set else "standalone: it tells nobody"
    assert kind in findings(any_world)["MongoDB"]["text"]


def test_check_leaves_everything_as_it_was(world: World) -> None:
    world.orders.insert_one(doc(1, isSynced=False))
    world.drop(order(2))
    before = world.memory(), sorted(world.root.rglob("*"))
    assert world.cli("check").code == 0
    assert (world.memory(), sorted(world.root.rglob("*"))) == before
    assert world.server.client[world.state].list_collection_names() == []


def test_indexes_are_announced_then_found(world: World) -> None:
    world.orders.insert_one(doc(1))
    assert "to be made" in findings(world)["indexes"]["text"]
    world.run()
    assert findings(world)["indexes"]["text"] == "all there"


def test_double_numbers_are_named(world: World) -> None:
    ids = world.orders.insert_many([doc(7), doc(7)]).inserted_ids
    said = world.cli("check")
    assert said.code == 1
    (line,) = [line for line in said.out.splitlines() if line.startswith("WRONG")]
    assert all(text in line for text in ("7: ", *map(str, ids)))


def test_a_missing_folder_is_named_with_its_setting(world: World) -> None:
    world.outbound.rmdir()
    said = world.cli("check")
    assert said.code == 1
    assert f"DATA_OUTBOUND_DIR={world.outbound} does not exist" in said.out


def test_a_folder_without_rights_is_named(world: World) -> None:
    world.before = without_rights()
    world.outbound.chmod(0o500)
    try:
        assert wrong(world) == {"folders"}
    finally:
        world.outbound.chmod(0o700)


def test_a_lost_marker_is_named(world: World) -> None:
    world.run()
    (world.outbound / ".tracbridge").unlink()
    assert wrong(world) == {"marker"}


def test_a_server_that_is_away_is_named_and_the_folders_are_looked_at(world: World) -> None:
    world.extra = {"MONGO_URI": "mongodb://somebody:hidden@127.0.0.1:1/"}
    said = world.cli("check")
    assert said.code == 1
    assert "MongoDB at 127.0.0.1:1 does not answer" in said.out
    assert "hidden" not in said.out + said.err
    assert any(line.startswith("ok     outbound") for line in said.out.splitlines())


def test_a_wrong_setting_is_a_finding_and_exits_2(world: World) -> None:
    world.extra = {"LOG_LEVEL": "loud"}
    said = world.cli("check", "--json")
    assert said.code == 2
    (finding,) = said.json()
    assert (finding["name"], finding["ok"]) == ("settings", False)
    assert "LOG_LEVEL" in finding["text"]


def test_nothing_is_written_to_a_folder_that_we_keep(world: World) -> None:
    world.extra = {"DATA_INBOUND_MODE": "keep"}
    found = findings(world)
    assert "can be read" in found["inbound"]["text"]
    assert not {"archive", "quarantine"} & set(found)
