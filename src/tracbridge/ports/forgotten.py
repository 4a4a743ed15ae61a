"""Forgetting one order's personal data, as ports. Each call may be repeated."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tracbridge.ports.connector import Body
from tracbridge.ports.state import QuarantineCase


class ForgottenFile(Struct, frozen=True):
    """One kept original that holds the order. ``alone``: it holds no other one."""

    path: str
    alone: bool


class ForgottenFiles(Protocol):
    """The customer's originals that we keep: done ones and refused ones."""

    async def of_order(self, holds: Callable[[Body], bool]) -> Sequence[ForgottenFile]:
        """Those with a record that ``holds`` the order. What cannot be parsed is left out."""

    async def forget(self, files: Sequence[ForgottenFile], holds: Callable[[Body], bool]) -> None:
        """Remove each file, or the order's records from it if it holds others too; durable."""


class ForgottenEntries(Protocol):
    """What we remember of one order besides its link.

    ``cases``: refused records that hold the order although nothing on record says so.
    """

    def unnamed(self) -> AsyncIterator[QuarantineCase]:
        """The refused records of which it is not on record what order they are of."""

    async def waiting(self, ref: str, cases: Collection[str]) -> Collection[str]:
        """What of it waits for a person, by kind and id."""

    async def of_order(self, ref: str, cases: Collection[str]) -> Mapping[str, int]:
        """How many entries of each kind hold its values."""

    async def forget(self, ref: str, cases: Collection[str], at: datetime) -> None:
        """Remove its conflicts and cases that are over, and the values in its history."""
