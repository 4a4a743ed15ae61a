"""Hints that something may have happened: they save waiting, and nothing depends on them."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class Watches(Protocol):
    """A system that tells when something happens there."""

    def watch(self) -> AsyncIterator[None]:
        """One item whenever something may have happened since the one before; many may be one.

        Ends where the system cannot tell such things: then it is looked at now and then. Raises
        `RetryableError` where listening broke off and some hints may be lost.
        """
