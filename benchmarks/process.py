"""One command as a process of its own: wall time and peak memory.

Run as a script it starts the command and prints what it cost. In between because Linux counts the
memory of whoever starts a process as that process's own: this file stays small.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command cost, and what it answered."""

    seconds: float
    cpu: float
    """Seconds of processor time, which other processes on the machine disturb less."""
    rss_mb: float
    code: int
    out: str

    def counts(self) -> Any:
        """The connection's part of the summary."""
        return json.loads(self.out)["connections"][0]


def timed(words: list[str], env: Mapping[str, str], cwd: Path) -> Cost:
    """Run the command to its end; its messages go to our stderr only if it fails."""
    said = subprocess.run(
        [sys.executable, "-S", __file__, *words],
        cwd=cwd,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise RuntimeError(said.stderr)
    cost = Cost(**json.loads(said.stdout))
    if cost.code:
        raise RuntimeError(f"exit {cost.code}: {cost.out}\n{said.stderr[-2000:]}")
    return cost


def main(words: list[str]) -> None:
    begun = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        out = process.stdout.read().decode() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    cost = {"seconds": seconds, "cpu": cpu, "rss_mb": used.ru_maxrss / 1024}
    print(json.dumps({**cost, "code": process.returncode, "out": out}))


if __name__ == "__main__":
    main(sys.argv[1:])
