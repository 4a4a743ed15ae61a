"""A process that stood still until another one took its place wakes up: it writes nothing more."""

import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults import inside
from tests.faults.life import Life
from tests.faults.service import fair, serving
from tests.harness import Doc, World, order
from tracbridge.bootstrap import Service
from tracbridge.domain.errors import FatalError
from tracbridge.ports.runtime import Step

STEPS = [step for step in Step if step is not Step.LEASE]


class Paused:
    """Stands still for a minute at the n-th passing of a step; the world goes on meanwhile.

    The folder is one without locks that reach across machines: the file of the lock is replaced.
    """

    def __init__(self, life: Life, step: Step, n: int) -> None:
        self.life, self.step, self.left = life, step, n
        self.after: Doc = {}

    def __call__(self, service: Service, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if not self.left:
                self.pause(service)

    def pause(self, service: Service) -> None:
        """Another process takes over, and everybody goes on until all is at rest."""
        world = self.life.world
        leases = world.server.client[world.state]["tracbridge_leases"]
        leases.update_one({}, {"$set": {"expires": datetime.now(UTC) - timedelta(seconds=30)}})
        (world.outbound / ".lock").unlink()
        assert world.run()[0] in (0, 3)
        self.life.all_act()
        self.life.rest()
        self.after = world.memory()
        service.state.lease._renewed -= 60


@pytest.mark.parametrize(
    ("step", "n"), fair([(step, n) for step in STEPS for n in (1, 2)], [2, 6, 14, 18])
)
def test_a_process_that_was_replaced_writes_nothing_more(world: World, step: Step, n: int) -> None:
    life = Life(world, seed=n)
    life.begin()
    life.rest()
    life.tracos_creates()
    assert world.run()[0] == 0
    for _ in range(2):
        life.all_act()
        life.customer_edits()
    paused = Paused(life, step, n)
    with suppress(FatalError):
        inside.run(world, paused)
    if not paused.after:
        pytest.skip(f"a pass goes over {step} less than {n} times")
    assert world.memory() == paused.after
    life.rest()


def test_on_a_folder_with_locks_nobody_takes_over_from_a_process_that_stands_still(
    world: World,
) -> None:
    """It could wake up at any moment; when it does, it goes on as if nothing had been."""
    with serving(world) as service:
        world.drop(order(1))
        service.until(lambda: world.sent(1))
        service.process.send_signal(signal.SIGSTOP)
        code, _, said = world.run()
        assert code == 1
        assert f"pid {service.process.pid}" in said
        service.process.send_signal(signal.SIGCONT)
        world.drop(order(2))
        service.until(lambda: world.sent(2))
        service.stop()


@pytest.mark.faults
def test_a_stopped_process_finds_its_lease_gone_when_it_goes_on(world: World) -> None:
    """In real time: a lease lasts for thirty seconds."""
    with serving(world) as service:
        world.drop(order(1))
        service.until(lambda: world.sent(1))
        service.process.send_signal(signal.SIGSTOP)
        leases = world.server.client[world.state]["tracbridge_leases"]
        (world.outbound / ".lock").unlink()
        leases.update_one({}, {"$set": {"owner.host": "another machine"}})
        expires = leases.find_one({})["expires"]  # type: ignore[index]
        while datetime.now(UTC) <= expires + timedelta(seconds=1):
            assert service.runs_on(1.0)
        world.drop(order(2))
        assert world.run()[0] == 0
        before = world.memory()
        service.process.send_signal(signal.SIGCONT)
        assert service.process.wait(20) == 1
        assert "the lease of connection 'default' is lost" in service.text
        assert "Traceback" not in service.text
    assert world.memory() == before
