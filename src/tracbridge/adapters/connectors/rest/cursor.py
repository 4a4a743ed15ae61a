"""Where reading goes on: an opaque text for the engine, a memory for us. Pure."""

from datetime import datetime, timedelta, tzinfo

import msgspec
from msgspec import Struct

from tracbridge.ports.connector import Cursor

_JSON = msgspec.json.Encoder()
FORM = 1


class Memory(Struct, frozen=True, omit_defaults=True):
    """What is known of earlier readings; all times are instants in UTC.

    ``since``: everything changed before was given. ``token``: the system's own. ``swept``: when the
    last whole listing began. A whole listing that is under way: ``began``, ``last`` (the key that
    was given last), ``top`` (the newest change in it).
    """

    since: datetime | None = None
    token: str = ""
    swept: datetime | None = None
    began: datetime | None = None
    last: str | int | float | None = None
    top: datetime | None = None
    form: int = 0

    @property
    def whole(self) -> bool:
        """A whole listing is under way."""
        return self.began is not None

    def cursor(self) -> Cursor:
        """The text."""
        return Cursor(_JSON.encode(msgspec.structs.replace(self, form=FORM)).decode())


def memory_of(cursor: Cursor | None) -> Memory:
    """What the text says. One that we did not write says nothing: everything is read again."""
    try:
        found = msgspec.json.decode(cursor or "{}", type=Memory)
    except (msgspec.MsgspecError, ValueError):
        return Memory()
    aware = all(t is None or t.tzinfo for t in (found.since, found.swept, found.began, found.top))
    return found if aware else Memory()


def due(memory: Memory, hours: float | None, now: datetime) -> bool:
    """The whole list is to be read: it never was, or too long ago."""
    if memory.since is None and not memory.token:
        return True
    if hours is None:
        return False
    return memory.swept is None or now - memory.swept >= timedelta(hours=hours)


def lowered(moment: datetime, overlap: float, naive: tzinfo | None) -> datetime:
    """The moment less the overlap, in seconds.

    ``naive``: the zone of clocks that write no offset: an hour that they show twice is wholly read
    again, since nobody can tell its halves apart.
    """
    found = moment - timedelta(seconds=overlap)
    if naive is None:
        return found
    return found - _twice(found, naive)


def _twice(moment: datetime, zone: tzinfo) -> timedelta:
    """How long the clocks are set back at the hour that they show then; else nothing."""
    shown = moment.astimezone(zone)
    early, late = shown.replace(fold=0).utcoffset(), shown.replace(fold=1).utcoffset()
    return max(early - late, timedelta()) if early and late else timedelta()
