"""Two sides, one order, and an oracle that knows what every edit had seen.

Only the pure core decides; files, people and the customer's system are played. A cell is a value
with a token; tokens are the oracle's alone: each edit is one, and ``seen[token]`` are the edits of
that field that its author had in view, itself included.

Not judged, since the core alone cannot decide them rightly: a customer who arrives by himself at
exactly our unread version and edits again, and a person who edits TracOS between our write there
and our memory of it, when we are killed in between (both are ``coincidence``, and counted). Not
played: a clock of his ahead of ours while his files overtake each other, and two different orders
of one number.
"""

import dataclasses
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from tests.harness import CREATED, NOW
from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import DELETED, Fields, Value, WorkOrder
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.plan import decide
from tracbridge.sync.policy import Ack, Policies, Policy
from tracbridge.sync.publish import Need, Shown, need, next_version, published, staged, taken

NAMES = ("status", "description", DELETED)
STATUSES = ("pending", "in_progress", "completed", "cancelled")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field's value, and the edit that put it there."""

    value: Value
    token: int


Cells = Mapping[str, Cell]


def shown(cells: Cells) -> Fields:
    return {name: cell.value for name, cell in cells.items()}


@dataclass(frozen=True, slots=True)
class Habits:
    """What kind of customer this is, and how the connection is set up.

    ``reader``: ``atomic`` takes a file in one step, ``unlink`` reads, then removes whatever lies
    there, ``never`` removes nothing, ``moves`` takes the file away first and reads it later.
    ``places``: the connector tells the records of one pass apart when they are read again.
    """

    reader: str
    policies: Policies
    echoes: bool = False
    keeps_time: bool = False
    slow_exports: bool = False
    places: bool = False
    skew: timedelta = timedelta(0)


def habits_of(dice: random.Random, reader: str) -> Habits:
    """Any customer of that kind whose setting of ``ACK`` fits his habits."""
    slow = dice.random() < 0.25
    ack = Ack.CONTENT if slow or reader == "moves" or dice.random() < 0.2 else Ack.AUTO
    policy = dice.choice(list(Policy))
    return Habits(
        reader,
        Policies(conflict=policy, ack=ack, receipts=dice.random() < 0.5),
        echoes=dice.random() < 0.3,
        keeps_time=dice.random() < 0.5,
        slow_exports=slow,
        places=dice.random() < 0.7,
        skew=timedelta(seconds=dice.choice([0, 0, -60])),
    )


@dataclass(frozen=True, slots=True)
class File:
    """A whole record on its way, in either direction."""

    cells: Cells
    at: datetime
    number: int
    ready: bool = True


@dataclass
class Oracle:
    """Who had seen what."""

    seen: list[set[int]] = field(default_factory=list)
    value: list[Value] = field(default_factory=list)
    excused: set[int] = field(default_factory=set)
    noted: set[int] = field(default_factory=set)

    @property
    def recorded(self) -> set[int]:
        """All edits behind the values in our disagreements."""
        return set().union(*(self.seen[token] for token in self.noted))

    def edit(self, value: Value, before: Cell | None) -> Cell:
        token = len(self.seen)
        self.seen.append({token} | (self.seen[before.token] if before else set()))
        self.value.append(value)
        return Cell(value, token)

    def same(self, one: Cell, other: Cell) -> None:
        """Both sides hold this value: from here on each includes the other's edits."""
        if one.token == other.token:
            return
        both = self.seen[one.token] | self.seen[other.token]
        for edits in self.seen:
            if one.token in edits or other.token in edits:
                edits.update(both)

    def overwrite(self, old: Cell, new: Cell) -> set[int]:
        """What is lost if ``new`` takes the place of ``old``; to and fro is no loss."""
        if self.seen[old.token] <= self.seen[new.token]:
            return set()
        if old.value == new.value:
            self.same(old, new)
            return set()
        gone = self.seen[old.token] - self.seen[new.token]
        common = self.seen[old.token] & self.seen[new.token]
        if common and self.value[max(common)] == old.value:
            self.excused |= gone
            return set()
        return gone


