"""The parts of the connector contract about a network between us and the system, each where the
rig's hands can make such trouble.
"""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tracbridge.sdk import (
    Connector,
    Paced,
    Probes,
    Receipt,
    RetryableError,
    UnknownOutcomeError,
    Write,
)
from tracbridge.testing.hands import (
    ExpiresLogin,
    GoesAway,
    Hangs,
    HoldsSecret,
    LosesReplies,
    Throttles,
    handy,
)
from tracbridge.testing.rig import (
    FIRST,
    SECOND,
    Bench,
    OnRig,
    asked,
    capable,
    drain,
    land,
    resumed,
)
from tracbridge.testing.secrecy import overheard, provoked, said

MANY = 7
"""More records than there are in a small page."""

HOUR = 3_600
"""Longer than any connector waits by itself."""


class ThrottlingContract(OnRig):
    """Refused for coming too fast: we are told how long to wait, and the system is left alone."""

    async def told(self, connector: Connector) -> RetryableError:
        """What a read raises."""
        with pytest.raises(RetryableError) as caught:
            await drain(connector)
        return caught.value

    def long(self, error: object) -> bool:
        """Whether the wait that the system asked for is told."""
        wait = error.retry_after if isinstance(error, RetryableError) else None
        return wait is not None and timedelta(minutes=55) < wait <= timedelta(minutes=65)

    async def test_a_throttled_read_tells_how_long_to_wait(self, bench: Bench) -> None:
        hands = handy(bench.hands, Throttles)
        await bench.hands.plant(self.body(1))
        await hands.throttle(HOUR)
        assert self.long(await self.told(bench.connector))

    async def test_a_throttled_write_tells_how_long_to_wait_and_is_not_done(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, Throttles)
        await hands.throttle(HOUR)
        answers = await asked(bench.connector, self.write_of(1), self.write_of(2))
        assert self.long(answers[0]), answers
        assert not any(isinstance(one, Receipt | UnknownOutcomeError) for one in answers), answers
        assert await self.held(bench) == []

    async def test_while_it_waits_a_connector_sends_nothing(self, bench: Bench) -> None:
        hands = handy(bench.hands, Throttles)
        await hands.throttle(HOUR)
        await self.told(bench.connector)
        once = await hands.refused()
        assert once == 1
        assert self.long(await self.told(bench.connector))
        (answer,) = await asked(bench.connector, self.write_of(1))
        assert self.long(answer)
        assert await hands.refused() == once

    async def test_what_was_throttled_is_done_afterwards(self, bench: Bench) -> None:
        hands = handy(bench.hands, Throttles)
        await bench.hands.plant(self.body(1))
        await hands.throttle(HOUR)
        await self.told(bench.connector)
        await hands.relent()
        after = await bench.restarted()
        assert await self.seen(after) == [self.body(1)]
        await land(after, self.write_of(2))
        assert await self.held(bench) == self.sorted(self.body(1), self.body(2))


class PacingContract(OnRig):
    """`Paced`: a pause outlives our process, and operators have the last word."""

    async def paused(self, bench: Bench) -> tuple[Throttles, Mapping[str, Any]]:
        """Throttled for an hour; what is kept of that."""
        paced = capable(bench.connector, Paced)
        hands = handy(bench.hands, Throttles)
        await hands.throttle(HOUR)
        with pytest.raises(RetryableError):
            await drain(bench.connector)
        kept: Mapping[str, Any] = json.loads(json.dumps(dict(paced.pace())))
        return hands, kept

    def resumed(self, bench: Bench, kept: Mapping[str, Any], elapsed: float) -> Connector:
        """A new process, so many seconds later."""
        after = bench.rig.restart()
        bench.opened.append(after)
        capable(after, Paced).resume_pace(kept, elapsed)
        return after

    async def test_a_pause_is_kept_by_a_new_process(self, bench: Bench) -> None:
        hands, kept = await self.paused(bench)
        before = await hands.refused()
        after = self.resumed(bench, kept, 60.0)
        with pytest.raises(RetryableError) as caught:
            await drain(after)
        assert caught.value.retry_after is not None
        assert caught.value.retry_after <= timedelta(minutes=59, seconds=30)
        assert await hands.refused() == before

    async def test_a_pause_that_is_over_by_then_is_over(self, bench: Bench) -> None:
        hands, kept = await self.paused(bench)
        await hands.relent()
        assert await self.seen(self.resumed(bench, kept, HOUR * 1.5)) == []

    async def test_what_an_operator_has_stopped_sends_nothing(self, bench: Bench) -> None:
        paced = capable(bench.connector, Paced)
        await bench.hands.plant(self.body(1))
        paced.force("", "open")
        with pytest.raises(RetryableError):
            await drain(bench.connector)
        (answer,) = await asked(bench.connector, self.write_of(2))
        assert isinstance(answer, RetryableError)
        assert not isinstance(answer, UnknownOutcomeError)
        assert await self.held(bench) == [self.body(1)]
        paced.force("", "automatic")
        assert await self.seen(bench.connector) == [self.body(1)]


