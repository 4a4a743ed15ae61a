"""The figures of one connection, and in a word how it fares."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.bootstrap import Service
from tracbridge.desk.blackouts import Blackouts, blackout_of
from tracbridge.desk.standing import catch_up, fares_of
from tracbridge.desk.texts import lasting, moment
from tracbridge.domain.errors import TracbridgeError
from tracbridge.domain.workorder import Side
from tracbridge.engine.controls import Paused
from tracbridge.ports.views import Standing

LATE = timedelta(minutes=15)
"""From then on a change that waits is worth a word; most of them heal by themselves."""

FAILED = 1
"""The exit code of a run that could not run."""

HEALTH = ("cannot run", "needs attention", "behind", "paused", "not read yet", "in order")
"""How a connection fares, worst first."""


class Figures(Struct, frozen=True):
    """``at``: when they were read. ``standing`` None: not read yet, or why not in ``error``.

    ``standing.in_sync`` is 0 where it was not asked for. Not ``exact``: ``on_their_way`` is an
    upper bound. ``to_send``: those on their way that nobody has begun to give. ``breaker``: calls
    that nobody makes just now, in words, or "". ``paused``: sides whose changes wait because
    somebody said so.
    ``blackouts``: hours in which nothing is done, None where there are none.
    """

    name: str
    tenant: str
    at: datetime
    standing: Standing | None = None
    exact: bool = True
    to_send: int = 0
    to_approve: int = 0
    not_created: int = 0
    paused: Mapping[Side, Paused] = {}
    breaker: str = ""
    error: str = ""
    blackouts: Blackouts | None = None

    @property
    def dark(self) -> datetime | None:
        """When the blackout of this moment is over, None outside of any."""
        return self.blackouts.until if self.blackouts else None

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
        waits = bool(self.standing and self.standing.on_their_way)
        late = waits and self.waiting_for > LATE and self.dark is None
        found = (
            bool(self.wrong),
            bool(self.attention),
            late or bool(self.breaker),
            bool(self.paused or self.dark),
            self.standing is None,
        )
        return next((n for n, true in enumerate(found) if true), len(HEALTH) - 1)

    @property
    def health(self) -> str:
        """How it fares."""
        dark = self.dark and not self.paused and HEALTH[self.rank] == "paused"
        return "in a blackout" if dark else HEALTH[self.rank]

    def caught_up(self, rate: float) -> str:
        """When what waits has been given, in words; ``rate``: orders a second of late."""
        if Side.TRACOS in self.paused:
            return "not while it is paused"
        span = catch_up(self.to_send, rate)
        if span is None:
            return "unknown: nothing was given in the last 10 minutes"
        after = f" after {moment(self.dark)}, at the rate of before" if self.dark else ""
        return f"about {lasting(span)}{after}"

    def same(self, other: "Figures") -> bool:
        """Nothing that a row of the overview shows differs."""
        one, two = (replace(f, at=other.at, standing=_unsummed(f.standing)) for f in (self, other))
        return one == two and self.rank == other.rank


def _unsummed(standing: Standing | None) -> Standing | None:
    return replace(standing, in_sync=0) if standing else None


async def figures_of(services: Sequence[Service], *, sums: bool = False) -> AsyncIterator[Figures]:
    """Those of each of these connections, read now, in a few questions for all of them. ``sums``:
    with how many orders are in sync.
    """
    known = {one.name: one for one in services}
    async for name, fare in fares_of(services, sums=sums):
        service = known[name]
        now, tenant = service.connection.clock.now(), service.settings.tenant
        if isinstance(fare, TracbridgeError):
            yield Figures(name, tenant, now, error=str(fare))
            continue
        calls = (call for call, state in fare.breakers.items() if state == "open")
        yield Figures(
            name=name,
            tenant=tenant,
            at=now,
            standing=fare.status.standing,
            exact=fare.status.exact,
            to_send=fare.to_send,
            to_approve=fare.status.to_approve,
            not_created=fare.status.not_created,
            paused=fare.paused,
            breaker=", ".join(calls),
            blackouts=blackout_of(service.settings.blackouts, now),
        )


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
