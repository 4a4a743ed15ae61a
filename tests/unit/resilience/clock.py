"""A loop whose clock jumps to the next thing that is due: hours pass at once, in exact order."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Jumping(selectors.DefaultSelector):
    def __init__(self, clock: "Clock") -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everybody waits and nothing is due: a dead end")
        self._clock.now += timeout
        return super().select(0)


class Clock:
    """Seconds, and a loop that lives by them."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """As the loop's clock has it."""
        await asyncio.sleep(seconds)

    def loop(self) -> asyncio.AbstractEventLoop:
        """A new loop."""
        loop = asyncio.SelectorEventLoop(_Jumping(self))
        loop.time = lambda: self.now  # type: ignore[method-assign]
        return loop

    def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do it in a loop of its own."""
        with asyncio.Runner(loop_factory=self.loop) as runner:
            return runner.run(work())


def half() -> float:
    """Chance that is none."""
    return 0.5
