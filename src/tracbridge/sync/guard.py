"""Changes that end an order are counted before they are applied: mistakes come in masses. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from tracbridge.domain.workorder import DELETED, Fields, Side, Status


class Grave(StrEnum):
    """Why a change is not applied before it is counted."""

    REMOVAL = "removal"
    """The order is deleted or cancelled."""
    COMPLETION = "completion"
    ACKNOWLEDGEMENT = "acknowledgement"
    """The customer's file is gone: he has taken our version, or somebody emptied the folder."""


class Limit(Struct, frozen=True):
    """So many in one pass are ordinary: ``least``, or this share (0 to 1) of the linked orders."""

    least: int
    share: float

    def room(self, linked: int) -> int:
        """How many are ordinary where ``linked`` orders are linked."""
        return max(self.least, int(self.share * linked))


Guards = Mapping[Grave, Limit]
"""The limits of one connection; what has none is never stopped."""

GUARDS: Guards = {
    Grave.REMOVAL: Limit(20, 0.05),
    Grave.COMPLETION: Limit(100, 0.20),
    Grave.ACKNOWLEDGEMENT: Limit(1000, 0.50),
}


class Withheld(Struct, frozen=True):
    """Changes that were more than is ordinary; nothing of them was applied.

    ``side``: the side that would have been changed (for acknowledgements: the customer's).
    """

    side: Side
    kind: Grave
    count: int
    linked: int
    room: int

    def __str__(self) -> str:
        what = {
            Grave.REMOVAL: "deletions and cancellations in {}",
            Grave.COMPLETION: "completions in {}",
            Grave.ACKNOWLEDGEMENT: "outbound files gone at once, {} side",
        }[self.kind].format("TracOS" if self.side is Side.TRACOS else "the customer's")
        return (
            f"{self.count:,} {what}, with {self.linked:,} orders linked; more than {self.room:,} "
            "in one pass are not applied unasked"
        )


def grave(before: Fields | None, after: Fields) -> Grave | None:
    """What a change of a known order amounts to; a new order (``before`` None) ends nothing."""
    if before is None:
        return None
    status = after.get("status")
    if after.get(DELETED, False) is not False and before.get(DELETED, False) is False:
        return Grave.REMOVAL
    if status == before.get("status"):
        return None
    if status == Status.CANCELLED:
        return Grave.REMOVAL
    return Grave.COMPLETION if status == Status.COMPLETED else None
