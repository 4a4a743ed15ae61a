"""The composition root: settings in, a wired connection out; only here adapters are named."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from msgspec import Struct

from tracbridge.adapters.mongo import choice as mongo_choice
from tracbridge.adapters.mongo import probe as mongo
from tracbridge.adapters.mongo import samples
from tracbridge.adapters.mongo.choice import choose
from tracbridge.adapters.mongo.client import Client, hosts_of
from tracbridge.adapters.mongo.comments import MongoTracosComments
from tracbridge.adapters.mongo.drift import MongoOrders
from tracbridge.adapters.mongo.duplicates import give_up_number
from tracbridge.adapters.mongo.forgotten import MongoForgotten
from tracbridge.adapters.mongo.listing import Listing
from tracbridge.adapters.mongo.orders import Orders, orders_of
from tracbridge.adapters.mongo.past import MongoRunHistory
from tracbridge.adapters.mongo.retention import MongoRetention
from tracbridge.adapters.mongo.schema import Ready, prepare, refuse_doubles, version_of
from tracbridge.adapters.mongo.servers import Servers, Shared, lost
from tracbridge.adapters.mongo.state import MongoState, mongo_state
from tracbridge.adapters.mongo.tracos import TracosConnector
from tracbridge.adapters.mongo.views import Views
from tracbridge.adapters.observe.crash import Steps
from tracbridge.adapters.observe.log import LogObserver, configure
from tracbridge.bootstrap.customers import Customer, customer_of, look_at
from tracbridge.config.policies import guards, policies, version_of_words, words_of
from tracbridge.config.rules import book_of
from tracbridge.config.settings import Settings
from tracbridge.config.translations import translation_of
from tracbridge.domain.errors import ConfigError, TracbridgeError
from tracbridge.domain.workorder import to_milliseconds
from tracbridge.engine.binding import refuse_unbound
from tracbridge.engine.connection import Connection
from tracbridge.engine.forget import Forgetting
from tracbridge.engine.retention import Retention, tidy
from tracbridge.engine.wishes import Fulfilment
from tracbridge.ports.comments import Comments
from tracbridge.ports.connector import Connector, Exclusive, Record
from tracbridge.ports.numbers import Key
from tracbridge.ports.recorded import Recorded
from tracbridge.ports.runtime import Finding, Observer
from tracbridge.ports.runtime import Steps as StepsPort
from tracbridge.ports.state import Runs
from tracbridge.proof.lint import findings as proven
from tracbridge.resilience.backoff import Backoff
from tracbridge.rules.book import Book
from tracbridge.rules.trial import tried
from tracbridge.runtime.runner import SafePoints, Stop

A = TypeVar("A")
B = TypeVar("B")


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """The present instant in UTC, cut to milliseconds."""
        return to_milliseconds(datetime.now(UTC))


async def together(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Both at once; where one fails, the other has ended too before the error goes on."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    if isinstance(first, BaseException):
        raise first
    if isinstance(second, BaseException):
        raise second
    return first, second


async def breathe() -> None:
    """The other connections of this process have their turn."""
    await asyncio.sleep(0)


class Service(Struct, frozen=True):
    """One wired connection with everything that commands need around it."""

    connection: Connection
    customer: Customer
    state: MongoState
    views: Views
    client: Client
    orders: Orders
    settings: Settings
    host: str
    note: str
    ready: Ready

    @property
    def name(self) -> str:
        """The connection's."""
        return self.connection.name

    @property
    def lost(self) -> bool:
        """Whether it has to be wired anew to find its server again."""
        return lost(self.client)

    @property
    def runs(self) -> Runs:
        """Where passes are put on record."""
        return self.state.runs

    @property
    def backoff(self) -> Backoff:
        """How an outage is waited out."""
        return Backoff(self.settings.mongo_max_retries, self.settings.mongo_retry_delay)

    async def troubled(self) -> bool:
        """Something waits for a person, also from before."""
        return bool(await self.views.open())

    async def ref(self, said: str) -> str:
        """The number of the order that somebody means by its number or by the customer's own key
        (``key``, or ``scope/key``); what is known as neither stays as it is.
        """
        numbers = self.connection.numbers
        if numbers is None or (said.isdigit() and await numbers.keys([said])):
            return said
        scope, _, own = said.rpartition("/")
        found = await numbers.known([Key(said), Key(own, scope)])
        return next((one.number for one in found.values()), said)

    async def key(self, ref: str) -> str:
        """The customer's own key of an order, "" where it is the number or not known."""
        numbers = self.connection.numbers
        return str((await numbers.keys([ref])).get(ref, "")) if numbers else ""

    async def prepare(self) -> list[str]:
        """Server new enough, indexes there; returns the names of indexes that were made."""
        ready, database, versions = self.ready, self.state.database, self.state.versions
        await ready.once(("version",), lambda: version_of(database, self.host))
        made = await prepare(self.orders, database, ready)
        if (comments := self.connection.comments) is not None:
            await ready.once(("comments", self.name), comments.tracos.prepare)
        words, now = words_of(self.settings), self.connection.clock.now()
        await ready.once(("words", database.name, *words), lambda: versions.keep(words, now))
        return made

    async def look(self) -> None:
        """As `prepare`, for a preview: makes nothing."""
        await version_of(self.state.database, self.host)
        await refuse_doubles(self.orders)

    async def everything(self) -> MongoOrders:
        """All of TracOS's orders, for a comparison; makes nothing."""
        await version_of(self.state.database, self.host)
        await look_at(self.customer.connector)
        if isinstance(self.customer.connector, Exclusive):
            await refuse_unbound(self.state.runs, self.customer.connector)
        return MongoOrders(self.orders)

    async def tidy(self) -> None:
        """Forget what is old, at most once a day."""
        entries = MongoRetention(self.state.database, self.connection.name, self.host)
        config = self.settings
        keep = Retention(config.archive_retention_days, config.history_retention_days)
        await tidy(self.connection, self.customer.old, entries, keep)

    @property
    def past(self) -> MongoRunHistory:
        """What was done, by run."""
        return MongoRunHistory(self.state.database, self.connection.name, self.host)

    @property
    def listing(self) -> Listing:
        """Pages of what people look through."""
        return Listing(self.state.database, self.orders, self.connection.name)

    @property
    def wishing(self) -> Fulfilment:
        """Does what people ask of whoever works on the connection."""
        state = self.state
        return Fulfilment(self.connection, state.wishes, state.quarantine, self.past, state.runs)

    @property
    def forgetting(self) -> Forgetting:
        """To forget one order's personal data."""
        entries = MongoForgotten(self.state.database, self.connection.name, self.host)
        return Forgetting(self.connection, self.customer.forgotten, entries)

    @property
    def recorded(self) -> Recorded:
        """What the customer gave us and is still kept."""
        return self.customer.recorded

    @property
    def numbered(self) -> MongoOrders:
        """All of TracOS's orders by number, whatever else is not in order."""
        return MongoOrders(self.orders)

    async def give_up_number(self, records: Sequence[Record]) -> int:
        """Documents whose number another one carries too; how many gave it up."""
        return await give_up_number(self.orders, records)

    async def plant(self, documents: list[dict[str, Any]]) -> None:
        """Sample documents into TracOS's collection."""
        await samples.plant(self.orders, documents)

    async def findings(self) -> AsyncIterator[Finding]:
        """What ``check`` has to say, one thing after the other; changes nothing."""
        async for finding in mongo.look(self.orders, self.state.database):
            yield finding
        async for finding in self.customer.findings():
            yield finding
        if isinstance(self.customer.connector, Exclusive):
            yield await self._marker(self.customer.connector)
        for finding in self._proofs():
            yield finding
        zone = self.settings.zone
        text = f"dates without a zone are in {zone}" if zone else "dates without a zone are refused"
        name = "zone" if self.settings.in_file else "DATA_TIMEZONE"
        yield Finding("time zone", ok=True, text=f"{text} ({name})")

    def _proofs(self) -> Iterator[Finding]:
        """What mapping and rules say of themselves."""
        translation, config = translation_of(self.settings), self.settings
        grave = [one for one in proven(config.mapping.spec, translation) if one.grave]
        yield Finding("mapping", ok=not grave, text=translation.name)
        for one in grave:
            example = f" ({one.example})" if one.example else ""
            text = f"{one.where}: {one.what.rstrip('.')}{example}. {one.cure}"
            yield Finding("mapping", ok=False, text=text.rstrip())
        now = self.connection.clock.now()
        trials = [trial for rule in self.connection.book.rules for trial in tried(rule, now)]
        failed = [f"test {t.number} of {t.rule!r}" for t in trials if not t.passed]
        if self.connection.book.rules:
            text = ", ".join(failed) + " failed: tracbridge rules test" if failed else ""
            ok = f"{len(self.connection.book.rules)}, {len(trials)} tests passed"
            yield Finding("rules", ok=not failed, text=text or ok)

    async def _marker(self, customer: Exclusive) -> Finding:
        """Whether folder and memory belong together."""
        try:
            await refuse_unbound(self.state.runs, customer)
            there = await customer.marker()
        except (TracbridgeError, OSError) as error:
            return Finding("marker", ok=False, text=str(error))
        text = "folder and memory belong together" if there else "will be placed by the first run"
        return Finding("marker", ok=True, text=text)


