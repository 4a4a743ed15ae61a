"""Time at the customer's: replicas that lag, commits that come late, clocks that are wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Doc, Server
from tracbridge.testing.erp import Clock, Late, Strike

pytestmark = pytest.mark.faults
"""They wait for clocks and deadlines: `make faults` runs them."""

WORDS = {"title": "Grease bearing", "description": "Both of them"}


@pytest.fixture
def fleet(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path) as made:
        yield made


def ago(fleet: Fleet, seconds: float) -> None:
    """Their clocks show the time of so long ago."""
    for one in fleet:
        behind = (datetime.now(UTC) - one.sim.clock.now()).total_seconds()
        one.sim.clock.advance(behind - seconds)


def on_its_way(one: Member) -> list[Doc]:
    """What was sent, and nobody knows yet with what effect."""
    return [link for link in one.kept_in("links") if link.get("out")]


# -- replicas --------------------------------------------------------------------------------------


def test_a_replica_that_lags_does_not_revert_what_was_written(fleet: Fleet) -> None:
    ago(fleet, 7_200)
    keys = {one.name: one.sim.plant(2) for one in fleet}
    fleet.run()
    ago(fleet, 0)
    for one in fleet:
        one.edit(keys[one.name][0], description="Worked on")
    fleet.run()
    for one in fleet:
        one.sim.faults.stale = 3_600
        one.sim.requests.clear()
    for _ in range(2):
        fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][0]) == ("Worked on", "Worked on")
        assert one.sim.requests.writes == 0
        assert [case["kind"] for case in one.kept_in("conflicts")] == ["stale"]
        one.sim.faults.stale = 0
    fleet.rests()


# -- writes that come late, or never ---------------------------------------------------------------


def test_a_write_that_takes_effect_after_its_connection_broke_is_done_once(fleet: Fleet) -> None:
    keys = {one.name: one.sim.plant(1)[0] for one in fleet}
    fleet.run()
    for one in fleet:
        one.plant(document(7))
        one.edit(keys[one.name], description="Worked on")
        one.sim.faults.slow_commit = Late(by=3_600)
    fleet.run(codes=(3,))
    for one in fleet:
        one.sim.faults.slow_commit = None
        one.sim.requests.clear()
    fleet.run(codes=(3,))
    for one in fleet:
        assert one.sim.requests.writes == 0, "it is not repeated while it may still come"
        assert one.says(keys[one.name])[0] == "Worked on"
        one.sim.clock.advance(3_600)
        assert len(one.sim.records()) == 2
    fleet.run()
    for one in fleet:
        assert one.sim.requests.writes == 0
        assert len(one.keys) == 2
        assert one.cases == []
        one.whole()
    fleet.rests()


def test_a_write_that_never_came_is_done_again_after_a_while(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path, customer="also: {commits_within: 1}") as fleet:
        keys = {one.name: one.sim.plant(1)[0] for one in fleet}
        fleet.run()
        for one in fleet:
            one.plant(document(7))
            one.edit(keys[one.name], description="Worked on")
            one.sim.faults.drop_request = Strike(times=2, only=["create", "update"])
        fleet.run(codes=(3,))
        while any(len(one.keys) < 2 or one.says(keys[one.name])[1] != "Worked on" for one in fleet):
            fleet.run(codes=(0, 3))
        fleet.run()
        for one in fleet:
            assert len(one.keys) == 2
            one.whole()
        fleet.rests()


def test_what_the_customer_wrote_while_our_write_was_on_its_way_is_not_lost(
    replica_set: Server, tmp_path: Path
) -> None:
    """Not Odoo's: it knows no versions, and what comes late there writes over what came since."""
    names = ("erpnext", "maximo", "sap_pm")
    with erps(replica_set, tmp_path, *names, customer="also: {commits_within: 1}") as fleet:
        keys = {one.name: one.sim.plant(1)[0] for one in fleet}
        fleet.run()
        for one in fleet:
            one.edit(keys[one.name], description="Worked on")
            one.sim.faults.slow_commit = Late(times=1, by=60)
        fleet.run(codes=(3,))
        for one in fleet:
            one.write(keys[one.name], "Planned meanwhile")
            one.sim.clock.advance(60)
            assert one.shown(keys[one.name])["description"] == "Planned meanwhile"
        while any(not one.kept_in("conflicts") or on_its_way(one) for one in fleet):
            fleet.run(codes=(0, 3))
        fleet.rests()
        for one in fleet:
            # It is weighed again once our write is given up: perhaps a second note of the same.
            notes = [seen for seen in one.kept_in("conflicts") if seen["kind"] == "clash"]
            assert [note["tracos"] for note in notes] == [{"description": "Worked on"}] * len(notes)
            for note in notes:
                assert note["customer"] == {"description": "Planned meanwhile"}
            assert notes
            one.whole()


