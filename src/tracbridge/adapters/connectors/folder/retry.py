"""Refused originals: where they lie, and how they come back among what is to be read."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tracbridge.adapters.connectors.folder.claims import ClaimFolder, claim_folder
from tracbridge.adapters.connectors.folder.files import (
    fsync,
    make_durable,
    move,
    read_regular,
    write_file,
)
from tracbridge.adapters.connectors.folder.inbox import Inbox, decoded
from tracbridge.adapters.connectors.folder.reading import pages
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim
from tracbridge.mapping.decode import incomplete
from tracbridge.ports.connector import Page
from tracbridge.ports.state import QuarantineCase


def place_of(settings: FolderSettings, case: QuarantineCase) -> Path | None:
    """The file with the case's bytes; the quarantine folder may have moved since."""
    if not case.file:
        return None
    places = (Path(settings.quarantine, *Path(case.file).parts[-3:]), Path(case.file))
    return next((place for place in places if os.path.lexists(place)), None)


def original(settings: FolderSettings, case: QuarantineCase) -> bytes | None:
    """The bytes as they came; what is no regular file has none."""
    if case.raw:
        return case.raw
    place = place_of(settings, case)
    return place.read_bytes() if place and place.is_file() and not place.is_symlink() else None


def finished(settings: FolderSettings, cases: Sequence[QuarantineCase]) -> list[QuarantineCase]:
    """Cases whose writer went on after we moved his file, and is through by now.

    In mode ``keep`` he writes the file in the inbound folder, which is looked at anyway.
    """
    if settings.mode is InboundMode.KEEP:
        return []
    return [case for case in cases if _is_finished(settings, case)]


def _is_finished(settings: FolderSettings, case: QuarantineCase) -> bool:
    place = place_of(settings, case)
    try:
        if place is None or place.lstat().st_mtime < _claimed_at(case):
            return False
        outcome = decoded(read_regular(str(place), settings.max_bytes)[0], settings.records)
    except (OSError, RecordError):
        return False
    return not (isinstance(outcome, RecordError) and incomplete(outcome.why.code))


def _claimed_at(case: QuarantineCase) -> float:
    """When the file was taken: its batch is named after that."""
    batch = Path(case.file).parent.name
    return datetime.strptime(f"{batch[:15]}+0000", "%Y%m%dT%H%M%S%z").timestamp()


def put_back(inbox: Inbox, case: QuarantineCase) -> bool:
    """Lay the bytes under ``.retry`` with the claim under which they first came.

    In a folder that nobody looks into, renamed when it is whole: another process may be at work.
    """
    folder = folder_of(inbox, case)
    draft = f"{inbox.retry}/.{Path(folder.path).name}"
    place = place_of(inbox.settings, case)
    if os.path.lexists(folder.path):
        return True
    if not (case.raw or place or os.path.lexists(f"{draft}/{case.source}")):
        return False
    Path(draft).mkdir(mode=0o750, parents=True, exist_ok=True)
    target = f"{draft}/{case.source}"
    if case.raw:
        write_file(target, case.raw, inbox.settings.file_mode)
        make_durable(draft, [target])
    elif place:
        move(str(place), target)
    fsync(draft)
    move(draft, folder.path)
    fsync(inbox.retry)
    return True


def read_again(inbox: Inbox, case: QuarantineCase) -> Sequence[Page]:
    """The records of what was put back."""
    return list(pages(inbox.reload(folder_of(inbox, case))))


def folder_of(inbox: Inbox, case: QuarantineCase) -> ClaimFolder:
    """A batch of its own for each case, and always the same one."""
    batch = f"{case.at:%Y%m%dT%H%M%S}-{case.id}"
    return claim_folder(inbox.retry, case.claim or Claim(0, 0), batch)
