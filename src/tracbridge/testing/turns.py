"""The suites for who works when: the pass counter, the resume points, the lease.

They are used as those in `tracbridge.testing.ports`.
"""

import pytest

from tracbridge.domain.errors import ConfigError, FatalError
from tracbridge.domain.link import Claim
from tracbridge.testing.ports import AT, Memory, OnMemory


class PassesContract(OnMemory):
    """The pass counter and the resume points."""

    async def test_passes_are_counted_from_one(self, kept: Memory) -> None:
        assert await kept.mine.passes.counter() == 0
        assert await kept.mine.passes.begin() == Claim(1, 0)
        assert await kept.mine.passes.begin() == Claim(2, 0)
        assert await kept.mine.passes.counter() == 2

    async def test_a_claim_carries_the_last_complete_pass(self, kept: Memory) -> None:
        first = await kept.mine.passes.begin()
        await kept.mine.passes.complete(first.pass_)
        assert await kept.mine.passes.begin() == Claim(2, 1)

    async def test_a_pass_is_complete_as_the_next_one_begins(self, kept: Memory) -> None:
        first = await kept.mine.passes.begin()
        assert await kept.mine.passes.begin(first.pass_) == Claim(2, 1)
        assert await kept.mine.passes.completed() == 1
        assert await kept.mine.passes.begin() == Claim(3, 1)

    async def test_numbers_that_were_taken_ahead_are_given_to_nobody_else(
        self, kept: Memory
    ) -> None:
        await kept.mine.passes.begin()
        first = await kept.mine.passes.begin(ahead=3)
        assert first == Claim(2, 0)
        assert await kept.rival.passes.counter() == 5
        assert await kept.rival.passes.begin() == Claim(6, 0)

    async def test_completion_never_goes_back(self, kept: Memory) -> None:
        for _ in range(3):
            await kept.mine.passes.begin()
        await kept.mine.passes.complete(3)
        await kept.mine.passes.complete(1)
        assert await kept.mine.passes.begin() == Claim(4, 3)

    async def test_the_count_is_shared_by_all_workers(self, kept: Memory) -> None:
        await kept.mine.passes.begin()
        assert await kept.rival.passes.begin() == Claim(2, 0)

    async def test_connections_count_for_themselves(self, kept: Memory) -> None:
        await kept.mine.passes.begin()
        await kept.mine.passes.keep_cursor("changed", AT)
        assert await kept.other.passes.counter() == 0
        assert await kept.other.passes.cursor("changed") is None

    @pytest.mark.parametrize("value", [AT, True, "4711", 7, None], ids=repr)
    async def test_a_resume_point_comes_back(self, kept: Memory, value: object) -> None:
        await kept.mine.passes.keep_cursor("one", "before")
        await kept.mine.passes.keep_cursor("one", value)
        await kept.mine.passes.keep_cursor("two", "another")
        assert await kept.rival.passes.cursor("one") == value

    async def test_a_resume_point_that_was_never_kept_is_none(self, kept: Memory) -> None:
        assert await kept.mine.passes.cursor("one") is None


class LeaseContract(OnMemory):
    """One worker per connection, with a fence that only grows."""

    async def test_a_living_holder_keeps_others_out(self, kept: Memory) -> None:
        fence = kept.mine.lease.fence
        assert fence > 0
        with pytest.raises(ConfigError):
            await kept.rival.lease.take()
        await kept.mine.lease.hold()
        assert kept.mine.lease.fence == fence

    async def test_taking_it_again_keeps_the_fence(self, kept: Memory) -> None:
        fence = kept.mine.lease.fence
        assert await kept.mine.lease.take() == fence

    async def test_the_next_holder_after_release_has_a_higher_fence(self, kept: Memory) -> None:
        fence = kept.mine.lease.fence
        await kept.mine.lease.release()
        assert await kept.rival.lease.take() > fence

    async def test_the_next_holder_after_expiry_has_a_higher_fence(self, kept: Memory) -> None:
        fence = kept.mine.lease.fence
        await kept.time.expire()
        assert await kept.rival.lease.take() > fence

    async def test_a_holder_whose_process_is_gone_is_replaced_at_once(self, kept: Memory) -> None:
        await kept.mine.lease.release()
        fence = await kept.ghost.lease.take()
        assert await kept.mine.lease.take() > fence

    async def test_a_deposed_holder_notices(self, kept: Memory) -> None:
        await kept.time.expire()
        await kept.rival.lease.take()
        await kept.time.forget_renewal(kept.mine.lease)
        with pytest.raises(FatalError):
            await kept.mine.lease.hold()

    async def test_a_holder_that_was_late_goes_on_if_nobody_else_came(self, kept: Memory) -> None:
        fence = kept.mine.lease.fence
        await kept.time.expire()
        await kept.time.forget_renewal(kept.mine.lease)
        await kept.mine.lease.hold()
        assert kept.mine.lease.fence == fence
        with pytest.raises(ConfigError):
            await kept.rival.lease.take()

    async def test_a_deposed_holder_cannot_give_back_what_is_not_its_own(
        self, kept: Memory
    ) -> None:
        await kept.time.expire()
        await kept.rival.lease.take()
        await kept.mine.lease.release()
        with pytest.raises(ConfigError):
            await kept.mine.lease.take()

    async def test_releasing_twice_is_harmless(self, kept: Memory) -> None:
        await kept.mine.lease.release()
        await kept.mine.lease.release()
        assert await kept.rival.lease.take() > 0

    async def test_connections_have_leases_of_their_own(self, kept: Memory) -> None:
        assert await kept.other.lease.take() > 0
