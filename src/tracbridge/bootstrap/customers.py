"""The customer's side of a connection: his system, and what is kept of what he gave us."""

import os
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from msgspec import Struct

from tracbridge.adapters.connectors.folder import FolderConnector, FolderSettings, InboundMode
from tracbridge.adapters.connectors.folder import probe as folders
from tracbridge.adapters.connectors.folder.forgotten import FolderForgotten
from tracbridge.adapters.connectors.folder.recorded import FolderRecorded
from tracbridge.adapters.connectors.folder.retention import FolderRetention
from tracbridge.adapters.connectors.folder.settings import NAMES
from tracbridge.config.files import configured
from tracbridge.config.settings import FOLDER, Settings
from tracbridge.config.translations import translation_of
from tracbridge.domain.errors import ConfigError, RecordError, RetryableError
from tracbridge.domain.link import Claim
from tracbridge.mapping.translation import Translation
from tracbridge.ports.connector import Body, Connector, Page, Peeks
from tracbridge.ports.forgotten import ForgottenFile, ForgottenFiles
from tracbridge.ports.place import Place
from tracbridge.ports.recorded import Recorded, Recording
from tracbridge.ports.retention import Needed, OldFiles
from tracbridge.ports.runtime import Clock, Finding
from tracbridge.ports.state import TakenFiles

BEFORE = Claim(0, 0)
"""The claim of what is only looked at."""


class Customer(Struct, frozen=True):
    """One customer's system, wired. ``old``, ``forgotten`` and ``recorded``: his originals."""

    connector: Connector
    old: OldFiles
    forgotten: ForgottenFiles
    recorded: Recorded
    findings: Callable[[], AsyncIterator[Finding]]


def customer_of(settings: Settings, taken: TakenFiles, clock: Clock) -> Customer:
    """The customer of a connection; raises `SettingError` for a connector that cannot be made."""
    if settings.connector == FOLDER:
        return _folders(folder_settings(settings), taken)
    from tracbridge.config.connectors import kind  # noqa: PLC0415 (only where there is a file)

    def fresh() -> object:
        return configured(os.environ, Path.cwd()).named(settings.name).system

    place = Place(settings.name, settings.root, settings.zone, clock.now, fresh)
    connector: Connector = kind(settings.connector)(settings.system, place)
    kept, mapping = Present(connector, clock), translation_of(settings)
    return Customer(connector, Nothing(), Nothing(), kept, lambda: looked(connector, mapping))


def _folders(settings: FolderSettings, taken: TakenFiles) -> Customer:
    async def findings() -> AsyncIterator[Finding]:
        for finding in folders.look(settings):
            yield finding

    return Customer(
        FolderConnector(settings, taken),
        FolderRetention(settings),
        FolderForgotten(settings),
        FolderRecorded(settings),
        findings,
    )


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
        records=settings.mapping.spec.records,
        names={key: f"customer.{key}" for key in NAMES} if settings.in_file else NAMES,
    )


async def look_at(connector: Connector) -> None:
    """Reachable and in order; prepares nothing where the system can do that."""
    await (connector.look() if isinstance(connector, Peeks) else connector.check())


async def looked(connector: Connector, mapping: Translation) -> AsyncIterator[Finding]:
    """Whether his system can be reached and read; changes nothing."""
    try:
        await look_at(connector)
    except (ConfigError, RetryableError) as error:
        yield Finding("customer", ok=False, text=str(error))
        return
    yield Finding("customer", ok=True, text="answers, and lets us in")
    if isinstance(connector, Peeks):
        try:
            yield read_of(await first_page(connector), mapping)
        except (ConfigError, RetryableError) as error:
            yield Finding("read", ok=False, text=str(error))


async def first_page(connector: Peeks) -> Page | None:
    """The first page of his records, None where he shows none; takes nothing."""
    pages = connector.peek(BEFORE)
    try:
        return await anext(pages, None)
    finally:
        if isinstance(pages, AsyncGenerator):
            await pages.aclose()


def read_of(page: Page | None, mapping: Translation) -> Finding:
    """What the first page shows: how many records, which of them are understood, how new."""
    records = page.records if page else ()
    newest: datetime | None = None
    refused: Counter[str] = Counter()
    for record in records:
        try:
            if record.body is None:
                refused.update([str(record.error)] if record.error else [])
                continue
            order = mapping.from_customer(record.body)
        except RecordError as error:
            refused[str(error)] += 1
        else:
            newest = max(newest or order.updated_at, order.updated_at)
    text = f"{len(records):,} record{'s' if len(records) != 1 else ''} on the first page"
    if newest and not mapping.observed:
        text += f", newest change {newest:%Y-%m-%d %H:%M}Z"
    if refused:
        ((why, _),) = refused.most_common(1)
        text += f"; {refused.total():,} would be refused, such as: {why}"
    return Finding("read", ok=not records or refused.total() < len(records), text=text)


class Nothing:
    """A customer whose originals are his own system's: nothing of them is kept here."""

    async def forget_days(self, before: date, needed: Needed, limit: int) -> int:
        """Nothing is old."""
        del before, needed, limit
        return 0

    async def forget_files(self, files: Sequence[str]) -> None:
        """There are none."""

    async def of_order(self, holds: Callable[[Body], bool]) -> Sequence[ForgottenFile]:
        """None."""
        del holds
        return ()

    async def forget(self, files: Sequence[ForgottenFile], holds: Callable[[Body], bool]) -> None:
        """There are none."""


class Present(Struct, frozen=True):
    """His records as his system shows them now, where nobody keeps what it showed before."""

    connector: Connector
    clock: Clock

    async def since(self, start: datetime) -> AsyncIterator[Recording]:
        """All there is, as of now."""
        del start
        if isinstance(self.connector, Peeks):
            async for page in self.connector.peek(BEFORE):
                yield Recording(self.clock.now(), page.records)
