"""The loop breaker: two systems that undo each other's changes are stopped. Pure."""

from datetime import datetime, timedelta

from tracbridge.domain.link import Turns
from tracbridge.domain.workorder import Fields
from tracbridge.sync.identity import canonical, record_id

FLIPS = 6
"""So many are a busy day; more within `SPAN` are a loop."""

SPAN = timedelta(minutes=10)


def turned(turns: Turns | None, result: Fields, now: datetime) -> Turns:
    """The count after a record that made TracOS show ``result``.

    The same content as last time means that somebody turned it back in between: two flips.
    """
    content = record_id(canonical(result))
    if turns is None or content not in (turns.last, turns.before):
        return Turns(content, turns.last if turns else "", now)
    if now - turns.since > SPAN:
        turns = Turns(turns.last, turns.before, now)
    if content == turns.last:
        return Turns(content, turns.before, turns.since, turns.flips + 2)
    return Turns(content, turns.last, turns.since, turns.flips + 1)


def loops(turns: Turns) -> bool:
    """This goes round in circles."""
    return turns.flips > FLIPS
