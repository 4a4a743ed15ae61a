"""The suites for our own memory. Here: links. `tracbridge.testing.turns`: passes and lease;
`tracbridge.testing.stores`: what it keeps for people.

Subclass a suite in a test file and give it ``memory()``: the empty stores of one connection, a
second worker on the same stores, the stores of another connection, and eyes for what the ports
only write.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import FatalError
from tracbridge.domain.link import Held, Link, Out, Phase, Seen, Window
from tracbridge.domain.workorder import Fields
from tracbridge.ports.connector import Stamps
from tracbridge.ports.state import (
    Conflict,
    Conflicts,
    History,
    Lease,
    Ledger,
    Passes,
    Quarantine,
    QuarantineCase,
)

AT = datetime(2026, 3, 20, 12, 0, 0, 123000, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
TEXT = "Grüße — ポンプ 🔧, $set, a.b" * 3
FIELDS: Fields = {
    "status": "pending",
    "description": TEXT,
    "deleted": False,
    "ext.asset.no": 7,
    "due": None,
}


class Stores(Struct, frozen=True):
    """What one worker works with on one connection."""

    connection: str
    ledger: Ledger
    passes: Passes
    quarantine: Quarantine
    conflicts: Conflicts
    history: History
    lease: Lease


class Eyes(Protocol):
    """What is stored, by id, for ports that only write. An absent id is None."""

    async def case(self, id_: str) -> QuarantineCase | None: ...
    async def conflict(self, id_: str) -> Conflict | None: ...
    async def is_superseded(self, id_: str) -> bool: ...


class Time(Protocol):
    """Makes a lease old without waiting."""

    async def expire(self) -> None:
        """The time of whoever holds the lease is up."""

    async def forget_renewal(self, lease: Lease) -> None:
        """This worker's last renewal was long ago: it must ask again."""


class Memory(Struct, frozen=True):
    """Empty stores of one connection.

    ``rival``: another living worker on the same connection. ``ghost``: one whose process is gone
    from this machine. ``other``: the stores of another connection in the same place.
    """

    mine: Stores
    rival: Stores
    ghost: Stores
    other: Stores
    eyes: Eyes
    time: Time


class OnMemory(ABC):
    """What the suites share."""

    @abstractmethod
    def memory(self) -> AbstractAsyncContextManager[Memory]:
        """Empty stores."""

    @pytest.fixture
    async def kept(self) -> AsyncIterator[Memory]:
        async with self.memory() as memory:
            await memory.mine.lease.take()
            yield memory


def bare(stores: Stores, ref: str = "1") -> Link:
    """The smallest link."""
    return Link(f"{stores.connection}-{ref}", stores.connection, ref)


def full(stores: Stores, ref: str = "1") -> Link:
    """A link with everything in it."""
    out = Out(3, "key-3", FIELDS, AT, AT, AT, Phase.PUBLISHED, error="no such asset")
    out = replace(out, over=True, overtakes=True, asked=AT)
    prints: Fields = {"status": "pending", "description": "#abc", "deleted": AT}
    return replace(
        bare(stores, ref),
        base={**FIELDS, "deleted": AT},
        extra='{"costCentre": 1.50}',
        seen=Seen(AT, 7, prints),
        out=out,
        window=Window(8, True, 9, {"status": ("on_hold", None, False, AT), "description": ()}),
        times={"status": AT, "ext.asset.no": AT + timedelta(days=1)},
        held={"status": Held("completed", "cancelled"), "due": Held(None, AT)},
        missing=True,
        dropped=True,
        repush=True,
        given=AT,
        seq=3,
        changes=4,
    )


def shorn(link: Link) -> Link:
    """The link without what the ledger itself adds when it stores one."""
    return replace(link, rev=0, fence=0)


async def stored(stores: Stores, *links: Link) -> list[Link]:
    """Save new links and read them back."""
    assert await stores.ledger.save(links) == set()
    found = await stores.ledger.find([link.ref for link in links])
    return [found[link.ref] for link in links]


