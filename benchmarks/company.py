"""A customer's ERP, simulated, as a process of its own: ``python -m benchmarks.company SYSTEM N``.

Of its own, so that its work is done beside ours, as that of a real one is, and not by our thread.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tests.e2e.erp import MAKE
from tests.harness import ROOT
from tracbridge.testing.erp import SYSTEMS, Clock, serve

MINUTE = 60.0
YESTERDAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Company:
    """One that runs. Its people, its speed and its counts are reached over HTTP."""

    system: str
    url: str
    pid: int

    def latency(self, seconds: float) -> None:
        """So long it waits before each answer, from now on."""
        self._told("POST", "faults", {"latency": seconds})

    def calls(self) -> int:
        """How many calls it was sent since the last time it was asked this."""
        counts = self._told("GET", "requests")
        self._told("DELETE", "requests")
        return int(counts["total"])

    def _told(self, method: str, what: str, body: Any = None) -> Any:
        reply = httpx2.request(method, f"{self.url}/_simulator/{what}", json=body, timeout=120)
        return reply.raise_for_status().json()


@contextmanager
def company(system: str, orders: int) -> Iterator[Company]:
    """One with so many orders, each changed a minute after the other, the last one yesterday."""
    setpriv = shutil.which("setpriv")  # so that it ends with us, even if we are killed
    tied = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    words = [*tied, sys.executable, "-m", "benchmarks.company", system, str(orders)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline().strip() if process.stdout else ""
            if not said:
                raise RuntimeError(f"the simulated {system} does not start")
            yield Company(system, said, process.pid)
        finally:
            process.kill()


async def _serve(system: str, orders: int) -> None:
    begun = datetime.now(UTC) - YESTERDAY - orders * timedelta(seconds=MINUTE)
    simulator = SYSTEMS[system](clock=Clock(begun, tick=MINUTE), **MAKE[system])
    simulator.plant(orders)
    simulator.clock = Clock.real()
    async with serve(simulator) as address:
        print(address, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
