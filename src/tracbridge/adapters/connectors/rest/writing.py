"""One write: what of it has to be sent, in which calls, and what the answers make of it."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from tracbridge.adapters.connectors.rest.acting import Needed, keys_of, needed
from tracbridge.adapters.connectors.rest.answers import NO_CONTENT, Kind, Verdict, value_of
from tracbridge.adapters.connectors.rest.asking import Asking
from tracbridge.adapters.connectors.rest.calls import BadReplyError, Call, Reply
from tracbridge.adapters.connectors.rest.outcomes import extra_of, receipt_of, refused
from tracbridge.adapters.connectors.rest.records import record_of, version_of
from tracbridge.adapters.connectors.rest.requests import filled, locked, marked
from tracbridge.adapters.connectors.rest.sameness import agrees, equal, hold
from tracbridge.adapters.connectors.rest.system import Told, Writing
from tracbridge.domain.errors import (
    BusyError,
    RecordError,
    RetryableError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.ports.connector import Receipt, Record, Write


class Target(Struct, frozen=True):
    """The record that a write is about, as far as it is known. ``now``: as it was just read."""

    ref: str
    version: str = ""
    now: Record | None = None


class Writer:
    """Does the writes of one connection, one by one."""

    def __init__(self, asking: Asking) -> None:
        self.asking, self.system = asking, asking.system

    async def write(self, write: Write) -> Receipt:
        """The receipt of a write that took effect.

        Raises `RecordError`, `StaleWriteError`, `BusyError` and `UnknownOutcomeError` of this
        write, and another `RetryableError` where no further write should be tried.
        """
        try:
            return await self._written(write)
        except BadReplyError as error:  # to a look before anything was sent
            raise BusyError(str(error), retry_after=error.retry_after) from None

    async def _written(self, write: Write) -> Receipt:
        if write.body is None:
            return await self._delete(write)
        if write.replaces is None:
            return await self._create(write, write.body)
        return await self._update(write, write.replaces)

    def looks_at(self, write: Write) -> str:
        """The id of the record that is read again before this write, "" where none is."""
        lock, before = self.system.spec.lock, write.replaces
        if lock is None or before is None or not (lock.compare or not before.version):
            return ""
        try:
            idle = not self._wanted(write) and not self._lacks(write, before.body or {})
        except RecordError:
            idle = True
        return "" if idle else self.asking.ref_of(before)

    async def probe(self, write: Write) -> Receipt | None:
        """A receipt for a write whose effect is to be seen. Raises `RetryableError`."""
        try:
            if write.replaces is None and write.body is not None:
                found = await self.asking.find(write.ref)
                return receipt_of(found) if found else None
            return await self._seen(write)
        except RecordError:  # it cannot even be asked for: it was never sent
            return None

    async def _seen(self, write: Write) -> Receipt | None:
        target = await self._target(write)
        record = await self.asking.one(self._names(write, target))
        if write.body is None:
            return Receipt(target.ref) if record is None else None
        return receipt_of(record) if record and self._shows(write, record) else None

    # -- new records ---------------------------------------------------------------------------

    async def _create(self, write: Write, body: Mapping[str, Any]) -> Receipt:
        create, spec = self.system.create, self.system.spec.create
        if create is None or spec is None:
            raise RecordError("not_creatable", "this customer takes no new orders.")
        if (there := await self.asking.find(write.ref)) is not None:
            return self._there(write, there, spec.never)
        names: dict[str, Any] = {"key": write.key, "number": write.ref}
        known = {**extra_of(write), **body}
        known = {key: value for key, value in known.items() if key not in spec.never}
        names["record"] = known
        names["record"] = {**known, **filled(self.system.also, names)}
        call = self._marked(create.form.call(names, "create", writes=True), write)
        reply, verdict = await self.asking.ask(call)
        if verdict.kind in (Kind.ALREADY, Kind.REPEATED, Kind.CONFLICT):
            return await self._made_before(write, call, verdict)
        target = Target("")
        receipt = await self._answered(create.answer, call, reply, verdict, write, target)
        target = Target(receipt.ref, receipt.version)
        return await self._act(write, target, receipt, receipt.body or {})

    def _there(self, write: Write, there: Record, never: Collection[str]) -> Receipt:
        """A record of our number is there already: made by this write, or it has changed since."""
        wanted = {k: v for k, v in (write.body or {}).items() if k not in never}
        if agrees(wanted, there.body or {}):
            return receipt_of(there)
        raise StaleWriteError(f"{there.source} is there already, and says something else.")

    async def _made_before(self, write: Write, call: Call, verdict: Verdict) -> Receipt:
        """He says that he has it: then it can be found."""
        found = await self._after(call, self.asking.find(write.ref))
        if found is not None:
            return self._there(write, found, self.system.spec.create.never)  # type: ignore[union-attr]
        if verdict.kind is Kind.REPEATED:
            raise UnknownOutcomeError(f"{call.what}: was sent before, and shows no effect yet.")
        raise StaleWriteError(f"{call.what}: {verdict.words or 'it conflicts with another one.'}")

    # -- changes -------------------------------------------------------------------------------

    async def _update(self, write: Write, before: Record) -> Receipt:
        wanted, update = self._wanted(write), self.system.update
        if not wanted and not self._lacks(write, before.body or {}):
            return Receipt(self.asking.ref_of(before), before.version)
        if wanted and update is None:
            raise RecordError("not_writable", "this customer's records cannot be changed.")
        target = await self._checked(write, wanted, await self._target(write))
        receipt = Receipt(target.ref, target.version)
        if wanted and update is not None:
            names = self._names(write, target) | {"changes": wanted}
            names["record"] = self._whole(write, target)
            receipt = await self._sent(update, "update", names, write, target)
            target = Target(target.ref, receipt.version)
        return await self._act(write, target, receipt, before.body or {})

    # -- states --------------------------------------------------------------------------------

    def _lacks(self, write: Write, body: Mapping[str, Any]) -> bool:
        """Something is wanted that needs a call of its own, and the record does not show it."""
        return not all(one.shown(body) for one in needed(self.system, write))

    async def _act(
        self, write: Write, target: Target, receipt: Receipt, before: Mapping[str, Any]
    ) -> Receipt:
        """Bring the record to what is wanted of it and needs calls of their own."""
        for one in needed(self.system, write):
            receipt = await self._act_once(one, write, target, receipt, before)
            target = Target(receipt.ref, receipt.version)
        return receipt

    async def _act_once(
        self,
        wanted: Needed,
        write: Write,
        target: Target,
        receipt: Receipt,
        before: Mapping[str, Any],
    ) -> Receipt:
        action = wanted.action
        if self.system.spec.lock and not target.version:
            target = await self._renewed(write, target)
        shown = (target.now.body if target.now else receipt.body) or before
        if wanted.shown(shown):
            return receipt
        for _ in range(len(action.calls)):
            call = next((one for one in action.calls if hold(one.when, shown)), None)
            if call is None:
                break
            names = self._names(write, target)
            receipt = await self._sent(call, f"action {wanted.name}", names, write, target)
            target = Target(receipt.ref, receipt.version)
            if action.done and receipt.body is None:
                target = await self._renewed(write, target)
            body = target.now.body if target.now else receipt.body
            if not action.done or body is None or wanted.shown(body):
                return receipt
            shown = body
        reason = "cannot be reached from the state in which his record is."
        raise RecordError("no_way", reason, value=wanted.name)

    def _wanted(self, write: Write) -> dict[str, Any]:
        """The keys that differ from what he is known to hold, but for those that are not sent.

        Raises `RecordError` where one differs that only an action changes, and none is wanted.
        """
        before = (write.replaces.body if write.replaces else None) or {}
        update, body = self.system.spec.update, write.body or {}
        differs = {k for k, v in body.items() if not (k in before and equal(before[k], v))}
        acted = keys_of(needed(self.system, write))
        if update is None:
            return {key: value for key, value in body.items() if key in differs - acted}
        for key in sorted(differs & set(update.by_action) - acted):
            reason = "is changed by a call of its own there, and there is none for this."
            raise RecordError("not_writable", reason, pointer=f"/{key}", value=body[key])
        for group in update.together:
            differs |= set(group) if differs & set(group) else set()
        left = self._left(write)
        return {key: body[key] for key in body if key in differs - left}

    def _left(self, write: Write) -> set[str]:
        """Keys that an update never sends."""
        update = self.system.spec.update
        left = {*update.never, *update.by_action} if update else set()
        return left | keys_of(needed(self.system, write))

    def _whole(self, write: Write, target: Target) -> dict[str, Any]:
        """The record as it is to be; where whole records are taken, with all that he has in it."""
        before = (write.replaces.body if write.replaces else None) or {}
        record = {**before, **extra_of(write), **(write.body or {})}
        if target.now and self._takes_whole:
            record = {**(target.now.body or {}), **record}
            return {k: v for k, v in record.items() if k not in self._left(write)}
        return record

    @property
    def _takes_whole(self) -> bool:
        return self.system.spec.update is not None and self.system.spec.update.send == "whole"

    async def _target(self, write: Write) -> Target:
        """Which record is meant. Raises `RecordError` where nobody can tell."""
        before = write.replaces or Record(write.body)
        ref = self.asking.ref_of(before) or self.asking.ref_of(Record(write.body))
        if ref:
            return Target(ref, before.version)
        found = await self.asking.find(write.ref)
        if found is None or not found.ref:
            reason = "is not known to the customer's system by any id."
            raise RecordError("no_id", reason, value=write.ref or "")
        return Target(found.ref, before.version)

    async def _checked(self, write: Write, wanted: Mapping[str, Any], target: Target) -> Target:
        """The record's version, checked by us where his system does not check it.

        Raises `StaleWriteError` where it is another one than was known.
        """
        lock = self.system.spec.lock
        whole = bool(wanted) and self._takes_whole
        if not whole and (lock is None or (target.version and not lock.compare)):
            return target
        now = await self.asking.one(self._names(write, target))
        if now is None:
            raise StaleWriteError(f"record {target.ref} is not there any more.")
        if target.version and now.version and target.version != now.version:
            raise StaleWriteError(f"record {target.ref} was changed since it was read.")
        if not target.version and not self._as_known(write, wanted, now):
            raise StaleWriteError(f"record {target.ref} was changed since it was read.")
        return Target(target.ref, now.version, now)

    def _as_known(self, write: Write, wanted: Mapping[str, Any], now: Record) -> bool:
        """What is to be written over is still as it was known."""
        before = (write.replaces.body if write.replaces else None) or {}
        keys = {*wanted, *keys_of(needed(self.system, write))} & before.keys()
        return agrees({key: before[key] for key in keys}, now.body or {})

    async def _renewed(self, write: Write, target: Target) -> Target:
        """With the version that our own update has given it."""
        now = await self.asking.one(self._names(write, target))
        return Target(target.ref, now.version if now else "", now)

    # -- deletions -----------------------------------------------------------------------------

    async def _delete(self, write: Write) -> Receipt:
        form = self.system.delete
        if form is None:
            raise RecordError(
                "undeletable", "this customer takes no deletions.", value=write.ref or ""
            )
        target = await self._checked(write, {}, await self._target(write))
        call = form.call(self._names(write, target), "delete", writes=True)
        call = self._marked(locked(call, self.system.spec.lock, target.version), write)
        reply, verdict = await self.asking.ask(call)
        if verdict.kind in (Kind.OK, Kind.MISSING, Kind.ALREADY, Kind.REPEATED):
            return Receipt(target.ref)
        raise refused(call, reply, verdict)

    # -- calls and answers ---------------------------------------------------------------------

    def _names(self, write: Write, target: Target) -> dict[str, Any]:
        before = (write.replaces.body if write.replaces else None) or {}
        return {
            "ref": target.ref,
            "version": target.version,
            "key": write.key,
            "number": write.ref,
            "state": write.state,
            "record": {**before, **(write.body or {})},
        }

    def _marked(self, call: Call, write: Write) -> Call:
        mark = self.system.spec.idempotency
        return marked(call, mark.header, write.key) if mark else call

    async def _sent(
        self, writing: Writing, operation: str, names: dict[str, Any], write: Write, target: Target
    ) -> Receipt:
        call = writing.form.call(names, operation, writes=True)
        call = self._marked(locked(call, self.system.spec.lock, target.version), write)
        self.asking.forget(target.ref)
        reply, verdict = await self.asking.ask(call)
        if verdict.kind in (Kind.ALREADY, Kind.REPEATED):
            return await self._there_already(write, call, target, operation)
        return await self._answered(writing.answer, call, reply, verdict, write, target)

    async def _there_already(
        self, write: Write, call: Call, target: Target, operation: str
    ) -> Receipt:
        """He says that it is so. Of several keys that may be true of one only."""
        record = await self._after(call, self.asking.one(self._names(write, target)))
        if record is None:
            raise StaleWriteError(f"record {target.ref} is not there any more.")
        if operation == "update" and not agrees(self._wanted(write), record.body or {}):
            raise StaleWriteError(f"record {target.ref} was changed since it was read.")
        return receipt_of(record)

    async def _answered(
        self, told: Told, call: Call, reply: Reply, verdict: Verdict, write: Write, target: Target
    ) -> Receipt:
        """The receipt that an answer is. Raises what else it may mean."""
        if verdict.kind is not Kind.OK:
            raise refused(call, reply, verdict)
        receipt = self._told(told, reply, target)
        names = self._names(write, Target(receipt.ref))
        try:
            if told.reread and receipt.ref:
                record = await self.asking.one(names)
                return receipt_of(record) if record else receipt
            if not receipt.ref:
                record = await self.asking.find(write.ref)
                receipt = receipt_of(record) if record else receipt
        except (RetryableError, RecordError):
            pass  # it was done; what it looks like now, a later reading tells
        if not receipt.ref:
            raise UnknownOutcomeError(f"{call.what}: the answer does not say which record it made.")
        return receipt

    def _told(self, told: Told, reply: Reply, target: Target) -> Receipt:
        """What the answer says of the record."""
        body: Any = None
        if reply.status not in NO_CONTENT:
            try:
                body = value_of(reply)
            except BadReplyError as error:
                raise UnknownOutcomeError(f"{error} Whether it was done is not known.") from None
        ref, record = target.ref, None
        if told.record is not None:
            try:
                record = record_of(self.system, told.record.get(body), reply)
            except RecordError:
                record = None
        if told.ref is not None:
            ref = self._ref_in(told, body) or ref
        version = version_of(told.version, body, reply) or (record.version if record else "")
        named = (record.ref if record else "") or ""
        return Receipt(ref or named, version, record.body if record else None)

    @staticmethod
    def _ref_in(told: Told, body: Any) -> str:
        try:
            where = {"$": body} if isinstance(body, list) else body
            return told.ref.text({"record": where}) if told.ref else ""
        except RecordError:
            return ""

    def _shows(self, write: Write, record: Record) -> bool:
        """Everything that was to be sent is to be seen in the record."""
        wanted, seen = self._wanted(write), record.body or {}
        acted = needed(self.system, write)
        blind = [one for one in acted if not one.action.done]
        if blind:
            keys = keys_of(blind) & (write.body or {}).keys()
            wanted |= {key: (write.body or {})[key] for key in keys}
            if not keys:
                return False
        sighted = [one for one in acted if one.action.done]
        return agrees(wanted, seen) and all(one.shown(seen) for one in sighted)

    @staticmethod
    async def _after(call: Call, question: Any) -> Record | None:
        """The answer to a question about a write that was sent."""
        try:
            found: Record | None = await question
        except RetryableError as error:
            raise UnknownOutcomeError(f"{call.what}: what it did is not known: {error}") from None
        return found
