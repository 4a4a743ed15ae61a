"""Attempts and pauses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tracbridge.domain.errors import ConfigError, RetryableError, UnknownOutcomeError
from tracbridge.ports.runtime import Step
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.runner import SafePoints, Stop, Stopped, persist

AT_ONCE = Backoff(retries=3, delay=0)


@dataclass
class Heard:
    """An observer that only listens."""

    incidents: list[tuple[str, str]] = field(default_factory=list)

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        raise AssertionError("nothing is counted here")

    def incident(self, code: str, where: str, message: str) -> None:
        self.incidents.append((code, message))


def failing(times: int, error: Exception, done: list[int]) -> Callable[[], Awaitable[None]]:
    """Work that fails so often before it succeeds."""

    async def work() -> None:
        done.append(len(done) + 1)
        if len(done) <= times:
            raise error

    return work


def away() -> RetryableError:
    return RetryableError("MongoDB does not answer.")


@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_an_outage_that_ends_in_time_is_waited_out(failures: int) -> None:
    done: list[int] = []
    heard = Heard()
    await persist(failing(failures, away(), done), AT_ONCE, heard, Stop())
    assert len(done) == failures + 1
    assert [code for code, _ in heard.incidents] == ["outage"] * failures


async def test_an_outage_that_lasts_is_raised_after_all_retries() -> None:
    done: list[int] = []
    heard = Heard()
    with pytest.raises(RetryableError, match="does not answer"):
        await persist(failing(9, away(), done), AT_ONCE, heard, Stop())
    assert (len(done), len(heard.incidents)) == (4, 3)


async def test_without_retries_the_first_failure_counts() -> None:
    done: list[int] = []
    with pytest.raises(RetryableError):
        await persist(failing(1, away(), done), Backoff(0, 0), Heard(), Stop())
    assert done == [1]


async def test_an_unknown_outcome_is_looked_at_again() -> None:
    done: list[int] = []
    await persist(failing(1, UnknownOutcomeError("cut"), done), AT_ONCE, Heard(), Stop())
    assert len(done) == 2


async def test_for_ever_means_for_ever() -> None:
    done: list[int] = []
    await persist(failing(50, away(), done), AT_ONCE, Heard(), Stop(), for_ever=True)
    assert len(done) == 51


async def test_an_attempt_that_got_further_starts_the_count_anew() -> None:
    done: list[int] = []
    work = failing(8, away(), done)
    # Progress after every second attempt: never three failures in a row at one place.
    await persist(work, Backoff(2, 0), Heard(), Stop(), progress=lambda: len(done) // 2)
    assert len(done) == 9


async def test_what_cannot_pass_by_itself_is_not_repeated() -> None:
    done: list[int] = []
    with pytest.raises(ConfigError):
        await persist(failing(1, ConfigError("no rights"), done), AT_ONCE, Heard(), Stop())
    assert done == [1]


async def test_a_wish_to_stop_ends_the_attempts() -> None:
    done: list[int] = []
    stop = Stop()
    stop.set()
    with pytest.raises(RetryableError):
        await persist(failing(9, away(), done), AT_ONCE, Heard(), stop, for_ever=True)
    assert done == [1]


async def test_a_wish_to_stop_ends_a_pause_and_no_attempt_follows() -> None:
    done: list[int] = []
    stop = Stop()
    heard = Heard()
    patient = Backoff(retries=3, delay=3_600)
    task = asyncio.ensure_future(persist(failing(9, away(), done), patient, heard, stop))
    while not heard.incidents:  # noqa: ASYNC110 (the pause is what it waits in)
        await asyncio.sleep(0)
    stop.set()
    with pytest.raises(RetryableError):
        await task
    assert done == [1]


async def test_an_outage_that_asks_for_a_pause_is_given_it() -> None:
    done: list[int] = []
    stop, heard = Stop(), Heard()
    busy = RetryableError("ask me later.", retry_after=timedelta(seconds=90))
    work = persist(failing(9, busy, done), AT_ONCE, heard, stop, for_ever=True)
    task = asyncio.ensure_future(work)
    while not (heard.incidents or task.done()):  # noqa: ASYNC110 (the pause is what it waits in)
        await asyncio.sleep(0)
    stop.set()
    with pytest.raises(RetryableError):
        await task
    assert heard.incidents == [("outage", "ask me later. Next attempt in 90.0 s.")]


@pytest.mark.parametrize(("seconds", "attempts"), [(0.0, 4), (61.0, 1)])
async def test_who_does_not_run_for_ever_gives_up_where_a_pause_is_longer_than_a_minute(
    seconds: float, attempts: int
) -> None:
    done: list[int] = []
    busy = RetryableError("ask me later.", retry_after=timedelta(seconds=seconds))
    with pytest.raises(RetryableError, match="ask me later"):
        await persist(failing(9, busy, done), AT_ONCE, Heard(), Stop())
    assert len(done) == attempts


async def test_a_pause_ends_when_its_time_is_over() -> None:
    stop = Stop()
    await stop.sleep(0)
    assert not stop.asked


@dataclass
class Passed:
    """Durable steps as they are passed."""

    steps: list[str] = field(default_factory=list)

    async def passed(self, step: str) -> None:
        self.steps.append(step)


async def test_a_wish_to_stop_is_heard_at_the_end_of_a_page_only() -> None:
    inner, stop = Passed(), Stop()
    points = SafePoints(inner, stop)
    for step in Step:
        await points.passed(step)
    stop.set()
    for step in Step:
        if step is Step.PAGE:
            with pytest.raises(Stopped):
                await points.passed(step)
        else:
            await points.passed(step)
    assert inner.steps == [*Step, *Step]
