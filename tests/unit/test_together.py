"""Waiting for two things at once."""

import asyncio
import gc

import pytest

from tracbridge.bootstrap import together


async def test_both_answers_come_in_their_places() -> None:
    async def answer(value: int) -> int:
        return value

    assert await together(answer(1), answer(2)) == (1, 2)


async def test_an_error_of_one_waits_until_the_other_has_ended() -> None:
    failed, done = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise RuntimeError("away")

    async def go_on() -> None:
        await failed.wait()
        await asyncio.sleep(0)
        done.set()

    with pytest.raises(RuntimeError, match="away"):
        await together(fail(), go_on())
    assert done.is_set()


async def test_where_both_fail_one_error_is_told_and_none_is_left_over() -> None:
    left: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))

    async def fail(words: str) -> None:
        raise RuntimeError(words)

    with pytest.raises(RuntimeError, match="first"):
        await together(fail("first"), fail("second"))
    await asyncio.sleep(0)
    gc.collect()
    assert left == []
