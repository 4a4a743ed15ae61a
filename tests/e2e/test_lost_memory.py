"""Our memory is lost altogether: both sides are linked anew, and nothing wrong is written."""

from datetime import timedelta

from tests.harness import NOW, World, order

MANY = 2_000
LATER = NOW + timedelta(hours=1)
CUSTOMERS, OURS = (7, 8, 9), (17, 18, 19)
"""What the customer has changed since, and what was changed in TracOS; neither was told."""


def lose_memory(world: World) -> None:
    """Both sides hold the same orders, each has changed some; our collections are gone."""
    for number in range(1, MANY + 1):
        world.drop(order(number))
    assert world.run()[0] == 0
    world.orders.update_many(
        {"number": {"$in": list(OURS)}}, {"$set": {"status": "completed", "updatedAt": LATER}}
    )
    world.server.drop(world.state)
    for number in range(1, MANY + 1):
        world.drop(order(number, "on_hold", LATER) if number in CUSTOMERS else order(number))


def statuses(world: World) -> dict[int, str]:
    """TracOS's orders by number; fails if one is there twice."""
    found = [(body["number"], body["status"]) for body in world.orders.find()]
    assert len(found) == len(dict(found)) == MANY
    return dict(found)


def test_nothing_is_touched_until_a_person_has_said_that_the_memory_is_lost(world: World) -> None:
    world.extra = {"ACKNOWLEDGE_INBOUND": "false"}
    lose_memory(world)
    before = world.fingerprint()
    for words in (("run",), ("adopt",), ("reconcile",), ("reconcile", "--fix")):
        said = world.cli(*words)
        assert (said.code, "not known in STATE_DATABASE" in said.err) == (1, True), words
    assert world.fingerprint() == before


def test_equal_orders_are_linked_anew_and_the_others_are_listed_and_merged(world: World) -> None:
    world.extra = {"ACKNOWLEDGE_INBOUND": "false"}
    lose_memory(world)
    files, documents = world.fingerprint()
    found = world.cli("adopt", "--rebind", "--json").json()
    apart = {**dict.fromkeys(CUSTOMERS, "on_hold"), **dict.fromkeys(OURS, "pending")}
    assert (found["linked"], found["known"], found["unreadable"]) == (MANY - len(apart), 0, 0)
    assert {
        one["number"]: one["fields"]["status"]["customer"] for one in found["different"]
    } == apart
    assert world.fingerprint()[1] == documents
    assert len(world.fingerprint()[0]) == len(files)
    code, done, said = world.run()
    assert code == 0, said
    assert (done["inbound"]["created"], done["inbound"]["updated"]) == (0, len(CUSTOMERS))
    assert done["outbound"]["delivered"] == len(OURS)
    changed = {**dict.fromkeys(CUSTOMERS, "on_hold"), **dict.fromkeys(OURS, "completed")}
    expected = {number: changed.get(number, "pending") for number in range(1, MANY + 1)}
    assert statuses(world) == expected
    assert all((world.sent(number) or {})["isDone"] for number in OURS)
    looked = world.cli("reconcile")
    assert (looked.code, looked.out) == (0, f"{MANY:,} orders compared: no drift.\n")
