"""The bell of a connection: what rings is heard once, and wakes who rests."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.inside import Notes
from tracbridge.domain.errors import RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.ports.hints import Hint
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.bell import BOTH, Bell
from tracbridge.runtime.hints import hinted
from tracbridge.runtime.runner import Stop

LONG = 3_600.0


async def test_what_rang_is_heard_once_with_all_its_sides() -> None:
    bell = Bell()
    bell.ring([Side.TRACOS])
    bell.ring([Side.TRACOS])
    bell.ring([Side.CUSTOMER])
    assert bell.rung
    assert bell.heard() == BOTH
    assert bell.heard() == frozenset()


async def test_who_rests_is_woken_by_a_ring_or_by_the_end() -> None:
    bell, stop = Bell(), Stop()
    resting = asyncio.ensure_future(bell.rest(LONG, stop))
    await asyncio.sleep(0)
    assert not resting.done()
    bell.ring([Side.TRACOS])
    await resting
    assert bell.rung, "it is heard by who asks"
    bell.heard()
    resting = asyncio.ensure_future(bell.rest(LONG, stop))
    await asyncio.sleep(0)
    stop.set()
    await resting
    assert not bell.rung


async def test_what_rang_before_somebody_rests_wakes_him_at_once() -> None:
    bell = Bell()
    bell.ring()
    await bell.rest(LONG, Stop())
    assert bell.heard() is None, "a whole pass"


async def test_a_whole_pass_is_wanted_by_who_names_no_side_or_both_at_once() -> None:
    bell = Bell()
    for sides in ((), BOTH):
        bell.ring([Side.TRACOS])
        bell.ring(sides)
        bell.ring([Side.CUSTOMER])
        assert bell.heard() is None
        assert bell.heard() == frozenset()


async def test_a_rest_ends_by_itself() -> None:
    bell = Bell()
    await bell.rest(0.001, Stop())
    assert not bell.rung


class Source:
    """Tells what a test puts into it; an error is raised, None ends it."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[object] = asyncio.Queue()
        self.listened = 0

    async def watch(self) -> AsyncIterator[Hint]:
        self.listened += 1
        while (one := await self.told.get()) is not None:
            if isinstance(one, Exception):
                raise one
            assert isinstance(one, Hint)
            yield one


async def rung(bell: Bell) -> frozenset[Side] | None:
    await bell.rest(LONG, Stop())
    return bell.heard()


async def test_each_hint_rings_for_its_side() -> None:
    source, bell = Source(), Bell()
    async with hinted({Side.TRACOS: source}, bell, Notes()):
        for _ in range(3):
            source.told.put_nowait(Hint.NEWS)
            assert await rung(bell) == frozenset({Side.TRACOS})


async def test_hints_of_what_only_a_whole_pass_finds_ring_for_one_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracbridge.runtime.hints.SELDOM", 0.2)
    source, bell = Source(), Bell()
    async with hinted({Side.TRACOS: source}, bell, Notes()):
        source.told.put_nowait(Hint.ANY)
        assert await rung(bell) is None
        for hint in (Hint.ANY, Hint.ANY, Hint.NEWS):
            source.told.put_nowait(hint)
        assert await rung(bell) == frozenset({Side.TRACOS}), "the next whole pass comes later"
        assert await rung(bell) is None


async def test_hints_that_were_lost_are_made_up_for_by_a_look_and_it_is_listened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracbridge.runtime.hints.AGAIN", Backoff(delay=0.001))
    source, bell, notes = Source(), Bell(), Notes()
    async with hinted({Side.CUSTOMER: source}, bell, notes):
        source.told.put_nowait(RetryableError("The stream broke off."))
        assert await rung(bell) is None, "a whole pass"
        source.told.put_nowait(Hint.NEWS)
        assert await rung(bell) == frozenset({Side.CUSTOMER})
    assert source.listened == 2


async def test_a_source_that_cannot_tell_is_asked_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracbridge.runtime.hints.DEAF", 0.001)
    source, bell = Source(), Bell()
    async with hinted({Side.TRACOS: source}, bell, Notes()):
        source.told.put_nowait(None)
        source.told.put_nowait(Hint.NEWS)
        assert await rung(bell) == frozenset({Side.TRACOS})
    assert source.listened == 2
