"""The progress bar of ``run``: on stderr, where that is a terminal."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tracbridge.ports.runtime import Observer


class Counting:
    """Passes everything on, and counts the records for the bar."""

    def __init__(self, observer: Observer, bar: Any, task: Any) -> None:
        self.observer, self.bar, self.task = observer, bar, task
        self.read: Counter[str] = Counter()

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """A batch is settled."""
        self.read[flow] += counts.get("read", 0)
        text = "   ".join(f"{flow} {number:,}" for flow, number in self.read.items())
        self.bar.update(self.task, description=text)
        self.observer.batch(flow, counts)

    def incident(self, code: str, where: str, message: str) -> None:
        """Something went wrong."""
        self.observer.incident(code, where, message)


@contextmanager
def watching(observer: Observer, *, quiet: bool) -> Iterator[Observer]:
    """The observer to work with. Nobody knows how much work there is: the bar only moves."""
    if quiet or not sys.stderr.isatty():
        yield observer
        return
    from rich.console import Console  # noqa: PLC0415 (only where something is shown with it)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (BarColumn(30), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, refresh_per_second=4
    ) as bar:
        yield Counting(observer, bar, bar.add_task("looking", total=None))
