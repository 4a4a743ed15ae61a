"""What a claimed file holds, as records for the engine."""

from tracbridge.adapters.connectors.folder.claims import Claimed
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.decode import Decoded
from tracbridge.ports.connector import Record


def records_of(
    outcome: list[Decoded] | RecordError, claimed: Claimed, settings: FolderSettings
) -> list[Record]:
    """The file's records; a file that cannot be split is one refused record."""
    kept = f"{settings.archive}/{claimed.place}" if settings.mode is InboundMode.ARCHIVE else ""
    aside = f"{settings.quarantine}/{claimed.place}"
    if isinstance(outcome, RecordError):
        return [_whole(outcome, claimed, kept, aside)]
    alone = len(outcome) == 1
    return [_record(one, claimed, kept, aside if alone else "") for one in outcome]


def _whole(error: RecordError, claimed: Claimed, kept: str, aside: str) -> Record:
    return Record(
        None,
        version=claimed.rest,
        source=claimed.original,
        claim=claimed.claim,
        error=error,
        kept=kept,
        aside=aside,
    )


def _record(one: Decoded, claimed: Claimed, kept: str, aside: str) -> Record:
    return Record(
        one.body,
        source=claimed.original,
        pointer=one.pointer,
        raw=one.raw,
        claim=claimed.claim,
        error=one.error,
        kept=kept,
        aside=aside,
    )
