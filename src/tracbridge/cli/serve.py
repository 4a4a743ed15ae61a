"""``tracbridge serve``: all connections while the process lives, with API and dashboard."""

import asyncio
import gc
import os
import resource
from collections.abc import Collection
from typing import Annotated

import typer

from tracbridge.bootstrap import Clients, log_of, observer
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.cli.context import chosen, configuration, new_run, wait_for
from tracbridge.cli.run import BROKEN_OFF, Services, Serving, launcher, listen
from tracbridge.config.watching import watching
from tracbridge.domain.errors import ConfigError
from tracbridge.domain.workorder import Side
from tracbridge.ports.runtime import Observer
from tracbridge.runtime.bell import Bell
from tracbridge.runtime.fleet import Fleet, Turns
from tracbridge.runtime.hub import Hub
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.telling import Telling
from tracbridge.runtime.work import Options

LOOPBACK = "127.0.0.1"

EVERY = 60.0
"""Seconds between two whole passes where hints tell of what happens in between."""


def serve(
    host: Annotated[str, typer.Option(help="Where the API and the dashboard listen.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="0: any free one.", min=0, max=65_535)] = 8_080,
    every: Annotated[
        float, typer.Option(help="Seconds between two whole passes of a connection.", min=0.1)
    ] = EVERY,
    allow_root: Annotated[
        bool, typer.Option("--allow-root", help="Also as root, which a service should not be.")
    ] = False,
) -> None:
    """Keep all connections in sync as it happens, until stopped."""
    if os.geteuid() == 0 and not allow_root:
        raise ConfigError(
            "a service does not run as root: start it as a user of its own (deploy/tracbridge."
            "service does), or say --allow-root."
        )
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    take_handles()
    raise typer.Exit(wait_for(_serve(host, port, every)))


HANDLES = 65_536
"""Files and connections at one time; more than we ever need."""


def take_handles() -> None:
    """As many as we may have: what a shell allows at first is meant for small programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        most = HANDLES if hard == resource.RLIM_INFINITY else min(HANDLES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


async def _serve(host: str, port: int, every: float) -> int:
    from tracbridge.api.access import Keys  # noqa: PLC0415 (the web framework takes its time)
    from tracbridge.api.app import make  # noqa: PLC0415
    from tracbridge.api.metrics import attach  # noqa: PLC0415
    from tracbridge.api.server import listening  # noqa: PLC0415
    from tracbridge.bootstrap.hooks import posting  # noqa: PLC0415
    from tracbridge.bootstrap.watching import Watch, hooks_of, traces  # noqa: PLC0415
    from tracbridge.dashboard.pages import mount  # noqa: PLC0415

    whole, stop, name = configuration(), Stop(), new_run()
    wanted, watched = chosen(whole), watching(os.environ)
    listen(stop)
    log, hub, bells = observer(next(iter(wanted.values())), name), Hub(name), Bells()
    try:
        async with Clients() as clients, hooks_of(watched.alerts) as hooks:
            hosted = Hosted(clients, whole, hub, bells.ring)
            watch = Watch(hosted, watched, log, hooks, traces(os.environ))

            def told(connection: str) -> Observer:
                tenant = hosted.tenant_of(connection)
                telling = Telling(log_of(connection), hub, tenant, connection, hosted.now)
                return watch.observer(telling, connection)

            options = Options(every=every, hints=True)
            launch = launcher(Services(clients), options, name, told, bells.of)
            fleet = Fleet(watch.launch(launch), told, Turns(whole.tenants), name)
            app = make(hosted, Keys())
            attach(app, watch)
            async with listening(app, host, port) as address, mount(app).watching():
                log.info("api.listening", address=address)
                async with watch.working(), posting(hosted):
                    await Serving(fleet, stop, log, hosted.adjust)(whole)
    except asyncio.CancelledError:
        raise ConfigError(BROKEN_OFF) from None
    return 0


class Bells:
    """Each connection's bell, by its name."""

    def __init__(self) -> None:
        self._each: dict[str, Bell] = {}

    def of(self, connection: str) -> Bell:
        """The bell of that connection."""
        return self._each.setdefault(connection, Bell())

    def ring(self, connection: str, sides: Collection[Side]) -> None:
        """Wake its worker."""
        self.of(connection).ring(sides)
