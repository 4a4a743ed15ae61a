"""What the engine remembers between passes, as ports: links, bookkeeping, cases, conflicts,
history.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import Reason
from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Fields, Side


class Ledger(Protocol):
    """The links of one connection. Every update is guarded by ``rev`` and by the lease's fence."""

    async def find(self, refs: Sequence[str]) -> dict[str, Link]:
        """The links of these refs, by ref; refs without a link are absent."""

    async def save(self, links: Sequence[Link]) -> set[str]:
        """Store each link over the revision it was read at (``rev`` 0: it must not exist yet).

        Returns the refs whose guard failed; those were not stored. One round trip per batch.
        """

    async def linked(self) -> int:
        """How many orders are linked."""

    def on_their_way(self, *phases: Phase) -> AsyncIterator[list[str]]:
        """Refs of the links whose version is in one of ``phases``, in pages."""

    def repushes(self) -> AsyncIterator[list[str]]:
        """Refs of the links that are to be sent again, in pages."""

    async def rotation(
        self, after: str, limit: int, lately: tuple[datetime, datetime] | None = None
    ) -> tuple[list[str], str]:
        """The next ``limit`` links after that position in a fixed order, and the position after
        them.

        Returns the refs of those not given to the customer ``lately``: between these two times,
        both included. The position is "" at the beginning, and again when the end was reached.
        """


class Passes(Protocol):
    """The pass counter and the resume points of one connection."""

    async def begin(self, complete: int = 0, ahead: int = 0) -> Claim:
        """Count a new pass; returns its number and the last complete one. ``complete``: a pass that
        is `complete` as well, in one step. ``ahead``: so many after it are counted too; their
        numbers are ours.
        """

    async def counter(self) -> int:
        """The number of the last pass begun."""

    async def completed(self) -> int:
        """The last complete pass, 0 before the first."""

    async def complete(self, pass_: int) -> None:
        """That pass saw the whole listing and left nothing waiting; never lowers the number."""

    async def cursor(self, name: str) -> Any:
        """The stored resume point of that name, or None."""

    async def keep_cursor(self, name: str, value: Any) -> None:
        """Store the resume point."""


class QuarantineCase(Struct, frozen=True):
    """One refused record: what, where, why, and where its bytes are.

    ``source``: file name, or ``tracos:<_id>``. ``version``: of the refused content (so the same
    content opens no second case). ``file``: path of the original bytes, or "" where ``raw`` holds
    them. ``token``: of what a rule holds, for its approval. ``theirs``: the record's id in the
    customer's system, where that is asked for it again.
    """

    id: str
    connection: str
    side: Side
    source: str
    why: Reason
    version: str
    at: datetime
    ref: str | None = None
    file: str = ""
    raw: bytes = b""
    claim: Claim | None = None
    state: str = "open"
    token: str = ""
    theirs: str = ""


class Good(Struct, frozen=True):
    """Where good records were found, and when they were claimed (None: just now).

    ``refs``: by order. ``sources``: by file name or document.
    """

    refs: Mapping[str, Claim | None] = {}
    sources: Mapping[str, Claim | None] = {}

    def __bool__(self) -> bool:
        return bool(self.refs or self.sources)

    def outdates(self, ref: str | None, source: str, claim: Claim | None) -> bool:
        """A case of this order, from this source, claimed then, is answered by one of the good
        records.

        A source answers for earlier passes only: its other records of the same pass may well be
        bad.
        """
        if ref is not None and ref in self.refs and _upto(claim, self.refs[ref]):
            return True
        return source in self.sources and _earlier(claim, self.sources[source])


def _upto(case: Claim | None, good: Claim | None) -> bool:
    return case is None or good is None or case.order <= good.order


def _earlier(case: Claim | None, good: Claim | None) -> bool:
    return case is None or good is None or case.pass_ < good.pass_


