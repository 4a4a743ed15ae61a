"""When a connection is looked at by itself, and when it is left alone. Pure."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Cron(Struct, frozen=True):
    """Whole passes at set times: ``text`` as cron has it, by the clock of ``zone``, and each up to
    ``jitter`` seconds later.
    """

    text: str
    zone: ZoneInfo
    jitter: float = 0.0


class Blackout(Struct, frozen=True):
    """Hours in which the customer's system is left alone: local times of ``zone``, from ``begin``
    until before ``end``, which may be the next day; on these ``days`` of the week (0 is Monday), by
    the day on which it begins.
    """

    begin: time
    end: time
    zone: ZoneInfo
    days: Collection[int] = range(7)

    def until(self, now: datetime) -> datetime | None:
        """The end of the blackout that this moment is in (in UTC as ``now``), None where it is in
        none. An hour that a change of the clocks leaves out or repeats is meant as people mean it:
        by what the clock shows.
        """
        local = now.astimezone(self.zone)
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            if day.weekday() not in self.days:
                continue
            begin = datetime.combine(day, self.begin)
            last = day if self.begin < self.end else day + timedelta(days=1)
            end = datetime.combine(last, self.end)
            if begin <= local.replace(tzinfo=None) < end:
                # In an hour that is there twice the first end may be over.
                ends = (end.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
                return next((e.astimezone(now.tzinfo) for e in ends if e > now), None)
        return None


def blackout_until(blackouts: Collection[Blackout], now: datetime) -> datetime | None:
    """When it is over, one that follows on another included; None where this moment is in none. At
    most a week ahead.
    """
    until = now
    while until < now + timedelta(days=7):
        ends = [end for one in blackouts if (end := one.until(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return until if until > now else None
