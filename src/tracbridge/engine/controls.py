"""What operators want of a connection: a direction that is paused stays so over restarts."""

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec import Struct

from tracbridge.domain.workorder import Side
from tracbridge.ports.state import Passes

KEPT = "controls"
"""Where it is kept, beside the resume points."""


class Paused(Struct, frozen=True):
    """Nothing that was changed on this side is taken from there until somebody resumes it."""

    at: datetime
    by: str
    why: str = ""


async def paused(passes: Passes) -> Mapping[Side, Paused]:
    """The sides whose changes wait."""
    kept = await passes.cursor(KEPT) or {}
    return {Side(side): Paused(**one) for side, one in kept.items()}


async def pause(passes: Passes, sides: Collection[Side], wish: Paused) -> None:
    """From the next pass on; one that is paused already stays as it was. Repeatable."""
    kept = await passes.cursor(KEPT) or {}
    told = {"at": wish.at, "by": wish.by, "why": wish.why}
    await passes.keep_cursor(KEPT, {**{side.value: told for side in sides}, **kept})


async def resume(passes: Passes, sides: Collection[Side]) -> None:
    """From the next pass on. Repeatable."""
    kept = await passes.cursor(KEPT) or {}
    left = {side: one for side, one in kept.items() if Side(side) not in sides}
    await passes.keep_cursor(KEPT, left)