class LostReplyContract(OnRig):
    """The connection is cut before a write is answered: nobody knows, and nobody guesses."""

    @pytest.mark.parametrize("done", [True, False], ids=["after the effect", "before it"])
    async def test_a_write_without_an_answer_is_not_called_undone(
        self, bench: Bench, done: bool
    ) -> None:
        hands = handy(bench.hands, LosesReplies)
        await hands.lose_reply(done=done)
        (answer,) = await asked(bench.connector, self.write_of(1))
        assert isinstance(answer, Receipt | UnknownOutcomeError), answer
        if isinstance(answer, Receipt):
            assert await self.held(bench) == [self.body(1)]

    @pytest.mark.parametrize("done", [True, False], ids=["after the effect", "before it"])
    async def test_looking_afterwards_tells_whether_it_took_effect(
        self, bench: Bench, done: bool
    ) -> None:
        hands = handy(bench.hands, LosesReplies)
        await hands.lose_reply(done=done)
        (answer,) = await asked(bench.connector, self.write_of(1))
        if isinstance(answer, Receipt):
            return  # the connector has looked itself
        after = await bench.restarted()
        assert isinstance(after, Probes), "what became of a write has to be found out: `Probes`"
        (found,) = await after.probe([self.write_of(1)])
        assert (found is not None) is done
        assert await self.held(bench) == ([self.body(1)] if done else [])

    @pytest.mark.parametrize("done", [True, False], ids=["after the effect", "before it"])
    async def test_of_a_batch_each_record_is_there_exactly_once_in_the_end(
        self, bench: Bench, done: bool
    ) -> None:
        hands = handy(bench.hands, LosesReplies)
        writes = [self.write_of(n) for n in (1, 2, 3)]
        await hands.lose_reply(done=done)
        answers = await asked(bench.connector, *writes)
        await self.mended(bench, writes, answers)
        assert await self.held(bench) == self.sorted(*(self.body(n) for n in (1, 2, 3)))

    async def test_an_update_without_an_answer_is_there_exactly_once_in_the_end(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, LosesReplies)
        await bench.hands.plant(self.body(1))
        (read,) = [r for page in await drain(bench.connector) for r in page.records]
        update = Write("key-2", self.body(1, "ours"), self.ref(1), read)
        await hands.lose_reply(done=True)
        await self.mended(bench, [update], await asked(bench.connector, update))
        assert await self.held(bench) == [self.body(1, "ours")]

    async def mended(self, bench: Bench, writes: list[Write], answers: Sequence[object]) -> None:
        """Look for, and then repeat, what has no receipt."""
        pairs = zip(writes, answers, strict=True)
        unsure = [write for write, answer in pairs if not isinstance(answer, Receipt)]
        await self.made_good(await bench.restarted(), unsure)


class AwayContract(OnRig):
    """The system is away: that is no fault of any record, and passes."""

    async def test_check_says_that_it_may_pass(self, bench: Bench) -> None:
        await handy(bench.hands, GoesAway).go_away()
        with pytest.raises(RetryableError):
            await bench.connector.check()

    async def test_nothing_is_read_or_written_and_everything_is_afterwards(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, GoesAway)
        await bench.hands.plant(self.body(1))
        await hands.go_away()
        with pytest.raises(RetryableError):
            await drain(bench.connector)
        answers = await asked(bench.connector, self.write_of(2))
        assert all(isinstance(answer, RetryableError) for answer in answers), answers
        await hands.come_back()
        after = await bench.restarted()
        assert await self.seen(after, SECOND) == [self.body(1)]
        await self.made_good(after, [self.write_of(2)])
        assert await self.held(bench) == self.sorted(self.body(1), self.body(2))


