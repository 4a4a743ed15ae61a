"""What kind of customer plays, and how the connection is set up."""

from enum import StrEnum
from random import Random

from msgspec import Struct

from tracbridge.sync.policy import Ack, DeletePolicy, Policies, Policy


class Reader(StrEnum):
    """How the customer's importer treats our files."""

    ATOMIC = "atomic"
    """Takes a file in one step."""
    UNLINK = "unlink"
    """Reads, and later removes whatever lies there then."""
    MOVES = "moves"
    """Moves the file away first, and reads it later."""
    NEVER = "never"
    """Reads, and removes nothing."""
    ANSWERS = "answers"
    """Reads, removes nothing, and lays an ``.ack`` beside it."""


class Habits(Struct, frozen=True):
    """Everything that stays the same during one story.

    ``echoes``: what he imports he exports again. ``keeps_time``: an imported order keeps our time.
    ``slow``: an export shows what he held when it began. ``renames``: each export has a name of its
    own. ``skew``: seconds that his clock is ahead of ours. ``jumps``: our clock may jump, and then
    his files never overtake each other. ``shared``: two machines see one lock on the folder; where
    they do not, only the lease keeps them apart, which is more than we promise to survive.
    ``hints``: how many passes follow on a whole one that look for news only.
    """

    reader: Reader = Reader.ATOMIC
    conflict: Policy = Policy.NEWEST
    ack: Ack = Ack.AUTO
    delete: DeletePolicy = DeletePolicy.BOTH
    receipts: bool = False
    echoes: bool = False
    keeps_time: bool = False
    slow: bool = False
    renames: bool = True
    jumps: bool = False
    shared: bool = True
    skew: int = 0
    hints: int = 0

    @property
    def policies(self) -> Policies:
        """The connection's part of it."""
        return Policies(
            conflict=self.conflict, delete=self.delete, ack=self.ack, receipts=self.receipts
        )


ACKS = [Ack.AUTO, Ack.AUTO, Ack.CONTENT, Ack.ANSWER]
DELETES = [DeletePolicy.BOTH] * 3 + list(DeletePolicy)


def likely(dice: Random, chance: float) -> bool:
    """True as often as that."""
    return dice.random() < chance


def habits_of(dice: Random, policy: Policy | None, ack: Ack | None) -> Habits:
    """Any customer whose setting of ``ACK`` fits his habits, as the documentation of it says."""
    ack = ack or dice.choice(ACKS)
    readers = list(Reader) if ack is Ack.CONTENT else [r for r in Reader if r is not Reader.MOVES]
    return Habits(
        Reader.ATOMIC if ack is Ack.ANSWER else dice.choice(readers),
        policy or dice.choice(list(Policy)),
        ack,
        dice.choice(DELETES),
        receipts=likely(dice, 0.5),
        echoes=likely(dice, 0.3),
        keeps_time=likely(dice, 0.4),
        slow=ack is Ack.CONTENT and likely(dice, 0.4),
        renames=likely(dice, 0.6),
        jumps=likely(dice, 0.2),
        skew=dice.choice([0, 0, -60]),
    )
