"""Many connections read together show what each of them shows when it is read alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.api.conftest import Desk
from tests.harness import NOW, doc, order
from tracbridge.adapters.mongo import unsent
from tracbridge.bootstrap import Service
from tracbridge.desk.connections import connections_json
from tracbridge.desk.standing import fares_of, status_of
from tracbridge.domain.errors import RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused, pause


async def services(desk: Desk) -> list[Service]:
    found = [await desk.hosted.service(name) for name in desk.places]
    return [one for one in found if one]


async def varied(desk: Desk) -> None:
    """Each connection in another state, and documents that only one of them may count."""
    pump, fan, globex = desk.places.values()
    pump.drop(order(7))
    pump.drop(order(8, lastUpdateDate="yesterday"))
    fan.plant(doc(1), doc(2))
    await desk.once()
    pump.plant(doc(20, at=NOW - timedelta(hours=2)), doc(21, status="odd"), doc(22, isSynced=1))
    fan.plant(doc(20), doc(21, isSynced="no"))
    globex.orders.insert_one({**doc(30), "companyId": ["globex", "others"]})
    desk.site.orders.insert_one({**doc(40), "companyId": "nobody"})
    desk.pump.orders.update_one({"number": 7, **pump.owner}, {"$set": {"isSynced": False}})


async def test_read_together_and_read_alone_they_stand_the_same(desk: Desk) -> None:
    await varied(desk)
    every = await services(desk)
    alone = {one.name: await status_of(one) for one in every}
    found = {name: one async for name, one in fares_of(every, sums=True)}
    assert found.keys() == alone.keys()
    for name, fare in found.items():
        assert not isinstance(fare, Exception)
        assert fare.status == alone[name], name
    assert {name: one.standing.on_their_way for name, one in alone.items()} == {
        "pump": 4,
        "fan": 4,
        "globex": 1,
    }
    assert alone["pump"].standing.last_run


async def test_where_much_waits_each_is_read_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await varied(desk)
    every = await services(desk)
    alone = {one.name: await status_of(one) for one in every}
    monkeypatch.setattr(unsent, "TOGETHER", 3)
    found = {name: one async for name, one in fares_of(every, sums=True)}
    assert [one.status for one in found.values() if not isinstance(one, Exception)] == [
        *alone.values()
    ]


async def test_where_very_much_waits_the_figures_are_bounds_and_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await varied(desk)
    every = await services(desk)
    exact = await status_of(every[0])
    monkeypatch.setattr(unsent, "TOGETHER", 1)
    monkeypatch.setattr(unsent, "EXACT", 1)
    (pump, *_) = await connections_json(every)
    told = pump["status"]
    assert told["exact"] is False
    assert told["on_their_way"] >= exact.standing.on_their_way
    assert told["in_sync"] <= exact.standing.in_sync


async def test_a_run_that_undid_another_one_is_not_the_last_run(desk: Desk) -> None:
    desk.pump.drop(order(7))
    await desk.once()
    (pump, *_) = await services(desk)
    last = (await status_of(pump)).standing.last_run
    await pump.past.begin_undo("x", None, "undo-1", NOW + timedelta(days=30_000))
    found = {name: one async for name, one in fares_of([pump])}
    fare = found["pump"]
    assert not isinstance(fare, Exception)
    assert fare.status.standing.last_run == last


async def test_what_is_paused_is_read_with_the_rest(desk: Desk) -> None:
    every = await services(desk)
    wish = Paused(NOW, "ana", "stocktaking")
    await pause(every[1].connection.passes, [Side.TRACOS], wish)
    found = {name: one async for name, one in fares_of(every)}
    fare = found[every[1].name]
    assert not isinstance(fare, Exception)
    assert fare.paused == {Side.TRACOS: wish}


async def test_a_memory_that_is_away_is_told_of_its_connections_alone(desk: Desk) -> None:
    every = await services(desk)
    whole = desk.hosted.configuration
    nobody = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200&directConnection=true"
    gone, *others = whole.connections
    changed = replace(gone, mongo_uri=nobody)
    desk.hosted.adjust(type(whole)((changed, *others)))
    away = await desk.hosted.service(gone.name)
    assert away
    left = [one for one in every if one.name != gone.name]
    found = {name: one async for name, one in fares_of([away, *left])}
    assert isinstance(found[gone.name], RetryableError)
    assert not [one for one in left if isinstance(found[one.name], Exception)]
