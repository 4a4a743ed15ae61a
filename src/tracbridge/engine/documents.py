"""TracOS's documents that cannot be sent: on record once per version, and closed when they can."""

from collections import Counter
from collections.abc import Sequence

from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Bad, Prepared, case_of_document
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Good


class DocumentCases:
    """The cases of one pass. ``some``: there may be open ones."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.some = True

    async def look(self) -> None:
        """Whether there are any; where there are none, none is ever closed."""
        self.some = await self.connection.quarantine.waiting(Side.TRACOS) > 0

    async def refuse(self, bad: Sequence[Bad], counts: Counter[str]) -> None:
        """Documents that cannot be sent; each version is on record once."""
        cases = [case_of_document(self.connection, record, error) for record, error in bad]
        known = await self.connection.quarantine.known([c.id for c in cases]) if cases else set()
        fresh = [case for case in cases if case.id not in known]
        if not fresh:
            return
        await self._settle([case.source for case in fresh])
        await self.connection.quarantine.put(fresh)
        self.some = True
        await self.connection.steps.passed(Step.QUARANTINED)
        for case in fresh:
            self.connection.observer.incident(case.why.code, case.source, str(case.why))
        counts["quarantined"] += len(fresh)
        counts["read"] += len(fresh)

    async def close(self, page: Prepared) -> None:
        """Documents that can be sent by now close their cases."""
        still = {record.source for record, _ in page.bad}
        await self._settle([source for source in page.sources if source not in still])

    async def _settle(self, sources: Sequence[str]) -> None:
        if self.some and sources:
            good = Good(sources=dict.fromkeys(sources))
            at = self.connection.clock.now()
            await self.connection.quarantine.settle(good, Side.TRACOS, at)
