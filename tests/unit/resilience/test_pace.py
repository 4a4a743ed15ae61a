"""The gate around calls, on a clock that jumps."""

import asyncio
from datetime import timedelta

import pytest

from tests.unit.resilience.clock import Clock, half
from tracbridge.domain.errors import (
    BusyError,
    ConfigError,
    RecordError,
    RetryableError,
    UnknownOutcomeError,
)
from tracbridge.resilience.backoff import Backoff
from tracbridge.resilience.breaker import Force, Limits, State
from tracbridge.resilience.pace import Pace
from tracbridge.resilience.target import PaceSettings

LIMITS = Limits(failures=3, pause=Backoff(delay=20, longest=200, spread=0))
SETTINGS = PaceSettings(calls_per_second=10, burst=10, patience=30, breaker=LIMITS)


def made(clock: Clock, told: PaceSettings = SETTINGS) -> Pace:
    return Pace(told, clock, clock.sleep, half)


async def failing(pace: Pace, times: int, error: Exception | None = None) -> None:
    for _ in range(times):
        with pytest.raises(type(error or RetryableError(""))):
            async with pace.turn("create"):
                raise error or RetryableError("away")


def test_a_call_goes_at_once_where_nothing_is_in_its_way() -> None:
    clock = Clock()

    async def work() -> None:
        async with made(clock).turn("read"):
            assert clock.now == 1_000

    clock.run(work)


def test_calls_are_spread_over_time() -> None:
    clock = Clock()
    pace = made(clock, PaceSettings(calls_per_second=2, burst=1))
    times: list[float] = []

    async def call() -> None:
        async with pace.turn("read"):
            times.append(clock.now - 1_000)

    async def work() -> None:
        await asyncio.gather(*(call() for _ in range(5)))

    clock.run(work)
    assert times == [0, 0.5, 1, 1.5, 2]


def test_who_would_wait_too_long_is_told_at_once_when_to_come_again() -> None:
    clock = Clock()
    pace = made(clock, PaceSettings(calls_per_second=0.1, burst=1))

    async def work() -> None:
        async with pace.turn("read"):
            pass
        with pytest.raises(RetryableError, match="Other calls are waiting") as refused:
            async with pace.turn("read", patience=5):
                raise AssertionError("it has no turn")
        assert refused.value.retry_after == timedelta(seconds=10)
        assert clock.now == 1_000
        async with pace.turn("read", patience=10):
            assert clock.now == 1_010

    clock.run(work)


def test_during_a_pause_that_was_asked_for_nobody_calls() -> None:
    clock = Clock()
    pace = made(clock)
    times: list[float] = []

    async def call(operation: str) -> None:
        async with pace.turn(operation):
            times.append(clock.now - 1_000)

    async def work() -> None:
        pace.throttled(20.0, "read")
        await asyncio.gather(*(call(operation) for operation in ("read", "create", "update")))

    clock.run(work)
    assert times == pytest.approx([20, 20.1, 20.2])


def test_a_pause_longer_than_patience_is_an_error_that_says_when() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        pace.throttled(300.0)
        with pytest.raises(RetryableError, match=r"asked for a pause.* 300 s") as refused:
            async with pace.turn("read"):
                raise AssertionError("it has no turn")
        assert refused.value.retry_after == timedelta(seconds=300)
        with pytest.raises(RetryableError):
            await pace.extra()

    clock.run(work)


def test_pauses_without_a_wish_grow_until_a_call_is_answered() -> None:
    clock = Clock()
    pace = made(clock)
    pauses = []
    for _ in range(4):
        pace.throttled()
        pauses.append(pace.target.bucket.held - clock.now)
        clock.now = pace.target.bucket.held
    pace.succeeded("read")
    pace.throttled()
    assert pauses == [0.75, 1.5, 3, 6]
    assert pace.target.bucket.held - clock.now == 0.75


def test_an_answer_to_a_call_from_before_a_pause_does_not_begin_its_row_anew() -> None:
    clock = Clock()
    pace = made(clock)
    pace.throttled()
    pace.succeeded("read")
    clock.now = pace.target.bucket.held
    pace.throttled()
    assert pace.target.bucket.held - clock.now == 1.5


def test_a_probe_that_is_told_to_come_later_was_answered() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        await failing(pace, 3)
        async with pace.turn("create", later=True):
            pass
        pace.throttled(1.0)
        assert pace.state("create") is State.HALF_OPEN
        pace.throttled(1.0, "create")
        assert pace.state("create") is State.CLOSED

    clock.run(work)


