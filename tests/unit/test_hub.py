"""News of one process: who listens, who was away, and who is too slow."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from tracbridge.runtime.hub import KEPT, WAITING, Event, Hub

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


def tell(hub: Hub, kind: str = "batch", tenant: str = "acme") -> None:
    hub.tell(NOW, tenant, f"{tenant}-erp", kind, {"n": 1})


async def take(events: AsyncIterator[Event], number: int) -> list[Event]:
    return [await anext(events) for _ in range(number)]


async def rest(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def listening(
    hub: Hub, tenants: frozenset[str] | None = None
) -> tuple[AsyncIterator[Event], Event]:
    """One who listens from a first event on, which is told for him."""
    tell(hub, "first")
    first = list(hub._kept)[-1]
    before = list(hub._kept)[-2].id if len(hub._kept) > 1 else ""
    events = hub.listen(tenants, before) if before else hub.listen(tenants, first.id)
    if before:
        assert (await anext(events)).id == first.id
    return events, first


async def test_who_listens_hears_what_comes_in_its_order() -> None:
    hub = Hub("h")
    tell(hub)
    events, _ = await listening(hub)
    for kind in ("batch", "incident", "run"):
        tell(hub, kind)
    heard = await take(events, 3)
    assert [event.kind for event in heard] == ["batch", "incident", "run"]
    assert [event.id for event in heard] == ["h-3", "h-4", "h-5"]


async def test_who_was_away_hears_what_came_after_the_last_that_he_saw() -> None:
    hub = Hub("h")
    for kind in ("one", "two", "three"):
        tell(hub, kind)
    assert [event.kind for event in await take(hub.listen(None, "h-1"), 2)] == ["two", "three"]


async def test_a_tenant_hears_nothing_of_another() -> None:
    hub = Hub("h")
    for tenant in ("acme", "globex", "acme"):
        tell(hub, tenant=tenant)
    events = hub.listen(frozenset({"acme"}), "h-1")
    tell(hub, tenant="globex")
    assert (await anext(events)).id == "h-3"
    tell(hub, tenant="globex")
    tell(hub, tenant="acme")
    assert (await anext(events)).id == "h-6"


async def test_who_was_away_too_long_or_before_a_restart_is_told_so_first() -> None:
    hub = Hub("h")
    for _ in range(KEPT + 2):
        tell(hub)
    for after in ("h-1", "older-7"):
        (event,) = await take(hub.listen(None, after), 1)
        assert (event.kind, event.id) == ("gap", f"h-{KEPT + 2}")
    (event,) = await take(Hub("new").listen(None, "h-1"), 1)
    assert (event.kind, event.id) == ("gap", "new-0")


async def test_after_a_gap_the_next_event_is_heard() -> None:
    hub = Hub("h")
    events = hub.listen(None, "older-1")
    assert (await anext(events)).kind == "gap"
    tell(hub)
    assert (await anext(events)).id == "h-1"


async def test_who_is_too_slow_is_dropped_and_may_come_back_without_loss() -> None:
    hub = Hub("h")
    tell(hub)
    events, first = await listening(hub)
    for _ in range(WAITING + 5):
        tell(hub)
    heard = await rest(events)
    assert len(heard) == WAITING
    assert not hub._listeners
    missed = await take(hub.listen(None, heard[-1].id), 5)
    numbers = [int(event.id.partition("-")[2]) for event in [first, *heard, *missed]]
    assert numbers == list(range(2, WAITING + 8))


async def test_who_leaves_is_forgotten() -> None:
    hub = Hub("h")
    tell(hub)
    events, _ = await listening(hub)
    assert len(hub._listeners) == 1
    await events.aclose()  # type: ignore[attr-defined]
    assert not hub._listeners


async def test_a_flood_of_another_tenant_drops_nobody() -> None:
    hub = Hub("h")
    events, _ = await listening(hub, frozenset({"acme"}))
    for _ in range(WAITING + 10):
        tell(hub, "flood", "bolt")
    tell(hub, "mine")
    assert (await anext(events)).kind == "mine"
    assert hub.dropped == 0
