"""Tells others what happened on one connection: at least once, signed, for a day.

What happened is on record before anybody is told. So the records are read, from where they were
read last, and each event becomes a row of its own before it is sent: a crash loses none of them,
and tells some twice, under the same id.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

from msgspec import Struct

from tracbridge.domain.errors import TracbridgeError
from tracbridge.ports.deliveries import (
    Attempt,
    Deliveries,
    Delivery,
    Happening,
    News,
    State,
)
from tracbridge.ports.runtime import Clock, Observer
from tracbridge.ports.state import Passes
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.bell import Bell
from tracbridge.runtime.runner import Stop

KEPT: Final = "webhooks"
"""Where it is kept how far the records were read, beside the resume points."""

REST: Final = 15.0
"""Seconds between two looks where nothing rings."""

DAY: Final = timedelta(days=1)
"""For so long an event is tried."""

LATE: Final = timedelta(seconds=5)
"""A record may be stored so long after the time that stands in it."""

LATEST: Final = timedelta(hours=1)
"""Or so long, where a pass kept a change back; looked for every `THOROUGH`."""

THOROUGH: Final = timedelta(minutes=5)

OURS: Final = timedelta(seconds=60)
"""For so long nobody else tries what we are trying."""

AGAIN: Final = Backoff(delay=5.0, longest=3_600.0, spread=0.2)

AT_ONCE: Final = 8
"""Attempts at one time."""

PAGE: Final = 1_000

DOWN, UP = "connection.down", "connection.up"


class Target(Struct, frozen=True):
    """Somebody who is told. ``name``: in our memory; ``events``: of which kinds."""

    name: str
    url: str
    events: Collection[str]


class Sends(Protocol):
    """Sends one event."""

    async def send(self, delivery: Delivery) -> Attempt:
        """One attempt; whatever goes wrong is in the answer."""


class Place(Struct, frozen=True):
    """What an outbox works with."""

    connection: str
    news: News
    deliveries: Deliveries
    passes: Passes
    sends: Sends
    clock: Clock
    observer: Observer


class Outbox:
    """The events of one connection. ``bell``: rings when something may have happened."""

    def __init__(self, place: Place, targets: Sequence[Target]) -> None:
        self.place, self.targets, self.bell = place, targets, Bell()
        self.kinds = {kind for target in targets for kind in target.events}
        self._thorough: datetime | None = None
        self._down: datetime | None = None
        self._said = ""

    def down(self, at: datetime) -> None:
        """The connection cannot work since then."""
        self._down = self._down or at
        self.bell.ring()

    async def __call__(self, stop: Stop) -> None:
        """Until told to stop. While our memory is away, or refuses us, it waits."""
        while not stop.asked:
            self.bell.heard()
            rest = REST
            try:
                await self.look()
                await self.post(stop)
                rest = await self._rest()
                self._said = ""
            except TracbridgeError as error:
                if not self._said:
                    self.place.observer.incident("webhooks_wait", "", str(error))
                self._said = str(error)
            await self.bell.rest(rest, stop)

    async def _rest(self) -> float:
        due = await self.place.deliveries.next_due()
        if due is None:
            return REST
        return min(max((due - self.place.clock.now()).total_seconds(), 0.1), REST)

    # -- what happened -------------------------------------------------------------------------

    async def look(self) -> None:
        """What is new on record becomes rows to send; then it is remembered how far we read."""
        now = self.place.clock.now()
        kept: dict[str, Any] = await self.place.passes.cursor(KEPT) or {}
        begun = self._begun(kept.get("begun") or {}, now)
        thorough = self._thorough is None or now - self._thorough >= THOROUGH
        known: datetime = kept.get("read") or now
        read = known
        async for page in self._since(known - (LATEST if thorough else LATE)):
            new = [h for h in page if h.at > known or now - h.at < DAY]
            await self._put([one for h in new for one in self._each(h, begun, now)])
            read = max([read, *(h.at for h in page)])
        down = await self._standing(kept.get("down"), begun, now)
        await self._settle(now)
        if thorough:
            gone = Attempt(now, None, "its address is not configured any more")
            await self.place.deliveries.abandon([t.name for t in self.targets], gone)
            self._thorough = now
        reached = {"begun": begun, "read": read, "down": down}
        if reached != kept:
            await self.place.passes.keep_cursor(KEPT, reached)

    def _begun(self, kept: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
        """Since when each of them is told: of what was before, nobody is."""
        return {target.name: kept.get(target.name, now) for target in self.targets}

    async def _since(self, at: datetime) -> AsyncIterator[Sequence[Happening]]:
        async for page in self.place.news.since(at, self.kinds):
            yield page

    async def _put(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            await self.place.deliveries.put(deliveries)

    def _each(
        self, happening: Happening, begun: Mapping[str, datetime], now: datetime
    ) -> list[Delivery]:
        """One for each who wants to know."""
        event = sha256(f"{self.place.connection} {happening.kind} {happening.id}".encode())
        id_ = event.hexdigest()[:24]
        return [
            Delivery(
                id=f"{id_}-{target.name}",
                event=id_,
                kind=happening.kind,
                ref=happening.ref,
                subject=happening.id,
                at=happening.at,
                target=target.name,
                url=target.url,
                next=now,
                until=now + DAY,
                state=State.WAITING if happening.sure else State.OPEN,
            )
            for target in self.targets
            if happening.kind in target.events and happening.at >= begun[target.name]
        ]

    async def _standing(
        self, kept: datetime | None, begun: Mapping[str, datetime], now: datetime
    ) -> datetime | None:
        """Since when the connection is down, None where it works; both turns are told."""
        down, newer = kept or self._down, self._down
        self._down = None
        if down is None:
            return None
        told = [Happening(f"{DOWN} {down.isoformat()}", DOWN, "", down)]
        up = await self.place.news.ran(down)
        told += [Happening(f"{UP} {down.isoformat()}", UP, "", now)] if up else []
        await self._put([one for h in told for one in self._each(h, begun, now)])
        if not up:
            return down
        again = newer is not None and newer > down and not await self.place.news.ran(newer)
        return newer if again else None

    async def _settle(self, now: datetime) -> None:
        """Changes that were begun, and have happened by now; after a day they never will."""
        open_ = await self.place.deliveries.open(PAGE)
        if not open_:
            return
        sure = await self.place.news.sure({one.subject for one in open_})
        void = {one.subject for one in open_ if one.until < now} - sure
        await self.place.deliveries.settle(sure, void, now)

    # -- who is told ---------------------------------------------------------------------------

    async def post(self, stop: Stop) -> None:
        """Send what is due, some at a time, until nothing is or somebody asks to stop."""
        works = [self._post(stop) for _ in range(AT_ONCE)]
        results = await asyncio.gather(*works, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _post(self, stop: Stop) -> None:
        names, clock = [target.name for target in self.targets], self.place.clock
        while not stop.asked:
            now = clock.now()
            delivery = await self.place.deliveries.claim(names, now, now + OURS)
            if delivery is None:
                return
            attempt = await self.place.sends.send(delivery)
            state, next_ = self._after(delivery, attempt)
            await self.place.deliveries.book(delivery.id, attempt, state, next_)
            if state is State.GIVEN_UP:
                told = f"{delivery.url}: {attempt.error}. Given up after a day."
                self.place.observer.incident("webhook_given_up", delivery.id, told)

    @staticmethod
    def _after(delivery: Delivery, attempt: Attempt) -> tuple[State, datetime]:
        if attempt.taken:
            return State.DELIVERED, attempt.at
        pause = AGAIN.pause(delivery.attempts, random.random())  # noqa: S311
        next_ = attempt.at + timedelta(seconds=pause)
        return (State.WAITING if next_ <= delivery.until else State.GIVEN_UP), next_