@asynccontextmanager
async def opened(
    settings: Settings, observer: Observer, stop: Stop | None = None
) -> AsyncIterator[Service]:
    """The service, wired; nothing is asked of any server before it is used. Closes what it opened.

    A pass leaves at the end of a page once ``stop`` was asked for.
    """
    async with opening([settings], lambda _: observer, stop) as services:
        yield services[0]


@asynccontextmanager
async def opening(
    connections: Iterable[Settings], observer: Callable[[str], Observer], stop: Stop | None = None
) -> AsyncIterator[list[Service]]:
    """As `opened`, for many connections: those of one server share a client.

    ``observer``: what one connection, by its name, tells its events to.
    """
    async with Clients() as clients:
        yield [await clients.service(one, observer(one.name), stop) for one in connections]


class Clients:
    """The clients of this process: all connections to one server share one. Closes them all."""

    def __init__(self) -> None:
        self._servers = Servers()
        self._customers: list[Connector] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connector in self._customers:
            await connector.aclose()
        await self._servers.aclose()

    async def service(
        self, settings: Settings, observer: Observer, stop: Stop | None = None
    ) -> Service:
        """The connection, wired; asks nothing of any server, but may start the embedded one."""
        choice = await choose(settings.mongo_uri, os.environ)
        service = wire(settings, observer, await self._servers.of(choice.uri), choice, stop)
        self._customers.append(service.customer.connector)
        return service

    async def let_go(self, service: Service) -> None:
        """It is wired anew, and nobody works with this one any more."""
        connector = service.customer.connector
        self._customers.remove(connector)
        await connector.aclose()


