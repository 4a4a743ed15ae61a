"""What a mapping does: both directions of one spelling of work orders."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from tracbridge.domain.comment import Comment
from tracbridge.domain.workorder import Fields, Value, WorkOrder

Body = Mapping[str, Any]


class Route(Struct, frozen=True):
    """The next state that his system is to be given on the way to a status of ours.

    ``status``: what that state is to us; ``last``: it is the end of the way. ``stuck``: why there
    is no way; then the rest says where he stays.
    """

    state: str
    status: str
    last: bool = True
    stuck: str = ""


class CommentTranslation(Protocol):
    """The customer's comments and back. Pure."""

    @property
    def tracos(self) -> str:
        """The list of comments in TracOS's document."""

    def within(self, body: Body) -> Sequence[Body]:
        """The comments that his record carries; none where they are read apart."""

    def read(self, body: Body) -> Comment:
        """One of his comments; raises `RecordError` for one that has no key or no text."""

    def order(self, body: Body) -> str | None:
        """The key of the order that one of his comments is about; None where it says none."""

    def write(self, comment: Comment) -> dict[str, Any]:
        """A comment as he is given it."""

    def shown(self, comment: Comment) -> str:
        """The text as it will come back from him."""


class Translation(Protocol):
    """Customer's and TracOS's records to canonical work orders and back. Pure: no clock, no I/O.

    ``name`` carries the version, since each change we make records which mapping made it.
    Records that cannot be understood raise `RecordError` with the pointer of the field.
    """

    @property
    def name(self) -> str:
        """What stands beside each change that this mapping made."""

    @property
    def observed(self) -> bool:
        """His records say no time of change: the moment counts at which we saw them."""

    @property
    def lossy(self) -> Mapping[str, Callable[[Value], Value]]:
        """Per field of which his system does not keep all: what comes back of a value."""

    @property
    def once(self) -> frozenset[str]:
        """Fields that count when an order is made, and never again."""

    def customer_ref(self, body: Body) -> str | None:
        """The order's ref if the body shows one that is valid, else None; never raises."""

    def customer_scope(self, body: Body) -> str:
        """Where the order's key counts (site, company), "" where it counts everywhere."""

    def from_customer(self, body: Body) -> WorkOrder:
        """The customer's record, ``extra`` unset: the connector's bytes hold it, see `extra`."""

    def extra(self, body: Body, raw: bytes) -> str:
        """JSON text of what of his record is remembered word by word: keys that the mapping does
        not know, and what it needs to spell the next version.
        """

    @property
    def comments(self) -> CommentTranslation | None:
        """How he spells remarks about an order, None where they stay on their side."""

    @property
    def read(self) -> frozenset[str]:
        """The fields that his records may speak of."""

    def recalled(self, extra: str, names: Collection[str]) -> Fields:
        """These fields as the remembered of his record says them, None where it says nothing.

        Without those that cannot be understood (yet); never raises.
        """

    def passed(self, extra: str, body: Body) -> str:
        """The part of `extra` that is handed back to him as it is, beside ``body``."""

    def to_customer(self, order: WorkOrder) -> dict[str, Any]:
        """The customer's whole record but for what is `passed`; ``order.extra`` is looked at."""

    def route(self, link_state: str, extra: str, given: str | None, wanted: str) -> Route | None:
        """How his system gets from the status it was given to the one that is wanted.

        ``link_state``: the state that we gave last, "" if he has shown one since. ``given``: None
        is a new order, which begins where his system lets it. None where his system takes any.
        """

    def tracos_ref(self, body: Body) -> str | None:
        """The ref of a TracOS document's order if it shows a valid one, else None; never raises."""

    def from_tracos(self, body: Body, last: Fields | None) -> WorkOrder:
        """TracOS's document; ``last`` is what was last agreed, for values with two spellings."""

    def to_tracos(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        """What to set in the TracOS document so that it shows ``order``.

        ``before`` None makes a new document with all fields; else only the fields that differ.
        """
