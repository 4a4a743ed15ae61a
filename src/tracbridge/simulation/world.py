"""The real engine in a world of its own: two sides, processes that take turns, and what must hold.

Nothing here knows how the engine works; it is driven through its ports, and judged by what both
sides, the customer's files and our records show.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from tracbridge.domain.errors import ConfigError, FatalError, OccupiedError, RetryableError
from tracbridge.domain.link import Held, Link
from tracbridge.domain.workorder import Fields
from tracbridge.engine.connection import Connection
from tracbridge.ports.state import Conflict
from tracbridge.simulation import memory
from tracbridge.simulation.disk import PART, Disk
from tracbridge.simulation.edits import NAMES, Oracle, content
from tracbridge.simulation.folder import MARKER, OUT, TEMPORARY, Folder
from tracbridge.simulation.habits import Habits
from tracbridge.simulation.mapping import Plain
from tracbridge.simulation.passes import one_pass
from tracbridge.simulation.people import Customer, Users
from tracbridge.simulation.processes import Process, Silence, Time, Trouble, in_turn
from tracbridge.simulation.tracos import Collection, MemoryTracos
from tracbridge.sync.policy import Ack

BEGUN = datetime(2026, 3, 20, 12, tzinfo=UTC)
ROUNDS = 14
REFS = ("1", "2")


class Violation(AssertionError):  # noqa: N818 (what it is called in every text about it)
    """Something that must hold does not; ``kind`` stays the same while a story is shrunk."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Running(Struct):
    """A process and what it is doing. ``swaps``: those before it started."""

    process: Process
    work: Coroutine[Any, Any, None]
    swaps: int


Wrap = Callable[[Connection], Connection]


