"""How much of the machine other programs use meanwhile: the noise of a measurement."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

TICKS = os.sysconf("SC_CLK_TCK")
CALM, LOOK = 0.85, 0.5
"""Of the machine must be idle; seconds in which that is looked at."""


@dataclass(frozen=True, slots=True)
class Measured(Generic[T]):
    """Something that was measured. ``others``: share of the machine that was not ours."""

    value: T
    others: float


class Watch:
    """Measures while others may work. ``pids``: processes that work for us beside our children.

    ``patience``: seconds to wait for a calm machine before a measurement.
    """

    def __init__(self, pids: Sequence[int], patience: float = 0.0) -> None:
        self.pids, self.patience = pids, patience

    def __call__(self, work: Callable[[], T]) -> Measured[T]:
        wait(self.patience)
        begun, busy, ours = time.perf_counter(), _busy()[0], self._ours()
        value = work()
        seconds = (time.perf_counter() - begun) * len(os.sched_getaffinity(0))
        others = (_busy()[0] - busy) - (self._ours() - ours)
        return Measured(value, max(0.0, others / seconds))

    def _ours(self) -> float:
        """Seconds of processor time: our own, our children's that have ended, and of the others."""
        times = os.times()
        return sum(times[:4]) + sum(_used(pid) for pid in self.pids)


def wait(patience: float) -> None:
    """Until the machine is calm, or no longer than that."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        busy, idle = _busy()
        time.sleep(LOOK)
        more, rest = _busy()
        if rest - idle >= CALM * (more - busy + rest - idle):
            return


def _busy() -> tuple[float, float]:
    """Seconds since the start of the machine in which its processors worked, and did not."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, idle, waiting, *interrupts = numbers[:8]
    return (user + nice + system + sum(interrupts)) / TICKS, (idle + waiting) / TICKS


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def calmest(some: Sequence[Measured[T]]) -> list[T]:
    """The half of them in which others worked least."""
    ordered = sorted(some, key=lambda one: one.others)
    return [one.value for one in ordered[: (len(ordered) + 1) // 2]]
