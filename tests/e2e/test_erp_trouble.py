"""ERPs that answer with something else than what was asked for, or with pages that are odd."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Server
from tracbridge.testing.erp import Bomb, Strike, Trickle

pytestmark = pytest.mark.faults
"""They wait for clocks and deadlines: `make faults` runs them."""

SPOILT = ("html", "empty", "truncated", "wrong_length", "bomb")
"""Answers that are none; `trickle` is the sixth, and takes its time."""

READS, WRITES = ["reads"], ["create", "update", "action"]


@pytest.fixture
def fleet(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path, customer="timeout: 20") as made:
        yield made


def spoil(one: Member, kind: str, only: list[str], times: int | None = 2) -> None:
    """So many of its next answers of that sort are spoilt."""
    fault = Bomb(times=times, only=only) if kind == "bomb" else Strike(times=times, only=only)
    setattr(one.sim.faults, kind, fault)


def rounds(fleet: Fleet) -> Iterator[dict[str, str]]:
    """Each kind for each system once, a different one for each at one time."""
    for shift in range(len(SPOILT)):
        yield {one.name: SPOILT[(place + shift) % len(SPOILT)] for place, one in enumerate(fleet)}


# -- answers that are none -----------------------------------------------------------------------


def test_a_read_that_is_answered_with_nonsense_changes_nothing_and_is_repeated(
    fleet: Fleet,
) -> None:
    keys = {one.name: one.sim.plant(5) for one in fleet}
    for number, kinds in enumerate(rounds(fleet)):
        for one in fleet:
            spoil(one, kinds[one.name], READS)
            one.write(keys[one.name][number], f"Planned {number}")
        fleet.run()
        for one in fleet:
            fault = getattr(one.sim.faults, kinds[one.name])
            assert fault.struck == 2, (one.name, kinds[one.name])
            assert one.says(keys[one.name][number]) == (f"Planned {number}",) * 2
            assert one.cases == []
            one.whole()
            one.sim.faults.clear()


def test_a_system_that_answers_only_nonsense_is_left_alone_and_nothing_is_lost(
    fleet: Fleet,
) -> None:
    keys = {one.name: one.sim.plant(3) for one in fleet}
    fleet.run()
    before = fleet.site.memory()
    for one, kind in zip(fleet, SPOILT, strict=False):
        spoil(one, kind, READS, None)
        one.write(keys[one.name][0], "Planned")
        one.edit(keys[one.name][1], description="Worked on")
        one.sim.requests.clear()
    before["documents"] = fleet.site.memory()["documents"]
    done = fleet.run(codes=(1,))
    for one in fleet:
        assert done[one.name]["error"]
        assert one.sim.requests.total <= 8, "he is not hammered"
        assert one.sim.requests.writes == 0
    assert fleet.site.memory() == before
    for one in fleet:
        one.sim.faults.clear()
    fleet.cli("breaker", "closed", "--connection", "odoo")
    for one in fleet:
        fleet.cli("breaker", "closed", "--connection", one.name)
    fleet.run()
    for one in fleet:
        assert one.says(keys[one.name][0]) == ("Planned", "Planned")
        assert one.says(keys[one.name][1]) == ("Worked on", "Worked on")
        assert one.cases == []


def test_a_write_that_is_answered_with_nonsense_ends_with_one_record(fleet: Fleet) -> None:
    """Each record is there once, whatever came instead of an answer."""
    keys = {one.name: one.sim.plant(5) for one in fleet}
    fleet.run()
    for number, kinds in enumerate(rounds(fleet)):
        for one in fleet:
            one.plant(document(100 + number))
            one.edit(keys[one.name][number], description=f"Worked on {number}")
            spoil(one, kinds[one.name], WRITES)
        fleet.run(codes=(0, 3))
        for one in fleet:
            assert getattr(one.sim.faults, kinds[one.name]).struck == 2, (one.name, kinds)
            one.sim.faults.clear()
    fleet.run()
    for one in fleet:
        assert len(one.keys) == 10
        for number, key in enumerate(keys[one.name]):
            assert one.says(key) == (f"Worked on {number}",) * 2
        assert one.cases == []
        one.whole()
    fleet.rests()


def test_an_answer_of_one_byte_a_second_has_a_deadline_in_a_read_and_in_a_write(
    replica_set: Server, tmp_path: Path
) -> None:
    with erps(replica_set, tmp_path, customer="timeout: 2") as fleet:
        keys = {one.name: one.sim.plant(2) for one in fleet}
        fleet.run()
        for one in fleet:
            one.sim.faults.trickle = Trickle(times=1)
            one.write(keys[one.name][0], "Planned")
        fleet.run()
        for one in fleet:
            assert one.says(keys[one.name][0]) == ("Planned", "Planned")
            one.edit(keys[one.name][1], description="Worked on")
            one.plant(document(7))
            one.sim.faults.trickle = Trickle(times=2, only=WRITES)
        fleet.run(codes=(3,))
        fleet.run()
        for one in fleet:
            assert one.says(keys[one.name][1]) == ("Worked on", "Worked on")
            assert len(one.keys) == 3
            one.whole()
