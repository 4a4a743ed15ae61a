"""One call of the file system fails, whichever it is: no handle leaks, nothing is lost."""

import errno
import os
from pathlib import Path

import pytest

from tests.faults import inside
from tests.faults.life import Life
from tests.faults.service import fair
from tests.harness import World
from tracbridge.domain.errors import ConfigError, RetryableError

CODES = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.ESTALE)
STRIDE = 16
CASES = [(code, first) for first in range(1, STRIDE + 1) for code in CODES]


def left_open(folder: Path) -> list[str]:
    """Files below the folder that this process has open."""
    links = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return [link for link in links if link.startswith(str(folder))]


def attempt(world: World, nth: int, code: int) -> tuple[str, str]:
    """One run with the n-th call failing: which call that was, and with what words we gave up."""
    with inside.failing(world.root, nth, code) as system:
        try:
            inside.run(world)
        except (RetryableError, ConfigError) as error:
            return system.failed, str(error)
    return system.failed, ""


@pytest.mark.parametrize(("code", "first"), fair(CASES, [12, 33]))
def test_any_call_may_fail(world: World, code: int, first: int) -> None:
    """Every sixteenth call, from another one on in each case; until a run makes fewer calls."""
    life = Life(world, seed=first)
    life.begin()
    life.rest(lambda: inside.run(world))
    nth, failed, gave_up = first, "none yet", 0
    while failed:
        life.all_act()
        failed, said = attempt(world, nth, code)
        assert not said or os.strerror(code) in said, failed
        gave_up += bool(said)
        assert left_open(world.root) == [], failed
        try:
            life.rest(lambda: inside.run(world))
        except AssertionError as error:
            raise AssertionError(f"{failed}: {error}") from error
        nth += STRIDE
    assert gave_up >= 2
