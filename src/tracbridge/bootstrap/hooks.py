"""Webhooks and pushes of a serving process, wired."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final

from tracbridge.adapters.connectors.folder.pushes import FolderPushes
from tracbridge.adapters.hooks import signing
from tracbridge.adapters.hooks.sending import Sender, target_of
from tracbridge.adapters.hooks.signing import Claimed, claimed
from tracbridge.adapters.mongo.deliveries import MongoDeliveries
from tracbridge.adapters.mongo.inbox import MongoInbox
from tracbridge.adapters.mongo.news import MongoNews
from tracbridge.bootstrap import Service, log_of
from tracbridge.bootstrap.customers import folder_settings
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.config.hooks import HookIn
from tracbridge.config.settings import FOLDER, Settings
from tracbridge.domain.errors import TracbridgeError
from tracbridge.ports.deliveries import Deliveries
from tracbridge.ports.inbox import Inbox
from tracbridge.runtime.hub import Event
from tracbridge.runtime.outbox import Outbox, Place, Target
from tracbridge.runtime.received import HELD, Reception
from tracbridge.runtime.runner import Stop

WATCH: Final = 2.0
"""Seconds: how often it is looked whose webhooks are configured."""

GRACE: Final = 3.0
"""Seconds in which what is under way may come to its end."""

WAITS: Final = "connection_waits"
"""The incident of a connection that cannot work."""

__all__ = ["Claimed", "claimed", "deliveries_of", "fits", "inbox_of", "posting", "reception_of"]


def fits(hook: HookIn | None, claim: Claimed) -> bool:
    """Whether a webhook is signed as it has to be; None: nobody may send any. Takes the same time
    always.
    """
    ours = hook is not None and hook.kind == claim.kind
    return signing.fits(claim, hook.secrets if hook and ours else ())


def takes_records(settings: Settings) -> bool:
    """What is pushed to it are records, and laid into its folder; else a push is a hint."""
    return settings.connector == FOLDER


async def inbox_of(service: Service) -> Inbox:
    """What reached the connection over HTTP."""
    inbox = MongoInbox(service.state.database, service.name, service.host)
    await service.ready.once(("inbox", service.state.database.name), inbox.prepare)
    return inbox


async def reception_of(service: Service, hosted: Hosted) -> Reception:
    """Takes what reaches the connection over HTTP to where it belongs."""
    folder = None
    if takes_records(service.settings):
        folder = FolderPushes(folder_settings(service.settings))
    return Reception(
        await inbox_of(service),
        folder,
        service.state.passes,
        lambda sides: hosted.ring(service.name, sides),
        hosted.now,
    )


async def deliveries_of(service: Service) -> Deliveries:
    """What others are told of the connection."""
    deliveries = MongoDeliveries(service.state.database, service.name, service.host)
    await service.ready.once(("deliveries", service.state.database.name), deliveries.prepare)
    return deliveries


@asynccontextmanager
async def posting(hosted: Hosted) -> AsyncIterator[None]:
    """While the block runs, others are told what happens, and what was left half taken in by an
    earlier process is brought to its end.
    """
    posts, stop = _Posts(hosted), Stop()
    listens = asyncio.create_task(posts.listen())
    works = [asyncio.create_task(work(stop)) for work in (posts.watch, posts.finish)]
    try:
        yield
    finally:
        stop.set()
        listens.cancel()
        await _ended([listens, *works])
        await posts.end()


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """They come to their end by themselves, or are broken off after a while."""
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_One = tuple[Settings, Outbox, Sender, Stop, asyncio.Task[None]]


def _is_over(one: _One, wanted: Settings | None) -> bool:
    """Other settings count now, or it has ended."""
    return one[0] != wanted or one[-1].done()


class _Posts:
    """The outboxes of one process, by connection, each with the settings that it was made for."""

    def __init__(self, hosted: Hosted) -> None:
        self.hosted = hosted
        self._each: dict[str, _One] = {}

    async def watch(self, stop: Stop) -> None:
        """Let those work whose webhooks are configured."""
        while not stop.asked:
            wanted = {n: s for n, s in self.hosted.connections().items() if s.hooks.out}
            self._tell_broken()
            await self.end([n for n, one in self._each.items() if _is_over(one, wanted.get(n))])
            for name in wanted.keys() - self._each.keys():
                with suppress(TracbridgeError):  # it is said of its passes; tried again
                    await self._begin(name, wanted[name])
            await stop.sleep(WATCH)

    async def listen(self) -> None:
        """Ring where something happened; who was too slow listens anew."""
        while True:
            async for event in self.hosted.hub.listen(None):
                self._heard(event)

    async def finish(self, stop: Stop) -> None:
        """Bring to its end what was left: by a process that died, or a folder that failed."""
        while not stop.asked:
            for name in self._one_of_each():
                with suppress(TracbridgeError):  # our memory is away, which the passes say
                    await self._finish(name)
            await stop.sleep(HELD.total_seconds())

    async def end(self, names: Collection[str] | None = None) -> None:
        """Those of them work no more; None is all."""
        ended = [self._each.pop(name) for name in list(self._each if names is None else names)]
        for _, _, _, stop, _ in ended:
            stop.set()
        await _ended([task for *_, task in ended])
        for _, _, sender, _, _ in ended:
            await sender.aclose()

    def _tell_broken(self) -> None:
        """A fault of ours ends an outbox; it begins again."""
        for name, (*_, task) in self._each.items():
            if task.done() and (error := task.exception()):
                what = f"{type(error).__name__}: {error}"
                log_of(name).incident("unexpected", "webhooks", what)

    def _heard(self, event: Event) -> None:
        found = self._each.get(event.connection)
        if found is None:
            return
        if event.kind == "incident" and event.data.get("code") == WAITS:
            found[1].down(event.at)
        found[1].bell.ring()

    async def _begin(self, name: str, settings: Settings) -> None:
        service = await self.hosted.service(name)
        if service is None:
            return
        sender = Sender(name, settings.hooks.out, self.hosted.now)
        place = Place(
            name,
            MongoNews(service.state.database, name, service.host),
            await deliveries_of(service),
            service.state.passes,
            sender,
            service.connection.clock,
            log_of(name),
        )
        targets = [Target(target_of(one), one.url, one.events) for one in settings.hooks.out]
        outbox, stop = Outbox(place, targets), Stop()
        task = asyncio.create_task(outbox(stop))
        self._each[name] = settings, outbox, sender, stop, task

    def _one_of_each(self) -> list[str]:
        """One connection of each database of ours."""
        every = self.hosted.connections().values()
        places = {(s.mongo_uri, s.state_database or s.mongo_database): s.name for s in every}
        return list(places.values())

    async def _finish(self, any_: str) -> None:
        """What is left in the database of that connection."""
        service = await self.hosted.service(any_)
        if service is None:
            return
        inbox = await inbox_of(service)
        for name in await inbox.left(self.hosted.now() - HELD):
            service = await self.hosted.service(name)
            if service is not None:
                await (await reception_of(service, self.hosted)).finish()
