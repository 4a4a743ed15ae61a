"""What others give us by way of the API, laid into the inbound folder as a file of its own."""

import asyncio
import os
from glob import escape, iglob

from tracbridge.adapters.connectors.folder.files import (
    fsync,
    make_durable,
    repeated_later,
    there,
    write_file,
)
from tracbridge.adapters.connectors.folder.inbox import CLAIMED
from tracbridge.adapters.connectors.folder.settings import FolderSettings


class FolderPushes:
    """Files beside those of the customer. ``name``: of a file, ``*.json``."""

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings
        self.inbound = str(settings.inbound)

    async def place(self, name: str, data: bytes) -> None:
        """It lies there whole, and survives a power cut. Repeatable: it is the same file again.

        Raises `RetryableError` where the folder fails.
        """
        with repeated_later():
            await asyncio.to_thread(self._place, name, data)

    async def lies(self, name: str) -> bool:
        """Whether it waits there, or is being taken; raises `RetryableError`."""
        with repeated_later():
            return await asyncio.to_thread(self._lies, name)

    def _place(self, name: str, data: bytes) -> None:
        draft, path = f"{self.inbound}/.{name}.tmp", f"{self.inbound}/{name}"
        write_file(draft, data, self.settings.file_mode)
        make_durable(self.inbound, [draft])
        os.rename(draft, path)
        fsync(self.inbound)

    def _lies(self, name: str) -> bool:
        path = f"{self.inbound}/{name}"
        claimed = f"{escape(self.inbound)}/{CLAIMED}/*/{escape(name)}"
        # It may be claimed between the first two looks, never put back.
        return there(path) or any(True for _ in iglob(claimed, include_hidden=True))
