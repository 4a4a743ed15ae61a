"""The contract every connected system fulfils, TracOS included.

A connector moves raw records and knows no business: no statuses, no merging, no policies. It needs
no base class. What it can do beyond the contract it declares by traits and by the optional
protocols below.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NewType, Protocol, runtime_checkable

from msgspec import Struct

from tracbridge.domain.errors import RecordError, RetryableError, StaleWriteError
from tracbridge.domain.link import Claim
from tracbridge.ports.state import QuarantineCase

Cursor = NewType("Cursor", str)
"""Where to resume; opaque: only the connector that made it reads it."""

Body = Mapping[str, Any]
"""One record in the system's own format."""


class Record(Struct, frozen=True):
    """One raw record as a system gave it.

    ``ref``: the system's own id, None where only the mapping can tell. ``body``: None is a
    tombstone. ``source`` and ``pointer``: where it came from, for people (a file's name, a JSON
    pointer in it). ``raw``: its original bytes where the system has bytes. ``claim``: None means
    "the pass that reads". ``error``: why it could not even be read; then ``body`` means nothing.
    ``kept``: where the bytes are after ``commit``; ``aside``: where after ``set_aside``; "" =
    nowhere.
    """

    body: Body | None
    ref: str | None = None
    version: str = ""
    source: str = ""
    pointer: str = ""
    raw: bytes = b""
    claim: Claim | None = None
    error: RecordError | None = None
    kept: str = ""
    aside: str = ""


class Page(Struct, frozen=True):
    """A batch of records and where to resume once they are safe.

    ``complete``: the listing ended here; absence from it is never a delete. ``waiting``: items that
    were seen and left where they are, because they are not ready yet. ``notes``: (code, where) of
    what was passed over and a person may want to know.
    """

    records: tuple[Record, ...]
    cursor: Cursor
    complete: bool = False
    waiting: int = 0
    notes: tuple[tuple[str, str], ...] = ()


class Write(Struct, frozen=True):
    """One intended effect.

    ``key``: its idempotency key: same key, same effect, once. ``ref``: None where the system names
    it. ``body``: None deletes. ``replaces``: the record this write was planned on; where given, the
    system refuses with `StaleWriteError` if it holds something else by now; None creates or
    overwrites. ``extra``: JSON text of an object whose keys are passed through as they are, or "".
    ``state``: the state of his that the record is to be brought to, by its name in the mapping's
    transitions; "" where it stays as it is, or where his system takes any.
    """

    key: str
    body: Body | None
    ref: str | None = None
    replaces: Record | None = None
    extra: str = ""
    state: str = ""


class Receipt(Struct, frozen=True):
    """A write that took effect: the system's id for the record and the record's version now.

    ``version``: "" where the answer does not tell. ``body``: the record as it is now, or the part
    of it that names it, where the system answers with it.
    """

    ref: str
    version: str = ""
    body: Body | None = None


Refusal = RecordError | StaleWriteError | RetryableError
"""A write that did not take effect, and why; after an `UnknownOutcomeError` nobody knows.

`BusyError` is about this record alone; any other `RetryableError` says that no further write of the
batch was tried.
"""


class Staged(Struct, frozen=True):
    """A version that lies durable beside its place. ``over``: it will replace another one."""

    key: str
    over: bool


class Fate(Enum):
    """What became of a published version at the customer's."""

    WAITING = "waiting"
    TAKEN = "taken"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


class Traits(Struct, frozen=True):
    """What this system can do. Declared, so the engine never guesses."""

    deletes: bool = False
    """A write without body removes the record."""
    checks_versions: bool = False
    """A write planned on an older record is refused."""
    reads_back: bool = True
    """Our own writes come back when we read."""
    supersedes: bool = False
    """A version may be replaced before the customer has read it."""
    resend: bool = False
    """A wish to send again is served even where the content is the same (mailboxes)."""
    answers: bool = True
    """A write is answered: its receipt says that the version has arrived."""
    resumes: bool = False
    """A committed cursor is kept by us and handed to the next `read`, also after a restart. Records
    from before it may be read again (an overlap for late commits): as they are now."""
    commits_within: float = 0.0
    """Seconds after which a write whose answer never came has taken effect or never will."""


