"""The budget of calls to one target."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.resilience.bucket import SHARE, Bucket, Lane


def served(bucket: Bucket, numbers: list[int], now: float) -> list[int]:
    """Who goes at this moment, each asked in the order of the list."""
    return [number for number in numbers if bucket.take(number, now) == 0]


def test_after_a_rest_so_many_calls_go_at_once_and_then_so_many_a_second() -> None:
    bucket = Bucket(rate=2, burst=3)
    numbers = [bucket.join(Lane.LIVE) for _ in range(5)]
    assert served(bucket, numbers, 0) == numbers[:3]
    assert [bucket.take(number, 0) for number in numbers[3:]] == [0.5, 1.0]
    assert served(bucket, numbers[3:], 0.5) == [numbers[3]]
    assert served(bucket, numbers[4:], 1.0) == [numbers[4]]


def test_who_came_first_goes_first_whoever_asks() -> None:
    bucket = Bucket(rate=1, burst=1)
    first, second, third = (bucket.join(Lane.LIVE) for _ in range(3))
    assert bucket.take(third, 0) == 2
    assert bucket.take(second, 0) == 1
    assert bucket.take(first, 0) == 0
    assert bucket.take(third, 1) == 1
    assert bucket.take(second, 1) == 0


def test_live_calls_go_before_a_backfill_which_gets_its_share() -> None:
    bucket = Bucket(rate=1, burst=1)
    backfill = [bucket.join(Lane.BACKFILL) for _ in range(3)]
    live = [bucket.join(Lane.LIVE) for _ in range(10)]
    order, waiting = [], [*backfill, *live]
    for second in range(13):
        (number,) = served(bucket, waiting, second)
        waiting.remove(number)
        order.append("b" if number in backfill else "L")
    assert "".join(order) == "LLLLbLLLLbLLb"
    assert SHARE == 4


def test_live_calls_owe_nothing_to_a_backfill_that_was_not_there() -> None:
    bucket = Bucket(rate=1, burst=20)
    for _ in range(10):
        assert bucket.take(bucket.join(Lane.LIVE), 0) == 0
    bucket.limit(1, 1, 0)
    backfill, live = bucket.join(Lane.BACKFILL), bucket.join(Lane.LIVE)
    assert served(bucket, [backfill, live], 0) == [live]


def test_who_leaves_is_waited_for_by_nobody() -> None:
    bucket = Bucket(rate=1, burst=1)
    first, second, third = (bucket.join(Lane.LIVE) for _ in range(3))
    assert bucket.take(first, 0) == 0
    bucket.leave(second)
    bucket.leave(second)
    assert bucket.take(third, 0) == 1


def test_in_a_pause_nobody_goes_and_after_it_not_all_at_once() -> None:
    bucket = Bucket(rate=1, burst=5)
    numbers = [bucket.join(Lane.LIVE) for _ in range(3)]
    bucket.hold(30)
    bucket.hold(10)
    assert [bucket.take(number, 29) for number in numbers] == [1, 2, 3]
    assert served(bucket, numbers, 30) == numbers[:1]
    assert bucket.take(numbers[1], 30) == 1


def test_narrower_limits_count_at_once() -> None:
    bucket = Bucket(rate=10, burst=10)
    bucket.limit(1, 2, 0)
    numbers = [bucket.join(Lane.LIVE) for _ in range(4)]
    assert served(bucket, numbers, 0) == numbers[:2]
    assert bucket.take(numbers[3], 0) == 2


def test_a_pause_is_kept_over_a_restart_on_another_clock() -> None:
    bucket = Bucket(rate=1, burst=5)
    bucket.join(Lane.BACKFILL)
    bucket.hold(30)
    kept = bucket.describe(10)
    assert kept == {
        "calls_per_second": 1,
        "burst": 5,
        "paused": 20,
        "waiting": {"live": 0, "backfill": 1},
    }
    again = Bucket(rate=1, burst=5, now=5_000)
    again.restore(kept, 5_000, elapsed=5)
    assert again.take(again.join(Lane.LIVE), 5_000) == 15
    over = Bucket(rate=1, burst=5, now=5_000)
    over.restore(kept, 5_000, elapsed=25)
    assert over.take(over.join(Lane.LIVE), 5_000) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["live", "backfill", "leave", "hold", "time", "time"]),
        st.floats(0, 5),
    ),
    max_size=60,
)


@given(STEPS, st.sampled_from([0.3, 1.0, 7.0]), st.integers(1, 4), st.sampled_from([0.0, 1e9]))
def test_whatever_happens_no_stretch_of_time_sees_more_calls_than_its_budget(
    steps: list[tuple[str, float]], rate: float, burst: int, start: float
) -> None:
    bucket, now, held = Bucket(rate, burst, start), start, start
    waiting: list[int] = []
    gone: list[float] = []
    for step, number in steps:
        match step:
            case "live" | "backfill":
                waiting.append(bucket.join(Lane(step)))
            case "leave" if waiting:
                bucket.leave(waiting.pop(int(number) % len(waiting)))
            case "hold":
                held = max(held, now + number)
                bucket.hold(now + number)
            case _:
                now += number
        going = served(bucket, waiting, now)
        assert not (going and now < held)
        gone += [now] * len(going)
        waiting = [one for one in waiting if one not in going]
    for first, begin in enumerate(gone):
        for last in range(first, len(gone)):
            assert last - first + 1 <= burst + rate * (gone[last] - begin) + 1e-3


@given(
    st.lists(st.sampled_from(list(Lane)), max_size=30),
    st.sampled_from([0.3, 1.0, 7.0]),
    st.sampled_from([0.0, 123_456_789.1, 1e10]),
)
def test_everybody_goes_in_the_end_when_he_was_told_to_ask_again(
    lanes: list[Lane], rate: float, start: float
) -> None:
    bucket = Bucket(rate, 2, start)
    due: dict[int, float] = {bucket.join(lane): start for lane in lanes}
    while due:
        number, now = min(due.items(), key=lambda item: item[1])
        wait = bucket.take(number, now)
        if wait:
            due[number] = now + wait
        else:
            del due[number]
        assert now <= start + len(lanes) / rate + 1


@given(st.data())
def test_of_calls_that_wait_a_backfill_never_waits_for_more_than_its_share(data: Any) -> None:
    bucket, now, passed_by = Bucket(1, 1), 0.0, 0
    live = [bucket.join(Lane.LIVE)]
    backfill = [bucket.join(Lane.BACKFILL)]
    for _ in range(40):
        live += [bucket.join(Lane.LIVE) for _ in range(data.draw(st.integers(0, 2)))]
        for number in served(bucket, [*live, *backfill], now):
            if number in live:
                live.remove(number)
                passed_by += 1
            else:
                backfill = [bucket.join(Lane.BACKFILL)]
                passed_by = 0
        assert passed_by <= SHARE
        now += 1


def test_a_number_that_does_not_stand_in_line_is_a_fault_of_the_caller() -> None:
    with pytest.raises(StopIteration):
        Bucket(1, 1).take(7, 0)
