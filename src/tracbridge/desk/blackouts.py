"""Hours in which a connection does nothing: whether one is now, and when the next one begins."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from tracbridge.domain.schedule import Blackout, blackout_until

AHEAD = 8
"""Days that are looked through for the next one; it may be on one day of the week only."""


class Blackouts(Struct, frozen=True):
    """``until``: the end of the blackout of this moment, None outside of any. ``next`` and
    ``next_until``: the one that begins next, None where none does. All in UTC.
    """

    until: datetime | None
    next: datetime | None
    next_until: datetime | None


def blackout_of(blackouts: Collection[Blackout], now: datetime) -> Blackouts | None:
    """As it is at that moment (aware); None for a connection that has no blackouts.

    One that follows on another belongs to it.
    """
    if not blackouts:
        return None
    until = blackout_until(blackouts, now)
    after = until or now
    begins = sorted(
        at for one in blackouts for at in _begins(one, after) if one.until(at) is not None
    )
    first = next((at for at in begins if until is None or at > until), None)
    ends = blackout_until(blackouts, first) if first else None
    return Blackouts(_utc(until), _utc(first), _utc(ends))


def _begins(one: Blackout, after: datetime) -> Iterator[datetime]:
    """When it begins after that moment. An hour that a change of the clocks leaves out begins when
    they have been set.
    """
    today = after.astimezone(one.zone).date()
    for ahead in range(AHEAD + 1):
        day = today + timedelta(days=ahead)
        if day.weekday() in one.days:
            local = datetime.combine(day, one.begin, tzinfo=one.zone)
            at = local.astimezone(UTC)
            if at > after:
                yield at


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None
