"""The two sides' people: TracOS's users, and the customer with his system and his importer."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tracbridge.domain.workorder import DELETED, Fields
from tracbridge.simulation.disk import PART, Disk, File
from tracbridge.simulation.edits import NAMES, Oracle
from tracbridge.simulation.folder import IN, OUT
from tracbridge.simulation.habits import Habits, Reader
from tracbridge.simulation.processes import Time
from tracbridge.simulation.tracos import Collection
from tracbridge.sync.policy import Ack

NEW: Fields = {"status": "pending", "description": "new", DELETED: False}

Body = Mapping[str, Any]


class Order(Struct):
    """One order in the customer's system, and what is on its way to and from it.

    ``edited``: since he last sent it. ``sent``: his files that carried an edit.
    """

    cells: Fields
    at: datetime
    created: datetime
    dirty: bool = True
    edited: bool = True
    reading: File | None = None
    snapshot: Body | None = None
    last_read: File | None = None
    sent: list[Body] = []


class Customer(Struct):
    """His system. ``exported``: the edits that he has ever sent; ``files``: how many files."""

    habits: Habits
    disk: Disk
    oracle: Oracle
    time: Time
    begun: datetime
    told: Callable[[Body], None]
    orders: dict[str, Order] = {}
    exported: int = 0
    files: int = 0

    def now(self) -> datetime:
        """His own clock; it does not jump with ours."""
        return self.begun + timedelta(seconds=self.time.since + self.habits.skew)

    def edit(self, ref: str, changes: Fields) -> None:
        """Somebody changes some fields, or makes the order."""
        order = self.orders.get(ref)
        if order is None:
            cells = self.oracle.edited(None, {**NEW, **changes})
            self.orders[ref] = Order(cells, self.now(), self.now())
            return
        cells = self.oracle.edited(order.cells, changes)
        if any(cells[name] is not order.cells[name] for name in NAMES):
            order.cells, order.at = cells, self.now()
            order.dirty = order.edited = True

    # -- out of his system ---------------------------------------------------------------------

    def export(self, ref: str, whole: bool = True) -> None:
        """A file of what he holds, or of what he held when he began; ``whole``: not growing."""
        self.finish()
        order = self.orders.get(ref)
        if order is None:
            return
        if self.habits.ack is Ack.ANSWER:
            self.import_(ref)  # he surely reads every file before he exports
        body, order.snapshot = order.snapshot, None
        if body is None and order.dirty:
            body, order.dirty = self._body(ref, order), False
            for name in NAMES:
                self.exported |= self.oracle.seen[body[name].edit]
            order.sent += [body] if order.edited else []
            order.edited = False
            self.told(body)
            if self.habits.slow:
                order.snapshot, body = body, None
        if body is not None:
            self._drop(body, whole=whole or self.habits.jumps)

    def _body(self, ref: str, order: Order) -> Body:
        return {"ref": ref, "created": order.created, "updated": order.at, **order.cells}

    def _drop(self, body: Body, *, whole: bool) -> None:
        self.files += 1
        path = f"{IN}{body['ref']}-{self.files if self.habits.renames else 0:04d}.json"
        if unread := self.disk.files.get(path):
            # His own newer file over one that nobody has read.
            for name in NAMES:
                self.oracle.own |= self.oracle.overwrite(unread.content[name], body[name])
        self.disk.put(path, File(body, self.time.since, whole=whole))
        self.disk.sync()

    def finish(self) -> None:
        """Files that grow are whole by now."""
        for path in self.disk.below(IN):
            self.disk.files[path].whole = True

    def export_all(self) -> None:
        """A full export: all that he holds, with a new date on everything."""
        for ref, order in self.orders.items():
            order.at, order.dirty = self.now(), True
            self.export(ref)

    def send_again(self, ref: str, number: int) -> None:
        """An old file once more, as it was."""
        order = self.orders.get(ref)
        if order and order.sent and self.habits.renames and not self.habits.jumps:
            self._drop(order.sent[number % len(order.sent)], whole=True)

    def forget_sent(self) -> None:
        """None of his files so far is ever sent once more."""
        for order in self.orders.values():
            order.sent.clear()

    # -- into his system -----------------------------------------------------------------------

    def import_(self, ref: str) -> None:
        """His importer goes one step on, in its own way."""
        path, order = f"{OUT}{ref}", self.orders.get(ref)
        if order and order.reading:
            file, order.reading = order.reading, None
            if self.habits.reader is Reader.UNLINK:
                self._remove(path)  # by name: whatever lies there now
            self.take(ref, file)
        elif (new := self._new(path, order)) is not None:
            self._read(ref, path, new, order)

    def _new(self, path: str, order: Order | None) -> File | None:
        """A file that he has not read yet."""
        file = self.disk.files.get(path)
        if file is None or file.content is PART or f"{path}.err" in self.disk.files:
            return None
        return None if order and order.last_read is file else file

    def _read(self, ref: str, path: str, file: File, order: Order | None) -> None:
        reader = self.habits.reader
        if reader in (Reader.ATOMIC, Reader.MOVES):
            self._remove(path)
        if reader in (Reader.UNLINK, Reader.MOVES) and order:
            order.reading = file
            return
        self.take(ref, file)
        if reader is Reader.UNLINK:
            self._remove(path)
        if reader is Reader.ANSWERS:
            self.disk.put(f"{path}.ack", File("", 0))
            self.disk.sync()

    def _remove(self, path: str) -> None:
        self.disk.remove(path)
        self.disk.sync()

    def take(self, ref: str, file: File) -> None:
        """A whole record over his own; edits that he never exported are his own loss."""
        _, body = file.content
        cells = {name: body[name] for name in NAMES}
        order = self.orders.get(ref)
        at = body["updated"] if self.habits.keeps_time else self.now()
        if order is None:
            order = self.orders[ref] = Order(cells, at, body["created"], dirty=False, edited=False)
        for name in NAMES:
            gone = self.oracle.overwrite(order.cells[name], cells[name])
            self.oracle.own |= gone & ~self.exported
        order.cells, order.at, order.last_read, order.edited = cells, at, file, False
        order.dirty = order.dirty or self.habits.echoes

    def refuse(self, ref: str) -> None:
        """He looks at our file and wants it not."""
        path, order = f"{OUT}{ref}", self.orders.get(ref)
        reads_all = self.habits.ack is Ack.ANSWER
        if path in self.disk.files and not reads_all and not (order and order.reading):
            self.disk.put(f"{path}.err", File("no such asset", 0))
            self.disk.sync()


class Users(Struct):
    """TracOS's people and programs."""

    collection: Collection
    oracle: Oracle
    time: Time

    def edit(self, ref: str, changes: Fields, way: str) -> None:
        """``plain``: as TracOS does; ``whole``: the document is replaced by one without flags;
        ``quiet``: the flag is left standing; ``silent``: the time too.
        """
        number, now = int(ref), self.time.now()
        before = self.collection.documents.get(number)
        if before is None:
            cells = self.oracle.edited(None, {**NEW, **changes})
            self.collection.set(number, {**cells, "createdAt": now, "updatedAt": now})
            return
        cells = self.oracle.edited(before, changes)
        if all(cells[name] is before[name] for name in NAMES):
            return
        values: dict[str, Any] = dict(cells)
        if way != "silent":
            values["updatedAt"] = now
        if way == "plain":
            values["isSynced"] = False
        if way == "whole":
            del self.collection.documents[number]
            values["createdAt"] = before["createdAt"]
        self.collection.set(number, values)

    def reset(self, ref: str) -> None:
        """Somebody wants the order to be sent again."""
        if int(ref) in self.collection.documents:
            self.collection.set(int(ref), {"isSynced": False})
