"""How an answer reaches its client, or does not."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from tracbridge.testing.erp.faults import Bomb, Faults, Trickle
from tracbridge.testing.erp.wire import Answer, Deed

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

HTML = b"<!DOCTYPE html><html><head><title>Log on</title></head><body>Please log on.</body></html>"
SPOILS = ("html", "truncated", "empty", "wrong_length", "bomb", "trickle")


def spoiled(reply: Answer, faults: Faults, deed: Deed, now: Any) -> Answer:
    """The answer as the faults leave it."""
    for name in SPOILS:
        if fault := faults.hit(name, deed, now):
            reply = _SPOIL[name](reply, fault)
    return reply


def _html(_: Answer, __: Any) -> Answer:
    return Answer(data=HTML, headers=(("content-type", "text/html; charset=utf-8"),))


def _truncated(reply: Answer, _: Any) -> Answer:
    return replace(reply, data=reply.data[: len(reply.data) // 2])


def _empty(reply: Answer, _: Any) -> Answer:
    return replace(reply, data=b"")


def _wrong_length(reply: Answer, _: Any) -> Answer:
    return replace(reply, cut=len(reply.data) // 2)


def _bomb(reply: Answer, fault: Bomb) -> Answer:
    headers = (*reply.headers, ("content-encoding", "gzip"))
    return replace(reply, data=bomb(fault.megabytes), headers=headers)


def _trickle(reply: Answer, fault: Trickle) -> Answer:
    return replace(reply, pause=fault.pause)


_SPOIL: dict[str, Callable[[Answer, Any], Answer]] = {
    "html": _html,
    "truncated": _truncated,
    "empty": _empty,
    "wrong_length": _wrong_length,
    "bomb": _bomb,
    "trickle": _trickle,
}


@cache
def bomb(megabytes: int) -> bytes:
    """That much white space and an empty list, in gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blank = b" " * 2**20
    return (
        b"".join(map(packer.compress, [blank] * megabytes))
        + packer.compress(b"[]")
        + (packer.flush())
    )


async def deliver(reply: Answer, send: Send, sleep: Sleep) -> None:
    """Send an answer; one that is cut ends with the connection."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    headers.append((b"content-length", str(len(reply.data)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.cut is not None:
        await send(_part(reply.data[: reply.cut], more=True))
        hang_up(send, flush=True)
        return
    if reply.pause:
        for index in range(len(reply.data)):
            await send(_part(reply.data[index : index + 1], more=True))
            await sleep(reply.pause)
    await send(_part(b"" if reply.pause else reply.data, more=False))


def _part(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def hang_up(send: Send, *, flush: bool = False) -> None:
    """Close the connection. Raises `ConnectionResetError` where there is none, in one process."""
    transport: asyncio.Transport | None = getattr(
        getattr(send, "__self__", None), "transport", None
    )
    if transport is None:
        raise ConnectionResetError("the simulator hung up")
    if flush:
        transport.close()
    else:
        transport.abort()
