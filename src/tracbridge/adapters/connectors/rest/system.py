"""An interface, ready for use: its requests as forms, its places found. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.adapters.connectors.rest.answers import Reading, Spot
from tracbridge.adapters.connectors.rest.cursor import lowered
from tracbridge.adapters.connectors.rest.requests import Form
from tracbridge.adapters.connectors.rest.spec import Header, Interface, Paging
from tracbridge.adapters.connectors.rest.template import Names, Template
from tracbridge.domain.errors import RecordError
from tracbridge.mapping.moments import Spelling


class Times(Struct, frozen=True):
    """When records were changed, and how the system is asked for what changed since."""

    spots: tuple[Spot, ...]
    spelling: Spelling
    sent: Spelling
    overlap: float

    def of(self, body: Mapping[str, Any]) -> datetime | None:
        """The record's last change, None where it says none that we understand."""
        return max(filter(None, (self._read(one, body) for one in self.spots)), default=None)

    def _read(self, one: Spot, body: Mapping[str, Any]) -> datetime | None:
        try:
            found = self.spelling.read(one.get(body), "")
        except RecordError:
            return None
        return found if isinstance(found, datetime) else None

    def spelt(self, moment: datetime) -> Any:
        """The moment as `{since}`."""
        return self.sent.write(moment)

    def before(self, moment: datetime) -> datetime:
        """The moment less what is read again each time."""
        naive = self.spelling.zone if self.spelling.format not in ("epoch", "epoch_ms") else None
        return lowered(moment, self.overlap, naive)


class Listing(Struct, frozen=True):
    """One of the two ways to read many: changes, or the whole list.

    ``ordered``: oldest change first. ``counted``: by the number of records given.
    """

    form: Form
    paging: Paging
    ordered: bool
    counted: bool
    by: Spot | None
    next: Spot | None
    more: Spot | None
    token: Spot | None


class Told(Struct, frozen=True):
    """What the answer to a write tells; a `Header` is looked for among the answer's headers."""

    ref: Template | None
    record: Spot | None
    version: Spot | Header | None
    reread: bool


class Condition(Struct, frozen=True):
    """What a place of a record shows: a value, or codes in a text."""

    where: Spot
    value: Any
    has: str | None = None
    hasnt: str | None = None


class Writing(Struct, frozen=True):
    """One kind of write. ``when``: what the record shows before it."""

    form: Form
    answer: Told
    when: tuple[Condition, ...] = ()


class Acting(Struct, frozen=True):
    """How a record is brought into a state. ``done``: what it shows then. ``also``: whatever the
    state, where that is wanted.
    """

    calls: tuple[Writing, ...]
    keys: tuple[str, ...]
    done: tuple[Condition, ...]
    also: bool = False


class Many(Struct, frozen=True):
    """How several records are asked for at once. ``name``: of one of what is asked by."""

    form: Form
    records: Spot
    size: int
    name: str
    each: Template | None
    join: str

    def names(self, wanted: Sequence[str]) -> Names:
        """What the request's holes name."""
        given: dict[str, Any] = {f"{self.name}s": list(wanted)}
        if self.each is not None:
            given["each"] = self.join.join(self.each.text({self.name: one}) for one in wanted)
        return given


class Search(Struct, frozen=True):
    """How records are found that carry our number. ``shows``: where they do."""

    form: Form
    records: Spot
    shows: Spot
    many: Many | None = None


class Talk(Struct, frozen=True):
    """How comments are read and added. ``system``: of what reading them gives."""

    system: "System"
    of: Form
    records: Spot
    add: Form
    answer: Told


class System(Struct, frozen=True):
    """The whole interface. ``spec``: its words."""

    spec: Interface
    ref: Template
    label: Template
    version: Spot | Header | None
    records: Spot
    changes: Listing
    whole: Listing
    times: Times | None
    gone: tuple[Spot, Template] | None
    one: tuple[Form, Spot]
    many: Many | None
    check: Form | None
    find: Search | None
    create: Writing | None
    also: Any
    update: Writing | None
    delete: Form | None
    actions: Mapping[str, Acting]
    errors: Reading
    comments: Talk | None = None
