"""A long backlog at a system of which calls are few, on a clock that the test sets.

The engine, its stores and a real mongod work as ever; only the two clocks are made up.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.faults.inside import Notes
from tests.harness import Doc, World
from tracbridge.bootstrap import opened
from tracbridge.config.settings import load
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.session import session
from tracbridge.ports.connector import (
    Cursor,
    Page,
    Receipt,
    Refusal,
    Traits,
    Write,
)
from tracbridge.resilience.pace import Pace
from tracbridge.resilience.target import PaceSettings

RATE = 20.0
"""Calls a second that the system takes."""

BEGIN = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
EVERY = 1.0
"""Seconds between two passes of a service that has nothing else to do."""


@dataclass
class Time:
    """Moves only when somebody waits. ``edits``: when TracOS's people do something, and what."""

    passed: float = 0.0
    edits: list[tuple[float, Any]] = field(default_factory=list)

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=round(self.passed, 3))

    def seconds(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.wait(seconds)
        await asyncio.sleep(0)

    def wait(self, seconds: float) -> None:
        until = self.passed + seconds
        while self.edits and self.edits[0][0] <= until:
            at, edit = self.edits.pop(0)
            self.passed = max(self.passed, at)
            edit()
        self.passed = until


class Slow:
    """A system that takes 20 calls a second, one order each."""

    def __init__(self, time: Time) -> None:
        self.traits = Traits(resumes=True, answers=True)
        self.time, self.shown, self.writes = time, dict[str, tuple[Doc, float]](), 0
        settings = PaceSettings(calls_per_second=RATE, burst=1, patience=3600.0)
        self.gate = Pace(settings, time.seconds, time.sleep, lambda: 0.5)

    async def check(self) -> None:
        return

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        async with self.gate.turn("read"):
            yield Page((), Cursor("0"), complete=True)

    async def commit(self, cursor: Cursor) -> None:
        return

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        answers = []
        for write in writes:
            async with self.gate.turn("write"):
                self.writes += 1
                self.shown[write.ref or ""] = (dict(write.body or {}), self.time.seconds())
                answers.append(Receipt(write.ref or ""))
        return answers

    async def aclose(self) -> None:
        return

    def pace(self) -> Mapping[str, Any]:
        return self.gate.describe()

    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        self.gate.restore(kept, elapsed)

    def force(self, operation: str, word: str) -> None:
        return


def order(number: int, at: datetime, **over: Any) -> Doc:
    text = f"Grease bearing {number}"
    made: Doc = {"number": number, "status": "pending", "title": text, "description": text}
    made |= {"createdAt": BEGIN - timedelta(days=9), "updatedAt": at, "deleted": False}
    return {**made, "isSynced": False, **over}


async def worked(world: World, time: Time, until: Any) -> Slow:
    """Passes, one after the other, until that is so."""
    slow = Slow(time)
    async with opened(load(world.env, None), Notes()) as service:
        real = service.connection
        connection = replace(real, customer=slow, clock=time, guards={})
        await service.prepare()
        async with session(connection, service.runs, "backlog"):
            while not until(slow):
                await cycle(connection, Tally("backlog"), frozenset(Side))
                time.wait(EVERY)
    return slow


def lively(world: World, time: Time, seconds: float) -> list[tuple[int, float]]:
    """Somebody edits another order every few seconds; which, and when."""
    edits = []
    for n, at in enumerate(range(3, int(seconds), 7)):
        number, when = 900_001 + n, at + (n % 10) / 10
        edits.append((number, when))
        words = {"description": "Changed just now", "isSynced": False}

        def edit(number: int = number, words: Mapping[str, Any] = words) -> None:
            change = {"$set": {**words, "updatedAt": time.now()}}
            assert world.orders.update_one({"number": number}, change).matched_count == 1

        time.edits.append((when, edit))
    time.edits.sort(key=lambda one: one[0])
    return edits


def waits(slow: Slow, edits: Iterable[tuple[int, float]]) -> list[float]:
    """How long each edit took to be shown there, in seconds of the made-up clock, sorted."""
    found = []
    for number, when in edits:
        body, at = slow.shown[str(number)]
        assert body["summary"] == "Changed just now", number
        found.append(at - when)
    return sorted(found)


def p95(sorted_waits: Sequence[float]) -> float:
    return sorted_waits[int(0.95 * (len(sorted_waits) - 1))]


async def measured(world: World, backlog: int) -> tuple[float, float]:
    """The 95th percentile of the waits of live edits while so many orders wait; and how long these
    took, against what the calls alone take.
    """
    time = Time()
    span = max(backlog / RATE, 200.0)
    edits = lively(world, time, span * 0.9)
    live = [order(number, BEGIN - timedelta(days=1)) for number, _ in edits]
    world.orders.insert_many(live)
    first = await worked(world, Time(), lambda slow: len(slow.shown) == len(live))
    assert first.writes == len(live), "each was given to him before"
    old = BEGIN - timedelta(days=2)
    if backlog:
        world.orders.insert_many([order(number, old) for number in range(1, backlog + 1)])

    def done(slow: Slow) -> bool:
        return not time.edits and len(slow.shown) == backlog + len(live)

    slow = await worked(world, time, done)
    assert slow.writes == backlog + len(live), "one call for each order"
    ends = [slow.shown[str(number)][1] for number in range(1, backlog + 1)]
    end = max(ends, default=0.0)
    calls = sum(at <= end for _, at in slow.shown.values())
    return p95(waits(slow, edits)), end / (calls / RATE) if calls else 0.0


@pytest.mark.parametrize(
    "backlog", [1_000, pytest.param(100_000, marks=pytest.mark.faults)], ids=["some", "100,000"]
)
async def test_a_backlog_takes_as_long_as_its_calls_and_live_changes_hardly_wait_for_it(
    world: World, backlog: int
) -> None:
    alone, _ = await measured(world, 0)
    world.orders.delete_many({})
    world.server.drop(world.state)
    beside, times = await measured(world, backlog)
    assert beside <= 2 * alone, (beside, alone)
    assert times <= 1.1, times
