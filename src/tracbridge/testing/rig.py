"""A connector in a test: itself, hands to act as the other company, and a way to restart."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Protocol, runtime_checkable

import pytest
from msgspec import Struct

from tracbridge.sdk import Body, Claim, Connector, Cursor, Page, Receipt, Record, Write

FIRST = Claim(1, 0)
"""The first pass."""

SECOND = Claim(2, 1)
"""The pass after the first one, which was complete."""


class Hands(Protocol):
    """What the other company does on its own, behind our back."""

    async def plant(self, body: Body) -> str:
        """Put a record there, or a newer version; returns the ref under which we would write it."""

    async def holdings(self) -> list[Body]:
        """All records that the other company can see now, whoever wrote them."""


@runtime_checkable
class Reader(Protocol):
    """Hands of a company whose handling of our versions can be seen; for `Acknowledges`."""

    async def take(self, ref: str) -> None:
        """Import the version of that ref, as the company's importer does."""

    async def refuse(self, ref: str, words: str) -> None:
        """Look at the version of that ref and refuse it with these words."""


class Rig(Struct, frozen=True):
    """A connector on an empty system. ``restart``: the same connection in a new process."""

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
