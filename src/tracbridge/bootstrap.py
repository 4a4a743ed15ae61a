"""The composition root: settings in, a wired connection out. The only module that names adapters."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pymongo import AsyncMongoClient

from tracbridge.adapters.connectors.folder import FolderConnector, FolderSettings, InboundMode
from tracbridge.adapters.mongo.choice import choose
from tracbridge.adapters.mongo.client import connect, hosts_of
from tracbridge.adapters.mongo.schema import prepare, version_of
from tracbridge.adapters.mongo.state import MongoState, mongo_state
from tracbridge.adapters.mongo.tracos import TracosConnector
from tracbridge.adapters.mongo.views import Views
from tracbridge.adapters.observe.crash import Steps
from tracbridge.config.settings import Settings
from tracbridge.domain.workorder import to_milliseconds
from tracbridge.engine.connection import Connection
from tracbridge.mapping.flags import FlagsMapping
from tracbridge.ports.runtime import Observer
from tracbridge.sync.policy import Ack, DeletePolicy, FirstContact, Policies, Policy

A = TypeVar("A")
B = TypeVar("B")

DEFAULT = "default"
"""The connection that is made from environment variables."""


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        return to_milliseconds(datetime.now(UTC))


async def together(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Both at once."""
    return await asyncio.gather(one, other)


@dataclass(frozen=True, slots=True)
class Service:
    """One wired connection with everything that commands need around it."""

    connection: Connection
    customer: FolderConnector
    state: MongoState
    views: Views
    client: AsyncMongoClient[dict[str, Any]]
    settings: Settings
    host: str
    note: str

    @property
    def orders(self) -> Any:
        """TracOS's collection."""
        return self.client[self.settings.mongo_database][self.settings.mongo_collection]

    async def prepare(self) -> list[str]:
        """Server new enough, indexes there; returns the names of indexes that were made."""
        await version_of(self.state.database, self.host)
        return await prepare(self.orders, self.state.database, self.host)


@asynccontextmanager
async def opened(settings: Settings, observer: Observer) -> AsyncIterator[Service]:
    """The service, wired; nothing is asked of any server before it is used. Closes what it opened."""
    choice = await choose(settings.mongo_uri, os.environ)
    client = connect(choice.uri)
    host = hosts_of(choice.uri)
    try:
        yield wire(settings, observer, client, host, choice.note)
    finally:
        await client.close()


def wire(
    settings: Settings,
    observer: Observer,
    client: AsyncMongoClient[dict[str, Any]],
    host: str,
    note: str,
) -> Service:
    """Everything put together over one client."""
    state = mongo_state(client[settings.state_database or settings.mongo_database], DEFAULT, host)
    orders = client[settings.mongo_database][settings.mongo_collection]
    customer = FolderConnector(folder_settings(settings), state.taken)
    connection = Connection(
        name=DEFAULT,
        customer=customer,
        tracos=TracosConnector(orders, host),
        translation=FlagsMapping(zone=settings.zone),
        policies=policies(settings),
        ledger=state.ledger,
        passes=state.passes,
        quarantine=state.quarantine,
        conflicts=state.conflicts,
        history=state.history,
        lease=state.lease,
        clock=SystemClock(),
        steps=Steps.of(os.environ),
        observer=observer,
        together=together,
    )
    views = Views(state.database, orders, DEFAULT, host)
    return Service(connection, customer, state, views, client, settings, host, note)


def folder_settings(settings: Settings) -> FolderSettings:
    """The folder connector's part of the settings."""
    return FolderSettings(
        inbound=settings.inbound_dir,
        outbound=settings.outbound_dir,
        archive=settings.archive_dir,
        quarantine=settings.quarantine_dir,
        mode=InboundMode(settings.inbound_mode),
        settle_seconds=settings.settle_seconds,
        max_bytes=int(settings.max_file_mb * 1024 * 1024),
        file_mode=settings.file_mode,
    )


def policies(settings: Settings) -> Policies:
    """How this connection decides."""
    return Policies(
        conflict=Policy(settings.conflict_policy),
        delete=DeletePolicy(settings.delete_conflict),
        first_contact=FirstContact(settings.first_contact),
        ack=Ack(settings.ack),
        receipts=settings.acknowledge_inbound,
    )
