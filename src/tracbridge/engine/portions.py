"""Long work in small portions, so that other connections of the process are not kept waiting."""

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from tracbridge.ports.runtime import Pause

T = TypeVar("T")

PORTION = 100
"""Orders that are decided in a row: a few milliseconds."""


async def at_once() -> None:
    """No pause at all: nobody else waits."""


async def portions(items: Sequence[T], pause: Pause) -> AsyncIterator[Sequence[T]]:
    """All items in their order, a portion at a time, with a pause after each but the last."""
    for start in range(0, len(items), PORTION):
        if start:
            await pause()
        yield items[start : start + PORTION]
