"""``tracbridge run``: one pass, or passes until told to stop."""

import asyncio
import gc
import signal
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from tracbridge.adapters.observe.log import LogObserver
from tracbridge.bootstrap import DEFAULT, Service, opened
from tracbridge.cli.context import new_run, settings, to_json, wait_for
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.session import session
from tracbridge.runtime.runner import Backoff, Stop, persist

INBOUND = (
    "read created updated unchanged stale conflicts quarantined held waiting".split()
)
OUTBOUND = "read delivered unchanged quarantined failed".split()
TROUBLED = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    sides: frozenset[Side]
    every: float | None = None
    strict: bool = False
    rebind: bool = False
    json: bool = False


def run(
    inbound_only: Annotated[bool, typer.Option(help="Only customer to TracOS.")] = False,
    outbound_only: Annotated[bool, typer.Option(help="Only TracOS to customer.")] = False,
    every: Annotated[
        float | None, typer.Option(help="Repeat every so many seconds until stopped.", min=0.1)
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Exit 3 also for what is still open from before.")
    ] = False,
    rebind: Annotated[
        bool, typer.Option(help="Tie this folder to this memory anew, after a look.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Bring both sides together: one pass, inbound then outbound."""
    if inbound_only and outbound_only:
        raise typer.BadParameter("choose one of --inbound-only and --outbound-only.")
    sides = {Side.CUSTOMER} if inbound_only else {Side.TRACOS} if outbound_only else set(Side)
    options = Options(frozenset(sides), every, strict, rebind, json)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    raise typer.Exit(wait_for(_run(options)))


async def _run(options: Options) -> int:
    config = settings()
    stop = Stop()
    listen(stop)
    observer = LogObserver()
    name = new_run(config)
    backoff = Backoff(config.mongo_max_retries, config.mongo_retry_delay)
    code = 0
    async with opened(config, observer) as service:
        if service.note:
            observer.info("database.chosen", note=service.note)

        async def once() -> None:
            nonlocal code
            code = await passes(service, options, name, stop, backoff)

        await persist(once, backoff, observer, stop, for_ever=options.every is not None)
    return code


def listen(stop: Stop) -> None:
    """SIGINT and SIGTERM end the run at the next safe point."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


async def passes(
    service: Service, options: Options, run_name: str, stop: Stop, backoff: Backoff
) -> int:
    connection, runs = service.connection, service.state.runs
    await service.prepare()
    async with session(connection, runs, run_name, rebind=options.rebind):
        begun = time.monotonic()
        tally = Tally(run_name)
        await runs.begin(run_name, connection.clock.now())

        async def work() -> None:
            await connection.lease.hold()
            await cycle(connection, tally, options.sides)

        await persist(work, backoff, connection.observer, stop)
        code = TROUBLED if tally.troubled else 0
        summary = summarized(tally, time.monotonic() - begun, code)
        await runs.end(run_name, connection.clock.now(), {"counts": summary, "exit": code})
    report(summary, options)
    return code


def summarized(tally: Tally, seconds: float, code: int) -> dict[str, Any]:
    """The run as one JSON object."""
    connection = {
        "connection": DEFAULT,
        "inbound": {name: tally.inbound[name] for name in INBOUND},
        "outbound": {name: tally.outbound[name] for name in OUTBOUND},
        "seconds": round(seconds, 3),
    }
    return {"run": tally.run, "connections": [connection], "exit": code}


def report(summary: dict[str, Any], options: Options) -> None:
    if options.json:
        sys.stdout.write(to_json(summary) + "\n")
        return
    sys.stdout.write(str(summary) + "\n")