class Quarantine(Protocol):
    """Refused records with their bytes."""

    async def put(self, cases: Sequence[QuarantineCase]) -> None:
        """Store each case. One of the same id is left as it is, but opened again if it was ended.

        Ended: closed or retried; what a person discarded stays discarded.
        """

    async def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these cases are open already, or were discarded by a person."""

    async def waiting(self, side: Side | None = None) -> int:
        """How many cases are open, of that side or of both (1 stands for "some")."""

    async def settle(self, good: Good, side: Side, at: datetime) -> int:
        """Close open cases that good records outdate. Returns how many."""


class Cases(Protocol):
    """What a person does with refused records."""

    async def find(self, ids: Sequence[str]) -> list[QuarantineCase]:
        """These cases with their bytes, in any state; unknown ids are absent."""

    async def move(self, id_: str, state: str, at: datetime) -> bool:
        """The open case is ``state`` now (retried, discarded); False if it was not open."""

    async def close_older(self, case: QuarantineCase, at: datetime) -> None:
        """Close open cases of the same order that were claimed up to the same place."""


@runtime_checkable
class OpenCases(Protocol):
    """The quarantine can name its open cases."""

    async def open_of(self, codes: Collection[str], side: Side) -> list[QuarantineCase]:
        """Open cases of that side with one of these codes, without the bytes that we hold."""

    async def move(self, id_: str, state: str, at: datetime) -> bool:
        """As `Cases.move`."""


class Resolution(Struct, frozen=True):
    """A decision on some fields of a conflict, made after it was put on record.

    ``values``: what stands since then, by field. ``side``: whose values those were (None: neither's
    alone). ``by``: a person's name, or what made both sides agree.
    """

    at: datetime
    values: Fields
    side: Side | None
    by: str
    why: str = ""


PERSON = "person"
"""What a conflict was decided by, where a person did; its resolutions say who."""

AGREED = "both agree"
"""What a conflict was decided by, where both sides came to show the same."""


class Conflict(Struct, frozen=True):
    """One disagreement about one order, with everything a person needs to take either side.

    ``decided``: what decided the last of its fields (a policy, a person, agreement), None while one
    waits. ``taken``: per field the side whose value stands, with all ``resolutions`` so far.
    ``created_at``: when the customer's order was created, None where no record of his says it.
    """

    id: str
    connection: str
    ref: str
    kind: Kind
    at: datetime
    base: Fields
    tracos: Fields
    customer: Fields
    taken: Mapping[str, Side | None]
    decided: str | None
    source: str = ""
    tracos_at: datetime | None = None
    customer_at: datetime | None = None
    created_at: datetime | None = None
    resolutions: tuple[Resolution, ...] = ()

    @property
    def waiting(self) -> list[str]:
        """The fields that wait for a person."""
        if self.decided is not None:
            return []
        return [n for n, side in self.taken.items() if side is None and not self.resolution(n)]

    def resolved(self, resolution: Resolution) -> "Conflict":
        """With that resolution in those of its fields that this conflict is about."""
        later = {name: resolution.side for name in resolution.values if name in self.taken}
        taken = {**self.taken, **later}
        return replace(self, taken=taken, resolutions=(*self.resolutions, resolution))

    def resolution(self, field: str) -> Resolution | None:
        """The last decision on that field after it was put on record."""
        return next((one for one in reversed(self.resolutions) if field in one.values), None)


def next_id(id_: str, decided_at: object) -> str:
    """The id of a conflict that came back after it was decided; the same if it is put again."""
    return sha256(f"{id_} {decided_at}".encode()).hexdigest()[:12]


class Conflicts(Protocol):
    """Disagreements, decided or waiting."""

    async def put(self, conflicts: Sequence[Conflict]) -> None:
        """Store each; one that is there already (same id) is left as it is.

        Where that one was decided and this one waits, the disagreement has come back: it is stored
        beside it, under its `next_id`.
        """

    async def decide(self, conflict: Conflict, resolution: Resolution) -> None:
        """Book what a person decided, also for what else waits about these fields of the order.

        Other fields go on waiting.
        """

    async def release(self, ref: str, resolution: Resolution) -> None:
        """These fields of the order are held no more: no conflict about them waits any longer."""


class Entry(Struct, frozen=True):
    """One change we make to one order on one side, written before the effect.

    ``before`` holds the values that were replaced (None: it did not exist), ``after`` those that
    stand then; both only for the fields that changed. ``why``: mapping, policy per field, source.
    ``before_at``: TracOS's time of its last edit before ours (None: not known, or of no use).
    """

    id: str
    connection: str
    ref: str
    number: int
    side: Side
    at: datetime
    run: str
    before: Fields | None
    after: Fields
    why: Mapping[str, Any] = {}
    before_at: datetime | None = None


class History(Protocol):
    """What was done to each order, and why."""

    async def put(self, entries: Sequence[Entry]) -> set[str]:
        """Store each; one that is there already (same id) keeps all but its ``before_at``, and
        counts again if its effect had not happened.

        Returns the ids under which another change stands that perhaps happened; those were not
        stored. Where its effect is known not to have happened, the new one takes its place.
        """

    async def supersede(self, ids: Sequence[str]) -> None:
        """These entries' effects did not happen: their guard failed."""

    async def pending(self, numbers: Mapping[str, int]) -> dict[str, Entry]:
        """Per ref the last entry on TracOS's side with that number, if one was written and not
        superseded.
        """


class Lease(Protocol):
    """The time-limited exclusive right to work on a connection."""

    @property
    def fence(self) -> int:
        """The number under which we write; each new holder has a higher one."""

    async def join(self) -> int:
        """The present fence, nothing taken: for single guarded updates beside a worker."""

    async def take(self) -> int:
        """Take it and return the fence. Raises `ConfigError` naming a holder that lives."""

    async def hold(self) -> None:
        """Renew if due. Raises `FatalError` if it is lost or too old to be sure of."""

    async def release(self) -> None:
        """Give it back, if it is still ours."""


class Runs(Protocol):
    """Bookkeeping of runs, and the marker that ties our memory to the customer's folder."""

    async def begin(self, run: str, at: datetime) -> None:
        """A run has begun; telling it again changes nothing."""

    async def end(self, run: str, at: datetime, counts: Mapping[str, Any]) -> None:
        """The run is over, with these numbers."""

    async def marker(self) -> tuple[str, bool] | None:
        """The marker and whether it was surely placed; None before the first run."""

    async def keep_marker(self, marker: str, *, placed: bool) -> None:
        """Store the marker."""


class TakenFile(Struct, frozen=True):
    """One file that stays where it is: the state in which we took it, and by which pass.

    ``batch`` names the batch in which it was taken; ``done``: its records are safe.
    """

    name: str
    size: int
    mtime_ns: int
    sha256: str
    claim: Claim
    batch: str
    done: bool = False


class TakenFiles(Protocol):
    """What was taken from a folder that we may not write: the row at first sight is the claim."""

    async def find(self, names: Sequence[str]) -> dict[str, TakenFile]:
        """What we know of these files, by name."""

    async def unfinished(self) -> list[TakenFile]:
        """Files that were taken and are not done."""

    async def take(self, files: Sequence[TakenFile]) -> None:
        """Remember the files as they are now."""

    async def finish(self, names: Sequence[str]) -> None:
        """The records of these files are safe."""
