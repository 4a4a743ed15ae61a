"""What happens in the folders, as hints, where the operating system tells such things."""

import os
from collections.abc import AsyncIterator

from tracbridge.adapters.connectors.folder.settings import FolderSettings
from tracbridge.ports.hints import Hint

DEBOUNCE, STEP = 10, 1
"""Milliseconds: by itself watchfiles waits for more than half a second of silence."""


async def watched(settings: FolderSettings) -> AsyncIterator[Hint]:
    """``NEWS`` for new files of his, ``ANY`` for versions of ours that are gone or answered.

    Ends where nobody tells: the package is not installed, the file system cannot, too many folders
    are watched already. A file is not looked at here.
    """
    try:
        from watchfiles import Change, awatch  # noqa: PLC0415 (an extra)
    except ImportError:
        return
    inbound, outbound = settings.inbound.resolve(), settings.outbound.resolve()
    hints = {str(inbound): Hint.NEWS, str(outbound): Hint.ANY}

    def news(change: Change, path: str) -> bool:
        # Asked for each thing that we do there ourselves: no more than is needed.
        folder, name = os.path.split(path)
        hint = hints.get(folder)
        if hint is None or name.startswith("."):
            return False
        if hint is Hint.NEWS:
            return change is not Change.deleted  # gone is what we have claimed
        return change is Change.deleted or not name.endswith(".json")

    try:
        async for changes in awatch(
            inbound,
            outbound,
            watch_filter=news,
            debounce=DEBOUNCE,
            step=STEP,
            recursive=False,
            raise_interrupt=False,
        ):
            for hint in {hints[os.path.dirname(path)] for _, path in changes}:
                yield hint
    except (OSError, RuntimeError):
        return
