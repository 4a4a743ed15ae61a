"""What the customer's records look like, kept where nobody keeps the records themselves."""

from collections.abc import Sequence

from tracbridge.engine.connection import Connection
from tracbridge.mapping.declared import Declared
from tracbridge.ports.connector import Record
from tracbridge.proof.shapes import Kind, Shapes, drift, kept_shapes

KEPT = "shapes"
"""Where they are kept: places and kinds, none of the values."""

SOME = 200
"""Records of a pass that are looked at; `ENOUGH`: those after which only what is new is kept."""

ENOUGH = 1_000

FEW = 5
"""Fewer records say nothing about what all of them have."""


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
        self._warn(before, seen)
        counts = before.records < ENOUGH
        if before.join(seen) or counts:
            await self.connection.passes.keep_cursor(KEPT, before.bare())

    def _warn(self, before: Shapes, seen: Shapes) -> None:
        """Of records that look otherwise than those before, where the mapping cares; until such
        records are as usual.
        """
        if before.records < FEW or not isinstance(self.connection.translation, Declared):
            return
        for one in drift(before, seen, self.connection.translation):
            if one.matters and (one.kind is not Kind.GONE or seen.records >= FEW):
                self.connection.observer.incident("records_drift", one.path, one.what)
