"""Asks a system, says what its answer means, and tells the pace how it is doing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec.structs import replace

from tracbridge.adapters.connectors.rest.answers import (
    Kind,
    Verdict,
    classify,
    items_of,
    plausible,
    value_of,
)
from tracbridge.adapters.connectors.rest.calls import BadReplyError, Call, Reply
from tracbridge.adapters.connectors.rest.hiding import Hiding
from tracbridge.adapters.connectors.rest.records import item_of, named, record_of
from tracbridge.adapters.connectors.rest.system import Many, System
from tracbridge.adapters.connectors.rest.template import Names
from tracbridge.domain.errors import ConfigError, RecordError, RetryableError
from tracbridge.mapping.path import MISSING
from tracbridge.ports.connector import Record
from tracbridge.resilience.breaker import Force
from tracbridge.resilience.pace import Pace

FRESH = timedelta(seconds=5)
"""How long an answer that was asked for ahead is as good as one of this moment."""

_FAILURES = (Kind.UNKNOWN, Kind.RETRY, Kind.AUTH)


class Sends(Protocol):
    """What sends a call and brings the answer."""

    @property
    def pace(self) -> Pace:
        """The gate through which all calls go."""

    async def send(self, call: Call) -> Reply:
        """The complete answer, whatever its status."""

    def describe(self) -> Mapping[str, Any]:
        """Its pace and what became of its login, to show and to keep."""

    def restore(self, kept: Mapping[str, Any], elapsed: float) -> None:
        """Go on as described ``elapsed`` seconds ago."""

    def force(self, operations: Iterable[str], word: Force) -> None:
        """Do as an operator says of these calls."""

    async def aclose(self) -> None:
        """Give everything back."""


class Asking:
    """Questions to one system. ``now``: an instant in UTC. ``hiding``: of what we let ourselves in
    with, should he repeat it.
    """

    def __init__(
        self, system: System, sender: Sends, now: Callable[[], datetime], hiding: Hiding
    ) -> None:
        self.system, self.sender, self.now = system, sender, now
        self._hiding = hiding
        self._ahead = now()
        self._ones: dict[str, Record | None] = {}
        self._found: dict[str, Record | None] = {}

    async def ask(self, call: Call) -> tuple[Reply, Verdict]:
        """The answer and its meaning. Raises what the sender raises."""
        reply = await self.sender.send(call)
        verdict = classify(reply, self.system.errors, self.now())
        if verdict.kind is not Kind.OK or not plausible(reply):
            reply = replace(reply, data=self._hiding.hidden(reply.data))
            verdict = classify(reply, self.system.errors, self.now())
        pace = self.sender.pace
        if verdict.kind is Kind.THROTTLE:
            seconds = verdict.after.total_seconds() if verdict.after else None
            pace.throttled(seconds, call.operation)
        elif verdict.kind in _FAILURES or (verdict.kind is Kind.OK and not plausible(reply)):
            pace.failed(call.operation)
        else:
            pace.succeeded(call.operation)
        return reply, verdict

    async def read(self, call: Call, *missing: int) -> Reply | None:
        """The answer to a question that changes nothing, None for one of these statuses.

        Raises `RetryableError` for every other answer that is none, and `BadReplyError` for one
        that may be about this question alone.
        """
        reply, verdict = await self.ask(call)
        if verdict.kind is Kind.OK:
            return reply
        if reply.status in missing and verdict.kind is Kind.MISSING:
            return None
        error = unanswered(call, verdict)
        if verdict.kind in (Kind.AUTH, Kind.THROTTLE, Kind.RETRY):
            raise error
        raise BadReplyError(str(error), retry_after=error.retry_after)

    async def look_ahead(self, refs: Sequence[str], numbers: Sequence[str]) -> None:
        """Ask for these records at once; each answer then serves one question of `one` or `find`.

        Nothing is asked where the interface has no such request. Raises `RetryableError`.
        """
        self._ones, self._found, self._ahead = {}, {}, self.now()
        if self.system.many and len(refs) > 1:
            for record in await self._several(self.system.many, refs):
                self._ones[record.ref or ""] = record
            self._ones = {ref: self._ones.get(ref) for ref in refs}
        search = self.system.find
        if search and search.many and len(numbers) > 1:
            records = await self._several(search.many, numbers)
            for number in numbers:
                mine = (r for r in records if _is_number(search.shows.get(r.body or {}), number))
                self._found[number] = next(mine, None)

    def forget(self, ref: str) -> None:
        """What was asked ahead of this record is not true any more."""
        self._ones.pop(ref, None)

    def _stale(self) -> None:
        """What was asked ahead is old by now where each write took long: ask anew, one by one."""
        if self.now() - self._ahead > FRESH:
            self._ones, self._found = {}, {}

    async def _several(self, many: Many, wanted: Sequence[str]) -> list[Record]:
        found: list[Record] = []
        for start in range(0, len(wanted), many.size):
            names = many.names(wanted[start : start + many.size])
            reply = await self.read(many.form.call(names, "look"))
            decoded = items_of(reply, many.records) if reply else ()
            records = [item_of(self.system, one, None).record for one in decoded if one.body]
            found += [one for one in records if one.error is None and one.body is not None]
        return found

    async def one(self, names: Names) -> Record | None:
        """One record as it is now, None where the system shows none under that id.

        ``names``: ``ref`` ("" where only the record's own fields name it), ``version``, ``record``.
        """
        self._stale()
        if names.get("ref") in self._ones:
            return self._ones.pop(str(names["ref"]))
        form, where = self.system.one
        call = form.call(names, "look")
        reply = await self.read(call, *self.system.spec.one.missing)
        if reply is None:
            return None
        found = where.get(value_of(reply))
        if found in (MISSING, None) and where.optional:
            return None
        return self._asked_for(reply, found, str(names.get("ref") or ""))

    def _asked_for(self, reply: Reply, found: Any, ref: str) -> Record:
        try:
            record = record_of(self.system, found, reply)
        except RecordError as error:
            raise BadReplyError(f"{reply.what}: the answer holds no record: {error}") from None
        if ref and record.ref != ref:
            raise BadReplyError(f"{reply.what}: the answer is about another record than was asked.")
        return record

    async def find(self, number: str | None) -> Record | None:
        """The first record that carries our number, None where there is none."""
        search, spec = self.system.find, self.system.spec.find
        if search is None or spec is None or not number:
            return None
        self._stale()
        if number in self._found:
            return self._found.pop(number)
        call = search.form.call({"number": number}, "look")
        reply = await self.read(call, *spec.missing)
        if reply is None:
            return None
        for decoded in items_of(reply, search.records):
            if decoded.body and _is_number(search.shows.get(decoded.body), number):
                record = item_of(self.system, decoded, None).record
                if record.error is None and record.body is not None:
                    return record
        return None

    def ref_of(self, record: Record) -> str:
        """The record's id, from its fields where nobody said it."""
        return record.ref or named(self.system, record.body or {})


def unanswered(call: Call, verdict: Verdict) -> RetryableError:
    """No answer to a question, for now."""
    said = f": {verdict.words}" if verdict.words else "."
    if verdict.kind is Kind.AUTH:
        why = "his system does not let us in"
    elif verdict.kind is Kind.THROTTLE:
        why = "his system wants fewer calls"
    else:
        why = "his system gives no answer"
    text = f"{call.what}: {why} (status {verdict.status}){said}"
    return RetryableError(text, retry_after=verdict.after)


def misconfigured(call: Call, verdict: Verdict) -> ConfigError:
    """No answer at the first question: something is to be mended."""
    hint = {
        Kind.AUTH: "Mend auth and the rights of that user.",
        Kind.MISSING: "Mend url, or the path in the interface.",
    }.get(verdict.kind, "Mend the request in the interface.")
    return ConfigError(f"{unanswered(call, verdict)} {hint}")


def _is_number(value: Any, number: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    text = str(value)
    return text == number or (text.isdigit() and text.lstrip("0") == number.lstrip("0") != "")