class World:
    """One order on both sides."""

    def __init__(self, dice: random.Random, habits: Habits) -> None:
        self.dice, self.habits, self.oracle = dice, habits, Oracle()
        self.now, self.texts = NOW, 0
        self.link = Link("L", "test", "1")
        self.tracos: Cells | None = None
        self.tracos_at, self.synced = NOW, False
        self.erp: Cells | None = None
        self.erp_at, self.dirty, self.files = NOW, False, 0
        self.inbox: list[File] = []
        self.claimed: list[tuple[Claim, File]] = []
        self.outbox: File | None = None
        self.reading: File | None = None
        self.snapshot: File | None = None
        self.read_last = 0
        self.counter = self.complete = 0
        self.removes = False
        self.temporary = False
        self.out_cells: Cells = {}
        self.base_cells: Cells = {}
        self.held_cells: dict[str, Cell] = {}
        self.own_loss: set[int] = set()
        self.exported: set[int] = set()
        self.versions: set[tuple[tuple[str, Value], ...]] = set()
        self.coincidence = self.unlinked = self.orphaned = False

    # -- people ----------------------------------------------------------------------------------

    def changes(self) -> dict[str, Value]:
        """What somebody wants to change."""
        self.texts += 1
        texts = [f"text {self.texts}", "Pump", "Valve"]
        wishes: dict[str, Value] = {
            "status": self.dice.choice(STATUSES),
            "description": self.dice.choice(texts),
            DELETED: CREATED if self.dice.random() < 1 / 3 else False,
        }
        names = [name for name in NAMES if self.dice.random() < 0.45] or ["description"]
        return {name: wishes[name] for name in names}

    def edited(self, cells: Cells | None, changes: Fields) -> Cells:
        if cells is None:
            empty: Fields = {"status": "pending", "description": "new", DELETED: False}
            return {n: self.oracle.edit(changes.get(n, v), None) for n, v in empty.items()}
        new = {n: v for n, v in changes.items() if v != cells[n].value}
        return {**cells, **{n: self.oracle.edit(v, cells[n]) for n, v in new.items()}}

    def edit_tracos(self) -> None:
        cells = self.edited(self.tracos, self.changes())
        if self.tracos is None or cells != self.tracos:
            self.tracos, self.tracos_at, self.synced = cells, self.now, False
            self.coincidence |= self.orphaned

    def edit_erp(self) -> None:
        if self.erp is None and (self.tracos is not None or self.link.rev):
            return  # he waits for ours: two orders of one number are another story
        cells = self.edited(self.erp, self.changes())
        if self.erp is None or cells != self.erp:
            self.erp, self.erp_at, self.dirty = cells, self.now + self.habits.skew, True

    def export(self, *, ready: bool = True) -> None:
        """The customer's system writes what it holds, or held when it began, file by file."""
        self.inbox = [dataclasses.replace(file, ready=True) for file in self.inbox]
        if self.snapshot:
            file, self.snapshot = self.snapshot, None
        elif self.dirty and self.erp:
            self.files += 1
            file, self.dirty = File(self.erp, self.erp_at, self.files, ready), False
            for cell in self.erp.values():
                self.exported |= self.oracle.seen[cell.token]
            self.versions.add(tuple(sorted(shown(self.erp).items())))
            if self.habits.slow_exports:
                self.snapshot = file
                return
        else:
            return
        self.inbox.append(file)

    def import_(self) -> None:
        """The customer's system takes our version, in its own way."""
        reader = self.habits.reader
        if self.reading:
            file, self.reading = self.reading, None
            if reader == "unlink":
                self.outbox = None  # by name: whatever lies there now
            self.take(file)
        elif self.outbox and not (reader == "never" and self.read_last == self.outbox.number):
            file = self.outbox
            if reader in ("atomic", "moves"):
                self.outbox = None
            if reader in ("atomic", "never"):
                self.read_last = file.number
                self.take(file)
            else:
                self.reading = file

    def take(self, file: File) -> None:
        """A whole record over his own; edits of his that he never exported are his own loss."""
        if self.erp:
            for name in NAMES:
                gone = self.oracle.overwrite(self.erp[name], file.cells[name])
                self.own_loss |= gone - self.exported
        self.erp = file.cells
        self.erp_at = file.at if self.habits.keeps_time else self.now + self.habits.skew
        self.dirty = self.dirty or self.habits.echoes

    # -- the engine, one step after the other ------------------------------------------------------

    def cycle(self) -> Iterator[None]:
        """One pass; people and the customer's system act in between."""
        self.acknowledge()
        yield
        yield from self.inbound()
        yield from self.outbound()

    def acknowledge(self) -> None:
        out = self.link.out
        if out and out.phase is Phase.PUBLISHED and self.outbox is None:
            self.removes = True
            self.base_cells = self.out_cells
            self.keep(taken(self.link, self.counter, self.habits.policies.ack))

    def inbound(self) -> Iterator[None]:
        self.counter += 1
        claim = Claim(self.counter, self.complete)
        ready = [file for file in self.inbox if file.ready]
        self.inbox = [file for file in self.inbox if not file.ready]
        if not self.inbox:
            self.complete = self.counter
        for file in ready:
            place = f"{file.number:08d}" if self.habits.places else ""
            self.claimed.append((replace(claim, position=place), file))
        yield
        while self.claimed:
            yield from self.settle(*self.claimed[0])
            self.claimed.pop(0)
            yield

    def settle(self, claim: Claim, file: File) -> Iterator[None]:
        """TracOS first, then our memory; a crash in between leaves the record claimed."""
        before, last = self.tracos, self.last_cells()
        incoming = Incoming(
            WorkOrder("1", shown(file.cells), CREATED, file.at),
            claim,
            self.removes,
            unmarked=before is not None and not self.synced,
        )
        tracos = WorkOrder("1", shown(before), CREATED, self.tracos_at) if before else None
        known = self.link
        decision = decide(incoming, known, tracos, self.habits.policies, self.now)
        self.record(decision, before, file)
        if known.window and last and (decision.link or known).window is None:
            self.coincidence |= shown(last) == shown(file.cells) and last != file.cells
        for name, cell in (before or {}).items():
            if cell.value == file.cells[name].value:
                self.oracle.same(cell, file.cells[name])
        if decision.outcome is not Outcome.STALE:
            self.agree(known, file, last)
            for name, cell in self.held_cells.items():
                if cell.value == file.cells[name].value:
                    self.oracle.same(cell, file.cells[name])
        self.apply(decision, file)
        self.unlinked = decision.result is not None
        yield
        self.unlinked = self.orphaned = False
        if decision.link:
            self.remember(decision.link, file)

    def record(self, decision: Decision, before: Cells | None, file: File) -> None:
        for note in decision.disagreements:
            for name in note.taken:
                for cells in (before, file.cells):
                    if cells:
                        self.oracle.noted.add(cells[name].token)

    def apply(self, decision: Decision, file: File) -> None:
        if decision.result is None:
            return
        if self.tracos is None:
            self.tracos = file.cells
        else:
            new = {n for n, v in decision.result.items() if v != self.tracos[n].value}
            for name in new:
                assert decision.result[name] == file.cells[name].value
                left = self.oracle.overwrite(self.tracos[name], file.cells[name])
                unrecorded = left - self.oracle.recorded
                assert self.coincidence or not unrecorded, f"TracOS's {name} was overwritten"
            self.tracos = {**self.tracos, **{name: file.cells[name] for name in new}}
        self.tracos_at = max(self.tracos_at, min(file.at, self.now))
        after = decision.link or self.link
        self.synced = not after.repush and not after.held and decision.result == shown(file.cells)

    def remember(self, link: Link, file: File) -> None:
        before = self.link
        for name in [n for n in self.held_cells if n not in link.held]:
            del self.held_cells[name]
        for name, held in link.held.items():
            if name not in before.held or before.held[name] != held:
                self.held_cells[name] = file.cells[name]
        if link.base != before.base or link.out is None:
            self.base_cells = file.cells if link.window is None else self.base_cells
        self.keep(link)

    def agree(self, known: Link, file: File, last: Cells | None) -> None:
        """Where the record or TracOS equals what we last gave, they include each other."""
        old = known.window.old if known.window else {}
        for name, given in (last or {}).items():
            if file.cells[name].value == given.value:
                self.oracle.same(file.cells[name], given)
            if self.tracos and self.tracos[name].value == given.value and name not in old:
                self.oracle.same(self.tracos[name], given)

    def last_cells(self) -> Cells | None:
        if self.link.out:
            return self.out_cells
        return self.base_cells if self.link.base is not None else None

    def outbound(self) -> Iterator[None]:
        if self.link.out and self.link.out.phase is not Phase.PUBLISHED:
            yield from self.publish()
        if self.tracos is None:
            return
        view = WorkOrder("1", shown(self.tracos), CREATED, self.tracos_at)
        state = Shown(view, self.synced, None)
        what = need(self.link, state, supersedes=True, resend=False)
        if what in (Need.MARK, Need.UNMARK):
            self.synced = what is Need.MARK
        if what is not Need.PUBLISH:
            return
        cells = {**self.tracos, **self.held_cells}
        last = self.last_cells()
        for name in NAMES:
            if last and last[name].value == cells[name].value:
                self.oracle.same(last[name], cells[name])
        self.keep(next_version(self.link, view, self.counter, self.now))
        assert self.link.out is not None
        assert shown(cells) == self.link.out.fields
        self.out_cells = cells
        yield
        yield from self.publish()

    def publish(self) -> Iterator[None]:
        """Staged, renamed, remembered, marked: each a step of its own."""
        assert self.link.out is not None
        if self.link.out.phase is Phase.INTENT:
            self.temporary = True
            self.keep(staged(self.link, over=self.outbox is not None))
            yield
        assert self.link.out is not None
        if self.temporary:
            self.files += 1
            self.outbox = File(self.out_cells, self.link.out.updated_at, self.files)
            self.versions.add(tuple(sorted(self.link.out.fields.items())))
            self.temporary = False
        yield
        self.keep(published(self.link, self.counter))
        yield
        out = self.link.out
        if self.tracos and shown(self.tracos) == out.fields:
            self.synced = True

    def keep(self, link: Link) -> None:
        self.link = replace(link, rev=self.link.rev + 1)

    # -- the story ---------------------------------------------------------------------------------

    def tell(self, steps: int) -> None:
        """Random acts of everybody, then everybody finishes what was begun."""
        running: Iterator[None] = iter(())
        for _ in range(steps):
            self.now += timedelta(seconds=self.dice.choice([1, 4, 7, 40]))
            act = self.dice.random()
            if act < 0.15:
                self.edit_tracos()
            elif act < 0.3:
                self.edit_erp()
            elif act < 0.42:
                self.export(ready=self.dice.random() < 0.8)
            elif act < 0.58:
                self.import_()
            elif act < 0.6:
                running = iter(())  # killed wherever it was
                self.orphaned = self.unlinked
            else:
                running = self.step(running)
            self.check_flag()
        for _ in running:
            self.check_flag()
        self.come_to_rest()

    def step(self, running: Iterator[None]) -> Iterator[None]:
        """The pass goes on, or the next one begins."""
        if next(running, self) is self:
            running = self.cycle()
            next(running, None)
        return running

    def come_to_rest(self) -> None:
        before = None
        for _ in range(40):
            self.now += timedelta(seconds=7)
            self.inbox = [dataclasses.replace(file, ready=True) for file in self.inbox]
            for _ in range(3):
                self.export()
                self.import_()
            for _ in self.cycle():
                self.check_flag()
            state = (self.link, self.tracos, self.erp, self.synced, self.outbox, self.inbox)
            if replace(self.link, rev=0) == before and not (self.dirty or self.reading):
                return
            before = replace(self.link, rev=0)
        raise AssertionError(f"no rest: {state}")

    # -- rest --------------------------------------------------------------------------------------

    def check_flag(self) -> None:
        """``isSynced`` only on what the customer was given or has shown himself."""
        if self.synced and self.tracos:
            assert tuple(sorted(shown(self.tracos).items())) in self.versions, "marked, never given"

    def check_rest(self) -> None:
        """Both sides are equal or held, and every edit is somewhere."""
        if self.tracos is None and self.erp is None:
            return
        assert self.tracos is not None, "an order of the customer's never came"
        assert self.erp is not None, "an order of TracOS never arrived"
        keep = self.oracle.recorded | self.own_loss | self.oracle.excused
        for name in NAMES:
            ours, theirs = self.tracos[name], self.erp[name]
            if name in self.link.held:
                own = theirs.value == self.link.held[name].customer
                assert own or self.coincidence, f"{name}: held, but replaced"
            else:
                equal = ours.value == theirs.value
                assert equal or self.coincidence, f"{name}: the sides differ at rest"
            keep |= self.oracle.seen[ours.token] | self.oracle.seen[theirs.token]
        assert self.synced is not bool(self.link.held), "at rest and not marked as it is"
        lost = set(range(len(self.oracle.seen))) - keep
        values = [self.oracle.value[t] for t in lost]
        assert self.coincidence or not lost, f"edits lost without a record: {values}"