class Connector(Protocol):
    """One system, seen as readable pages and idempotent, guarded writes."""

    @property
    def traits(self) -> Traits:
        """What this system can do."""

    async def check(self) -> None:
        """Reachable, authorised, prepared; called once before anything else.

        Raises `ConfigError` for what an operator must mend and `RetryableError` for what may pass.
        """

    def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """What has changed since ``since``, oldest first, in pages.

        Reading again without `commit` gives the same records again. A connector that keeps a
        backlog stamps ``claim`` on what it takes now and keeps the older stamp on what it took
        before.
        """

    async def commit(self, cursor: Cursor) -> None:
        """Everything before ``cursor`` is safe with us.

        Called after the page's records are settled or in quarantine, and perhaps again after a
        crash: committing twice changes nothing.
        """

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        """Do each write, durably; one answer for each, in order.

        Raises `RetryableError` if none was done, and `UnknownOutcomeError` if nobody knows of any.
        """

    async def aclose(self) -> None:
        """Give everything back; called once or more."""


@runtime_checkable
class Fetches(Protocol):
    """The system can be asked for single records."""

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """The records of each ref; a ref without any is absent, more than one is a double."""


@runtime_checkable
class Rereads(Protocol):
    """Records of the system can be read once more, one by one."""

    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        """Each as it is now, in order; None where the system shows none under that id (any more).

        Known by ``ref`` and ``body`` of an earlier reading, or of what was written.
        """


@runtime_checkable
class Finds(Protocol):
    """Records can be found by TracOS's number, which they carry."""

    async def ours(self, numbers: Sequence[str]) -> Sequence[Record | None]:
        """The records that carry these numbers, in order; None where none does."""


@runtime_checkable
class Probes(Protocol):
    """What became of a write whose answer never came can be found out afterwards."""

    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        """A receipt for each that took effect, in order; None where no effect is to be seen.

        Changes nothing. Raises `RetryableError` where the system cannot be asked now.
        """


@runtime_checkable
class Lingers(Protocol):
    """A batch of writes may take longer than the right to work lasts that was asked for before."""

    async def write_held(
        self, writes: Sequence[Write], hold: Callable[[], Awaitable[None]]
    ) -> Sequence[Receipt | Refusal]:
        """As `Connector.write`, with ``hold`` called right before each write. What ``hold`` raises
        ends the batch: nothing more is written.
        """


@runtime_checkable
class Paced(Protocol):
    """The system is called at a measured pace: pauses and breakers that outlive our process."""

    def pace(self) -> Mapping[str, Any]:
        """What to show and to keep: plain values, durations in seconds from now."""

    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        """Go on as `pace` described it ``elapsed`` seconds ago."""

    def force(self, operation: str, word: str) -> None:
        """Do as an operator says with calls of an operation, "" all: ``open`` stops them,
        ``closed`` lets them pass, ``automatic`` leaves it to what becomes of them. Saying the same
        again changes nothing.
        """


@runtime_checkable
class Stages(Protocol):
    """The system can prepare versions durably and show them by one atomic step each."""

    async def stage(self, writes: Sequence[Write]) -> Sequence[Staged | RecordError]:
        """Lay the versions beside their places, durably. Invisible to the customer. Repeatable."""

    async def publish(self, staged: Sequence[tuple[str, str]]) -> Sequence[Receipt | RecordError]:
        """Show what was staged, by each write's key and ref.

        A version that is not staged any more was published before: that is success, not an error.
        """

    async def sweep(self) -> int:
        """Remove what was staged and never announced to us; returns how many."""


@runtime_checkable
class Acknowledges(Protocol):
    """The customer's handling of a published version can be seen afterwards."""

    async def fates(self, refs: Sequence[str]) -> Mapping[str, tuple[Fate, str]]:
        """Per ref what became of its version, with the customer's words where he refused it."""


