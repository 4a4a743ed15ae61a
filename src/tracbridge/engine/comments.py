"""Comments, both ways: each side gets what the other one has, once, and nothing is ever changed.

A comment of TracOS's is on record before it leaves us. Where the answer never comes, his list tells
whether it arrived; it is given again only when it surely has not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tracbridge.domain.comment import Comment
from tracbridge.domain.errors import BusyError, RecordError, RetryableError, UnknownOutcomeError
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.intake import Item, where
from tracbridge.engine.writing import held
from tracbridge.mapping.translation import CommentTranslation
from tracbridge.ports.comments import Comments, Converses, Sent
from tracbridge.ports.connector import Body, Receipt, Record
from tracbridge.ports.numbers import Key
from tracbridge.ports.runtime import Step

CURSOR = "comments"
"""Where reading comments goes on that are read apart."""


class Conversation:
    """The comments of one connection in one pass; nothing where it has none."""

    def __init__(self, connection: Connection, tally: Tally) -> None:
        self.connection, self.tally = connection, tally
        customer, spelling = connection.customer, connection.translation.comments
        talks = isinstance(customer, Converses) and customer.converses
        self.customer = customer if isinstance(customer, Converses) and talks else None
        self.spelling, self.store = spelling, connection.comments
        self.outage: RetryableError | None = None

    # -- what became of those whose answers never came ------------------------------------------

    async def settle(self) -> None:
        """Find out which of ours he has by now. Repeatable; gives him nothing."""
        if not (self.customer and self.spelling and self.store):
            return
        async for portion in self.store.memory.unsettled():
            await self.connection.lease.hold()
            orders = await self._orders({sent.ref for sent in portion})
            for ref, order in orders.items():
                mine = [sent for sent in portion if sent.ref == ref]
                now = self.connection.clock.now()  # what comes while we ask has come in time
                there = await self.customer.comments_of(order)
                await _settle(self.connection, self.store, self.spelling, mine, there, now)

    async def _orders(self, refs: Iterable[str]) -> Mapping[str, Record]:
        """Those of these orders that he has, as he is known to hold them."""
        links = await self.connection.ledger.find(list(refs))
        ours = [link for link in links.values() if link.base is not None]
        records = await held(self.connection, ours)
        return {link.ref: record for link, record in zip(ours, records, strict=True)}

    # -- his ------------------------------------------------------------------------------------

    async def take(self, items: Sequence[Item]) -> None:
        """The comments that these records carry."""
        if not (self.spelling and self.store):
            return
        for item in items:
            listed = self.spelling.within(item.record.body or {})
            if listed:
                await self._take(item.order.ref, listed, where(item.record))

    async def read(self) -> None:
        """Those that are read apart, from where the last pass ended."""
        customer, passes = self.customer, self.connection.passes
        if not (customer and customer.apart and self.spelling and self.store):
            return
        async for page in customer.comments(await passes.cursor(CURSOR)):
            await self.connection.lease.hold()
            by_order: dict[Key, list[Body]] = {}
            for record in page.records:
                for key, bodies in self._spoken(record.body or {}):
                    by_order.setdefault(key, []).extend(bodies)
            numbers = await self._numbers(list(by_order))
            for key, bodies in by_order.items():
                if key in numbers:
                    await self._take(numbers[key], bodies, f"comments of {key}")
            await passes.keep_cursor(CURSOR, page.cursor)
            await self.connection.steps.passed(Step.PAGE)

    def _spoken(self, body: Body) -> list[tuple[Key, Sequence[Body]]]:
        """What is said in what was read: a comment of an order, or an order with all of its own."""
        translation, spelling = self.connection.translation, self.spelling
        order = spelling.order(body) if spelling else None
        if order is not None:
            return [(Key(order), [body])]
        ref = translation.customer_ref(body)
        listed = spelling.within(body) if spelling and ref else ()
        return [(Key(ref or "", translation.customer_scope(body)), listed)] if listed else []

    async def _numbers(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """TracOS's numbers of the orders that he names so."""
        numbers = self.connection.numbers
        if numbers is None:
            return {key: key.ref for key in keys}
        return {key: one.number for key, one in (await numbers.known(keys)).items()}

    async def _take(self, ref: str, bodies: Sequence[Body], place: str) -> None:
        if not (self.spelling and self.store):
            return
        his = [one for body in bodies if (one := self._understood(body, place))]
        known = await self.store.memory.known(ref, [one.key for one in his])
        fresh = [one for one in his if one.key not in known]
        if not fresh:
            return
        # One of ours whose answer never came is not his: his list shows it before we know.
        sent = await self.store.memory.sent(ref)
        awaited = [one for one in sent.values() if not one.key]
        fresh = await _paired(self.store, awaited, fresh)
        if fresh and await self.store.tracos.append(ref, fresh):
            await self.store.memory.took(ref, [one.key for one in fresh])
            self._count("inbound", len(fresh))
            await self.connection.steps.passed(Step.TRACOS)

    def _understood(self, body: Body, place: str) -> Comment | None:
        try:
            return self.spelling.read(body) if self.spelling else None
        except RecordError as error:
            self.connection.observer.incident(f"comment_{error.why.code}", place, str(error))
            return None

    # -- ours -----------------------------------------------------------------------------------

    async def give(self) -> None:
        """Those of TracOS's that he does not have, on orders that he has."""
        if not (self.customer and self.spelling and self.store):
            return
        async for portion in self.store.tracos.unsent():
            orders = await self._orders(ref for ref, _ in portion)
            for ref, comments in portion:
                if ref in orders and self.outage is None:
                    await self.connection.lease.hold()
                    await self._give_all(ref, orders[ref], comments)
            await self.connection.steps.passed(Step.PAGE)
        if self.outage:
            raise self.outage

    async def _give_all(self, ref: str, order: Record, comments: Sequence[Comment]) -> None:
        if not self.store:
            return
        sent = await self.store.memory.sent(ref)
        for comment in comments:
            before = sent.get(comment.id)
            if before and before.key:
                # He has it: only TracOS was not told.
                await self.store.tracos.name(ref, comment.id, before.key)
            elif before or not await self._given(ref, order, comment):
                return  # nobody knows yet whether he has it: those after it must not overtake it

    async def _given(self, ref: str, order: Record, comment: Comment) -> bool:
        """Give one; False where the ones after it have to wait, so that their order stays."""
        if not (self.customer and self.spelling and self.store):
            return False
        await self.connection.lease.hold()
        now = self.connection.clock.now()
        sent = Sent(ref, comment.id, now, text=self.spelling.shown(comment))
        await self.store.memory.begin(sent)
        await self.connection.steps.passed(Step.RECORDED)
        body = self.spelling.write(comment)
        key = f"{ref}-comment-{comment.id}"
        answer: object
        try:
            answer = await self.customer.comment(order, body, key)
        except RetryableError as error:
            answer = error
        await self.connection.steps.passed(Step.EFFECT)
        if isinstance(answer, Receipt):
            await self._arrived(order, sent, answer.ref)
            return True
        return await self._unsure(sent, answer)

    async def _arrived(self, order: Record, sent: Sent, key: str) -> None:
        """He has it; under which key, his list tells where the answer does not."""
        if not (self.customer and self.spelling and self.store):
            return
        self._count("outbound", 1)
        if key:
            await _have(self.store, sent, key)
            return
        now = self.connection.clock.now()
        try:
            there = await self.customer.comments_of(order)
        except RetryableError:
            return  # the next pass looks again
        await _settle(self.connection, self.store, self.spelling, [sent], there, now)

    async def _unsure(self, sent: Sent, answer: object) -> bool:
        """He has not said under which key he has it, or that he has it at all."""
        if isinstance(answer, UnknownOutcomeError) or self.store is None:
            self.tally.outbound["failed"] += 1
            return False  # his list tells, in the next pass
        await self.store.memory.forget(sent)
        self.tally.outbound["failed"] += 1
        self.connection.observer.incident("comment_not_delivered", sent.ref, str(answer))
        if isinstance(answer, RetryableError) and not isinstance(answer, BusyError):
            self.outage = answer
        return False

    def _count(self, flow: str, many: int) -> None:
        self.connection.observer.batch(flow, Counter(comments=many))
        tally = self.tally.inbound if flow == "inbound" else self.tally.outbound
        tally["comments"] += many


