"""The originals that a customer gave us and that are still kept, as a port."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tracbridge.ports.connector import Record


class Recording(Struct, frozen=True):
    """What was taken together. ``at``: when it was taken, to the second, in UTC."""

    at: datetime
    records: tuple[Record, ...]


class Recorded(Protocol):
    """What was taken in, as it came, refused records included."""

    def since(self, start: datetime) -> AsyncIterator[Recording]:
        """All that was taken at or after that time and is still there, in the order of its taking.

        Touches nothing. Each portion is bounded; a file that vanishes meanwhile is left out.
        """
