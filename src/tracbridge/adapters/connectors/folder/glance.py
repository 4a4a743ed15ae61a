"""Looking into the inbound folder without touching it, for previews."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from tracbridge.adapters.connectors.folder.claims import ClaimFolder, claim_folder, new_batch
from tracbridge.adapters.connectors.folder.files import Stamp, plain_name
from tracbridge.adapters.connectors.folder.inbox import Batch, Inbox, Listed
from tracbridge.adapters.connectors.folder.records import records_of
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import Decoded
from tracbridge.ports.state import TakenFile, TakenFiles


class Glance(Inbox):
    """Reads what `Inbox` would claim, and leaves it where it is."""

    def take(self, files: Sequence[Listed], claim: Claim) -> Batch:
        folder = claim_folder(self.claimed, claim, new_batch(datetime.now(UTC)))
        batch = Batch(taken=[folder.path])
        for file in files:
            self._take_one(file, folder, batch)
        return batch

    def _claim(
        self,
        source: str,
        folder: ClaimFolder,
        outcome: list[Decoded] | RecordError,
        stamp: Stamp | None,
        batch: Batch,
    ) -> None:
        del stamp
        name = plain_name(os.path.basename(source))
        batch.records += records_of(outcome, folder, name, self.settings)


class UntouchedFiles:
    """The memory of mode ``keep``, for reading only."""

    def __init__(self, real: TakenFiles) -> None:
        self.real = real

    async def find(self, names: Sequence[str]) -> dict[str, TakenFile]:
        return await self.real.find(names)

    async def unfinished(self) -> list[TakenFile]:
        return await self.real.unfinished()

    async def take(self, files: Sequence[TakenFile]) -> None:
        """Nothing is taken."""

    async def finish(self, names: Sequence[str]) -> None:
        """Nothing is finished."""
