"""``pause`` and ``resume``: whose changes wait, who said so, and that nothing is lost meanwhile."""

from tests.harness import World, doc, order


def test_what_one_side_changes_waits_until_it_is_resumed(world: World) -> None:
    said = world.cli("pause", "tracos", "--why", "month end")
    assert said.code == 0
    assert said.out.startswith("Paused: what TracOS changed waits since ")
    assert "month end (tracbridge resume tracos)." in said.out
    world.drop(order(7))
    world.orders.insert_one(doc(8))
    run = world.cli("run")
    assert run.code == 0
    assert "Paused: what TracOS changed waits since " in run.out
    assert world.doc(7), "the other direction goes on"
    assert not world.sent(8)
    assert world.cli("resume", "tracos").out == "Changes of both sides are taken.\n"
    world.run()
    assert world.sent(8)


def test_without_a_word_both_sides_are_meant_and_the_first_reason_stays(world: World) -> None:
    world.cli("pause", "customer", "--why", "he is being upgraded")
    paused = world.cli("pause", "--why", "holidays", "--json").json()["paused"]
    assert {side: one["why"] for side, one in paused.items()} == {
        "customer": "he is being upgraded",
        "tracos": "holidays",
    }
    world.drop(order(7))
    world.orders.insert_one(doc(8))
    world.run()
    assert not world.doc(7)
    assert not world.sent(8)
    assert world.cli("resume", "customer", "--json").json()["paused"].keys() == {"tracos"}
    assert world.cli("resume", "--json").json()["paused"] == {}
    assert world.cli("resume", "--json").json()["paused"] == {}, "it may be said again"
    world.run()
    assert world.doc(7)
    assert world.sent(8)


def test_a_side_that_there_is_not_exits_2_and_names_those_that_there_are(world: World) -> None:
    said = world.cli("pause", "erp")
    assert said.code == 2
    assert all(name in said.err for name in ("customer", "tracos", "both"))


def test_it_is_on_record_as_over_the_api(world: World) -> None:
    world.cli("pause", "tracos", "--why", "month end")
    world.cli("resume")
    told = [(one["action"], one["target"], one["why"]) for one in world.records("audit")]
    assert told == [
        ("connection.pause", "tracos", "month end"),
        ("connection.resume", "customer tracos", ""),
    ]
