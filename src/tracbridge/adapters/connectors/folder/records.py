"""What a claimed file holds, as records for the engine."""

from msgspec.structs import replace

from tracbridge.adapters.connectors.folder.claims import ClaimFolder
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import Decoded
from tracbridge.ports.connector import Record


def records_of(
    outcome: list[Decoded] | RecordError,
    folder: ClaimFolder,
    name: str,
    settings: FolderSettings,
    mtime_ns: int | None = None,
) -> list[Record]:
    """The file's records; a file that cannot be split is one refused record.

    ``mtime_ns`` gives them their places in the pass; None: a person wants them tried again.
    """
    place = f"{folder.place}/{name}"
    kept = f"{settings.archive}/{place}" if settings.mode is InboundMode.ARCHIVE else ""
    aside = f"{settings.quarantine}/{place}"
    if isinstance(outcome, RecordError):
        claim = _claim(folder, name, mtime_ns, 0)
        whole = Record(None, version=place, source=name, claim=claim, error=outcome)
        return [replace(whole, kept=kept, aside=aside)]
    aside = aside if len(outcome) == 1 else ""
    claims = [_claim(folder, name, mtime_ns, index) for index in range(len(outcome))]
    return [
        _record(one, claim, name, kept, aside) for one, claim in zip(outcome, claims, strict=True)
    ]


def in_order(records: list[Record]) -> list[Record]:
    """As they were claimed: the order of their places, in which the engine must see them."""
    return sorted(records, key=lambda one: one.claim.order if one.claim else (0, ""))


def _claim(folder: ClaimFolder, name: str, mtime_ns: int | None, index: int) -> Claim:
    """The pass with the record's place in it: batch, file time, name, item.

    Not the rank in the batch: a file that is set aside after a crash would move up all others.
    """
    if mtime_ns is None:
        # Nor the place at which it was refused: it was not applied there.
        return Claim(folder.claim.pass_, folder.claim.complete)
    position = f"{folder.number}{max(mtime_ns, 0):016x}{name}/{index:08d}"
    return Claim(folder.claim.pass_, folder.claim.complete, position)


def _record(one: Decoded, claim: Claim, name: str, kept: str, aside: str) -> Record:
    return Record(
        one.body,
        source=name,
        pointer=one.pointer,
        raw=one.raw,
        claim=claim,
        error=one.error,
        kept=kept,
        aside=aside,
    )
