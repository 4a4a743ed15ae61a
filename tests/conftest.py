"""The servers of a test session, each started once and only when a test asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import harness

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Server]:
    """A standalone server."""
    with harness.server(tmp_path_factory.mktemp("standalone"), replica_set=False) as server:
        yield server


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Server]:
    """A replica set of one node, as production runs it."""
    with harness.server(tmp_path_factory.mktemp("replica-set"), replica_set=True) as server:
        yield server


@pytest.fixture(params=["mongod", "replica_set"])
def any_mongod(request: pytest.FixtureRequest) -> harness.Server:
    """Both kinds of server, one after the other."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, harness.Server)
    return server


@pytest.fixture
def database(replica_set: harness.Server) -> Iterator[str]:
    """A fresh database name on the replica set, dropped afterwards."""
    name = replica_set.fresh_name()
    yield name
    replica_set.drop(name)


@pytest.fixture
def world(replica_set: harness.Server, tmp_path: Path) -> Iterator[harness.World]:
    """One connection in fresh folders on fresh databases of the replica set."""
    world = harness.World(replica_set, tmp_path)
    yield world
    world.close()


@pytest.fixture
def any_world(any_mongod: harness.Server, tmp_path: Path) -> Iterator[harness.World]:
    """The same on both kinds of server, one after the other."""
    world = harness.World(any_mongod, tmp_path)
    yield world
    world.close()


LONG = Path(__file__).parent / "long.txt"
"""Tests that take long and whose like is among the others: `make faults` runs them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that `LONG` names are marked as ``faults`` tests: a whole file, a test with all its
    cases, or one case.
    """
    named = {line for line in LONG.read_text(encoding="utf-8").splitlines() if line}
    for item in items:
        case = item.nodeid
        if named & {case, case.partition("[")[0], case.partition("::")[0]}:
            item.add_marker(pytest.mark.faults)
