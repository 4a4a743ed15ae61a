"""What only the worker that holds the lease can do: asked of it, and waited for a while."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from tracbridge.bootstrap import Service
from tracbridge.ports.wishes import Wish

PATIENCE = 10.0
"""Seconds that somebody waits for what he asked for."""

LOOK = 0.05
"""Seconds between two looks at what became of it."""


async def wished(  # noqa: PLR0913 (a wish, and how to wait for it)
    service: Service,
    ring: Callable[[], None],
    what: str,
    given: Mapping[str, Any],
    *,
    by: str,
    why: str = "",
    patience: float | None = None,
) -> Wish:
    """Ask the worker of this connection for it, and wake it; the wish as it is after a while.

    It is kept whatever happens: one that is still open is done by a later pass.
    """
    await service.prepare()
    wish = Wish(
        id=uuid4().hex[:12],
        connection=service.name,
        what=what,
        given=given,
        at=service.connection.clock.now(),
        by=by,
        why=why,
    )
    wishes = service.state.wishes
    until = time.monotonic() + (PATIENCE if patience is None else patience)
    await wishes.put(wish)
    ring()
    while True:
        now = await wishes.find(wish.id) or wish
        if now.state != "open" or time.monotonic() >= until:
            return now
        await asyncio.sleep(LOOK)


def wish_json(wish: Wish) -> dict[str, Any]:
    """For programs. ``results``: what became of each case; of an undo ``outcome`` tells more."""
    results = wish.outcome if isinstance(wish.outcome, list) else []
    return {
        "wish": wish.id,
        "what": wish.what,
        "state": wish.state,
        "at": wish.at,
        "by": wish.by,
        "why": wish.why or None,
        "ended": wish.ended,
        "error": wish.error or None,
        "results": results,
        "outcome": None if results else wish.outcome,
    }
