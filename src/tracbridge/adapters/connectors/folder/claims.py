"""Where claimed files lie: one folder per batch, whose name carries all that a restart needs.

``.claimed/<pass>-<complete>-<batch>/<original name>``. One rename moves a whole batch to the
archive, ``<day>/<batch>/<original name>``; a file keeps its own name all the way.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from tracbridge.domain.link import Claim

_FOLDER = re.compile(r"(\d+)-(\d+)-((\d{4})(\d\d)(\d\d)T\d{6}-[0-9a-f]+)")


class ClaimFolder(Struct, frozen=True):
    """One batch that was claimed.

    ``path`` is its folder now, ``day`` and ``batch`` name it in the archive.
    """

    path: str
    claim: Claim
    batch: str
    day: str

    @property
    def number(self) -> str:
        """Where it stands among the batches of its pass; a clock that goes back changes nothing."""
        return self.batch.partition("-")[2][:NUMBER]

    @property
    def place(self) -> str:
        """Where it is kept below the archive or quarantine folder."""
        return f"{self.day}/{self.batch}"


NUMBER = 6
"""Hex digits of a batch's number. It comes first: records of one order are told apart by it."""

MICROSECONDS = slice(NUMBER, NUMBER + 5)
"""Hex digits of the part of the second; what comes after them makes the name unique."""

_NUMBERS = itertools.count()


def new_batch(now: datetime) -> str:
    """A name for a batch claimed now: its time, and its number, which no clock can turn back."""
    within = f"{next(_NUMBERS):0{NUMBER}x}{now.microsecond:05x}{os.urandom(4).hex()}"
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{within}"


def taken_at(batch: str) -> datetime:
    """When the batch of that name was claimed; names of earlier releases tell the second only."""
    time, _, within = batch.partition("-")
    second = datetime.strptime(time, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    exact = len(within) > MICROSECONDS.stop + 7
    return second + timedelta(microseconds=int(within[MICROSECONDS], 16) if exact else 0)


def claim_folder(parent: str, claim: Claim, batch: str) -> ClaimFolder:
    """The folder for a batch claimed now; ``batch`` is ``YYYYmmddTHHMMSS-<hex>``, in UTC."""
    path = f"{parent}/{claim.pass_:08d}-{claim.complete:08d}-{batch}"
    return ClaimFolder(path, claim, batch, day_of(batch))


def day_of(batch: str) -> str:
    """The day in a batch's name, as the archive's folders are named."""
    return f"{batch[:4]}-{batch[4:6]}-{batch[6:8]}"


def parse_folder(path: str) -> ClaimFolder | None:
    """The parts of a claimed batch's folder, None if it is none of ours."""
    match = _FOLDER.fullmatch(os.path.basename(path))
    if match is None:
        return None
    pass_, complete, batch, *_ = match.groups()
    return ClaimFolder(path, Claim(int(pass_), int(complete)), batch, day_of(batch))


def claim_folders(parent: str) -> Iterator[ClaimFolder]:
    """All batches below ``parent``, in no order."""
    try:
        names = os.listdir(parent)
    except FileNotFoundError:
        return
    for name in names:
        if folder := parse_folder(f"{parent}/{name}"):
            yield folder


def in_claim_order(folders: Iterable[ClaimFolder]) -> list[ClaimFolder]:
    """By pass, then by their number in it."""
    return sorted(folders, key=lambda one: (one.claim.pass_, one.number, one.batch))
