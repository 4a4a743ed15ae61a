"""The crash hook kills a real process at the step that was asked for, and nowhere else."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tracbridge.adapters.observe.crash import Steps
from tracbridge.domain.errors import SettingError

SRC = Path(__file__).resolve().parents[2] / "src"
WORK = """
import asyncio, os
from tracbridge.adapters.observe.crash import Steps

async def work():
    steps = Steps.of(os.environ)
    for n in (1, 2, 3):
        for step in ("written", "linked"):
            print(step, n, flush=True)
            await steps.passed(step)

asyncio.run(work())
"""


def passed(crash_at: str | None) -> tuple[int, str]:
    environ = {"PYTHONPATH": str(SRC)} | ({"CRASH_AT": crash_at} if crash_at is not None else {})
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("crash_at", "last"),
    [("written:1", "written 1"), ("linked:2", "linked 2"), ("linked:3", "linked 3")],
)
def test_the_process_dies_at_that_passing_of_that_step(crash_at: str, last: str) -> None:
    assert passed(crash_at) == (-signal.SIGKILL, last)


@pytest.mark.parametrize("crash_at", [None, "", "linked:4", "marked:1"])
def test_otherwise_the_process_goes_on_to_its_end(crash_at: str | None) -> None:
    assert passed(crash_at) == (0, "linked 3")


@pytest.mark.parametrize("crash_at", ["linked", "linked:", "linked:0", ":1", "linked:-1"])
def test_a_malformed_wish_is_refused(crash_at: str) -> None:
    with pytest.raises(SettingError, match="CRASH_AT"):
        Steps(crash_at)