def wire(
    settings: Settings,
    observer: Observer,
    shared: Shared,
    choice: mongo_choice.Choice,
    stop: Stop | None,
) -> Service:
    """Everything put together over one client, and what was made sure of there."""
    client, ready = shared.client, shared.ready
    host = hosts_of(choice.uri)
    database = client[settings.state_database or settings.mongo_database]
    state = mongo_state(database, settings.name, host, settings.tracos_filter)
    collection = client[settings.mongo_database][settings.mongo_collection]
    translation = translation_of(settings)
    orders = orders_of(collection, host, settings.tracos_filter, translation.tracos.names)
    clock, comments = SystemClock(), None
    if settings.comments and translation.comments:
        listed = MongoTracosComments(orders, translation.comments.tracos)
        comments = Comments(listed, state.comments)
    customer = customer_of(settings, state.taken, clock)
    connection = Connection(
        name=settings.name,
        customer=customer.connector,
        tracos=TracosConnector(orders, shared.streams.of(orders)),
        translation=translation,
        policies=policies(settings, translation),
        numbers=None if translation.numbered else state.numbers,
        book=book_of(settings.rules) if settings.rules else Book(),
        legal=settings.legal,
        approvals=state.approvals,
        comments=comments,
        version=version_of_words(settings),
        ledger=state.ledger,
        passes=state.passes,
        quarantine=state.quarantine,
        conflicts=state.conflicts,
        history=state.history,
        lease=state.lease,
        clock=clock,
        steps=steps(stop),
        observer=observer,
        together=together,
        pause=breathe,
        guards=guards(settings),
    )
    views = Views(state.database, orders, settings.name)
    return Service(
        connection, customer, state, views, client, orders, settings, host, choice.note, ready
    )


def steps(stop: Stop | None) -> StepsPort:
    """The crash hook; and the place to leave a pass, where somebody may ask for it."""
    hook = Steps.of(os.environ)
    return SafePoints(hook, stop) if stop else hook


def observer(settings: Settings, run: str) -> LogObserver:
    """The log of one run."""
    configure(settings.log_level, settings.log_format, run)
    return LogObserver()


def log_of(connection: str) -> LogObserver:
    """The log of one connection among several, once `observer` was called."""
    return LogObserver(connection)


def start_embedded() -> str:
    """The address of this folder's embedded MongoDB, started if it does not run; remembered."""
    return mongo_choice.embedded(os.environ).uri


def stop_embedded() -> bool:
    """End this folder's embedded MongoDB; False if it did not run."""
    from tracbridge.adapters.mongo import embedded  # noqa: PLC0415 (only where it is used)

    return embedded.stop(mongo_choice.MEMORY / "mongo")


def embedded_uri() -> str:
    """The address of this folder's embedded MongoDB; raises `ConfigError` if it does not run."""
    from tracbridge.adapters.mongo import embedded  # noqa: PLC0415 (only where it is used)

    found = embedded.running(mongo_choice.MEMORY / "mongo")
    if found is None:
        raise ConfigError(
            "the embedded MongoDB of this folder does not run: tracbridge mongo start"
        )
    return found.uri
