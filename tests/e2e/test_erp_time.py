"""Time at the customer's: replicas that lag, commits that come late, clocks that are wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.test_erp import document
from tests.e2e.trouble import Fleet, Member, erps
from tests.harness import Server
from tracbridge.testing.erp import Clock, Late, Strike


@pytest.fixture
def fleet(replica_set: Server, tmp_path: Path) -> Iterator[Fleet]:
    with erps(replica_set, tmp_path) as made:
        yield made


def ago(fleet: Fleet, seconds: float) -> None:
    """His clock shows the time of so long ago."""
    for one in fleet:
        one.sim.clock.advance(-seconds - (one.sim.clock.now() - datetime.now(UTC)).total_seconds())


def test_a_replica_that_lags_does_not_revert_what_was_written(fleet: Fleet) -> None:
    ago(fleet, 7_200)
    keys = {one.name: one.sim.plant(3) for one in fleet}
    for one in fleet:
        one.plant(document(7))
    fleet.run()
    print({one.name: one.keys for one in fleet})
    ago(fleet, 3_600)
    for one in fleet:
        one.edit(keys[one.name][0], description="First word")
        one.edit(keys[one.name][1], description="First word")
    fleet.run()
    for one in fleet:
        one.sim.faults.stale = 1_800
    print("A", {n: d["inbound"] for n, d in fleet.run().items()})
    for one in fleet:
        print("A", one.name, [one.says(k) for k in keys[one.name][:2]])
        one.sim.faults.stale = 0
    print("B", {n: d["inbound"] for n, d in fleet.run().items()})
    for one in fleet:
        print("B", one.name, [one.says(k) for k in keys[one.name][:2]])
    ago(fleet, 0)
    for one in fleet:
        one.edit(keys[one.name][0], description="Second word")
        one.change(7, description="Second word")
    fleet.run()
    for one in fleet:
        one.sim.faults.stale = 1_800
    print("C", {n: d["inbound"] for n, d in fleet.run().items()})
    for one in fleet:
        print("C", one.name, [one.says(k) for k in (*keys[one.name][:2], one.keys[3])], one.kept_in("conflicts"))
        one.sim.faults.stale = 0
    fleet.run()
    print("D", {n: d["inbound"] for n, d in fleet.run().items()})
    for one in fleet:
        print("D", one.name, [one.says(k) for k in (*keys[one.name][:2], one.keys[3])], one.kept_in("conflicts"))
