"""``tracbridge run``: one pass, or passes until told to stop."""

import asyncio
import gc
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from msgspec.structs import asdict, replace

from tracbridge.bootstrap import DEFAULT, Service, observer, opened
from tracbridge.cli.context import TROUBLED, Json, new_run, say, say_json, settings, wait_for
from tracbridge.cli.progress import watching
from tracbridge.domain.errors import ConfigError, RetryableError, TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.session import session
from tracbridge.runtime.runner import Backoff, Stop, Stopped, persist
from tracbridge.sync.guard import Withheld

INBOUND = (
    "read",
    "created",
    "updated",
    "unchanged",
    "stale",
    "conflicts",
    "quarantined",
    "held",
    "waiting",
)
OUTBOUND = ("read", "delivered", "unchanged", "quarantined", "failed")

PATIENCE = (5.0, 6.0, 7.0)
"""Seconds after a signal at which a pass that found no safe point is broken off, as by a crash; the
later ones are for what then has to be closed."""

RENEWAL = 10.0
"""Seconds: how often the lease is renewed between two passes."""


AllowMassChange = Annotated[
    bool,
    typer.Option(
        "--allow-mass-change",
        help="Do also what the mass guard would stop; look at preview with it first.",
    ),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    sides: frozenset[Side]
    every: float | None = None
    strict: bool = False
    rebind: bool = False
    allow_mass_change: bool = False
    json: bool = False


def run(  # noqa: PLR0913, PLR0917 - each is an option
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
    options = Options(frozenset(sides), every, strict, rebind, allow_mass_change, json)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    raise typer.Exit(wait_for(_run(options)))


async def _run(options: Options) -> int:
    config = settings()
    stop = Stop()
    listen(stop)
    name = new_run()
    log = observer(config, name)
    try:
        with watching(log, quiet=options.json) as watched:
            async with opened(config, watched, stop) as service:
                if service.note:
                    log.info("database.chosen", note=service.note)
                work = Work(service, options, stop, name)
                await work()
    except asyncio.CancelledError:
        raise ConfigError(BROKEN_OFF) from None
    report(work, options)
    return work.code


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


@dataclass
class Work:
    """The passes of one run, in one session, and what they did."""

    service: Service
    options: Options
    stop: Stop
    name: str
    total: Tally = field(init=False)
    passes: int = 0
    code: int = 0
    cut: bool = False
    begun: float = field(default_factory=time.monotonic)
    _row: str = ""

    def __post_init__(self) -> None:
        self.total = Tally(self.name)
        config = self.service.settings
        self.connection = self.service.connection
        if self.options.allow_mass_change:
            self.connection = replace(self.connection, guards={})
        self.backoff = Backoff(config.mongo_max_retries, config.mongo_retry_delay)

    async def __call__(self) -> None:
        """Until all is done, or until told to stop."""
        try:
            async with AsyncExitStack() as stack:
                await self._persist(lambda: self._enter(stack))
                await self._pass()
                while self.options.every is not None and not self.stop.asked:
                    await self._rest(self.options.every)
                    if not self.stop.asked:
                        await self._pass()
        except RetryableError:
            # Told to stop while waiting for a server: what was done is whole.
            if self.options.every is None or not self.stop.asked:
                raise

    async def _enter(self, stack: AsyncExitStack) -> None:
        await self.service.prepare()
        connection, runs = self.service.connection, self.service.state.runs
        entered = session(connection, runs, self.name, rebind=self.options.rebind)
        await stack.enter_async_context(entered)

    async def _persist(self, work: Any, tally: Tally | None = None) -> None:
        """Outages are waited out: for ever if we run for ever."""
        await persist(
            work,
            self.backoff,
            self.service.connection.observer,
            self.stop,
            for_ever=self.options.every is not None,
            progress=(lambda: total_of(tally)) if tally else (lambda: 0),
        )

    async def _pass(self) -> None:
        """One pass, on record; passes in which nothing happened share a row."""
        begun, clock = time.monotonic(), self.service.connection.clock
        self.passes += 1
        self._row = self._row or f"{self.name}-{self.passes}".removesuffix("-1")
        row, runs = self._row, self.service.state.runs
        tally = Tally(row)
        await self._persist(lambda: runs.begin(row, clock.now()))
        try:
            await self._persist(lambda: self._cycle(tally), tally)
        except Stopped:
            self.cut = True
        except RetryableError:
            raise
        except TracbridgeError as error:
            with suppress(TracbridgeError):
                await runs.end(row, clock.now(), {"exit": 1, "error": str(error)})
            raise
        self.total.inbound["waiting"] = 0
        self.total.withheld = tally.withheld
        self.total.inbound += tally.inbound
        self.total.outbound += tally.outbound
        self.code = await self._judged(tally)
        counts = summarized(tally, time.monotonic() - begun, self.code)
        ended = {"counts": counts, "exit": self.code}
        await self._persist(lambda: runs.end(row, clock.now(), ended))
        if not self.cut:
            await self._persist(self.service.tidy)
        self._row = "" if total_of(tally) else row

    async def _cycle(self, tally: Tally) -> None:
        await self.service.connection.lease.hold()
        # What waits is counted anew, not added, when a pass is repeated.
        tally.inbound["waiting"] = 0
        tally.withheld = []
        await cycle(self.connection, tally, self.options.sides)

    async def _judged(self, tally: Tally) -> int:
        if tally.troubled:
            return TROUBLED
        if not self.options.strict:
            return 0
        return TROUBLED if await self.service.views.open() else 0

    async def _rest(self, seconds: float) -> None:
        """Until the next pass, or until told to stop; the lease stays ours."""
        until = time.monotonic() + seconds
        while not self.stop.asked and (left := until - time.monotonic()) > 0:
            await self.stop.sleep(min(left, RENEWAL))
            with suppress(RetryableError):
                await self.service.connection.lease.hold()


def total_of(tally: Tally) -> int:
    """Whether anything happened: records and effects, not files that wait."""
    return tally.inbound.total() - tally.inbound["waiting"] + tally.outbound.total()


def summarized(tally: Tally, seconds: float, code: int) -> dict[str, Any]:
    """The run as one JSON object."""
    connection = {
        "connection": DEFAULT,
        "inbound": {name: tally.inbound[name] for name in INBOUND},
        "outbound": {name: tally.outbound[name] for name in OUTBOUND},
        "seconds": round(seconds, 3),
        **withheld_json(tally.withheld),
    }
    return {"run": tally.run, "connections": [connection], "exit": code}


def withheld_json(withheld: Sequence[Withheld]) -> dict[str, Any]:
    """What the mass guard stopped, for programs; no key where it stopped nothing."""
    stopped = [{**asdict(w), "side": w.side.value, "kind": w.kind.value} for w in withheld]
    return {"withheld": stopped} if stopped else {}


def report(work: Work, options: Options) -> None:
    """What was done: one JSON object, or a table and what to do next."""
    seconds = time.monotonic() - work.begun
    if options.json:
        say_json(summarized(work.total, seconds, work.code))
        return
    if any(work.total.inbound[n] for n in INBOUND) or any(work.total.outbound[n] for n in OUTBOUND):
        say(counts_table(work.total))
    elif taken := work.total.outbound["acknowledged"]:
        say(f"Nothing new on either side; the customer has taken {taken:,} of our versions.")
    else:
        say("Nothing to do: nothing is new on either side.")
    for hint in hints(work):
        say(hint)
    passes = f" in {work.passes} passes" if work.passes > 1 else ""
    say(f"{seconds:.1f} s{passes}")


def counts_table(tally: Tally) -> str:
    """One row per direction; only columns in which something happened."""
    from tracbridge.cli.table import table  # noqa: PLC0415 (loads what a run with --json need not)

    names = list(dict.fromkeys(INBOUND[:-1] + OUTBOUND))
    rows: list[tuple[str, Counter[str], tuple[str, ...]]] = [
        ("inbound", tally.inbound, INBOUND),
        ("outbound", tally.outbound, OUTBOUND),
    ]
    used = [name for name in names if tally.inbound[name] or tally.outbound[name]]
    cells = [
        [flow, *(f"{counts[n]:,}" if n in known else "" for n in used)]
        for flow, counts, known in rows
    ]
    return table(["", *map(str.upper, used)], cells, right=range(1, len(used) + 1))


def hints(work: Work) -> list[str]:
    """What a person may want to do now."""
    inbound, outbound = work.total.inbound, work.total.outbound
    refused = inbound["quarantined"] + outbound["quarantined"]
    withheld = work.total.withheld
    held = inbound["held"] - inbound["withheld"]
    failed = outbound["failed"] - outbound["withheld"]
    decided = inbound["conflicts"] - min(held, inbound["conflicts"])
    texts = {
        f"{refused} refused: tracbridge quarantine list": refused,
        f"{held} held until a person decides: tracbridge conflicts list": held > 0,
        f"{decided} changed on both sides and decided: tracbridge conflicts list": decided,
        f"{failed} not delivered: tracbridge status": failed > 0,
        f"{inbound['waiting']} not complete yet, left where they are": inbound["waiting"],
        "Stopped before the pass was complete; the next run goes on there.": work.cut,
    }
    return [text for text, applies in texts.items() if applies] + stopped(withheld)


def stopped(withheld: Sequence[Withheld]) -> list[str]:
    """What the mass guard stopped, and how to go on."""
    go_on = "look at tracbridge preview --allow-mass-change, then run with the same option."
    return [f"{one}: {go_on}" for one in withheld]
