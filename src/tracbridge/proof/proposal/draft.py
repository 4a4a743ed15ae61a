"""What a proposal consists of: rows of a file, and what is to be said of them. Pure."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from tracbridge.proof.proposal.sketch import Row

FILL: Final = "?"
"""Stands where a person has to say something; a file with it is refused, with the place."""

NO_PATH: Final = "[?]"
"""The same for a path."""


class Level(StrEnum):
    """What a proposal rests on."""

    GAP = "GAP"
    """Nothing tells: the file is refused until a person says it."""
    GUESS = "GUESS"
    """Words and names only."""
    FOUND = "FOUND"
    """The records show it."""
    NOTE = "NOTE"
    """Worth knowing."""


class Found(Struct, frozen=True):
    """One thing: where in the mapping, what, an example, what to do."""

    level: Level
    where: str
    what: str
    example: str = ""
    cure: str = ""


class Draft(Struct):
    """``rows`` at the top of the file, and those of ``fields``; ``found``: what to say of them."""

    rows: list[Row] = []
    fields: list[Row] = []
    found: list[Found] = []

    def say(self, level: Level, where: str, what: str, example: str = "", cure: str = "") -> None:
        """Put it on the list."""
        self.found.append(Found(level, where, what, example, cure))


def share(count: int, total: int) -> str:
    """So many of all records, in words."""
    return f"{count:,} of {total:,} records"
