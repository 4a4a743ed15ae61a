"""One reading of a listing: page after page, each asked for by the one before."""

from tracbridge.adapters.connectors.rest.answers import Kind
from tracbridge.adapters.connectors.rest.asking import Asking, unanswered
from tracbridge.adapters.connectors.rest.paging import At, Pager, Seen
from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.ports.connector import Page


class Listed:
    """What was given in one reading already."""

    def __init__(self, asking: Asking, pager: Pager) -> None:
        self.asking, self.pager = asking, pager
        self.seen = Seen()

    async def step(self, at: At) -> tuple[Page, At | None]:
        """The page at that position, and the position of the next one."""
        try:
            call = self.pager.call(at)
        except RecordError as error:
            name = self.pager.system.spec.interface
            raise ConfigError(f"interface {name}: read: {error}") from None
        reply, verdict = await self.asking.ask(call)
        if self.pager.forgotten(at, reply.status):
            return await self.step(self.pager.afresh(self.asking.now()))
        if verdict.kind is not Kind.OK:
            raise unanswered(call, verdict)
        step = self.pager.take(at, reply, self.seen, self.asking.now())
        return step.page, step.next
