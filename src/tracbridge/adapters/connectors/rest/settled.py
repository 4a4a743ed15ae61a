"""What was given and committed already, so that an overlap does not bring it again. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from tracbridge.ports.connector import Cursor, Page, Record

KEPT = 20_000
"""Records remembered, each by 16 bytes or so; older ones are just read once more."""


class Settled:
    """The records of this process's last pages, by id and content.

    Forgetting them costs a comparison and nothing else: they would be found unchanged.
    """

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._given: dict[Cursor, Mapping[str, int]] = {}

    def fresh(self, page: Page) -> Page:
        """The page without what was committed as it is; the rest waits for `add`."""
        prints = {record.ref: _print(record) for record in page.records if record.ref}
        self._given[page.cursor] = {**self._given.get(page.cursor, {}), **prints}
        left = tuple(
            r for r in page.records if not r.ref or self._known.get(r.ref) != prints[r.ref]
        )
        return page if len(left) == len(page.records) else replace(page, records=left)

    def add(self, cursor: Cursor) -> None:
        """All that was given up to this place is safe."""
        if cursor not in self._given:
            return
        for place in [*self._given]:
            for ref, shown in self._given.pop(place).items():
                self._known.pop(ref, None)
                self._known[ref] = shown
            if place == cursor:
                break
        for ref in [*self._known][: max(0, len(self._known) - KEPT)]:
            del self._known[ref]


def _print(record: Record) -> int:
    return hash((record.version, record.raw, record.error is None))
