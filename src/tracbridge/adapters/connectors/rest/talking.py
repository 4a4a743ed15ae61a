"""Comments on records: read apart, asked for by record, and added."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from tracbridge.adapters.connectors.rest.ahead import Ahead
from tracbridge.adapters.connectors.rest.answers import NO_CONTENT, Kind, value_of
from tracbridge.adapters.connectors.rest.asking import Asking, unanswered
from tracbridge.adapters.connectors.rest.calls import BadReplyError, Reply
from tracbridge.adapters.connectors.rest.listing import Listed
from tracbridge.adapters.connectors.rest.outcomes import refused
from tracbridge.adapters.connectors.rest.paging import Pager
from tracbridge.adapters.connectors.rest.requests import marked
from tracbridge.adapters.connectors.rest.system import Talk
from tracbridge.domain.errors import RecordError
from tracbridge.ports.connector import Body, Cursor, Page, Receipt, Record


class Talking:
    """The comments of one connection; ``base``: the address of the system."""

    def __init__(self, asking: Asking, talk: Talk, base: str) -> None:
        self.asking, self.talk = asking, talk
        self.pager = Pager(talk.system, base)

    async def read(self, since: Cursor | None) -> AsyncIterator[Page]:
        """What is new since then, page by page."""
        ahead = Ahead(Listed(self.asking, self.pager).step)
        async with aclosing(ahead.pages(self.pager.start(since, self.asking.now()))) as pages:
            async for page in pages:
                yield page

    async def of(self, order: Record) -> Sequence[Body]:
        """All comments of that record. Raises `RetryableError`."""
        call = self.talk.of.call(self._names(order, order.body or {}), "look")
        reply, verdict = await self.asking.ask(call)
        if verdict.kind is not Kind.OK:
            raise unanswered(call, verdict)
        found = self.talk.records.get(value_of(reply))
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    async def add(self, order: Record, body: Body, key: str) -> Receipt:
        """One more comment. Raises what its answer means where that is no success."""
        call = self.talk.add.call({**self._names(order, body), "key": key}, "comment", writes=True)
        mark = self.asking.system.spec.idempotency
        reply, verdict = await self.asking.ask(marked(call, mark.header, key) if mark else call)
        if verdict.kind in (Kind.ALREADY, Kind.REPEATED):
            return Receipt("")
        if verdict.kind is not Kind.OK:
            raise refused(call, reply, verdict)
        return Receipt(self._named(reply))

    def _names(self, order: Record, body: Body) -> dict[str, object]:
        ref = self.asking.ref_of(order)
        return {"ref": ref, "version": order.version, "record": body, "number": ""}

    def _named(self, reply: Reply) -> str:
        """The comment's key in the answer, "" where it does not tell."""
        told = self.talk.answer.ref
        if told is None or reply.status in NO_CONTENT:
            return ""
        try:
            body = value_of(reply)
            return told.text({"record": {"$": body} if isinstance(body, list) else body})
        except (RecordError, BadReplyError):
            return ""
