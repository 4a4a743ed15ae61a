"""Who had seen what: the ledger that finds a value which disappears in silence.

A value is safe if it stands on both sides in the end, if somebody who had seen it replaced it, or
if the record of a conflict holds it. The ledger knows nothing of what the tables expect: a story
whose table agrees with a silent revert is found out.
"""

from dataclasses import dataclass, field

Edits = frozenset["Edit"]


@dataclass(eq=False, frozen=True, slots=True)
class Edit:
    """One value that a person entered; ``seen``: all edits behind what he had before him."""

    value: object
    where: str
    seen: Edits

    @property
    def behind(self) -> Edits:
        return self.seen | {self}


@dataclass(slots=True)
class Shown:
    """What a side shows, and the edits behind it."""

    value: object = None
    behind: Edits = frozenset()


@dataclass(slots=True)
class Values:
    """All edits of one field of one order."""

    edits: list[Edit] = field(default_factory=list)
    sides: dict[str, Shown] = field(
        default_factory=lambda: {"TracOS": Shown(), "customer": Shown()}
    )
    recorded: Edits = frozenset()

    def enter(self, side: str, value: object, where: str, *others: str) -> None:
        """Somebody replaces what he sees at ``side``, and has also seen ``others``."""
        seen: Edits = frozenset().union(*(self.sides[name].behind for name in (side, *others)))
        self.edits.append(Edit(value, where, seen))
        self.sides[side] = Shown(value, self.edits[-1].behind)

    def shows(self, side: str, value: object) -> str:
        """The side shows ``value`` by now; a complaint if nobody ever entered it."""
        if self.sides[side].value == value:
            return ""
        self.sides[side] = Shown(value, self.latest(value))
        return "" if self.sides[side].behind else f"{side} shows {value!r}, which nobody entered"

    def agree(self) -> None:
        """Where both sides show the same, each has what is behind the other's."""
        ours, theirs = self.sides.values()
        if ours.value == theirs.value:
            ours.behind = theirs.behind = ours.behind | theirs.behind

    def record(self, value: object) -> None:
        """A conflict holds this value: whoever entered it last is heard, and nobody later."""
        self.recorded |= self.latest(value)

    def latest(self, value: object) -> Edits:
        """The last edit to this value, and all behind it."""
        found = [edit for edit in self.edits if edit.value == value]
        return found[-1].behind if found else frozenset()

    def lost(self) -> list[Edit]:
        """Edits that neither stand, nor are on record, nor were replaced by one who saw them."""
        ours, theirs = self.sides.values()
        return [e for e in self.edits if e not in ours.behind & theirs.behind | self.recorded]
