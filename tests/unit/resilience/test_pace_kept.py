"""What a pace promises, whatever the calls inside become and whenever they come."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.resilience.clock import Clock, half
from tracbridge.domain.errors import BusyError, RetryableError
from tracbridge.resilience.backoff import Backoff
from tracbridge.resilience.breaker import Limits, State
from tracbridge.resilience.bucket import Lane
from tracbridge.resilience.pace import Pace
from tracbridge.resilience.target import PaceSettings

LIMITS = Limits(failures=3, pause=Backoff(delay=20, longest=200, spread=0))
PATIENCE = 30

Planned = tuple[float, str, Lane, str, float]
"""When, which operation, which lane, what becomes of it, after how long."""

CALLS = st.lists(
    st.tuples(
        st.floats(0, 200),
        st.sampled_from(["read", "create"]),
        st.sampled_from(list(Lane)),
        st.sampled_from(["fine", "fine", "away", "away", "throttled", "cancelled", "refused"]),
        st.sampled_from([0.0, 0.5, 40.0]),
    ),
    max_size=40,
)


class Traffic:
    """Calls through one pace, each looked at while it is made."""

    def __init__(self, rate: float, burst: int) -> None:
        self.clock = Clock()
        told = PaceSettings(rate, burst, patience=PATIENCE, breaker=LIMITS)
        self.pace = Pace(told, self.clock, self.clock.sleep, half)
        self.begun: list[float] = []
        self.probing: Counter[str] = Counter()

    async def call(self, at: float, operation: str, lane: Lane, fate: str, seconds: float) -> None:
        await self.clock.sleep(at)
        asked = self.clock.now
        async with self.pace.turn(operation, lane):
            self.begun.append(self.clock.now)
            assert self.clock.now >= self.pace.target.bucket.held
            assert self.clock.now <= asked + PATIENCE + 1e-6
            state = self.pace.state(operation)
            assert state is not State.OPEN
            probe = state is State.HALF_OPEN
            self.probing[operation] += probe
            assert self.probing[operation] <= 1
            try:
                await self.clock.sleep(seconds)
                self.end(operation, fate, seconds)
            finally:
                self.probing[operation] -= probe

    def end(self, operation: str, fate: str, seconds: float) -> None:
        match fate:
            case "away":
                raise RetryableError("away")
            case "throttled":
                self.pace.throttled(seconds, operation)
            case "cancelled":
                raise asyncio.CancelledError
            case "refused":
                raise BusyError("open")

    async def run(self, calls: list[Planned]) -> None:
        work = (self.call(*one) for one in calls)
        for result in await asyncio.gather(*work, return_exceptions=True):
            ended = result is None or isinstance(result, RetryableError | asyncio.CancelledError)
            assert ended, result


@settings(deadline=None)
@given(CALLS, st.sampled_from([0.5, 5.0]), st.integers(1, 3))
def test_budget_pause_breaker_and_patience_are_kept_whatever_happens(
    calls: list[Planned], rate: float, burst: int
) -> None:
    traffic = Traffic(rate, burst)
    traffic.clock.run(lambda: traffic.run(calls))
    assert traffic.pace.describe()["target"]["waiting"] == {"live": 0, "backfill": 0}
    begun = traffic.begun
    for first, begin in enumerate(begun):
        for last in range(first, len(begun)):
            assert last - first + 1 <= burst + rate * (begun[last] - begin) + 1e-3
