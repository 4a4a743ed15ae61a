"""Forgetting one order's personal data, as ports. Each call may be repeated."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tracbridge.ports.connector import Body


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
    """What we remember of one order besides its link."""

    async def waiting(self, ref: str) -> Collection[str]:
        """What of it waits for a person, by kind and id."""

    async def of_order(self, ref: str) -> Mapping[str, int]:
        """How many entries of each kind hold its values."""

    async def forget(self, ref: str, at: datetime) -> None:
        """Remove its conflicts and cases that are over, and the values in its history."""
