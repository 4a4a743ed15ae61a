"""MongoDB dies, stands still, or hands over to another member, while a service works."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests import harness
from tests.faults.life import Life
from tests.faults.service import fair, live, serving
from tests.faults.trio import Trio, three
from tests.harness import Server, World

AROUND = {"MONGO_MAX_RETRIES": "8", "MONGO_RETRY_DELAY": "0.1"}


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with three(tmp_path_factory.mktemp("trio")) as trio:
        yield trio


@pytest.fixture
def wide(trio: Trio, tmp_path: Path) -> Iterator[World]:
    world = World(trio, tmp_path, AROUND)
    yield world
    trio.primary()
    world.close()


def reaches_customer(life: Life, service_until: Callable[[Callable[[], object]], None]) -> None:
    """An order made now arrives: the service has come back by itself."""
    life.customer_creates()
    number = life.number
    service_until(lambda: life.world.doc(number))


@contextmanager
def killed(trio: Trio) -> Iterator[None]:
    one = trio.primary()
    one.kill()
    yield
    one.restart()


@contextmanager
def deposed(trio: Trio) -> Iterator[None]:
    trio.step_down()
    yield


@contextmanager
def frozen(trio: Trio) -> Iterator[None]:
    """Until the others have elected another one, and we have worked with that."""
    one = trio.freeze()
    yield
    one.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("fault", fair([killed, deposed, frozen], [0, 1]))
def test_another_member_takes_over_and_the_service_goes_on_by_itself(
    wide: World, trio: Trio, fault: Callable[[Trio], AbstractContextManager[None]]
) -> None:
    life = Life(wide)
    life.begin()
    with serving(wide) as service:
        live(life, service, 30)
        with fault(trio):
            for _ in range(5):
                life.customer_edits()
            trio.primary()
            reaches_customer(life, service.until)
            live(life, service, 10)
        live(life, service, 20)
        reaches_customer(life, service.until)
        service.stop()
    life.rest()


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with harness.server(tmp_path_factory.mktemp("fragile"), replica_set=False) as server:
        yield server


@pytest.fixture
def alone(fragile: Server, tmp_path: Path) -> Iterator[World]:
    world = World(fragile, tmp_path, AROUND)
    yield world
    if fragile.process.poll() is not None:
        fragile.restart()
    world.close()


@pytest.mark.parametrize("times", fair([3, 30], [0]))
def test_a_standalone_server_that_dies_again_and_again_loses_nothing(
    alone: World, times: int
) -> None:
    life = Life(alone)
    life.begin()
    with serving(alone) as service:
        for _ in range(times):
            live(life, service, 15)
            alone.server.kill()
            life.customer_edits()
            alone.server.restart()
        reaches_customer(life, service.until)
        service.stop()
    life.rest()


@pytest.mark.faults
def test_a_server_that_stands_still_is_given_up_and_found_again(alone: World) -> None:
    """What was sent to it takes effect when it goes on; nobody had told us so."""
    life = Life(alone)
    life.begin()
    with serving(alone) as service:
        live(life, service, 20)
        alone.server.process.send_signal(signal.SIGSTOP)
        try:
            life.customer_edits()
            assert service.runs_on(20.0)
        finally:
            alone.server.process.send_signal(signal.SIGCONT)
        reaches_customer(life, service.until)
        service.stop()
    life.rest()