# -- clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [1, -1])
def test_a_server_whose_clock_is_an_hour_off_loses_nothing(fleet: Fleet, hours: int) -> None:
    for one in fleet:
        one.sim.faults.skew = hours * 3_600
    keys = {one.name: one.sim.plant(4) for one in fleet}
    fleet.run()
    for one in fleet:
        first, second, third, _ = keys[one.name]
        one.edit(first, description="Worked on")
        one.write(second, "Planned")
        one.edit(third, description="Worked on")
        one.sim.move(third, "completed")
        one.plant(document(7))
    fleet.run()
    for one in fleet:
        first, second, third, _ = keys[one.name]
        assert one.says(first) == ("Worked on", "Worked on")
        assert one.says(second) == ("Planned", "Planned")
        assert one.says(third) == ("Worked on", "Worked on")
        assert (one.doc(third) or {})["status"] == "completed"
        one.whole()
        one.edit(second, description="Worked on")
        one.write(first, "Planned")
    fleet.run()
    for one in fleet:
        first, second, *_ = keys[one.name]
        assert one.says(first) == ("Planned", "Planned")
        assert one.says(second) == ("Worked on", "Worked on")
    fleet.rests()


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clash_under_a_wrong_clock_is_on_record(fleet: Fleet, hours: int) -> None:
    """Policy newest: TracOS within the bound, and where his clock is ahead; his where it is not."""
    for one in fleet:
        one.sim.faults.skew = hours * 3_600
    keys = {one.name: one.sim.plant(1)[0] for one in fleet}
    fleet.run()
    for one in fleet:
        one.edit(keys[one.name], description="Worked on")
        one.write(keys[one.name], "Planned")
    fleet.run()
    for one in fleet:
        (note,) = one.kept_in("conflicts")
        assert note["tracos"] == {"description": "Worked on"}
        assert note["customer"] == {"description": "Planned"}
        assert one.says(keys[one.name]) == ("Worked on", "Worked on")


# -- moments ---------------------------------------------------------------------------------------


def test_many_changes_of_one_moment_are_all_read(replica_set: Server, tmp_path: Path) -> None:
    """More than three pages of them, and with them what is committed late in that moment."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    with erps(
        replica_set,
        tmp_path,
        customer="also: {read: {size: 10}}",
        clock=lambda: Clock(start, tick=0.0),
    ) as fleet:
        keys = {one.name: one.sim.plant(35) for one in fleet}
        fleet.run()
        for one in fleet:
            one.whole()
            for key in keys[one.name]:
                one.write(key, "Planned at once")
        fleet.run()
        for one in fleet:
            keys[one.name] += one.sim.plant(2)
            one.write(keys[one.name][3], "And once more")
        fleet.run()
        for one in fleet:
            assert len(one.docs) == 37
            assert one.says(keys[one.name][3])[0] == "And once more"
            one.whole()


def test_what_is_committed_late_with_an_earlier_time_is_read_too(fleet: Fleet) -> None:
    """As far back as the overlap of its interface reaches; then with the next whole list."""
    ago(fleet, 10_000)
    keys = {one.name: one.sim.plant(3) for one in fleet}
    ago(fleet, -100)
    for one in fleet:
        one.write(keys[one.name][0], "Planned")
    fleet.run()
    ago(fleet, -55)
    for one in fleet:
        one.write(keys[one.name][1], "Came late")
        keys[one.name] += one.sim.plant(1)
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][1])[0] == "Came late"
        assert len(one.docs) == 4
    ago(fleet, 7_200)
    for one in fleet:
        one.write(keys[one.name][2], "Came very late")
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][2])[0] != "Came very late"
        one.later(hours=25)
    fleet.run()
    for one in fleet:
        one.whole()