class LedgerContract(OnMemory):
    """Links, guarded by revision and fence."""

    @pytest.mark.parametrize("make", [bare, full])
    async def test_a_link_comes_back_as_it_was_saved(self, kept: Memory, make: object) -> None:
        link = full(kept.mine) if make is full else bare(kept.mine)
        (back,) = await stored(kept.mine, link)
        assert shorn(back) == link

    @pytest.mark.parametrize("phase", list(Phase))
    async def test_each_phase_comes_back(self, kept: Memory, phase: Phase) -> None:
        link = full(kept.mine)
        assert link.out is not None
        link = replace(link, out=replace(link.out, phase=phase, over=False, error=None))
        (back,) = await stored(kept.mine, link)
        assert shorn(back) == link

    async def test_a_saved_link_has_a_revision_and_our_fence(self, kept: Memory) -> None:
        (back,) = await stored(kept.mine, bare(kept.mine))
        assert back.rev > 0
        assert back.fence == kept.mine.lease.fence

    async def test_what_was_emptied_comes_back_empty(self, kept: Memory) -> None:
        (before,) = await stored(kept.mine, full(kept.mine))
        emptied = replace(bare(kept.mine), rev=before.rev, fence=before.fence)
        (back,) = await stored(kept.mine, emptied)
        assert shorn(back) == bare(kept.mine)

    async def test_what_looks_like_an_expression_is_a_value(self, kept: Memory) -> None:
        (first,) = await stored(kept.mine, bare(kept.mine))
        odd: Fields = {"$set": "$$ROOT", "ext.$ref": "$rev", "": None, "{": "$$REMOVE"}
        after = replace(first, base=odd, stuck="$fence", said=odd)
        (back,) = await stored(kept.mine, after)
        assert shorn(back) == shorn(after)

    async def test_a_ref_without_a_link_is_absent(self, kept: Memory) -> None:
        await stored(kept.mine, bare(kept.mine, "1"))
        assert list(await kept.mine.ledger.find(["1", "2", ""])) == ["1"]
        assert await kept.mine.ledger.find([]) == {}

    async def test_saving_nothing_loses_nothing(self, kept: Memory) -> None:
        assert await kept.mine.ledger.save([]) == set()

    async def test_a_second_creation_is_refused(self, kept: Memory) -> None:
        await stored(kept.mine, replace(bare(kept.mine), seq=1))
        assert await kept.mine.ledger.save([replace(bare(kept.mine), seq=2)]) == {"1"}
        assert (await kept.mine.ledger.find(["1"]))["1"].seq == 1

    async def test_an_older_revision_is_refused(self, kept: Memory) -> None:
        (read,) = await stored(kept.mine, bare(kept.mine))
        assert await kept.mine.ledger.save([replace(read, seq=1)]) == set()
        assert await kept.mine.ledger.save([replace(read, seq=2)]) == {"1"}
        assert (await kept.mine.ledger.find(["1"]))["1"].seq == 1

    async def test_a_much_older_revision_is_refused(self, kept: Memory) -> None:
        (first,) = await stored(kept.mine, bare(kept.mine))
        (second,) = await stored(kept.mine, replace(first, seq=1))
        await stored(kept.mine, replace(second, seq=2))
        assert await kept.mine.ledger.save([replace(first, seq=9)]) == {"1"}
        assert (await kept.mine.ledger.find(["1"]))["1"].seq == 2

    async def test_the_others_of_a_batch_are_saved(self, kept: Memory) -> None:
        one, two = await stored(kept.mine, bare(kept.mine, "1"), bare(kept.mine, "2"))
        await stored(kept.mine, replace(two, seq=1))
        batch = [replace(one, seq=5), replace(two, seq=5), replace(bare(kept.mine, "3"), seq=5)]
        assert await kept.mine.ledger.save(batch) == {"2"}
        found = await kept.mine.ledger.find(["1", "2", "3"])
        assert {ref: link.seq for ref, link in found.items()} == {"1": 5, "2": 1, "3": 5}

    async def test_a_batch_with_a_known_and_a_new_double_names_both(self, kept: Memory) -> None:
        (one, _) = await stored(kept.mine, bare(kept.mine, "1"), bare(kept.mine, "2"))
        await stored(kept.mine, replace(one, seq=1))
        batch = [replace(one, seq=5), replace(bare(kept.mine, "2"), seq=5), bare(kept.mine, "3")]
        assert await kept.mine.ledger.save(batch) == {"1", "2"}

    async def test_a_deposed_worker_saves_nothing(self, kept: Memory) -> None:
        (read,) = await stored(kept.mine, bare(kept.mine))
        await kept.time.expire()
        await kept.rival.lease.take()
        (theirs,) = await stored(kept.rival, replace(read, seq=1))
        with pytest.raises(FatalError):
            await kept.mine.ledger.save([replace(theirs, seq=2)])
        assert (await kept.rival.ledger.find(["1"]))["1"].seq == 1

    async def test_connections_do_not_see_each_other(self, kept: Memory) -> None:
        await kept.other.lease.take()
        await stored(kept.mine, replace(full(kept.mine), seq=1))
        await stored(kept.other, replace(full(kept.other), seq=2))
        assert (await kept.mine.ledger.find(["1"]))["1"].seq == 1
        assert (await kept.other.ledger.find(["1"]))["1"].seq == 2
        assert [refs async for refs in kept.other.ledger.repushes()] == [["1"]]
        assert await kept.other.ledger.rotation("", 9) == (["1"], "")

    async def test_what_is_to_be_done_shows_in_the_stamp(self, kept: Memory) -> None:
        ledger, never = kept.mine.ledger, datetime(2000, 1, 1, tzinfo=UTC)
        if not isinstance(ledger, Stamps):
            pytest.skip("tells nothing without being searched")
        await stored(kept.mine, bare(kept.mine, "1"), bare(kept.mine, "2"))
        await kept.other.lease.take()
        before = await ledger.stamp(never)
        assert before == await ledger.stamp(never)
        await stored(kept.other, replace(bare(kept.other, "1"), repush=True))
        assert before == await ledger.stamp(never)
        await stored(kept.mine, replace((await ledger.find(["1"]))["1"], repush=True))
        assert before != await ledger.stamp(never)

    async def test_versions_on_their_way_are_found_by_phase(self, kept: Memory) -> None:
        links = [bare(kept.mine, "0")]
        for number, phase in enumerate(Phase, 1):
            out = Out(1, f"key-{number}", FIELDS, AT, AT, AT, phase)
            links.append(replace(bare(kept.mine, str(number)), out=out))
        await stored(kept.mine, *links)
        assert await collected(kept.mine.ledger.on_their_way(Phase.PUBLISHED)) == {"3"}
        unpublished = kept.mine.ledger.on_their_way(Phase.INTENT, Phase.STAGED)
        assert await collected(unpublished) == {"1", "2"}

    async def test_links_to_be_sent_again_are_found(self, kept: Memory) -> None:
        again = replace(bare(kept.mine, "2"), repush=True)
        await stored(kept.mine, bare(kept.mine, "1"), again)
        assert await collected(kept.mine.ledger.repushes()) == {"2"}

    async def test_rotation_visits_every_link_once_and_begins_again(self, kept: Memory) -> None:
        await stored(kept.mine, *[bare(kept.mine, str(n)) for n in range(1, 8)])
        visited: list[str] = []
        position, turns = "", 0
        while turns == 0 or position:
            refs, position = await kept.mine.ledger.rotation(position, 3)
            visited += refs
            turns += 1
            assert turns < 9
        assert sorted(visited) == [str(n) for n in range(1, 8)]
        assert (await kept.mine.ledger.rotation(position, 3))[0] == visited[:3]

    async def test_rotation_over_nothing_ends_at_once(self, kept: Memory) -> None:
        assert await kept.mine.ledger.rotation("", 3) == ([], "")

    async def test_rotation_passes_over_what_was_given_lately(self, kept: Memory) -> None:
        second = timedelta(seconds=1)
        times = [AT - second, AT, LATER, LATER + second]
        links = [replace(bare(kept.mine, str(n)), given=at) for n, at in enumerate(times, 1)]
        await stored(kept.mine, *links, bare(kept.mine, "5"))
        assert await kept.mine.ledger.rotation("", 2, (AT, LATER)) == (["1"], "2")
        assert await kept.mine.ledger.rotation("2", 4, (AT, LATER)) == (["4", "5"], "")


async def collected(pages: AsyncIterator[list[str]]) -> set[str]:
    """All refs of these pages; none comes twice."""
    refs = [ref async for page in pages for ref in page]
    assert len(refs) == len(set(refs))
    return set(refs)
