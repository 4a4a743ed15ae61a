"""Hints that something may have happened: they save waiting, and nothing depends on them."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Protocol, runtime_checkable

UNHEARD = 1.0
"""Seconds for which a source is not asked for more while nobody has heard of its last hint."""


class Hint(StrEnum):
    """What a look has to find."""

    NEWS = "news"
    """What the system itself shows as new: unsynced documents, records not read yet."""
    ANY = "any"
    """Anything: it takes a whole pass to find it."""


@runtime_checkable
class Watches(Protocol):
    """A system that tells when something happens there."""

    def watch(self) -> AsyncIterator[Hint]:
        """One item whenever something may have happened since the one before; many may be one.

        Ends where the system cannot tell such things: then it is looked at now and then. Raises
        `RetryableError` where listening broke off and some hints may be lost.
        """
