"""What an interface file says: how a system is read and written, request by request.

What the records mean says the mapping, another file. The words are explained in
``docs/reference/interfaces.md``. Nothing here knows where a file lies.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Path = Annotated[str, Meta(max_length=200)]
"""A place in an answer or a record; "" is the whole of it."""

Scalar = str | int | float | bool | None
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Status = Annotated[int, Meta(ge=100, le=599)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of an interface file: what it does not know is refused."""


class Header(Part, frozen=True, kw_only=True):
    """A header of the answer, or of a request."""

    header: str


class Request(Part, frozen=True, kw_only=True):
    """One request; texts in it are templates. ``body``: a JSON value."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[str, Meta(pattern="^/")]
    query: Mapping[str, Scalar] = {}
    headers: Mapping[str, str] = {}
    body: Any = None


class Offset(Part, frozen=True, kw_only=True, tag_field="kind", tag="offset"):
    """``{offset}`` counts the records that were given; ``more`` is false in the last answer.

    ``full``: he never gives fewer than he is asked for, but at the end.
    """

    start: int = 0
    full: bool = False
    more: Path | None = None


class Numbered(Part, frozen=True, kw_only=True, tag_field="kind", tag="page"):
    """``{page}`` counts pages; the rest as for `Offset`."""

    from_: int = field(default=1, name="from")
    full: bool = False
    more: Path | None = None


class Keyset(Part, frozen=True, kw_only=True, tag_field="kind", tag="keyset"):
    """The next page begins where the last one ended; rows that move meanwhile are not lost.

    Without ``by`` the answer is sorted by the time of change, and ``{since}`` moves on with each
    page; ``{offset}`` (and ``{page}``, from 1) count within one such time. With ``by`` it is sorted
    by that key alone, ``{last}`` is the last one given, and ``initial`` comes before all others.
    """

    by: Path | None = None
    initial: Scalar = ""
    full: bool = False
    more: Path | None = None


class Link(Part, frozen=True, kw_only=True, tag_field="kind", tag="link"):
    """The answer names the next page, at ``path`` or in the header ``Link``."""

    path: Path | None = None


class Token(Part, frozen=True, kw_only=True, tag_field="kind", tag="token"):
    """The last page names where to go on next time: an address, or ``{token}``.

    ``next``: of further pages. ``expired``: statuses that say that a token is too old.
    """

    path: Path
    next: Path | None = None
    expired: tuple[Status, ...] = (410,)


class Single(Part, frozen=True, kw_only=True, tag_field="kind", tag="none"):
    """Everything comes in one answer."""


Paging = Offset | Numbered | Keyset | Link | Token | Single


class Changed(Part, frozen=True, kw_only=True):
    """When a record was changed; of several paths the latest counts, where pages do not begin by
    it. ``zone``: of times without an offset; else the connection's.

    ``send``: the format of ``{since}``, where it is another one (in UTC, or in ``send_zone``).
    ``overlap``: seconds that are read again each time, for what is stored late.
    """

    path: Path | list[Path]
    format: str = "iso"
    zone: str | None = None
    send: str | None = None
    send_zone: str = "UTC"
    overlap: Annotated[float, Meta(ge=0)] = 60


class First(Part, frozen=True, kw_only=True):
    """The whole list: what of the request is another than for changes; null takes a key away."""

    query: Mapping[str, Scalar] = {}
    body: Mapping[str, Any] = {}
    path: str | None = None
    paging: Paging | None = None


class Deleted(Part, frozen=True, kw_only=True):
    """Records that say that another one is gone: something stands at ``path``. ``ref``: its id."""

    path: Path
    ref: str | None = None


class Read(Part, frozen=True, kw_only=True):
    """What has changed. ``records``: where their list is in the answer.

    ``sorted``: the answers come oldest change first. ``sweep``: hours after which the whole list is
    read once more.
    """

    request: Request
    first: First | None = None
    records: Path = ""
    size: Count = 200
    paging: Paging = Single()
    changed: Changed | None = None
    sorted: bool = False
    sweep: Positive | None = None
    deleted: Deleted | None = None


class Several(Part, frozen=True, kw_only=True):
    """The same of several at once, up to ``size``: ``{refs}`` or ``{numbers}`` is their list, and
    ``{each}`` the text ``each`` for each of them, with ``join`` between.
    """

    request: Request
    records: Path = ""
    size: Annotated[int, Meta(ge=2, le=1_000)] = 100
    each: str | None = None
    join: str = " or "


class One(Part, frozen=True, kw_only=True):
    """One record again. ``missing``: statuses that say that there is none."""

    request: Request
    record: Path = ""
    missing: tuple[Status, ...] = (404, 410)
    several: Several | None = None


class Find(Part, frozen=True, kw_only=True):
    """Records that carry our number; ``shows``: where. One that does not show it is not meant,
    whatever was asked for.
    """

    request: Request
    shows: Path
    records: Path = ""
    missing: tuple[Status, ...] = (404,)
    several: Several | None = None


class Answer(Part, frozen=True, kw_only=True):
    """What the answer to a write tells. ``ref``: a template over it; ``record``: where the record
    is in it; ``version``: a place in it. ``reread``: it tells too little: the record is read again.
    """

    ref: str | None = None
    record: Path | None = None
    version: Path | Header | None = None
    reread: bool = False


class Create(Part, frozen=True, kw_only=True):
    """``also``: what is added to a new record. ``never``: keys that he gives it himself."""

    request: Request
    answer: Answer = Answer()
    also: Mapping[str, Any] = {}
    never: list[str] = []


class Update(Part, frozen=True, kw_only=True):
    """``send``: the keys that differ, or the whole record. ``never``: keys that are not sent.
    ``together``: keys of which each is sent where one of them differs. ``by_action``: keys that
    only an action changes; a version that changes them without one is refused.
    """

    request: Request
    answer: Answer = Answer()
    send: Literal["changed", "whole"] = "changed"
    never: list[str] = []
    together: list[list[str]] = []
    by_action: list[str] = []


class Step(Part, frozen=True, kw_only=True):
    """One call that leads into a state. ``when``: what the record shows before, as for `Action`."""

    request: Request
    when: Mapping[Path, Any] = {}
    answer: Answer = Answer()


class Action(Part, frozen=True, kw_only=True):
    """A call that brings a record into a state: one ``request``, or the first of ``calls`` that
    fits. ``keys``: those of the record that show the state; they are not written then.

    ``done``: what they show in that state; one that shows it already needs no call. Values, or
    ``{has: CODE, hasnt: CODE}`` for codes in one text. ``also``: it is called whatever the state,
    where the record is to show that and did not.
    """

    request: Request | None = None
    answer: Answer = Answer()
    calls: list[Step] = []
    keys: list[str] = []
    done: Mapping[Path, Any] = {}
    also: bool = False


class Delete(Part, frozen=True, kw_only=True):
    """Takes a record away."""

    request: Request


class Idempotency(Part, frozen=True, kw_only=True):
    """A header by which he knows a request again, and for how many seconds."""

    header: str
    seconds: Positive = 300


class Lock(Part, frozen=True, kw_only=True):
    """Where the known version goes in a write: a header, or a key of the body.

    ``compare``: he takes none; the record is read once more just before the write.
    """

    header: str | None = None
    body: str | None = None
    compare: bool = False


Is = Literal[
    "retry",
    "throttle",
    "conflict",
    "busy",
    "business",
    "already",
    "auth",
    "missing",
    "repeated",
    "unknown",
]


class Rule(Part, frozen=True, kw_only=True):
    """What an error means; both ``status`` and ``code`` have to fit where both are given.

    ``code``: an error's code or the package that it is of, or a part of its message. ``after``:
    seconds until a next try.
    """

    is_: Is = field(name="is")
    status: Status | None = None
    code: str | None = None
    after: Positive | None = None


class ErrorPaths(Part, frozen=True, kw_only=True):
    """Where an error's body says its code and its words; the first that is there counts.

    ``present``: where an error stands in an answer that claims to be none (status 200).
    """

    code: list[Path] = []
    message: list[Path] = []
    present: Path | None = None


class Csrf(Part, frozen=True, kw_only=True):
    """The token that writes need: fetched from ``path`` by the same header with ``fetch``."""

    path: Annotated[str, Meta(pattern="^/")]
    header: str = "X-CSRF-Token"
    fetch: str = "Fetch"
    method: Literal["GET", "HEAD"] = "GET"


Auth = Literal["none", "basic", "header", "bearer", "oauth2", "frappe", "maxauth"]


class Comments(Part, frozen=True, kw_only=True):
    """Remarks on records. ``read``: what is new of all records, each with its id ``ref``; ``of``:
    all of one record, at ``records``. ``add``: one more, which is ``{record}``.
    """

    ref: str
    read: Read
    of: Request
    records: Path = ""
    add: Request
    answer: Answer = Answer()


class Interface(Part, frozen=True, kw_only=True):
    """A whole interface file.

    ``ref``: the system's own id of a record, a template over it; ``label``: what people call it.
    ``record_version``: where its version is. ``commits_within``: seconds after which a write
    without an answer has had its effect or never will.
    """

    interface: str
    version: int = 1
    about: str = ""
    ref: str
    label: str | None = None
    record_version: Path | Header | None = None
    headers: Mapping[str, str] = {}
    read: Read
    one: One
    check: Request | None = None
    find: Find | None = None
    create: Create | None = None
    update: Update | None = None
    delete: Delete | None = None
    actions: Mapping[str, Action] = {}
    comments: Comments | None = None
    idempotency: Idempotency | None = None
    lock: Lock | None = None
    errors: list[Rule] = []
    error: ErrorPaths = ErrorPaths()
    auth: list[Auth] = []
    csrf: Csrf | None = None
    commits_within: Positive = 300
    unverified: list[str] = []
