"""How long to wait before the next attempt. Seconds; chance is the caller's, from 0 up to 1."""

from msgspec import Struct

LONGEST = 60.0
"""Seconds: no pause between two attempts is longer, unless the other side asks for it."""

HONOURED = 3_600.0
"""Seconds: a pause that the other side asks for is kept up to here."""

FULL = 1.0
"""Full jitter: any pause from almost none up to the whole one."""


class Backoff(Struct, frozen=True):
    """``retries`` after the first attempt; pauses start at ``delay`` seconds, grow by ``factor`` up
    to ``longest`` and lose up to a ``spread`` of themselves by chance.
    """

    retries: int = 3
    delay: float = 1.0
    longest: float = LONGEST
    spread: float = 0.1
    honoured: float = HONOURED
    factor: float = 2.0

    def pause(self, attempt: int, chance: float, asked: float = 0.0) -> float:
        """Seconds after attempt ``attempt`` (from 0), at least those that were ``asked`` for."""
        whole = min(self.delay * self.factor ** min(attempt, 60), self.longest)
        return max(whole * (1 - self.spread * chance), min(asked, self.honoured))
