"""A look instead of a pass: taken where nothing has happened, and nowhere else."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.faults.inside import Notes
from tests.harness import World, doc, order
from tracbridge.bootstrap import Service, opened
from tracbridge.config.settings import load
from tracbridge.engine.quiet import WHOLE, Quiet
from tracbridge.runtime import work as runtime
from tracbridge.runtime.bell import Bell
from tracbridge.runtime.counts import total_of
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.work import Options, Work

SECOND = timedelta(seconds=1)


@dataclass
class Hand:
    """A clock that a test moves."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


@dataclass
class Watch:
    """A connection at rest whose passes are left out where a look allows it."""

    service: Service
    world: World
    clock: Hand = field(default_factory=Hand)

    def __post_init__(self) -> None:
        self.quiet = Quiet(replace(self.service.connection, clock=self.clock))

    async def turn(self) -> bool:
        """A look, and a pass where one is needed; whether one was."""
        self.clock.at += SECOND
        if await self.quiet():
            return False
        work = Work(self.service, Options(), Stop(), f"run-{self.clock.at:%H%M%S%f}")
        await work()
        self.quiet.passed(idle=not total_of(work.total))
        return True

    async def rest(self) -> None:
        """Until nothing is left to do, and a look is enough."""
        for _ in range(10):
            if not await self.turn():
                return
        pytest.fail("each look asks for a pass, though nothing happens")


@asynccontextmanager
async def watching(world: World, *, numbers: tuple[int, ...] = (1, 2)) -> AsyncIterator[Watch]:
    """Some orders on both sides, as both know them."""
    world.orders.insert_many([doc(number) for number in numbers])
    world.run()
    world.settle(*numbers)
    async with opened(load(world.env, None), Notes()) as service:
        watch = Watch(service, world)
        await watch.rest()
        yield watch


async def test_at_rest_a_look_is_enough_until_five_minutes_have_passed(world: World) -> None:
    async with watching(world) as watch:
        assert not await watch.turn()
        watch.clock.at += WHOLE
        assert await watch.turn()
        assert not await watch.turn()


async def test_a_clock_that_jumped_back_is_no_reason_to_wait(world: World) -> None:
    async with watching(world) as watch:
        watch.clock.at -= timedelta(hours=1)
        assert await watch.turn()


Deed = Callable[[World], object]


def resent(world: World) -> None:
    assert world.cli("resend", "1").code == 0


DEEDS: dict[str, Deed] = {
    "a file of the customer": lambda world: world.drop(order(3)),
    "an unsynced document": lambda world: world.orders.insert_one(doc(3)),
    "an edit that resets the mark": lambda world: world.edit(1, title="New", isSynced=False),
    "an edit that leaves the mark": lambda world: world.edit(1, description="New"),
    "an order to be sent again": resent,
    "the marker is gone": lambda world: (world.outbound / ".tracbridge").unlink(),
}


@pytest.mark.parametrize("what", DEEDS)
async def test_whatever_happens_is_seen_by_the_next_look(what: str, world: World) -> None:
    async with watching(world) as watch:
        DEEDS[what](world)
        assert not await watch.quiet()


async def test_a_file_that_is_taken_by_the_customer_is_seen(world: World) -> None:
    async with watching(world) as watch:
        world.edit(1, description="New", isSynced=False)
        assert await watch.turn()
        await watch.rest()
        world.take(1)
        assert await watch.turn()
        assert world.records("links")[0].get("out") is None


async def test_what_waited_while_a_side_was_paused_is_taken_when_it_is_resumed(
    world: World,
) -> None:
    async with watching(world) as watch:
        assert world.cli("pause", "tracos").code == 0
        world.orders.insert_one(doc(3))
        await watch.rest()
        assert not world.sent(3)
        assert world.cli("resume", "tracos").code == 0
        assert await watch.turn()
        assert world.sent(3)


async def test_a_folder_too_full_to_be_compared_is_always_passed_over(world: World) -> None:
    async with watching(world) as watch:
        for number in range(2_001):
            (world.outbound / f"note-{number}.txt").touch()
        assert await watch.turn()
        assert await watch.turn()
        assert await watch.turn()


class Patient(Bell):
    """Asks to stop in the last of so many rests."""

    pauses: int = 10

    async def rest(self, seconds: float, stop: Stop) -> None:
        self.pauses -= 1
        if self.pauses <= 0:
            stop.set()
        await super().rest(seconds, stop)


async def test_a_service_leaves_out_the_passes_that_nobody_needs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "HELD", 0.0)
    async with watching(world) as watch:
        bell = Patient()
        work = Work(watch.service, Options(every=0.01), Stop(), "service", bell=bell)
        await work()
    assert not bell.pauses
    assert work.passes == 2
