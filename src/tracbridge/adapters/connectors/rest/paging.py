"""From page to page: what to ask next, what was given before, and when it is the end. Pure.

Whatever a system does between two pages (rows move, come twice, come in another order), no record
is passed over: positions go on from what was given, and a time of change is only left behind when
everything before it was given.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.adapters.connectors.rest.answers import bad, instant_in, items_of, value_of
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.cursor import Memory, due, memory_of
from tracbridge.adapters.connectors.rest.records import Item, item_of
from tracbridge.adapters.connectors.rest.spec import (
    Keyset,
    Link,
    Numbered,
    Offset,
    Single,
    Token,
)
from tracbridge.adapters.connectors.rest.system import Listing, System
from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.mapping.path import MISSING
from tracbridge.ports.connector import Cursor, Page, Record

KNOWN = 100_000
"""Records of one reading that are known again; one that comes twice further apart is given twice,
which costs a look and changes nothing."""

AGAIN = 2
"""Times that a page is asked for again which brought nothing new."""

IDLE = 10
"""Pages one after the other that bring nothing new: he gives the same for ever."""


class Seen:
    """The records of one reading, by id, version and bytes."""

    def __init__(self) -> None:
        self._hashes: dict[int, None] = {}

    def new(self, record: Record) -> bool:
        """It was not given yet; from now on it was."""
        mark = hash((record.ref, record.version, record.raw))
        if mark in self._hashes:
            return False
        self._hashes[mark] = None
        if len(self._hashes) > KNOWN:
            del self._hashes[next(iter(self._hashes))]
        return True


class At(Struct, frozen=True):
    """A position in a listing.

    ``memory``: as it was handed to us. ``whole``: the whole list is read; ``asked``: by a request
    of its own. ``began``: when. ``since``: the time of change from which records are asked for;
    ``last``: the key after which. ``offset`` and ``page``: what was given since then. ``link``: of
    this page; ``links``: of those before. ``top``: the newest change until here. ``pages``: how
    many were given, ``idle``: of them, without a break, those that brought nothing new.
    """

    memory: Memory
    began: datetime
    whole: bool = False
    asked: bool = False
    since: datetime | None = None
    last: Any = None
    offset: int = 0
    page: int = 0
    link: str = ""
    links: frozenset[str] = frozenset()
    top: datetime | None = None
    pages: int = 0
    idle: int = 0


class Step(Struct, frozen=True):
    """A page for the engine, and where the next one is to be found; None at the end."""

    page: Page
    next: At | None


class _Got(Struct, frozen=True):
    """What an answer held. ``body``: all of it, where more is asked of it than its list; ``fresh``:
    how many of its records were not given before.
    """

    items: Sequence[Item]
    reply: Reply
    body: Any
    now: datetime
    size: int
    fresh: int

    @property
    def count(self) -> int:
        """How far the page goes: not counting what comes twice, and no more than was asked for."""
        return min(len({(item.record.ref, item.record.raw) for item in self.items}), self.size)

    @property
    def top(self) -> datetime | None:
        """The newest change. Of more records than were asked for, only so many count: a stray one
        must not lead past all others.
        """
        changes = sorted(item.changed for item in self.items if item.changed)
        return changes[min(len(changes), self.size) - 1] if changes else None

    @property
    def last(self) -> Any:
        """The greatest key; of texts, which sort as only he knows, that of the last record."""
        keys = [item.key for item in self.items if item.key is not None]
        numbers = all(isinstance(key, int | float) for key in keys)
        return (max(keys) if numbers else keys[-1]) if keys else None


class Pager:
    """Reads a listing of one system; ``base``: its address, to which links have to lead."""

    def __init__(self, system: System, base: str = "", size: int | None = None) -> None:
        self.system, self.base = system, base
        self.size = size or system.spec.read.size

    def start(self, cursor: Cursor | None, now: datetime) -> At:
        """Where to begin: changes since the cursor, or the whole list."""
        memory = memory_of(cursor)
        if memory.began:
            return self._resumed(memory, memory.began)
        if due(memory, self.system.spec.read.sweep, now):
            return At(memory, now, whole=True, asked=True)
        return self._from(At(memory, now), memory.since)

    def afresh(self, now: datetime) -> At:
        """The whole list, where his system has forgotten where we were."""
        return At(Memory(), now, whole=True, asked=True)

    def forgotten(self, at: At, status: int) -> bool:
        """By that answer his system has forgotten where we were."""
        paging = self._listing(at).paging
        return isinstance(paging, Token) and not at.asked and status in paging.expired

    def _resumed(self, memory: Memory, began: datetime) -> At:
        """A whole listing that was broken off goes on where it can."""
        at = At(memory, began, whole=True, asked=True, top=memory.top, pages=1)
        if self.system.whole.by is not None:
            return replace(at, last=memory.last)
        if self.system.whole.ordered and memory.top:
            return self._from(replace(at, asked=False), memory.top)
        return at

    def _from(self, at: At, since: datetime | None) -> At:
        times = self.system.times
        return replace(at, since=times.before(since) if times and since else None)

    def _listing(self, at: At) -> Listing:
        return self.system.whole if at.asked else self.system.changes

    # -- asking --------------------------------------------------------------------------------

    def call(self, at: At) -> Call:
        """The request for the page at that position."""
        form, token = self._listing(at).form, at.memory.token
        link = at.link
        if not link and not at.asked and token.startswith(("/", "http://", "https://")):
            link = self._here(token, "")
        if link:
            headers = {key: text.header({}) for key, text in form.headers}
            return Call("GET", link, headers=headers, operation="read", backfill=at.whole)
        return form.call(self._names(at), "read", backfill=at.whole)

    def _names(self, at: At) -> dict[str, Any]:
        paging, times = self._listing(at).paging, self.system.times
        first = paging.from_ if isinstance(paging, Numbered) else 1
        start = paging.start if isinstance(paging, Offset) else 0
        initial = paging.initial if isinstance(paging, Keyset) else None
        return {
            "since": times.spelt(at.since) if times and at.since else None,
            "limit": self.size,
            "offset": start + at.offset - self._anchored(at),
            "page": first + at.page,
            "last": initial if at.last is None else at.last,
            "token": at.memory.token or None,
        }

    def _anchored(self, at: At) -> bool:
        """The page begins with the last record of the one before: if it does not, rows have moved
        meanwhile, and one of them may have come to lie in between.
        """
        return self._listing(at).counted and at.offset > 0 and self.size > 1

    # -- taking --------------------------------------------------------------------------------

    def take(self, at: At, reply: Reply, seen: Seen, now: datetime) -> Step:
        """The page in the answer. Raises `BadReplyError` for an answer that is none."""
        listing = self._listing(at)
        items = [
            item_of(self.system, one, listing.by) for one in items_of(reply, self.system.records)
        ]
        fresh = [item for item in items if seen.new(item.record)]
        got = _Got(
            items, reply, self._body(listing, reply), _clock(reply, now), self.size, len(fresh)
        )
        at = self._noted(at, got)
        following = self._next(at, listing, got)
        if following is not None and following.idle >= IDLE:
            why = f"{reply.what}: he gives the same page again and again; does he take the paging?"
            raise RetryableError(why)
        memory = self._safe(at, following, listing, got)
        records = tuple(item.record for item in _sorted(fresh))
        return Step(Page(records, memory.cursor(), complete=following is None), following)

    def _body(self, listing: Listing, reply: Reply) -> Any:
        """All of the answer, read a second time only where something is looked for in it."""
        wanted = listing.next or listing.more or listing.token
        return value_of(reply) if wanted else None

    def _noted(self, at: At, got: _Got) -> At:
        """The position with what the page has shown. When it began, says the earlier clock."""
        began = at.began if at.pages else min(at.began, got.now)
        idle = 0 if got.fresh else at.idle + 1
        return replace(at, began=began, top=_later(at.top, got.top), pages=at.pages + 1, idle=idle)

    def _next(self, at: At, listing: Listing, got: _Got) -> At | None:
        match listing.paging:
            case Single():
                return None
            case Link():
                return self._linked(at, self._link(listing, got))
            case Token():
                return self._until_token(at, listing, got)
            case paging:
                return self._counted(at, listing, paging, got)

    def _counted(
        self, at: At, listing: Listing, paging: Offset | Numbered | Keyset, got: _Got
    ) -> At | None:
        anchored = self._anchored(at)
        if anchored and got.items and got.fresh == len(got.items):
            return replace(at, offset=max(0, at.offset - self.size))
        if got.count <= anchored and not got.fresh:
            return None
        doubtful = isinstance(paging, Offset | Numbered) and 0 < at.idle <= AGAIN
        if not doubtful and self._says_last(paging, listing, got):
            return None
        if isinstance(paging, Keyset):
            return self._after(at, got) if paging.by is None else self._after_key(at, got)
        return self._further(at, got.count)

    def _says_last(self, paging: Offset | Numbered | Keyset, listing: Listing, got: _Got) -> bool:
        """By what the answer says, or by its length, there is no further one."""
        if listing.more and listing.more.get(got.body) in (MISSING, None, False, "", 0):
            return True
        return paging.full and len(got.items) < self.size

    def _after(self, at: At, got: _Got) -> At:
        """By time of change: from the newest one on, or further within the same one."""
        times, top, since = self.system.times, got.top, at.since
        if times is None or (top is None and since is None):
            return self._further(at, got.count)
        spelt = times.spelt(since) if since else None
        if top and (since is None or (top > since and times.spelt(top) != spelt)):
            return replace(at, asked=False, since=top, offset=0, page=0)
        # Only what is of this very time: an older page that came once more moves nothing.
        same = {
            (item.record.ref, item.record.raw)
            for item in got.items
            if item.changed is None or times.spelt(item.changed) == spelt
        }
        stray = len(same) < len(got.items)
        return self._further(at, len(same), again=at.offset > 0 or stray)

    def _further(self, at: At, count: int, *, again: bool = True) -> At:
        """So many records further on, in the same question."""
        if again and 0 < at.idle <= AGAIN:
            return at  # a page that was given before, instead of this one
        return replace(at, offset=at.offset - self._anchored(at) + count, page=at.page + 1)

    def _after_key(self, at: At, got: _Got) -> At:
        if got.last is None:
            raise bad(got.reply, "has no record with the key by which pages are sorted")
        return replace(at, last=got.last)

    # -- links and tokens ----------------------------------------------------------------------

    def _link(self, listing: Listing, got: _Got) -> str:
        if listing.next is None:
            return _in_header(got.reply.headers.get("link", ""))
        found = listing.next.get(got.body)
        return found if isinstance(found, str) else ""

    def _linked(self, at: At, link: str) -> At | None:
        if not link:
            return None
        path = self.call(at).path
        here = self._here(link, path if "://" in path else self.base.rstrip("/") + path)
        if here in at.links or here == at.link:
            raise RetryableError(f"{self.system.spec.interface}: a page names itself as its next.")
        return replace(at, link=here, links=at.links | {at.link})

    def _here(self, link: str, page: str) -> str:
        """The link as an address of this system. Raises `ConfigError` for one to another host."""
        base = urlsplit(self.base)
        found = urlsplit(urljoin(page or self.base, link))
        if found.hostname != base.hostname or found.scheme not in ("http", "https"):
            why = "a link to another page leads to another host; it is not followed"
            raise ConfigError(f"{self.system.spec.interface}: {why}.")
        return urlunsplit((base.scheme, base.netloc, found.path or "/", found.query, ""))

    def _until_token(self, at: At, listing: Listing, got: _Got) -> At | None:
        link = self._link(listing, got) if listing.next else ""
        if not link and not self._token(listing, got):
            raise bad(got.reply, "names neither a next page nor where to go on")
        return self._linked(at, link)

    @staticmethod
    def _token(listing: Listing, got: _Got) -> str:
        found = listing.token.get(got.body) if listing.token else None
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""

    # -- what is safe --------------------------------------------------------------------------

    def _safe(self, at: At, following: At | None, listing: Listing, got: _Got) -> Memory:
        """What may be left behind once this page is safe.

        A time of change lies never ahead of the clocks: one record of the year 2099 would hide all
        others. And of a list in another order it is the beginning that counts: a record that was
        given early may have changed since.
        """
        memory = at.memory
        reached = _earlier(at.top, got.now if listing.ordered else at.began)
        if following is None:
            since, swept = _later(memory.since, reached), at.began if at.whole else memory.swept
            return Memory(since, self._token(listing, got), swept)
        if at.whole and (listing.ordered or listing.by is not None):
            return replace(memory, began=at.began, last=following.last, top=at.top)
        if listing.ordered:
            return replace(memory, since=_later(memory.since, reached))
        return memory


def _sorted(items: list[Item]) -> list[Item]:
    """Oldest change first; those that say none stay before the others."""
    if any(item.changed for item in items):
        return sorted(items, key=lambda item: item.changed.timestamp() if item.changed else 0.0)
    return items


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _earlier(one: datetime | None, bound: datetime) -> datetime | None:
    return None if one is None else min(one, bound)


def _clock(reply: Reply, now: datetime) -> datetime:
    """The time at his system when it answered, or by our clock, whichever is earlier."""
    theirs = instant_in(reply.headers.get("date", ""))
    return min(theirs, now) if theirs else now


def _in_header(text: str) -> str:
    """The next page in a header such as ``</orders?page=2>; rel="next"``."""
    for part in text.split(","):
        address, _, rest = part.partition(">")
        if re.search(r"""rel=["']?next\b""", rest):
            return address.strip().removeprefix("<")
    return ""