class LoginContract(OnRig):
    """A login that runs out in the middle of work is renewed, or the work is repeated."""

    async def test_a_read_goes_on_or_can_be_repeated(self, bench: Bench) -> None:
        hands = handy(bench.hands, ExpiresLogin)
        bodies = [self.body(n) for n in range(MANY)]
        for body in bodies:
            await bench.hands.plant(body)
        taken = []
        with suppress(RetryableError):
            async for page in bench.connector.read(None, FIRST):
                taken.append(page)
                await hands.expire_login()
        assert taken
        before = self.bodies(taken)
        assert before == bodies[: len(before)]
        if not bench.connector.traits.resumes:
            assert await self.seen(bench.connector, SECOND) == bodies
            return
        await self.settle(bench.connector, taken)
        after = await self.seen(bench.connector, SECOND, resumed(taken))
        assert [body for body in after if body not in before] == bodies[len(before) :]

    async def test_a_write_goes_on_or_can_be_repeated(self, bench: Bench) -> None:
        hands = handy(bench.hands, ExpiresLogin)
        await self.seen(bench.connector)
        await hands.expire_login()
        (answer,) = await asked(bench.connector, self.write_of(1))
        assert isinstance(answer, Receipt | RetryableError), answer
        await self.made_good(bench.connector, [self.write_of(1)])
        assert await self.held(bench) == [self.body(1)]


class HangingContract(OnRig):
    """We are cancelled while the system works: in the very middle of a request."""

    async def cancelled(self, task: "asyncio.Future[object]", hands: Hangs) -> None:
        """Cancel when the request is there, and wait for the end."""
        await hands.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_read_that_was_cancelled_can_be_repeated(self, bench: Bench) -> None:
        hands = handy(bench.hands, Hangs)
        await bench.hands.plant(self.body(1))
        await hands.hang()
        await self.cancelled(asyncio.ensure_future(drain(bench.connector)), hands)
        assert await self.seen(bench.connector, SECOND) == [self.body(1)]

    async def test_a_write_that_was_cancelled_is_there_exactly_once_in_the_end(
        self, bench: Bench
    ) -> None:
        hands = handy(bench.hands, Hangs)
        writes = [self.write_of(n) for n in (1, 2, 3)]
        await hands.hang()
        await self.cancelled(asyncio.ensure_future(asked(bench.connector, *writes)), hands)
        await self.made_good(await bench.restarted(), writes)
        assert await self.held(bench) == self.sorted(*(self.body(n) for n in (1, 2, 3)))


class SecrecyContract(OnRig):
    """What lets us in is seen by nobody: in no error, no answer, no log, no description."""

    async def test_no_error_shows_a_secret(self, bench: Bench) -> None:
        hands = handy(bench.hands, HoldsSecret)
        await bench.hands.plant(self.body(1))
        known = [r for page in await drain(bench.connector) for r in page.records]
        writes = [self.write_of(2), Write("key-3", self.body(1, "ours"), self.ref(1), known[0])]
        await hands.blurt()
        with overheard() as log:
            for connector in (bench.connector, bench.rig.restart()):
                bench.opened.append(connector)
                problems = await provoked(connector, known, writes)
                assert problems, "the hands answer each request with an error: one was to be seen"
                for problem in problems:
                    for secret in hands.secrets:
                        assert secret not in said(problem), f"{type(problem).__name__} shows it"
        for secret in hands.secrets:
            assert secret not in "".join(log), "the log shows it"

    async def test_no_description_shows_a_secret(self, bench: Bench) -> None:
        hands = handy(bench.hands, HoldsSecret)
        settings = getattr(bench.connector, "settings", None)
        for one in (bench.connector, bench.connector.traits, settings):
            for secret in hands.secrets:
                assert secret not in f"{one} {one!r}"
