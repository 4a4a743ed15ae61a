"""``tracbridge run --every`` in the background, while people work and things break."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.life import Life
from tests.harness import World

PATIENCE = 60.0
"""Seconds after which something that must come is not waited for any more."""

EVERY = ("run", "--every", "0.1")


class Service:
    """One process; what it says goes to a file without a name, so that it waits for no reader."""

    def __init__(self, world: World, *words: str) -> None:
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (read until the test is over)
        self.process = subprocess.Popen(
            [*world.before, sys.executable, "-m", "tracbridge", *(words or EVERY)],
            cwd=world.root,
            env=world.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.said,
        )

    def runs_on(self, seconds: float) -> bool:
        """Whether it still runs after so long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def until(self, true: Callable[[], Any]) -> None:
        """Wait for what must come while it works."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert self.runs_on(0.05), self.text
            assert time.monotonic() < deadline, f"it did not come: {self.text}"

    @property
    def text(self) -> str:
        """All that it said."""
        size = os.fstat(self.said.fileno()).st_size
        return os.pread(self.said.fileno(), size, 0).decode()

    def kill(self) -> None:
        """Without a last word."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As an operator ends it: nothing of ours went wrong."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) in (0, 3), self.text
        assert "Traceback" not in self.text, self.text


@contextmanager
def serving(world: World, *words: str) -> Iterator[Service]:
    """A service, gone afterwards whatever happens."""
    service = Service(world, *words)
    try:
        yield service
    finally:
        service.kill()
        service.said.close()


def live(life: Life, service: Service, acts: int) -> None:
    """People work while the service does."""
    for _ in range(acts):
        life.act()
        assert service.runs_on(0.02), service.text


def fair(cases: Sequence[Any], chosen: Sequence[int]) -> list[Any]:
    """All cases for `make faults`; those at these places also for every run of the tests."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if place in chosen else pytest.mark.faults,
        )
        for place, case in enumerate(cases)
    ]
