"""What a claimed file holds, as records for the engine."""

from dataclasses import replace

from tracbridge.adapters.connectors.folder.claims import ClaimFolder
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.decode import Decoded
from tracbridge.ports.connector import Record


def records_of(
    outcome: list[Decoded] | RecordError, folder: ClaimFolder, name: str, settings: FolderSettings
) -> list[Record]:
    """The file's records; a file that cannot be split is one refused record."""
    place = f"{folder.place}/{name}"
    kept = f"{settings.archive}/{place}" if settings.mode is InboundMode.ARCHIVE else ""
    aside = f"{settings.quarantine}/{place}"
    if isinstance(outcome, RecordError):
        whole = Record(None, version=place, source=name, claim=folder.claim, error=outcome)
        return [_placed(whole, kept, aside)]
    alone = len(outcome) == 1
    return [_record(one, folder, name, kept, aside if alone else "") for one in outcome]


def _placed(record: Record, kept: str, aside: str) -> Record:
    return replace(record, kept=kept, aside=aside)


def _record(one: Decoded, folder: ClaimFolder, name: str, kept: str, aside: str) -> Record:
    return Record(
        one.body,
        source=name,
        pointer=one.pointer,
        raw=one.raw,
        claim=folder.claim,
        error=one.error,
        kept=kept,
        aside=aside,
    )
