"""The figures of one connection, and in a word how it fares."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.bootstrap import Service
from tracbridge.desk.standing import status_of
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused, paused
from tracbridge.engine.pace import KEPT as PACE
from tracbridge.ports.connector import Paced
from tracbridge.ports.views import Standing

LATE = timedelta(minutes=15)
"""From then on a change that waits is worth a word; most of them heal by themselves."""

FAILED = 1
"""The exit code of a run that could not run."""

HEALTH = ("cannot run", "needs attention", "behind", "paused", "not read yet", "in order")
"""How a connection fares, worst first."""


class Figures(Struct, frozen=True):
    """``at``: when they were read. ``standing`` None: not read yet, or why not in ``error``.

    ``breaker``: calls that nobody makes just now, in words, or "". ``paused``: sides whose changes
    wait because somebody said so.
    """

    name: str
    tenant: str
    at: datetime
    standing: Standing | None = None
    to_approve: int = 0
    not_created: int = 0
    paused: Mapping[Side, Paused] = {}
    breaker: str = ""
    error: str = ""

    @property
    def refused(self) -> int:
        """Cases in quarantine that no approval helps."""
        return self.standing.open.quarantined - self.to_approve if self.standing else 0

    @property
    def attention(self) -> int:
        """How many things wait for a person."""
        if self.standing is None:
            return 0
        waits = self.standing.open
        kinds = (waits.held, waits.quarantined, waits.refused, waits.missing, waits.unreachable)
        return sum(kinds)

    @property
    def wrong(self) -> str:
        """Why it cannot run, "" where it can."""
        run = self.standing.last_run if self.standing else None
        failed = run is not None and run.ended is not None and run.exit == FAILED
        return self.error or (run.error or "The last run failed." if run and failed else "")

    @property
    def waiting_for(self) -> timedelta:
        """How long the oldest change has waited that the other side is not known to have."""
        oldest = self.standing.oldest if self.standing else None
        return max(self.at - oldest, timedelta()) if oldest else timedelta()

    @property
    def rank(self) -> int:
        """The place of its health in `HEALTH`."""
        late = bool(self.standing and self.standing.on_their_way) and self.waiting_for > LATE
        found = (
            bool(self.wrong),
            bool(self.attention),
            late or bool(self.breaker),
            bool(self.paused),
            self.standing is None,
        )
        return next((n for n, true in enumerate(found) if true), len(HEALTH) - 1)

    @property
    def health(self) -> str:
        """How it fares."""
        return HEALTH[self.rank]

    def same(self, other: "Figures") -> bool:
        """Nothing that is shown differs."""
        return replace(self, at=other.at) == other and self.rank == other.rank


async def figures_of(service: Service) -> Figures:
    """Read now. Raises `TracbridgeError` where the memory cannot be reached."""
    status = await status_of(service)
    return Figures(
        name=service.name,
        tenant=service.settings.tenant,
        at=service.connection.clock.now(),
        standing=status.standing,
        to_approve=status.to_approve,
        not_created=status.not_created,
        paused=await paused(service.connection.passes),
        breaker=await breaker_of(service),
    )


async def breaker_of(service: Service) -> str:
    """Which calls nobody makes just now."""
    if not isinstance(service.customer.connector, Paced):
        return ""
    kept = await service.connection.passes.cursor(PACE) or {}
    operations = kept.get("state", {}).get("operations", {})
    return ", ".join(name for name, one in operations.items() if one["state"] == "open")


def sentence(found: list[Figures]) -> str:
    """All of them in one sentence."""
    grave = sum(one.rank <= HEALTH.index("needs attention") for one in found)
    if not found:
        return "There is no connection yet."
    if not grave:
        read = all(one.standing for one in found)
        what = "are in order" if read else "need no attention as far as was read"
        return f"All {len(found):,} connections {what}." if len(found) > 1 else _single(found[0])
    verb = "needs" if grave == 1 else "need"
    return f"{grave:,} of {len(found):,} connections {verb} attention."


def _single(one: Figures) -> str:
    return f"The connection {one.name} is {one.health}."
