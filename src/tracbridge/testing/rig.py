"""A connector in a test: itself, hands to act as the other company, and a way to restart."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from msgspec import Struct

from tracbridge.sdk import (
    Body,
    Claim,
    Connector,
    Cursor,
    Page,
    Place,
    Probes,
    Receipt,
    Record,
    Refusal,
    RetryableError,
    StaleWriteError,
    Write,
)
from tracbridge.testing.hands import Hands

T = TypeVar("T")

FIRST = Claim(1, 0)
"""The first pass."""

SECOND = Claim(2, 1)
"""The pass after the first one, which was complete."""


def place(root: Path, name: str = "test") -> Place:
    """A connection in that folder, with this machine's clock."""
    return Place(name, root, None, lambda: datetime.now(UTC))


class Rig(Struct, frozen=True):
    """A connector on an empty system. ``restart``: the same connection in a new process.

    Pages of two or three records show more than large ones.
    """

    connector: Connector
    hands: Hands
    restart: Callable[[], Connector]


class Bench(Struct):
    """A rig in use; closes every connector that a test made."""

    rig: Rig
    opened: list[Connector] = []

    @property
    def connector(self) -> Connector:
        return self.rig.connector

    @property
    def hands(self) -> Hands:
        return self.rig.hands

    async def restarted(self) -> Connector:
        """A new process for the same connection; the old one was killed and closed nothing."""
        connector = self.rig.restart()
        self.opened.append(connector)
        await connector.check()
        return connector

    async def close(self) -> None:
        for connector in (self.connector, *self.opened):
            await connector.aclose()
            await connector.aclose()  # closing twice is allowed


class OnRig(ABC):
    """What the parts of the contract share. pytest-asyncio in mode ``auto`` runs the tests."""

    passes_extra: ClassVar[bool] = True
    """Keys that no mapping knows travel through this system; False for TracOS only."""

    @abstractmethod
    def rig(self) -> AbstractAsyncContextManager[Rig]:
        """A connector on an empty system."""

    @abstractmethod
    def body(self, n: int, text: str = "Check the pump") -> Body:
        """A valid body in the system's own format, another for each ``n``, with ``text`` in it."""

    def ref(self, n: int) -> str:
        """The ref under which we write ``body(n)``."""
        return str(n)

    def plain(self, body: Body) -> Body:
        """``body`` without what the system itself adds to it."""
        return body

    async def settle(self, connector: Connector, pages: Sequence[Page]) -> None:
        """Tell the system that the records of these pages are safe."""
        for page in pages:
            await connector.commit(page.cursor)

    def write_of(self, n: int, text: str = "Check the pump", *, key: str = "") -> Write:
        """A write of ``body(n, text)`` under its ref."""
        return Write(key or f"key-{n}", self.body(n, text), self.ref(n))

    def shown_of(self, n: int, text: str = "", *, key: str = "") -> tuple[str, str]:
        """Key and ref of `write_of` with the same arguments, as `Stages.publish` takes them."""
        write = self.write_of(n, text, key=key)
        return write.key, write.ref or ""

    async def made_good(self, connector: Connector, writes: Sequence[Write]) -> list[str]:
        """Do what the engine does with writes of which nobody knows: look, then repeat the rest.

        Returns the ref of each. A system that cannot be looked at has to recognise keys or records.
        """
        seen: Sequence[Receipt | None] = [None for _ in writes]
        if isinstance(connector, Probes):
            seen = await connector.probe(writes)
        rest = [write for write, receipt in zip(writes, seen, strict=True) if receipt is None]
        again = iter(await connector.write(rest))
        refs = []
        for write, receipt in zip(writes, seen, strict=True):
            answer = receipt or next(again)
            # "There already" is what a system says that knows records and no keys.
            assert isinstance(answer, Receipt | StaleWriteError), answer
            refs.append(answer.ref if isinstance(answer, Receipt) else write.ref or "")
        return refs

    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        async with self.rig() as rig:
            await rig.connector.check()
            bench = Bench(rig)
            yield bench
            await bench.close()

    async def held(self, bench: Bench) -> list[Body]:
        """What the other company holds, in a fixed order."""
        bodies = [dict(self.plain(body)) for body in await bench.hands.holdings()]
        return sorted(bodies, key=lambda body: repr(sorted(body.items())))

    def sorted(self, *bodies: Body) -> list[Body]:
        """Bodies in the order of `held`."""
        return sorted(map(dict, bodies), key=lambda body: repr(sorted(body.items())))

    async def seen(
        self, connector: Connector, claim: Claim = FIRST, since: Cursor | None = None
    ) -> list[Body]:
        """The bodies that reading shows now."""
        return self.bodies(await drain(connector, claim, since))

    async def seen_after(
        self, connector: Connector, pages: Sequence[Page], *before: Body
    ) -> list[Body]:
        """What is read after these pages were settled.

        A connector that `resumes` gets the cursor of the last page, and may show records from
        ``before`` again, as they are now: they are left out. Another one may not.
        """
        if not connector.traits.resumes:
            return await self.seen(connector, SECOND)
        found = await self.seen(connector, SECOND, resumed(pages))
        return [body for body in found if body not in before]

    def bodies(self, pages: Sequence[Page]) -> list[Body]:
        """The bodies of these pages; a record that could not be read fails the test."""
        found = records(pages)
        assert [record.error for record in found if record.error] == []
        return [self.plain(record.body) for record in found if record.body is not None]


async def drain(
    connector: Connector, claim: Claim = FIRST, since: Cursor | None = None
) -> list[Page]:
    """Everything that can be read now, page by page."""
    return [page async for page in connector.read(since, claim)]


def records(pages: Sequence[Page]) -> list[Record]:
    """The records of these pages, in order."""
    return [record for page in pages for record in page.records]


async def land(connector: Connector, *writes: Write) -> list[Receipt]:
    """Do these writes; a refusal fails the test."""
    answers = await connector.write(writes)
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    assert len(receipts) == len(answers) == len(writes), answers
    return receipts


async def asked(connector: Connector, *writes: Write) -> list[Receipt | Refusal]:
    """The answers to these writes; an outage that is raised is everyone's answer."""
    try:
        return list(await connector.write(writes))
    except RetryableError as error:
        return [error for _ in writes]


def resumed(pages: Sequence[Page]) -> Cursor:
    """The last cursor of these pages, as it comes back from our memory: a text."""
    (*_, last) = pages
    assert isinstance(last.cursor, str)
    return Cursor(last.cursor.encode().decode())


def capable(connector: Connector, capability: type[T]) -> T:
    """The connector as one that has this capability; without it the test is skipped."""
    if not isinstance(connector, capability):
        pytest.skip(f"does not implement {capability.__name__}")
    return connector
