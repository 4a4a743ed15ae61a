"""What the customer's records look like, kept where nobody keeps the records themselves."""

from collections.abc import Sequence

from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Record
from tracbridge.proof.shapes import Shapes, kept_shapes

KEPT = "shapes"
"""Where they are kept: places and kinds, none of the values."""

SOME = 200
"""Records of a pass that are looked at; `ENOUGH`: those after which only what is new is kept."""

ENOUGH = 1_000


class Glimpse:
    """Of one pass."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.some = connection.customer.traits.resumes
        self.shapes = Shapes()

    def see(self, records: Sequence[Record]) -> None:
        """Records that brought news: at rest there are none, and nothing is written."""
        if self.some:
            for record in records[: SOME - self.shapes.records]:
                self.shapes.walk(record.body or {})

    async def keep(self) -> None:
        """Beside what was seen before."""
        seen, self.shapes = self.shapes, Shapes()
        if not seen.records:
            return
        kept = await self.connection.passes.cursor(KEPT)
        before = kept_shapes(kept) if kept else Shapes()
        counts = before.records < ENOUGH
        if before.join(seen) or counts:
            await self.connection.passes.keep_cursor(KEPT, before.bare())
