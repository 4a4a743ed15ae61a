"""The line to MongoDB is slow, breaks in the middle of answers, or swallows everything."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.faults.life import Life
from tests.faults.proxy import Proxy, between, never, through
from tests.faults.service import fair, live, serving
from tests.harness import Server, World

QUICK = {"MONGO_MAX_RETRIES": "8", "MONGO_RETRY_DELAY": "0.05"}


@pytest.fixture
def proxy(mongod: Server) -> Iterator[Proxy]:
    with between(mongod) as proxy:
        yield proxy


@pytest.fixture
def far(mongod: Server, proxy: Proxy, tmp_path: Path) -> Iterator[World]:
    """A world that reaches its server by way of the proxy."""
    world = World(mongod, tmp_path, {**QUICK, "MONGO_URI": through(proxy)})
    yield world
    world.close()


def test_a_slow_line_slows_us_down_and_changes_nothing_else(far: World, proxy: Proxy) -> None:
    life, random = Life(far), Random(0)
    life.begin()
    proxy.delay = lambda: random.uniform(0.01, 0.05)
    with serving(far) as service:
        live(life, service, 60)
        service.until(far.outbound_files)
        service.stop()
        assert "outage" not in service.text
    proxy.delay = lambda: 0.0
    life.rest()


def at(broken: int, reply: int) -> int | None:
    """Somewhere in the first two hundred bytes of this reply."""
    return reply * 37 % 200 if reply == broken else None


@pytest.mark.parametrize("first", fair(range(1, 13), [2]))
def test_a_reset_in_the_middle_of_any_answer_is_survived_in_the_same_run(
    far: World, proxy: Proxy, first: int
) -> None:
    """Whether the server has done what it was asked for nobody knows then."""
    life = Life(far, seed=first)
    life.begin()
    life.rest()
    for nth in range(first, 80, 12):
        life.all_act()
        proxy.replies = 0
        proxy.cut = partial(at, nth)
        code, _, said = far.run()
        assert code in (0, 3), said
        assert "Traceback" not in said
        proxy.cut = never
    assert proxy.resets >= 4
    life.rest()


@pytest.mark.parametrize("seed", fair(range(1, 6), [0]))
def test_a_line_that_breaks_all_the_time_loses_and_doubles_nothing(
    far: World, proxy: Proxy, seed: int
) -> None:
    life, random = Life(far, seed), Random(seed)
    life.begin()
    proxy.cut = lambda _: random.randint(0, 200) if random.random() < 0.04 else None
    with serving(far) as service:
        live(life, service, 150)
        assert proxy.resets > 0
        proxy.cut = never
        service.until(lambda: far.orders.count_documents({}) == life.number)
        service.stop()
    life.rest()


@pytest.mark.faults
@pytest.mark.parametrize("how", ["black hole", "half-open"])
def test_a_line_that_swallows_everything_is_given_up_and_the_service_goes_on_by_itself(
    far: World, proxy: Proxy, how: str
) -> None:
    life = Life(far)
    life.begin()
    with serving(far) as service:
        live(life, service, 20)
        proxy.deaf = how == "black hole"
        proxy.forget()
        if proxy.deaf:
            service.until(lambda: "outage" in service.text)
            proxy.deaf = False
        life.customer_creates()
        service.until(lambda: far.doc(life.number))
        service.stop()
    life.rest()
