"""A retry that dies on its way: the record is taken in or sent, or its case is still open."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tests.e2e.test_answering import Desk, desk, edit
from tests.faults.inside import Notes
from tests.harness import World, order
from tests.mappings import flags
from tracbridge.bootstrap import opened
from tracbridge.config.settings import load
from tracbridge.domain.errors import RecordError
from tracbridge.engine.retry import retry
from tracbridge.engine.session import session
from tracbridge.engine.wishes import edited_record, take_edited
from tracbridge.ports.state import QuarantineCase


class DiedError(Exception):
    """As if the process were not there any more."""


class Dying:
    """The quarantine, in a process that dies when a case changes its state, or right after."""

    def __init__(self, cases: Any, *, after: bool) -> None:
        self.cases, self.after = cases, after

    async def find(self, ids: Sequence[str]) -> list[QuarantineCase]:
        found: list[QuarantineCase] = await self.cases.find(ids)
        return found

    async def move(self, id_: str, state: str, at: datetime) -> bool:
        if self.after:
            await self.cases.move(id_, state, at)
        raise DiedError

    async def close_older(self, case: QuarantineCase, at: datetime) -> None:
        await self.cases.close_older(case, at)


each_side_of_the_step = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


async def dies_retrying(at: Desk, world: World, *, after: bool) -> None:
    cases = at.service.state.quarantine
    wanted = await cases.find([case["_id"] for case in world.cases()])
    assert wanted
    with pytest.raises(DiedError):
        async with session(at.connection, at.service.runs, "desk"):
            await retry(at.connection, Dying(cases, after=after), wanted, "desk")


async def goes_on(at: Desk, world: World) -> None:
    """The next pass; and what is still open is tried again."""
    await at.run()
    if world.cases():
        await at.retry(world)
    assert world.cases() == []


@each_side_of_the_step
async def test_what_his_system_refused_is_sent_although_a_retry_died(
    world: World, after: bool
) -> None:
    async with desk(world) as at:
        at.system.put("7", order(7))
        await at.run()
        edit(world, 7, description="Words for later")
        at.customer.mood = lambda _: RecordError("refused_by_customer", "closed for stocktaking.")
        await at.run()
        at.customer.mood = lambda _: None
        await dies_retrying(at, world, after=after)
        await goes_on(at, world)
        assert at.shows(7)["summary"] == "Words for later"
        assert (world.doc(7) or {})["isSynced"] is True


@each_side_of_the_step
async def test_a_record_of_his_is_taken_in_although_a_retry_died(world: World, after: bool) -> None:
    async with desk(world) as at:
        able = at.connection
        at.connection = replace(able, translation=flags(text_limit=5))
        at.system.put("7", order(7, summary="Longer than five"))
        assert (await at.run()).inbound["quarantined"] == 1
        at.connection = able
        await dies_retrying(at, world, after=after)
        await goes_on(at, world)
        assert (world.doc(7) or {})["description"] == "Longer than five"


@each_side_of_the_step
async def test_an_edited_record_reaches_both_sides_although_a_wish_died(
    world: World, after: bool
) -> None:
    world.drop({**order(7), "isDone": True, "isActive": True, "isPending": False})
    assert world.run()[0] == 3
    async with opened(load(world.env, None), Notes()) as service:
        connection, cases = service.connection, service.state.quarantine
        (case,) = await cases.find([one["_id"] for one in world.cases()])
        body = json.dumps(order(7, summary="Mended")).encode()
        record = edited_record(body, "7.json (edited by ana)")
        with pytest.raises(DiedError):
            async with session(connection, service.runs, "desk"):
                await take_edited(connection, Dying(cases, after=after), case, record, "desk")
        if not after:
            (case,) = await cases.find([case.id])
            assert case.state == "open"
            async with session(connection, service.runs, "desk"):
                await take_edited(connection, cases, case, record, "desk")
    assert world.run()[0] == 0
    assert (world.doc(7) or {})["description"] == "Mended"
    assert (world.sent(7) or {})["summary"] == "Mended"