def test_ten_answers_to_calls_of_one_moment_make_one_pause() -> None:
    clock = Clock()
    pace = made(clock)
    for _ in range(10):
        pace.throttled()
    assert pace.target.bucket.held - clock.now == 0.75
    pace.throttled(40)
    assert pace.target.bucket.held - clock.now == 40


def test_failures_in_a_row_stop_the_operation_and_no_other_one() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        await failing(pace, 3)
        assert pace.state("create") is State.OPEN
        with pytest.raises(RetryableError, match="create pause for 20 s: the last 3") as refused:
            async with pace.turn("create", patience=5):
                raise AssertionError("it has no turn")
        assert refused.value.retry_after == timedelta(seconds=20)
        async with pace.turn("read"):
            pass

    clock.run(work)


@pytest.mark.parametrize("error", [BusyError("open"), RecordError("no", "refused")])
def test_a_refusal_of_one_record_is_the_answer_of_a_system_that_works(error: Exception) -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        await failing(pace, 2)
        await failing(pace, 1, error)
        await failing(pace, 2)
        assert pace.state("create") is State.CLOSED

    clock.run(work)


def test_an_unknown_outcome_is_a_failure_and_a_wrong_set_up_is_not() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        await failing(pace, 9, ConfigError("no right"))
        assert pace.state("create") is State.CLOSED
        await failing(pace, 3, UnknownOutcomeError("cut"))
        assert pace.state("create") is State.OPEN

    clock.run(work)


def test_a_caller_who_judges_later_is_waited_for() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        await failing(pace, 3)
        async with pace.turn("create", later=True):
            assert pace.state("create") is State.HALF_OPEN
        assert pace.state("create") is State.HALF_OPEN
        pace.succeeded("create")
        assert pace.state("create") is State.CLOSED

    clock.run(work)


def test_a_probe_whose_caller_was_cancelled_leaves_its_place_to_another() -> None:
    clock = Clock()
    pace = made(clock)
    done: list[float] = []

    async def probe() -> None:
        async with pace.turn("create"):
            await clock.sleep(1_000)

    async def other() -> None:
        async with pace.turn("create"):
            done.append(clock.now - 1_000)

    async def work() -> None:
        await failing(pace, 3)
        first = asyncio.ensure_future(probe())
        await clock.sleep(20.25)
        second = asyncio.ensure_future(other())
        await clock.sleep(2)
        assert not done
        first.cancel()
        await second

    clock.run(work)
    assert done == [23.25]


def test_a_probe_that_is_cancelled_while_it_waits_for_the_budget_is_given_back() -> None:
    clock = Clock()
    pace = made(clock)

    async def call() -> None:
        async with pace.turn("create"):
            raise AssertionError("it has no turn")

    async def work() -> None:
        await failing(pace, 3)
        await clock.sleep(20)
        pace.throttled(25)
        task = asyncio.ensure_future(call())
        await clock.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert pace.breaker("create").wait(clock.now) == 0
        assert pace.describe()["target"]["waiting"] == {"live": 0, "backfill": 0}

    clock.run(work)


def test_who_stands_in_line_when_it_opens_does_not_call() -> None:
    clock = Clock()
    pace = made(clock, PaceSettings(calls_per_second=1, burst=3, breaker=LIMITS))
    calls: list[float] = []

    async def call() -> None:
        async with pace.turn("create", patience=10):
            calls.append(clock.now - 1_000)
            await clock.sleep(0.5)
            raise RetryableError("away")

    async def work() -> None:
        results = await asyncio.gather(*(call() for _ in range(8)), return_exceptions=True)
        assert all(isinstance(result, RetryableError) for result in results)

    clock.run(work)
    assert calls == [0, 0, 0]


def test_an_operator_stops_an_operation_and_lets_it_go_on() -> None:
    clock = Clock()
    pace = made(clock)

    async def work() -> None:
        pace.set("create", Force.OPEN)
        with pytest.raises(RetryableError, match="stopped by an operator") as refused:
            async with pace.turn("create"):
                raise AssertionError("it has no turn")
        assert refused.value.retry_after is None
        pace.set("create", Force.AUTOMATIC)
        await failing(pace, 3)
        pace.try_now("create")
        async with pace.turn("create", patience=0):
            pass
        assert pace.state("create") is State.CLOSED

    clock.run(work)


def test_what_is_kept_goes_on_after_a_restart() -> None:
    clock, later = Clock(), Clock(7.0)
    pace, again = made(clock), made(later)

    async def work() -> None:
        await failing(pace, 3)
        pace.throttled(50)
        again.restore(pace.describe(), elapsed=10)

    clock.run(work)
    assert again.breaker("create").wait(7) == 10
    assert again.target.bucket.held == 47
    assert again.describe()["target"]["throttles"] == 1
    made(later).restore({})
