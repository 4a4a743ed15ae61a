"""What people have approved that a rule held, as a port."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Approval(Struct, frozen=True):
    """One change of one order, let through by a person. ``token``: of exactly this change."""

    token: str
    ref: str
    rule: str
    at: datetime
    by: str
    why: str = ""


class Approvals(Protocol):
    """The approvals of one connection. Each counts for one content of one order."""

    async def of(self, refs: Sequence[str]) -> set[str]:
        """The tokens of what was approved of these orders."""

    async def put(self, approvals: Sequence[Approval]) -> None:
        """Remember them; one that is there already stays."""
