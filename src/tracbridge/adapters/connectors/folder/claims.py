"""The names of claimed files: they carry everything that a restart needs."""

import re
from dataclasses import dataclass

from tracbridge.adapters.connectors.folder.files import cut_name
from tracbridge.domain.link import Claim

_NAME = re.compile(r"(\d+)-(\d+)-((\d{4})(\d\d)(\d\d)T\d{6}-[0-9a-f]+-(.*))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claimed file: ``<pass>-<complete>-<when>-<unique>-<original name>``.

    ``rest`` is the name without the pass numbers, as it is kept in the archive; ``day`` its folder there.
    """

    name: str
    claim: Claim
    rest: str
    day: str
    original: str

    @property
    def place(self) -> str:
        """Where it is kept below the archive or quarantine folder."""
        return f"{self.day}/{self.rest}"


def claimed_name(claim: Claim, when: str, unique: str, original: str) -> str:
    """The name for a file claimed now; ``when`` is ``YYYYmmddTHHMMSS`` (UTC), ``unique`` hex digits."""
    return cut_name(f"{prefix(claim)}{when}-{unique}-", original)


def prefix(claim: Claim) -> str:
    """The part of a claimed name that is not kept in the archive."""
    return f"{claim.pass_:08d}-{claim.complete:08d}-"


def parse_claimed(name: str) -> Claimed | None:
    """The parts of a claimed file's name, None if it is none of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    pass_, complete, rest, year, month, day, original = match.groups()
    claim = Claim(int(pass_), int(complete))
    return Claimed(name, claim, rest, f"{year}-{month}-{day}", original)
