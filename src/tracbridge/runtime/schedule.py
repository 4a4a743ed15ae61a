"""Set times: seconds until the next one, by the customer's clock."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from cronsim import CronSim

from tracbridge.domain.schedule import Cron


def due(cron: Cron, chance: Callable[[], float] = random.random) -> Callable[[datetime], float]:
    """Seconds from a moment (aware) to the next time that is later, jitter added.

    A time that the clocks leave out is taken when they have been set, one that is there twice is
    taken once.
    """

    def seconds(now: datetime) -> float:
        times = CronSim(cron.text, now.astimezone(cron.zone))
        waits = (later.astimezone(now.tzinfo) - now for later in times)
        # In an hour that is there twice the next time may have been in the first one.
        wait = next(one for one in waits if one > timedelta(0))
        return wait.total_seconds() + cron.jitter * chance()

    return seconds
