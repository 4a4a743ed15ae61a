"""The part of the connector contract about comments on records: `Converses`."""

# mypy: disable-error-code="type-abstract"
# Protocols are asked for by `isinstance`, which mypy takes for an attempt to make one.

from collections.abc import Sequence

import pytest

from tracbridge.sdk import (
    Body,
    Connector,
    Converses,
    Cursor,
    Page,
    Receipt,
    Record,
    RetryableError,
    UnknownOutcomeError,
)
from tracbridge.testing.hands import LosesReplies, Talks, handy
from tracbridge.testing.rig import Bench, OnRig, capable, drain, records

WORDS = "Dichtung getauscht — 2 x Ø 12 mm 🔧"


class ConversingContract(OnRig):
    """Comments are added and never changed; whose comment is whose is known by its key."""

    def remark(self, text: str) -> Body:
        """The body of a new comment of that text, in the system's own format."""
        pytest.fail(f"a rig with comments spells them: override remark, here for {text!r}")

    def key_and_text(self, comment: Body) -> tuple[str, str]:
        """Key and text of a comment that the system shows."""
        pytest.fail(f"a rig with comments reads them: override key_and_text, for {comment!r}")

    async def talking(self, bench: Bench) -> tuple[Converses, Talks, Record]:
        """A record that is there, and both sides of a conversation about it."""
        converses = capable(bench.connector, Converses)
        if not converses.converses:
            pytest.skip("has no comments, as it is set up")
        hands = handy(bench.hands, Talks)
        await bench.hands.plant(self.body(1))
        (record,) = records(await drain(bench.connector))
        return converses, hands, record

    async def listed(self, converses: Converses, order: Record) -> list[tuple[str, str]]:
        """What the record's list shows."""
        return [self.key_and_text(one) for one in await converses.comments_of(order)]

    async def apart(self, bench: Bench, since: Cursor | None = None) -> Sequence[Page]:
        """What is read of all records."""
        converses = capable(bench.connector, Converses)
        if not converses.apart:
            pytest.skip("shows its comments within the records")
        return [page async for page in converses.comments(since)]

    def said(self, pages: Sequence[Page]) -> list[tuple[str, str]]:
        """The comments in what was read, each once."""
        found = [self.key_and_text(record.body or {}) for record in records(pages)]
        return list(dict.fromkeys(found))

    async def test_comments_of_a_record_are_its_own_and_oldest_first(self, bench: Bench) -> None:
        converses, hands, record = await self.talking(bench)
        other = await bench.hands.plant(self.body(2))
        first = await hands.say(record.ref or "", "The seal leaks")
        await hands.say(other, "Not about this one")
        second = await hands.say(record.ref or "", WORDS)
        found = await self.listed(converses, record)
        assert found == [(first, "The seal leaks"), (second, WORDS)]

    async def test_a_record_without_comments_has_none(self, bench: Bench) -> None:
        converses, _, record = await self.talking(bench)
        assert await self.listed(converses, record) == []

    async def test_our_comment_is_there_once_and_under_the_key_of_its_receipt(
        self, bench: Bench
    ) -> None:
        converses, hands, record = await self.talking(bench)
        receipt = await converses.comment(record, self.remark(WORDS), "key-1")
        assert isinstance(receipt, Receipt), receipt
        assert [text for _, text in await hands.remarks(record.ref or "")] == [WORDS]
        ((key, text),) = await self.listed(converses, record)
        assert text == WORDS
        assert receipt.ref in {key, ""}

    async def test_a_comment_leaves_the_record_as_it_is(self, bench: Bench) -> None:
        converses, _, record = await self.talking(bench)
        await converses.comment(record, self.remark("Seen to"), "key-1")
        assert await self.held(bench) == [self.body(1)]

    async def test_comments_of_both_sides_are_read_apart_from_their_place_on(
        self, bench: Bench
    ) -> None:
        converses, hands, record = await self.talking(bench)
        theirs = await hands.say(record.ref or "", "The seal leaks")
        before = await self.apart(bench)
        assert self.said(before) == [(theirs, "The seal leaks")]
        await converses.comment(record, self.remark("Seen to"), "key-1")
        after = self.said(await self.apart(bench, before[-1].cursor))
        assert [text for _, text in after if text != "The seal leaks"] == ["Seen to"]

    @pytest.mark.parametrize("done", [True, False], ids=["after the effect", "before it"])
    async def test_of_a_comment_without_an_answer_the_list_tells(
        self, bench: Bench, done: bool
    ) -> None:
        converses, _, record = await self.talking(bench)
        hands = handy(bench.hands, LosesReplies)
        await hands.lose_reply(done=done)
        try:
            answer: object = await converses.comment(record, self.remark("Seen to"), "key-1")
        except RetryableError as error:
            answer = error
        assert isinstance(answer, Receipt | UnknownOutcomeError), answer
        after: Connector = await bench.restarted()
        found = await self.listed(capable(after, Converses), record)
        there = done or isinstance(answer, Receipt)
        assert [text for _, text in found] == (["Seen to"] if there else [])
