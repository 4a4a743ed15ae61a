"""A system that answers, in this process: what the engine makes of each of its answers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.faults.inside import Notes
from tests.harness import Doc, World, doc, order
from tracbridge.adapters.connectors.memory import MemoryConnector, MemorySettings, MemorySystem
from tracbridge.bootstrap import Service, opened
from tracbridge.config.settings import load
from tracbridge.domain.errors import BusyError, RecordError, RetryableError, UnknownOutcomeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.retry import retry
from tracbridge.engine.session import session
from tracbridge.ports.connector import Receipt, Refusal, Write
from tracbridge.ports.place import Place

Answering = Callable[[Write], Refusal | None]


class Moody(MemoryConnector):
    """As the memory connector, but its answers can be given by a test. ``asked``: all writes."""

    def __init__(self, settings: MemorySettings, place: Place) -> None:
        super().__init__(settings, place)
        self.mood: Answering = lambda _: None
        self.asked: list[Write] = []
        self.loses = False

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for write in writes:
            self.asked.append(write)
            answer: Receipt | Refusal = self.mood(write) or self._write(write)
            if self.loses:
                answer = UnknownOutcomeError("the answer was lost.")
            answers.append(answer)
        return answers


class Desk:
    """One connection to such a system."""

    def __init__(self, service: Service, connection: Connection, customer: Moody) -> None:
        self.service, self.connection, self.customer = service, connection, customer

    @property
    def system(self) -> MemorySystem:
        return self.customer.system

    async def run(self) -> Tally:
        tally = Tally("desk")
        async with session(self.connection, self.service.runs, "desk"):
            await cycle(self.connection, tally, frozenset(Side))
        return tally

    async def retry(self, world: World) -> None:
        cases = self.service.state.quarantine
        wanted = await cases.find([case["_id"] for case in world.cases()])
        async with session(self.connection, self.service.runs, "desk"):
            await retry(self.connection, cases, wanted, "desk")

    def shows(self, number: int) -> Doc:
        """The record as the system holds it."""
        found = self.system.get(str(number))
        assert found is not None
        return dict(found.body or {})


@asynccontextmanager
async def desk(world: World) -> AsyncIterator[Desk]:
    place = Place("default", Path(), UTC, lambda: datetime.now(UTC))
    customer = Moody(MemorySettings(connector="memory"), place)
    async with opened(load(world.env, None), Notes()) as service:
        connection = replace(service.connection, customer=customer, guards={})
        connection = replace(connection, policies=replace(connection.policies, receipts=False))
        await service.prepare()
        yield Desk(service, connection, customer)


def edit(world: World, number: int, **values: Any) -> None:
    now = {"updatedAt": datetime.now(UTC), "isSynced": False}
    assert world.orders.update_one({"number": number}, {"$set": {**values, **now}}).matched_count


async def test_a_tombstone_deletes_the_order_and_one_of_a_stranger_does_nothing(
    world: World,
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        at.system.put("7", None)
        at.system.put("8", None)
        tally = await at.run()
        assert (tally.inbound["updated"], tally.inbound["skipped"]) == (1, 1)
        found = world.doc(7) or {}
        assert (found["deleted"], found["title"]) == (True, "Inspect conveyor 7")
        assert world.doc(8) is None
        assert (await at.run()).outbound["delivered"] == 0


async def test_an_order_that_changed_there_meanwhile_is_read_again_and_both_edits_stay(
    world: World,
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, status="completed")
        later = order(7, at=datetime.now(UTC), summary="Rewritten by the planner")

        def race(write: Write) -> None:
            if len(at.customer.asked) == 1:
                at.system.put("7", later)

        at.customer.mood = race
        tally = await at.run()
        assert tally.outbound["delivered"] == 1
        assert len(at.customer.asked) == 2
        shown = at.shows(7)
        assert (shown["isDone"], shown["summary"]) == (True, "Rewritten by the planner")
        found = world.doc(7) or {}
        assert (found["status"], found["description"]) == ("completed", "Rewritten by the planner")
        assert tally.outbound["failed"] == 0, "it was delivered after all"
        assert (await at.run()).outbound.total() == 0


async def test_what_is_refused_is_on_record_and_not_said_again_until_something_changes(
    world: World,
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, description="Forbidden words")
        refusal = RecordError("refused_by_customer", "is not allowed on a closed order.")
        at.customer.mood = lambda _: refusal
        assert (await at.run()).outbound["quarantined"] == 1
        for _ in range(3):
            assert (await at.run()).outbound["delivered"] == 0
        assert len(at.customer.asked) == 1, "it was said once"
        (case,) = world.cases()
        assert case["code"] == "refused_by_customer"
        at.customer.mood = lambda _: None
        assert (await at.run()).outbound["delivered"] == 0, "nothing has changed"
        edit(world, 7, description="Allowed words")
        assert (await at.run()).outbound["delivered"] == 1
        assert at.shows(7)["summary"] == "Allowed words"
        assert world.cases() == []


async def test_what_is_refused_is_tried_again_when_the_customer_changed_the_record(
    world: World,
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, description="Words for later")
        refusal = RecordError("refused_by_customer", "the order is closed.")
        at.customer.mood = lambda _: refusal
        await at.run()
        at.customer.mood = lambda _: None
        at.system.put("7", order(7, "in_progress", at=datetime.now(UTC)))
        assert (await at.run()).outbound["delivered"] == 1
        shown = at.shows(7)
        assert (shown["summary"], shown["isActive"]) == ("Words for later", True)


async def test_what_is_refused_is_tried_again_when_a_person_retries_its_case(world: World) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, description="Words for later")
        refusal = RecordError("refused_by_customer", "closed for stocktaking.")
        at.customer.mood = lambda _: refusal
        await at.run()
        for mood, asked, left in ((refusal, 2, 1), (None, 3, 0)):
            at.customer.mood = lambda _, mood=mood: mood  # type: ignore[misc]
            await at.retry(world)
            assert len(at.customer.asked) == asked
            assert len(world.cases()) == left
        assert at.shows(7)["summary"] == "Words for later"
        assert (await at.run()).outbound.total() == 0


async def test_a_record_that_somebody_has_open_waits_and_the_others_go_on(world: World) -> None:
    async with desk(world) as at:
        for number in (7, 8):
            at.system.put(str(number), order(number))
        await at.run()
        for number in (7, 8):
            edit(world, number, description="Edited")
        busy = BusyError("somebody has it open.")
        at.customer.mood = lambda write: busy if write.ref == "7" else None
        tally = await at.run()
        assert (tally.outbound["delivered"], tally.outbound["failed"]) == (1, 1)
        edit(world, 7, description="Edited twice")
        at.customer.mood = lambda _: None
        assert (await at.run()).outbound["delivered"] == 1
        assert at.shows(7)["summary"] == "Edited twice", "what went out is the newest"
        assert len([w for w in at.customer.asked if w.ref == "7"]) == 2


async def test_an_outage_keeps_what_was_done_and_takes_the_rest_back(world: World) -> None:
    async with desk(world) as at:
        for number in (7, 8, 9):
            at.system.put(str(number), order(number))
        await at.run()
        for number in (7, 8, 9):
            edit(world, number, description="Edited")
        away = RetryableError("the system is away.", retry_after=timedelta(seconds=5))
        at.customer.mood = lambda _: away if len(at.customer.asked) > 1 else None
        with pytest.raises(RetryableError, match="away"):
            await at.run()
        at.customer.mood = lambda _: None
        assert (await at.run()).outbound["delivered"] == 2
        assert [at.shows(n)["summary"] for n in (7, 8, 9)] == ["Edited"] * 3


@pytest.mark.parametrize("new", [True, False], ids=["a new order", "a change"])
async def test_a_write_whose_answer_was_lost_is_looked_for_and_not_said_again(
    world: World, new: bool
) -> None:
    async with desk(world) as at:
        if new:
            world.orders.insert_one(doc(7))
        else:
            at.system.put("7", order(7))
            await at.run()
            edit(world, 7, description="Edited")
        at.customer.loses = True
        assert (await at.run()).outbound["delivered"] == 0
        at.customer.loses = False
        asked = len(at.customer.asked)
        tally = await at.run()
        assert tally.outbound["delivered"] == 1
        assert len(at.customer.asked) == asked, "it was found out by looking"
        assert (await at.run()).outbound.total() == 0
        assert (world.doc(7) or {})["isSynced"] is True


async def test_a_write_that_never_arrived_is_said_again_with_what_is_true_by_then(
    world: World,
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, description="Lost on its way")
        lost = UnknownOutcomeError("no answer came.")
        at.customer.mood = lambda _: lost
        assert (await at.run()).outbound["failed"] == 1
        edit(world, 7, description="True by now")
        at.customer.mood = lambda _: None
        assert (await at.run()).outbound["delivered"] == 1
        assert at.shows(7)["summary"] == "True by now"
        history = [entry for entry in world.records("history") if not entry.get("superseded")]
        assert not any("Lost on its way" in str(e.get("after")) for e in history), history
