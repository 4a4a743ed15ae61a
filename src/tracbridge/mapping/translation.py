"""What a mapping does: both directions of one spelling of work orders."""

from collections.abc import Mapping
from typing import Any, Protocol

from tracbridge.domain.workorder import Fields, WorkOrder

Body = Mapping[str, Any]


class Translation(Protocol):
    """Customer's and TracOS's records to canonical work orders and back. Pure: no clock, no I/O.

    ``name`` carries the version, since each change we make records which mapping made it.
    Records that cannot be understood raise `RecordError` with the pointer of the field.
    """

    @property
    def name(self) -> str:
        """What stands beside each change that this mapping made."""

    def customer_ref(self, body: Body) -> str | None:
        """The order's ref if the body shows one that is valid, else None; never raises."""

    def from_customer(self, body: Body) -> WorkOrder:
        """The customer's record, ``extra`` unset: the connector's bytes hold it, see `extra`."""

    def extra(self, body: Body, raw: bytes) -> str:
        """JSON text of the keys that the mapping does not know, as the customer spelt them."""

    def to_customer(self, order: WorkOrder) -> dict[str, Any]:
        """The customer's whole record, without ``extra``."""

    def tracos_ref(self, body: Body) -> str | None:
        """The ref of a TracOS document's order if it shows a valid one, else None; never raises."""

    def from_tracos(self, body: Body, last: Fields | None) -> WorkOrder:
        """TracOS's document; ``last`` is what was last agreed, for values with two spellings."""

    def to_tracos(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        """What to set in the TracOS document so that it shows ``order``.

        ``before`` None makes a new document with all fields; else only the fields that differ.
        """
