"""``tracbridge run``: one pass, or passes until told to stop."""

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Protocol

import typer
from msgspec.structs import replace

from tracbridge.bootstrap import Clients, Service, log_of, observer
from tracbridge.cli.acting import begun
from tracbridge.cli.context import Json, chosen, configuration, new_run, wait_for
from tracbridge.cli.progress import watching
from tracbridge.cli.report import Report
from tracbridge.cli.resting import paused_lines, rest_of
from tracbridge.config.files import Configuration, FilesError
from tracbridge.config.settings import Settings
from tracbridge.domain.errors import ConfigError, SettingError, TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.ports.runtime import Observer
from tracbridge.runtime.bell import Bell
from tracbridge.runtime.fleet import Fleet, Launch, Result, Turns
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.schedule import due
from tracbridge.runtime.work import Options, Turn, Work

PATIENCE = (5.0, 6.0, 7.0)
"""Seconds after a signal at which a pass that found no safe point is broken off, as by a crash; the
later ones are for what then has to be closed."""

AllowMassChange = Annotated[
    bool,
    typer.Option(
        "--allow-mass-change",
        help="Do also what the mass guard would stop; look at preview with it first.",
    ),
]


def run(  # noqa: PLR0913 - each is an option
    inbound_only: Annotated[
        bool, typer.Option("--inbound-only", help="Only customer to TracOS.")
    ] = False,
    outbound_only: Annotated[
        bool, typer.Option("--outbound-only", help="Only TracOS to customer.")
    ] = False,
    every: Annotated[
        float | None, typer.Option(help="Repeat every so many seconds until stopped.", min=0.1)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 also for what is still open from before.")
    ] = False,
    rebind: Annotated[
        bool, typer.Option("--rebind", help="Tie this folder to this memory anew, after a look.")
    ] = False,
    allow_mass_change: AllowMassChange = False,
    json: Json = False,
) -> None:
    """Bring both sides together: inbound, then outbound."""
    if inbound_only and outbound_only:
        raise typer.BadParameter("choose one of --inbound-only and --outbound-only.")
    sides = {Side.CUSTOMER} if inbound_only else {Side.TRACOS} if outbound_only else set(Side)
    options = Options(frozenset(sides), every, strict, rebind, allow_mass_change)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    raise typer.Exit(wait_for(_run(options, json=json)))


async def _run(options: Options, *, json: bool) -> int:
    every, wanted = configuration(), chosen()
    stop, name = Stop(), new_run()
    listen(stop)
    serves = options.every is not None
    log = observer(next(iter(wanted.values())), name)
    report = Report(name, json=json)
    try:
        async with Clients() as clients:
            await begun(clients, every, wanted, overruled(options))
            services = Services(clients)
            if len(wanted) == 1 and not (every.files and serves):
                (one,) = wanted.values()
                with watching(log, quiet=json) as watched:
                    report.results = await alone(services, one, watched, options, stop, name)
            else:
                fleet = Fleet(launcher(services, options, name), log_of, Turns(every.tenants), name)
                report.results = fleet.results
                await (Serving(fleet, stop, log)(every) if serves else fleet.once(wanted, stop))
            report.to_approve = await services.to_approve(report.results)
            if not serves and not stop.asked:
                report.rests = await services.rests()
    except asyncio.CancelledError:
        raise ConfigError(BROKEN_OFF) from None
    report()
    return report.code


def overruled(options: Options) -> list[str]:
    """The options by which a person overrules a guard."""
    said = {"--allow-mass-change": options.allow_mass_change, "--rebind": options.rebind}
    return [word for word, wanted in said.items() if wanted]