class World:
    """Everything there is. ``wrap`` may change the parts that a process works with."""

    def __init__(self, habits: Habits, wrap: Wrap = lambda connection: connection) -> None:
        self.habits, self.wrap = habits, wrap
        self.oracle, self.time, self.disk = Oracle(), Time(BEGUN), Disk()
        self.state, self.collection = memory.State(), Collection()
        self.users = Users(self.collection, self.oracle, self.time)
        self.customer = Customer(habits, self.disk, self.oracle, self.time, BEGUN, self.show)
        self.running: dict[int, Running] = {}
        self.shown: dict[str, set[tuple[Any, ...]]] = {ref: set() for ref in REFS}
        self.keys: set[str] = set()
        self.newest: dict[str, int] = {}
        self.chance: set[str] = set()
        self.stash: dict[str, Any] = {}
        self.backup: memory.State | None = None
        self.away, self.swaps = False, 0
        self.runs = self.rounds = 0

    # -- people --------------------------------------------------------------------------------

    def tracos(self, ref: str, changes: Fields, way: str) -> None:
        """Somebody edits an order in TracOS; before it is linked, its time is all we go by."""
        linked = ref in self.state.links
        self.users.edit(ref, changes, way if linked or way != "silent" else "quiet")

    def reset(self, ref: str) -> None:
        """Somebody resets ``isSynced``."""
        self.users.reset(ref)

    def erp(self, ref: str, changes: Fields) -> None:
        """Somebody edits an order in the customer's system."""
        ours = int(ref) in self.collection.documents or ref in self.state.links
        if ref in self.customer.orders or not ours:  # else two orders of one number would meet
            self.customer.edit(ref, changes)

    def export(self, ref: str, whole: bool = True) -> None:
        """The customer's system writes a file."""
        if not (self.away and self.habits.ack is Ack.ANSWER):  # he could not read before it
            self.customer.export(ref, whole)

    def export_all(self) -> None:
        """The customer's system writes all that it holds, with new dates."""
        if not (self.away and self.habits.ack is Ack.ANSWER):
            self.customer.export_all()

    def again(self, ref: str, number: int) -> None:
        """The customer sends an old file once more."""
        self.customer.send_again(ref, number)

    def import_(self, ref: str) -> None:
        """The customer's importer goes one step on."""
        if not self.away:
            self.customer.import_(ref)

    def refuse(self, ref: str) -> None:
        """The customer lays an ``.err`` beside our file."""
        if not self.away:
            self.customer.refuse(ref)

    def show(self, body: Any) -> None:
        """The customer has this content, or was given it."""
        self.shown[body["ref"]].add(content(body))

    # -- time and trouble ----------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Time goes on."""
        self.time.pass_by(seconds)

    def jump(self, minutes: int) -> None:
        """Our clock jumps."""
        self.time.wall += timedelta(minutes=minutes)

    def kill(self, who: int) -> None:
        """A process is gone, wherever it was."""
        if running := self.running.pop(who, None):
            running.process.die(running.work)

    def end(self) -> None:
        """All processes are gone."""
        for who in list(self.running):
            self.kill(who)

    def cut(self, keep: int) -> None:
        """The machine loses power; the databases are elsewhere."""
        self.end()
        self.disk.cut(keep)
        # What was shown by a rename that did not reach the disk was not shown.
        self.keys -= {path.removeprefix(TEMPORARY) for path in self.disk.below(TEMPORARY)}

    def swap(self) -> None:
        """The outbound folder is replaced by an empty one, or by the right one again."""
        if not (self.away or self.bound):
            return
        ours = [p for p in self.disk.files if p.startswith((OUT, TEMPORARY))]
        files, self.stash = self.stash, {path: self.disk.files.pop(path) for path in ours}
        self.disk.files |= files
        self.disk.journal.clear()
        self.away, self.swaps = not self.away, self.swaps + 1

    @property
    def bound(self) -> bool:
        """Folder and memory are surely tied to each other."""
        return MARKER in self.disk.files and self.state.marker == (
            self.disk.files[MARKER].content,
            True,
        )

    def save(self) -> None:
        """A backup of our memory."""
        if self.bound:
            self.backup = self.state.copy()

    def restore(self) -> None:
        """Our memory is put back to the backup, and the customer is asked for a full export.

        What was forgotten can be neither told nor asked, so edits that are lost until both sides
        have come to rest again are not counted, and no file from before is sent once more; whatever
        happens after it is.
        """
        if self.backup is None:
            return
        self.settle()
        for name in self.backup.__struct_fields__:
            setattr(self.state, name, getattr(self.backup.copy(), name))
        self.keys.clear()
        self.newest.clear()
        self.come_to_rest()
        self.customer.export_all()
        self.come_to_rest()
        self.customer.forget_sent()
        self.check_sides()
        self.oracle.idle |= (1 << len(self.oracle.seen)) - 1

    # -- our processes -------------------------------------------------------------------------

    def work(self, who: int, turns: int, trouble: Trouble | None = None) -> None:
        """A process goes on for some turns, or is started; ``trouble`` meets its next request."""
        if who not in self.running:
            self.start(who)
            trouble = None
        for _ in range(turns):
            if not self.go_on(who, trouble):
                return
            trouble = None

    def start(self, who: int, *, rebind: bool = False) -> None:
        """A new process on machine ``who``; where the lock is seen, both are one machine."""
        self.runs += 1
        process = Process(self.time, 0 if self.habits.shared else who)
        connection = self.connect(process)
        runs = memory.MemoryRuns(self.state, process)
        work = one_pass(
            connection, runs, f"run-{self.runs}", rebind=rebind, hints=self.habits.hints
        )
        self.running[who] = Running(process, work, self.swaps)

    def connect(self, process: Process) -> Connection:
        """The engine's parts for one process."""
        lease = memory.MemoryLease(self.state, process)
        silence = Silence()
        return self.wrap(
            Connection(
                name="simulated",
                customer=Folder(
                    self.disk, process, self.published, self.oracle.note, self.habits.shared
                ),
                tracos=MemoryTracos(self.collection, process, self.written),
                translation=Plain(self.oracle, process),
                policies=self.habits.policies,
                ledger=memory.MemoryLedger(self.state, process, lease),
                passes=memory.MemoryPasses(self.state, process),
                quarantine=memory.MemoryQuarantine(self.state, process),
                conflicts=memory.MemoryConflicts(self.state, process, self.recorded),
                history=memory.MemoryHistory(self.state, process),
                lease=lease,
                clock=self.time,
                steps=silence,
                observer=silence,
                together=in_turn,
            )
        )

    def go_on(self, who: int, trouble: Trouble | None = None) -> bool:
        """One turn; False if the process is gone."""
        running = self.running[who]
        stranger = self.away and running.swaps == self.swaps
        before = dict(self.state.links) if stranger else {}
        try:
            running.work.send(trouble)
        except BaseException as end:
            running.process.alive = False
            del self.running[who]
            self.check_end(end)
        self.check()
        if stranger and before != self.state.links:
            raise Violation("stranger", "an empty folder was taken for a customer who read all")
        for ref in running.process.suspects:
            link = self.state.links.get(ref)
            if link and link.window is None:
                self.chance.add(ref)
        return who in self.running

    def check_end(self, end: BaseException) -> None:
        """A process stops early only where it may."""
        if not isinstance(end, StopIteration | RetryableError | ConfigError | FatalError):
            raise end
        reason = isinstance(end, OccupiedError) or self.swaps or not self.habits.shared
        if isinstance(end, ConfigError | FatalError) and not reason:
            raise Violation("stopped", f"without a reason: {end}")

    def published(self, key: str, ref: str, whole: Any) -> None:
        """A version is shown to the customer: once, and never an older one after a newer one."""
        if whole is PART:
            raise Violation("partial", f"order {ref}: a file that is not whole was published")
        _, body = whole
        self.show(body)
        number = int(key.rpartition("-")[2])
        if key in self.keys:
            raise Violation("doubled", f"order {ref}: version {number} was published twice")
        if number < self.newest.get(ref, 0):
            raise Violation("backwards", f"order {ref}: version {number} after a newer one")
        self.keys.add(key)
        self.newest[ref] = number

    def written(self, before: Fields | None, after: Mapping[str, Any]) -> None:
        """We have written or marked a document."""
        ref = str(after["number"])
        for name in NAMES if before else ():
            self.oracle.overwrite((before or after)[name], after[name])
        if after.get("isSynced") is True and content(after) not in self.shown[ref]:
            raise Violation("marked", f"order {ref} shows what the customer was never given")

    def recorded(self, conflict: Conflict) -> None:
        """Both values of a disagreement are on record."""
        self.oracle.note(conflict.tracos)
        self.oracle.note(conflict.customer)

    # -- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        """At every step."""
        for ref in REFS:
            file = self.disk.files.get(f"{OUT}{ref}")
            if file and file.content is PART:
                raise Violation("partial", f"order {ref}: a file that is not whole can be seen")

    def settle(self) -> None:
        """All trouble is over: the folder is the right one, paused processes run to their ends."""
        if self.away:
            self.swap()
        for who in list(self.running):
            while self.go_on(who):
                pass
        self.wait(60)

    def come_to_rest(self) -> None:
        """Everybody finishes what was begun; then passes until nothing changes any more."""
        self.settle()
        before: object = None
        for self.rounds in range(ROUNDS):
            self.wait(7)
            for ref in REFS:
                for _ in range(3):
                    self.customer.export(ref)
                    self.customer.import_(ref)
            # Two machines may tie the folder at once, the first time; then a person has a look.
            self.start(0, rebind=not (self.habits.shared or self.bound))
            while self.go_on(0):
                pass
            if (now := self.summary()) == before:
                return
            before = now
        raise Violation("restless", f"something still changes after {ROUNDS} rounds")

    def summary(self) -> object:
        """Equal if nothing has changed."""
        links = {ref: (k.seq, k.base, k.out, k.held) for ref, k in self.state.links.items()}
        busy = [(o.dirty, bool(o.reading), bool(o.snapshot)) for o in self.customer.orders.values()]
        documents = {
            n: (content(d), d.get("isSynced")) for n, d in self.collection.documents.items()
        }
        theirs = [content(order.cells) for order in self.customer.orders.values()]
        return links, busy, documents, theirs, sorted(self.disk.files)

    def check_rest(self) -> None:
        """At rest: both sides are equal or held, and every edit is somewhere."""
        self.check_sides()
        kept, cells = 0, [order.cells for order in self.customer.orders.values()]
        for fields in [*cells, *self.collection.documents.values()]:
            for name in NAMES:
                kept |= self.oracle.seen[fields[name].edit]
        lost = self.oracle.missing(kept)
        if lost and not self.chance:
            raise Violation("lost", f"edits that are nowhere and on no record: {lost}")
        if twice := self.state.numbered_twice():
            raise Violation("numbered", f"changes of one number in the history: {twice}")

    def check_sides(self) -> None:
        """Both sides show the same, except where a person must decide or the customer refused."""
        orders = self.customer.orders
        for ref in REFS:
            document = self.collection.documents.get(int(ref))
            if document is None and ref not in orders:
                continue
            link = self.state.links.get(ref, Link("", "", ref))
            refused = bool(link.out and link.out.error) or f"{OUT}{ref}.err" in self.disk.files
            if document is None or (ref not in orders and not refused):
                raise Violation("one side", f"order {ref} is on one side only")
            if ref in self.chance or refused:
                continue
            self.check_order(ref, document, orders[ref].cells, link.held)

    def check_order(
        self, ref: str, ours: Mapping[str, Any], theirs: Fields, held: Mapping[str, Held]
    ) -> None:
        """One order at rest."""
        for name in NAMES:
            if name in held:
                if theirs[name] != held[name].customer:
                    raise Violation("held", f"order {ref}: {name} is held, but was replaced")
            elif ours[name] != theirs[name]:
                both = f"{ours[name]!s} in TracOS, {theirs[name]!s} at the customer's"
                raise Violation("differ", f"order {ref}: {name} is {both}")
        if (ours.get("isSynced") is True) is bool(held):
            raise Violation("flag", f"order {ref}: isSynced is {ours.get('isSynced')}")


__all__ = ["MARKER", "REFS", "Violation", "World"]
