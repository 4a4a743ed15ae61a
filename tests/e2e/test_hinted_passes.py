"""What a hint makes us do: look for what is new, within a run that a whole pass began."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.faults.inside import Notes
from tests.harness import World, doc, order
from tracbridge.bootstrap import Service, opened
from tracbridge.config.settings import load
from tracbridge.domain.errors import ConfigError
from tracbridge.domain.workorder import Side
from tracbridge.runtime import work as runtime
from tracbridge.runtime.bell import Bell
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.work import Options, Work

LONG = 3_600.0
FLAGGED = {"isSynced": False}


class Script(Bell):
    """In each rest the next act takes place; after the last one the work is to end."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.acts = list(acts)

    async def rest(self, seconds: float, stop: Stop) -> None:
        if self.rung or stop.asked:
            return
        if not self.acts:
            stop.set()
            return
        self.acts.pop(0)()

    async def silent(self, seconds: float, stop: Stop) -> bool:
        del seconds, stop
        return not self.rung


@dataclass
class Site:
    """A connection at rest, known to both sides."""

    world: World
    service: Service

    async def work(self, bell: Bell) -> Work:
        """A whole pass, and what the bell makes of it."""
        work = Work(self.service, Options(every=LONG), Stop(), "service", bell=bell)
        await work()
        return work

    def edit(self, numbers: range, **values: object) -> None:
        for number in numbers:
            self.world.edit(number, **values)

    def runs(self) -> list[str]:
        """The runs of the service that are on record, with what they delivered."""
        rows = self.world.records("runs")
        return [
            f"{row['_id']}: {row['counts']['connections'][0]['outbound']['delivered']}"
            for row in rows
            if row["_id"].startswith("service")
        ]


def sent(world: World, number: int, name: str) -> object:
    """What the order's file in the outbound folder says, None where there is no file."""
    return (world.sent(number) or {}).get(name)


@asynccontextmanager
async def site(world: World, orders: int) -> AsyncIterator[Site]:
    world.orders.insert_many([doc(number) for number in range(1, orders + 1)])
    world.run()
    world.settle(*range(1, orders + 1))
    async with opened(load(world.env, None), Notes()) as service:
        yield Site(world, service)


@pytest.fixture(autouse=True)
def _one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "HELD", LONG + 1)


async def test_a_hint_is_answered_by_what_is_new_and_the_next_whole_pass_finds_the_rest(
    world: World,
) -> None:
    async with site(world, 2) as here:
        bell = Script()

        def edits() -> None:
            world.edit(1, description="Flagged", **FLAGGED)
            world.edit(2, description="Not flagged")
            bell.ring([Side.TRACOS])

        def whole() -> None:
            assert sent(world, 1, "summary") == "Flagged"
            assert sent(world, 2, "summary") != "Not flagged"
            bell.ring()

        bell.acts = [edits, whole]
        await here.work(bell)
        assert sent(world, 2, "summary") == "Not flagged"


async def test_what_hints_cause_is_on_record_with_the_run_that_a_whole_pass_began(
    world: World,
) -> None:
    async with site(world, 3) as here:
        bell = Script()

        def edit(number: int) -> Callable[[], None]:
            def act() -> None:
                world.edit(number, description="New", **FLAGGED)
                bell.ring([Side.TRACOS])

            return act

        bell.acts = [edit(1), edit(2), bell.ring, edit(3)]
        work = await here.work(bell)
        assert work.passes == 5
        assert here.runs() == ["service: 2", "service-4: 1"]
        entries = [e for e in world.records("history") if e["run"].startswith("service")]
        assert {(e["ref"], e["run"]) for e in entries} == {
            ("1", "service"),
            ("2", "service"),
            ("3", "service-4"),
        }


async def test_a_mass_of_cancellations_is_a_mass_also_where_it_comes_in_small_portions(
    world: World,
) -> None:
    async with site(world, 40) as here:
        bell = Script()

        def cancel(numbers: range) -> Callable[[], None]:
            def act() -> None:
                here.edit(numbers, status="cancelled", **FLAGGED)
                bell.ring([Side.TRACOS])

            return act

        bell.acts = [cancel(range(1, 16)), cancel(range(16, 31))]
        work = await here.work(bell)
        assert work.total.outbound["delivered"] == 15
        (withheld,) = work.total.withheld
        assert (withheld.count, withheld.room) == (15, 20)
        assert sent(world, 1, "isCanceled") is True
        assert sent(world, 16, "isCanceled") is None


async def test_a_hint_from_the_customer_is_no_reason_to_believe_an_emptied_tracos(
    world: World,
) -> None:
    async with site(world, 30) as here:
        bell = Script()

        def emptied() -> None:
            world.orders.delete_many({})
            world.drop(order(1, summary="New"))
            bell.ring([Side.CUSTOMER])

        bell.acts = [emptied]
        with pytest.raises(ConfigError, match="emptied or replaced"):
            await here.work(bell)
        assert world.orders.count_documents({}) == 0


async def test_where_somebody_else_was_at_work_in_between_the_next_pass_is_a_whole_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "HELD", 0.0)  # a session for each pass
    async with site(world, 2) as here:
        bell = Script()

        def hint(number: int) -> Callable[[], None]:
            def act() -> None:
                world.edit(number, description="Not flagged")
                bell.ring([Side.TRACOS])

            return act

        def nothing() -> None:
            """The session ends."""

        def other() -> None:
            assert sent(world, 1, "summary") != "Not flagged", "nobody else was at work"
            world.edit(1, **FLAGGED)
            world.run()
            hint(2)()

        bell.acts = [hint(1), nothing, other, nothing]
        await here.work(bell)
        assert sent(world, 2, "summary") == "Not flagged"
