"""Comments of an order: written once, never changed, so that both sides only ever gain some."""

from datetime import datetime
from typing import Final

from msgspec import Struct

COMMENT: Final = "comment"
"""The kind of identity that a comment has beside the work orders'."""


class Comment(Struct, frozen=True):
    """One remark about an order.

    ``id``: in TracOS's document, "" where it is not there yet. ``key``: the customer's own, ""
    where he does not have it yet. ``at``: when it was written, in UTC, None where nobody says.
    """

    text: str
    author: str = ""
    at: datetime | None = None
    id: str = ""
    key: str = ""
