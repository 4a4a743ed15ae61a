"""How quickly changes arrive, for metrics: since when the customer's oldest one waits, and how long
they take from one side to the other.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from tracbridge.adapters.connectors.folder import InboundMode
from tracbridge.adapters.connectors.folder.waiting import oldest
from tracbridge.adapters.mongo.latency import latencies
from tracbridge.adapters.observe.metrics import Spread
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.config.settings import FOLDER

LAG = timedelta(seconds=2)
"""Until a change that is on record can be read by us, for sure."""

BACK = timedelta(minutes=10)
"""How far we look back where nobody has asked for long."""

FOLDERS = 0.5
"""Seconds that we wait for folders, which may be far away."""


class Inflow:
    """Of the connections of one process; begins with it."""

    def __init__(self, hosted: Hosted) -> None:
        self._now, self._born = hosted.now, hosted.now()
        self._waits: dict[str, datetime | None] = {}
        self._read_last: dict[str, datetime] = {}
        self._until: dict[str, datetime] = {}
        self._spreads: dict[str, dict[str, Spread]] = {}
        self._looking: asyncio.Future[dict[str, datetime | None]] | None = None

    def keep(self, known: Collection[str]) -> None:
        """Forget all others: they are gone from the configuration."""
        for mine in (self._waits, self._read_last, self._until, self._spreads):
            for name in mine.keys() - set(known):
                del mine[name]

    def age(self, name: str, succeeded: datetime | None, *, paused: bool) -> float | None:
        """Seconds that the customer's oldest change has waited: that of the oldest file, where he
        gives us files. Else since he was read last to the end, as ``succeeded`` says; while that
        side is ``paused`` he is not read. None where nothing is known yet.
        """
        if succeeded and not paused:
            self._read_last[name] = succeeded
        if name in self._waits:
            since = self._waits[name]
            return max(0.0, (self._now() - since).total_seconds()) if since else 0.0
        last = self._read_last.get(name)
        return max(0.0, (self._now() - last).total_seconds()) if last else None

    def latency(self, name: str) -> Mapping[str, Spread]:
        """By flow, since the process began."""
        return self._spreads.get(name, {})

    async def read(self, services: Sequence[Service]) -> None:
        """What has come about since the last time, of connections with one memory.

        Raises `RetryableError` where that is away.
        """
        await self._look_into_folders(services)
        until, first = self._now() - LAG, services[0]
        earliest = max(self._born, until - BACK)
        since = {one.name: max(self._until.get(one.name, earliest), earliest) for one in services}
        found = latencies(first.state.database, first.host, list(since), min(since.values()), until)
        async for name, flow, at, seconds in found:
            if at > since[name]:
                self._spreads.setdefault(name, {}).setdefault(flow, Spread()).add(seconds)
        self._until |= dict.fromkeys(since, until)

    async def _look_into_folders(self, services: Sequence[Service]) -> None:
        """One listing at a time: a share that hangs keeps one thread, and no more."""
        places = [
            (one.name, one.settings.inbound_dir)
            for one in services
            if one.settings.connector == FOLDER
            and InboundMode(one.settings.inbound_mode) is not InboundMode.KEEP
        ]
        if self._looking is not None and not self._looking.done():
            found: Mapping[str, datetime | None] = {}
        else:
            self._looking = asyncio.ensure_future(asyncio.to_thread(oldest, places))
            done, _ = await asyncio.wait([self._looking], timeout=FOLDERS)
            found = self._looking.result() if done else {}
        for name, _ in places:
            self._waits.pop(name, None)
        self._waits |= found
