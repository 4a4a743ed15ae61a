"""What a mapping file says: the customer's spelling of a work order, each line in both directions.

The words are explained in ``docs/reference/mapping.md``; a file is checked by ``tracbridge mapping
check``. Nothing here knows where a file lies.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Path = Annotated[str, Meta(min_length=1, max_length=200)]
Scalar = str | int | float | bool | None
Way = Literal["read", "write", "create"]

STATUS, TITLE, DESCRIPTION, DELETED = "status", "title", "description", "deleted"
CORE = (STATUS, TITLE, DESCRIPTION, DELETED)


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a mapping file: what it does not know is refused."""


class Key(Part, frozen=True, kw_only=True):
    """Which order a record is of.

    ``as_``: ``number`` is TracOS's number itself; ``text`` is linked, and TracOS's number is
    allocated. ``scope``: where the same key may mean another order (site, company). ``ours``: where
    he keeps TracOS's number. ``strip``: characters that may be left out at its beginning. ``read``:
    an expression over his record that says the key, where ``path`` alone does not.
    """

    path: Path
    as_: Literal["number", "text"] = field(default="number", name="as")
    scope: Path | None = None
    ours: Path | None = None
    strip: str = ""
    read: str | None = None


class Moment(Part, frozen=True, kw_only=True):
    """An instant of his record.

    ``format``: ``iso``, ``epoch``, ``epoch_ms``, ``sap``, or letters such as ``YYYY-MM-DD
    HH:mm:ss``. ``path``: one place, or two of which the first has the day and the second the time.
    ``zone``: where his clocks hang that write no offset; else the connection's. ``optional``: it
    may be empty; an order without its time of change was changed when it was made, and without
    either time it is refused. Without a line for ``updated``, or with one that is only written, the
    moment counts at which we saw a record.
    """

    path: Path | list[Path]
    format: str = "iso"
    zone: str | None = None
    only: Literal["read", "write"] | None = None
    optional: bool = False


class Case(Part, frozen=True, kw_only=True):
    """One state of his system.

    ``when``: what stands in his record; a list names alternatives, of which the first is written;
    ``{has: CODE}`` is a code among several in one text, ``{hasnt: CODE}`` one that is not,
    ``{set: true}`` anything but nothing. ``also``: what is written besides. ``name``: in
    `Transitions`.
    """

    is_: str = field(name="is")
    when: Mapping[Path, Any] = {}
    also: Mapping[Path, Scalar] = {}
    name: str = ""
    only: Literal["read", "write"] | None = None


class Transitions(Part, frozen=True, kw_only=True):
    """From which of his states which others can be reached in one step; ``steps`` by name.

    ``irreversible``: never gone through on the way to another, and only written where ``allow``
    names them. ``costs``: of a step into a state, 1 unless said. ``initial``: the state in which
    his system makes every new order, whatever it is told; None where it may be any.
    """

    steps: Mapping[str, list[str]]
    initial: str | None = None
    irreversible: list[str] = []
    allow: list[str] = []
    costs: Mapping[str, int] = {}


class Line(Part, frozen=True, kw_only=True):
    """One field of the order.

    One of these says how he spells it: ``path`` (with ``as_``), ``values`` (a table of his words),
    ``flags`` (one of several bools is true), ``cases`` (a table over several of his fields), or
    ``read`` (an expression).
    """

    path: Path | list[Path] | None = None
    as_: Literal["text", "integer", "number", "bool", "instant", "local", "date", "list"] = field(
        default="text", name="as"
    )
    values: Mapping[Any, str] = {}
    flags: Mapping[Path, str] = {}
    absent: Path | None = None
    cases: list[Case] = []
    others: str | None = None
    default: Scalar = None
    lacks: Mapping[str, str] = {}
    at: Path | None = None
    tracos: str | None = None
    required: bool = False
    limit: int | None = None
    case: Literal["upper", "lower"] | None = None
    pad: int | None = None
    html: bool = False
    decimals: int | None = None
    separator: str | None = None
    part: int | None = None
    format: str = "iso"
    zone: str | None = None
    table: str | None = None
    only: Way | None = None
    read: str | None = None


class Comments(Part, frozen=True, kw_only=True):
    """Remarks about an order: both sides have all of them, each once; none is ever changed.

    ``path``: their list in his record; where there is none, each comes alone, and ``of`` is the key
    of the order in it. ``key``: his own of a comment. ``text``: as for a field; ``long``: where the
    whole text stands if there is more of it. ``author`` and ``at``: who wrote it, and when.
    ``tracos``: the list in TracOS's document.
    """

    key: Path
    text: Line
    long: Line | None = None
    author: Path | None = None
    at: Moment | None = None
    path: Path | None = None
    of: Path | None = None
    tracos: str = "comments"


class Mapped(Part, frozen=True, kw_only=True):
    """A whole mapping file."""

    mapping: str
    version: int = 1
    about: str = ""
    records: Path | None = None
    zone: str | None = None
    key: Key
    created: Moment | None = None
    updated: Moment | None = None
    fields: Mapping[str, Line]
    constants: Mapping[Path, Scalar] = {}
    ignore: list[Path] = []
    empty: tuple[Scalar, ...] = (None,)
    pairs: list[Path] = []
    missing: Literal["unchanged", "empty"] = "unchanged"
    extra: Literal["pass", "drop"] = "pass"
    computed: Mapping[Path, str] = {}
    transitions: Transitions | None = None
    comments: Comments | None = None
    unverified: list[str] = []