async def _settle(
    connection: Connection,
    store: Comments,
    spelling: CommentTranslation,
    sent: Sequence[Sent],
    there: Sequence[Body],
    now: datetime,
) -> None:
    """Which of ours are in his list, asked for ``now``; what surely is not there may be given
    again.
    """
    his = []
    for body in there:
        try:
            his.append(spelling.read(body))
        except RecordError:
            continue
    ref = sent[0].ref
    known = await store.memory.known(ref, [one.key for one in his])
    await _paired(store, sent, [one for one in his if one.key not in known])
    within = timedelta(seconds=connection.customer.traits.commits_within)
    done = await store.memory.sent(ref)
    for one in sent:
        if not done[one.id].key and now - one.at > within:
            await store.memory.forget(one)


async def _paired(
    store: Comments,
    sent: Sequence[Sent],
    his: Sequence[Comment],
) -> list[Comment]:
    """His comments without those that are ours: each of ours is the first of its text."""
    left = list(his)
    for one in sent:
        found = next((other for other in left if other.text == one.text), None)
        if found:
            left.remove(found)
            await _have(store, one, found.key)
    return left


async def _have(store: Comments, sent: Sent, key: str) -> None:
    """Both sides have it: our memory first, then TracOS's view of it."""
    await store.memory.settle(sent, key)
    await store.tracos.name(sent.ref, sent.id, key)
