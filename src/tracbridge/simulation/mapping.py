"""A mapping that hands values on as they are, and tells the oracle what the engine compares."""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from tracbridge.domain.workorder import Fields, WorkOrder
from tracbridge.simulation.edits import NAMES, Carrier, Oracle, content
from tracbridge.simulation.processes import Process

Body = Mapping[str, Any]


class Plain(Struct, eq=False):
    """`Translation` between records that spell the fields alike."""

    oracle: Oracle
    process: Process
    document: Body | None = None
    last: Fields | None = None

    observed = False
    lossy: ClassVar[Mapping[str, Any]] = {}
    once: ClassVar[frozenset[str]] = frozenset()
    read: ClassVar[frozenset[str]] = frozenset()
    comments: ClassVar[None] = None

    @property
    def name(self) -> str:
        return "plain"

    def customer_ref(self, body: Body) -> str | None:
        return str(body["ref"])

    def customer_scope(self, body: Body) -> str:
        del body
        return ""

    def passed(self, extra: str, body: Body) -> str:
        del body
        return extra

    def recalled(self, *_: Any) -> Fields:
        return {}

    def route(self, *_: str | None) -> None:
        return None

    def from_customer(self, body: Body) -> WorkOrder:
        fields = {name: body[name] for name in NAMES}
        return WorkOrder(str(body["ref"]), fields, body["created"], body["updated"])

    def extra(self, body: Body, raw: bytes) -> str:
        """Called right before a record is decided, after `from_tracos` for its order."""
        del raw
        ref = str(body["ref"])
        document = self.document if self.document and self.tracos_ref(self.document) == ref else {}
        last = self.last if document else None
        link = self.process.links.get(ref)
        news = link and link.seen and content(link.seen.prints) != content(body)
        alike = news and link and link.window and last and content(body) == content(last)
        if last and alike and not all(self.oracle.knows(body[n], last[n]) for n in NAMES):
            self.process.suspects.add(ref)  # he arrived at our version by himself, perhaps
        held = {name: one.customer for name, one in link.held.items()} if link else {}
        shown = (document, last, held)
        self.process.compared[ref] = lambda: self.oracle.compared(body, shown)
        return ""

    def to_customer(self, order: WorkOrder) -> dict[str, Any]:
        times = {"created": order.created_at, "updated": order.updated_at}
        return {"ref": order.ref, **times, **order.fields}

    def tracos_ref(self, body: Body) -> str | None:
        return str(body["number"])

    def from_tracos(self, body: Body, last: Fields | None) -> WorkOrder:
        fields = {name: body[name] for name in NAMES}
        ref = str(body["number"])
        self.document, self.last = body, last
        link = self.process.links.get(ref)
        unsure = link.window.old if link and link.window else {}
        for name in NAMES:
            if last and name not in unsure and last[name] == fields[name]:
                self.oracle.same(last[name], fields[name])
        return WorkOrder(ref, fields, body["createdAt"], body["updatedAt"])

    def to_tracos(self, order: WorkOrder, before: Body | None) -> dict[str, Any]:
        if before is None:
            times = {"createdAt": order.created_at, "updatedAt": order.updated_at}
            return {"number": int(order.ref), **order.fields, **times}
        new = {name: value for name, value in order.fields.items() if before.get(name) != value}
        changes = {name: self._carrying(value, before[name]) for name, value in new.items()}
        return {**changes, "updatedAt": order.updated_at} if changes else {}

    def _carrying(self, value: Any, before: Any) -> Any:
        """A value that the engine made itself (an undone deletion) is nobody's edit to lose."""
        if isinstance(value, Carrier):
            return value
        made = self.oracle.edit(value, before)
        self.oracle.idle |= 1 << made.edit
        return made
