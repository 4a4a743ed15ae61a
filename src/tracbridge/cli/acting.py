"""What somebody does at this terminal is put into the audit, as what is done over the API is."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tracbridge.bootstrap import Clients, Service, observer
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.cli.context import chosen, configuration, new_run, person, settings
from tracbridge.config.files import Configuration
from tracbridge.engine.retry import Tried
from tracbridge.engine.retry import outcome as outcome_of
from tracbridge.ports.access import Caller, Role
from tracbridge.runtime.hub import Hub
from tracbridge.runtime.runner import Stop

MANY = 500
"""Characters of ids that stand in one entry."""


@dataclass
class Act:
    """What goes on record once it is done, as in `AuditEntry`; nothing does without a target."""

    action: str
    target: str
    why: str = ""
    outcome: str = "done"

    def about(self, ids: Sequence[str]) -> None:
        """These are its targets; where there are none, nothing was done."""
        self.target = " ".join(ids)[:MANY]

    def tried(self, tried: Sequence[Tried], by: str = "") -> None:
        """What became of cases that were tried again; ``by``: in whose name, if another one's."""
        self.about([one.case.id for one in tried])
        said = ", ".join(sorted({outcome_of(one) for one in tried}))
        self.outcome = said + in_the_name_of(by)


def in_the_name_of(by: str) -> str:
    """Said where somebody acts for another person."""
    return f", in the name of {by}" if by not in {"", person()} else ""


@asynccontextmanager
async def acting(
    action: str, target: str, why: str = "", run: str = "", stop: Stop | None = None
) -> AsyncIterator[tuple[Service, Act]]:
    """The service for a command that changes something, and what will be put on record of it.

    ``run``: under which name its lines stand in the log; ``stop``: as `opened` takes it. Nothing is
    begun where the audit cannot be reached. What ends with an error is not on record, as over the
    API. Raises `SettingError` as `settings`, `RetryableError`.
    """
    config = settings()
    events = observer(config, run or new_run())
    async with Clients() as clients:
        hosted = hosting(clients, configuration())
        await hosted.audits()
        service, act = await clients.service(config, events, stop), Act(action, target, why)
        yield service, act
        if act.target:
            await hosted.audit(me(), service.name, act.action, act.target, act.why, act.outcome)


async def begun(
    clients: Clients, whole: Configuration, names: Iterable[str], said: Sequence[str]
) -> None:
    """A run of these connections begins, and these options of it overrule a guard."""
    for name in names if said else ():
        target, outcome = " ".join(said), "begun"
        await hosting(clients, whole).audit(me(), name, "connection.run", target, outcome=outcome)


@asynccontextmanager
async def home(whole: Configuration) -> AsyncIterator[Hosted]:
    """The connections as `tracbridge serve` has them, without any work on them."""
    observer(next(iter(chosen(whole).values())), new_run())
    async with Clients() as clients:
        yield hosting(clients, whole)


def hosting(clients: Clients, whole: Configuration) -> Hosted:
    """All connections of this folder; nobody is told of what happens, and nobody is woken."""
    return Hosted(clients, whole, Hub("cli"), lambda *_: None)


def me() -> Caller:
    """Who works at this terminal: he may do everything."""
    return Caller(f"cli:{person()}", Role.ADMIN)
