"""Our process is killed at each step and at any moment, while people work on both sides."""

import signal
import time
from random import Random

import pytest

from tests.faults.life import Life
from tests.faults.service import PATIENCE, fair, serving
from tests.harness import World
from tracbridge.ports.runtime import Step

TIMES = (1, 2, 3)
CASES = [(step, n) for step in Step for n in TIMES]
ROUNDS = 300


def killed_at(life: Life, step: Step, n: int) -> None:
    """A service that dies when it passes this step for the n-th time; people make it get there."""
    life.world.extra = {"CRASH_AT": f"{step}:{n}"}
    with serving(life.world) as service:
        deadline = time.monotonic() + PATIENCE
        while service.runs_on(0.02):
            life.act()
            assert time.monotonic() < deadline, f"{step} was not passed {n} times"
        assert service.process.returncode == -signal.SIGKILL, service.text
    life.world.extra = {}


@pytest.mark.parametrize(("step", "n"), fair(CASES, [2, 16, 29]))
def test_nothing_is_lost_by_a_kill_at_a_step_however_often_it_was_passed(
    world: World, step: Step, n: int
) -> None:
    life = Life(world, seed=n)
    life.begin()
    if step is Step.LEASE:
        # Taken once by each process: so it is the n-th process in a row that dies there.
        for _ in range(n):
            killed_at(life, step, 1)
    else:
        killed_at(life, step, n)
    life.rest()


@pytest.mark.parametrize(
    ("rounds", "seed"), fair([(6, 1), *((ROUNDS // 10, s) for s in range(2, 12))], [0])
)
def test_nothing_is_lost_by_kills_at_any_moment(world: World, rounds: int, seed: int) -> None:
    life, random = Life(world, seed), Random(seed)
    life.begin()
    for _ in range(rounds):
        with serving(world) as service:
            until = time.monotonic() + random.uniform(0.3, 1.0)
            while time.monotonic() < until:
                life.act()
                assert service.runs_on(0.01), service.text
    life.rest()