class Services:
    """The connections of this run, wired, by their names."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._begun = clients, datetime.now(UTC)
        self._each: dict[str, Service] = {}

    async def of(self, settings: Settings, log: Observer, stop: Stop) -> Service:
        """One connection's."""
        if before := self._each.pop(settings.name, None):
            await self._clients.let_go(before)
        service = await self._clients.service(settings, log, stop)
        self._each[settings.name] = service
        return service

    async def to_approve(self, results: Mapping[str, Result]) -> dict[str, int]:
        """How many of the cases that this run opened wait for an approval, by connection."""
        found = {}
        for name, result in results.items():
            if result.total.inbound["quarantined"] or result.total.outbound["quarantined"]:
                with suppress(TracbridgeError):  # it is said of the run already
                    found[name] = await self._each[name].views.to_approve(self._begun)
        return found

    async def rests(self) -> list[str]:
        """Whose changes wait because somebody said so, where there is one connection only."""
        if len(self._each) != 1:
            return []
        (service,) = self._each.values()
        try:
            return [f"Paused: {line}." for line in paused_lines(await rest_of(service))]
        except TracbridgeError:  # it is said of the run already
            return []


async def alone(
    services: Services, settings: Settings, log: Observer, options: Options, stop: Stop, name: str
) -> Mapping[str, Result]:
    """The passes of one connection; what ends them ends the command."""
    service = await services.of(settings, log, stop)
    if service.note:
        log_of("").info("database.chosen", note=service.note)
    work = Work(service, options, stop, name)
    await work()
    return {settings.name: Result(work.total, work.passes, work.code, work.cut)}


def launcher(
    services: Services,
    options: Options,
    name: str,
    told: Callable[[str], Observer] = log_of,
    bell: Callable[[str], Bell] = lambda _: Bell(),
) -> Launch:
    """How the connections of one process are begun, each as it says itself.

    ``told``: what observes a connection, ``bell``: what wakes its worker, by its name.
    """

    async def launch(settings: Settings, stop: Stop, turn: Turn) -> Work:
        service = await services.of(settings, told(settings.name), stop)
        every = (settings.every or options.every) if options.every is not None else None
        own = replace(
            options,
            every=every,
            persistent=options.every is None,
            due=due(settings.cron) if settings.cron and not settings.every else None,
            blackouts=settings.blackouts,
        )
        run = f"{name}-{settings.name}"
        return Work(service, own, stop, run, turn, bell=bell(settings.name))

    return launch


class Log(Observer, Protocol):
    """What happens to the process itself is told here."""

    def info(self, message: str, **fields: object) -> None:
        """Something that is as it should be."""


class Serving:
    """All connections for as long as the process lives, as the files say at any time.

    ``adjusted``: told of each configuration that counts from then on.
    """

    def __init__(
        self,
        fleet: Fleet,
        stop: Stop,
        log: Log,
        adjusted: Callable[[Configuration], None] = lambda _: None,
    ) -> None:
        self.fleet, self.stop, self.log, self.adjusted = fleet, stop, log, adjusted

    async def __call__(self, configured: Configuration) -> None:
        """Until told to stop. A file with a mistake leaves everything as it was."""
        looked, state, said = configured, configured.state(), ""
        self.fleet.adjust(chosen(configured))
        while not self.stop.asked:
            await self.stop.sleep(WATCH)
            if (now := looked.state()) == state:
                continue
            state = now
            try:
                looked = configuration()
                wanted = chosen(looked)
            except SettingError as error:
                # What it names by now is looked at too, so that its mending is noticed.
                looked = error.looked if isinstance(error, FilesError) else looked
                if str(error) != said:
                    for line in str(error).splitlines():
                        self.log.incident("configuration_kept", "", f"as it was, because {line}")
                said = str(error)
                continue
            said = ""
            self.adjusted(looked)
            for name, what in self.fleet.adjust(wanted).items():
                self.log.info("connection.adjusted", connection=name, what=what)
        await self.fleet.end()


WATCH = 2.0
"""Seconds: how often the files are looked at for changes."""

BROKEN_OFF = "stopped in the middle of a step; the next run recognises what was done and goes on."


def listen(stop: Stop) -> None:
    """SIGINT and SIGTERM end the run at the next safe point; a second one ends it at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def asked() -> None:
        first = not stop.asked
        stop.set()
        for seconds in PATIENCE if first else (0.0,):
            if task:
                loop.call_later(seconds, task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