@runtime_checkable
class Shows(Protocol):
    """What the customer can see of our versions can be read back."""

    def named(self, ref: str) -> str:
        """What people call the version of that ref: the name of its file, say."""

    async def shown(self, refs: Sequence[str]) -> Mapping[str, Record]:
        """Per ref its version as it lies there now; a ref without any is absent.

        What cannot be read carries an ``error``.
        """


@runtime_checkable
class SetsAside(Protocol):
    """The system's originals can be moved to the quarantine folder."""

    async def set_aside(self, records: Sequence[Record]) -> None:
        """Move the originals to their ``aside``; one that is there already is success."""


@runtime_checkable
class PutsBack(Protocol):
    """Refused originals can be looked at and taken in again."""

    async def original(self, case: QuarantineCase) -> bytes | None:
        """The bytes as they came, None if they are nowhere any more."""

    async def put_back(self, case: QuarantineCase) -> bool:
        """Lay the original where the next pass finds it, as if its own pass had left it unfinished.

        Durable, and whole at once: another process may be at work. False if it is nowhere any more.
        """

    async def read_again(self, case: QuarantineCase) -> Sequence[Page]:
        """What was put back."""


@runtime_checkable
class Peeks(Protocol):
    """The system can be looked at without being touched, for a preview."""

    async def look(self) -> None:
        """As `Connector.check`, but prepares nothing."""

    def peek(self, claim: Claim, since: Cursor | None = None) -> AsyncIterator[Page]:
        """The pages that `Connector.read` would give now; takes nothing."""


@runtime_checkable
class Stamps(Protocol):
    """Whether anything has happened is told at little cost; our own memory may tell it too."""

    async def stamp(self, since: datetime) -> str | None:
        """A text that becomes another one as soon as a pass could find anything new.

        None where telling would cost as much as a pass. What happened before ``since`` need not
        show. Raises `RetryableError` where the system is away; changes nothing.
        """


@runtime_checkable
class Finishes(PutsBack, Protocol):
    """Originals that were refused as incomplete may be finished where they lie now."""

    async def finished(self, cases: Sequence[QuarantineCase]) -> Sequence[QuarantineCase]:
        """Those of these cases whose originals were written on since, and are complete by now."""


@runtime_checkable
class Marks(Protocol):
    """TracOS only: the view ``isSynced`` can be set, guarded by what was read."""

    async def mark(self, marks: Sequence[tuple[Record, Any]]) -> int:
        """Set ``isSynced`` and ``syncedAt`` on each record that is still as read; how many."""


class Tracos(Connector, Fetches, Marks, Protocol):
    """TracOS as a connector: pages of unsynced documents, look-ups, guarded writes, the view
    ``isSynced``.
    """

    def news(self) -> AsyncIterator[Page]:
        """Documents whose flag says that they are not synced; `read` also gives those that are
        marked by something that is no flag.
        """

    def changed(self, since: Any, lately: Any) -> AsyncIterator[Page]:
        """Documents marked as synced whose ``updatedAt`` is at or after ``lately``; and of those at
        or after ``since`` the ones where it is not before the time of the mark: somebody edited
        them and left the mark.
        """

    async def freshest(self, since: datetime, limit: int) -> Sequence[Record]:
        """Those that are not marked as synced and changed last, since then; the newest first."""

    async def made(self, ids: Sequence[object]) -> Mapping[object, str]:
        """The documents with these ids that are there, each with its number."""


@runtime_checkable
class Exclusive(Protocol):
    """The system itself can tell whether another process of ours works on it, and whose memory it
    belongs to.
    """

    async def lock(self) -> None:
        """Raises `ConfigError` if another process holds it; freed when this process ends, however
        it ends.
        """

    async def unlock(self) -> None:
        """Give it back."""

    async def marker(self) -> str | None:
        """The mark that was placed there, None if there is none."""

    async def place_marker(self, marker: str) -> None:
        """Place the mark, durably."""
