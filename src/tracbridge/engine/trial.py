"""A harmless change of one text at the customer's and back, as a pass would write it.

What is owed is remembered before it is written: if we are killed on the way, the next pass finds
out what became of it and gives the customer TracOS's text again. Call it inside a `session`.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import (
    StaleWriteError,
    TracbridgeError,
    UnknownOutcomeError,
    shown,
)
from tracbridge.domain.link import Link, Theirs
from tracbridge.domain.workorder import Fields, WorkOrder, settled
from tracbridge.engine.answering import arrived
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Version, entry_of_version
from tracbridge.engine.writing import answers_of, held, writes_of
from tracbridge.ports.connector import Receipt, Record, Rereads, Stages, Write
from tracbridge.ports.numbers import Key
from tracbridge.ports.runtime import Finding, Pause, Step
from tracbridge.sync.fields import Rules, respelt, same
from tracbridge.sync.publish import content, differs, next_version

MARK: Final = "[tracbridge]"
"""Stands in the text while it is tried; no longer than most texts are."""

LOOKS: Final = 5
"""How often a record is read until it shows what was written; some systems read from copies."""

FIRST: Final = ("title", "description")
"""Fields that are tried before others."""


class UnfitError(TracbridgeError):
    """This order cannot be used to try a write, and what to do about it."""


class Chosen(Struct, frozen=True):
    """What is changed: the field, its value before and meanwhile, and his keys that spell it."""

    field: str
    old: str
    new: str
    keys: tuple[str, ...]


class Met(Struct, frozen=True):
    """The order as both sides hold it. ``link`` as it was, with the version of ``record``; ``his``:
    the fields as that says them.
    """

    link: Link
    order: WorkOrder
    record: Record
    his: Fields


class Trial:
    """One order, tried. ``by``: who asked for it, on record; ``wait``: between two looks.

    ``left``: what has to be said if it ends in the middle, "" while nothing is written; ``at``: the
    step that it is at.
    """

    def __init__(self, connection: Connection, ref: str, run: str, by: str, wait: Pause) -> None:
        self.connection, self.ref, self.run, self.by, self.wait = connection, ref, run, by, wait
        self.rules: Rules = connection.policies.rules
        self.left, self.at = "", "order"

    async def __call__(self) -> AsyncIterator[Finding]:
        """Each step; once something is written, the old text is put back whatever else fails."""
        try:
            met = await self._meet()
            chosen = await self._choose(met)
        except TracbridgeError as error:
            yield Finding("order", ok=False, text=str(error))
            return
        yield Finding("order", ok=True, text=f"{self.ref}: both sides hold it and agree")
        try:
            async for finding in self._there_and_back(met, chosen):
                yield finding
        except TracbridgeError as error:
            yield Finding(self.at, ok=False, text=f"{error} {self.left}".strip())

    async def _there_and_back(self, met: Met, chosen: Chosen) -> AsyncIterator[Finding]:
        self.left, self.at = self._owed(chosen), "write"
        link, error = await self._send(met.link, met, chosen.field, chosen.new)
        change = _change(chosen.field, chosen.old, chosen.new)
        if error:
            unknown = isinstance(error, UnknownOutcomeError)
            self.left = self.left if unknown else ""
            text = f"{change}: {error} {self.left}".strip()
            yield Finding("write", ok=False, text=text)
            return
        yield Finding("write", ok=True, text=f"{change}: taken{_version(link)}")
        self.at = "read back"
        link, finding = await self._read_back(link, met, chosen)
        yield finding
        self.at = "restore"
        link, error = await self._put_back(link, met, chosen)
        if error:
            yield Finding("restore", ok=False, text=f"{error} {self.left}".strip())
            return
        yield Finding("restore", ok=True, text=f"{chosen.field} put back{_version(link)}")
        self.at = "as before"
        yield await self._compare(link, met, chosen)

    # -- before --------------------------------------------------------------------------------

    async def _meet(self) -> Met:
        """Both sides as they are; raises `UnfitError` where they do not agree just now."""
        connection, ref = self.connection, self.ref
        customer = connection.customer
        if isinstance(customer, Stages) or not isinstance(customer, Rereads):
            raise UnfitError("this customer's system does not answer writes: look at its folder.")
        link = (await connection.ledger.find([ref])).get(ref)
        if link is None or link.base is None:
            what = "is not linked: name a test order that both sides hold, after a run."
            raise UnfitError(f"order {ref} {what}")
        if link.out or link.repush:
            raise UnfitError(f"order {ref} is on its way to the customer: tracbridge run first.")
        if link.held or link.unknown or link.missing or link.refused:
            raise UnfitError(f"order {ref} waits for a person: tracbridge show {ref}.")
        order = await self._tracos(link)
        record = await self._reread(link)
        his = connection.translation.from_customer(record.body or {})
        meant = settled(respelt(his, link, order, self.rules).fields, link.base, when=self._now)
        apart = [name for name, value in meant.items() if link.base.get(name) != value]
        if apart or his.unresolved:
            names = ", ".join([*apart, *his.unresolved])
            what = f"was changed by the customer since ({names}): tracbridge run first."
            raise UnfitError(f"order {ref} {what}")
        return Met(self._refreshed(link, record), order, record, his.fields)

    @property
    def _now(self) -> datetime:
        return self.connection.clock.now()

    async def _tracos(self, link: Link) -> WorkOrder:
        documents = (await self.connection.tracos.fetch([link.ref])).get(link.ref, ())
        if len(documents) != 1:
            raise UnfitError(f"TracOS holds order {link.ref} {len(documents)} times, not once.")
        order = self.connection.translation.from_tracos(documents[0].body or {}, link.last_given)
        if differs(link, content(link, order), self.rules):
            what = "was changed in TracOS since: tracbridge run first."
            raise UnfitError(f"order {link.ref} {what}")
        return order

    async def _reread(self, link: Link) -> Record:
        """His record as it is now; raises `UnfitError` where that is not the order's."""
        customer, translation = self.connection.customer, self.connection.translation
        found: Record | None = None
        for known in await held(self.connection, [link]):
            if isinstance(customer, Rereads):
                (found,) = await customer.reread([known])
        if found is None or found.body is None:
            why = f": {found.error}" if found and found.error else ""
            raise UnfitError(f"his system does not show the record of order {link.ref}{why}.")
        key = Key(
            translation.customer_ref(found.body) or "", translation.customer_scope(found.body)
        )
        if key != await self._key():
            raise UnfitError(f"his system shows {key} where order {link.ref} was expected.")
        return found

    async def _key(self) -> Key:
        numbers = self.connection.numbers
        if numbers is None:
            return Key(self.ref)
        return (await numbers.keys([self.ref])).get(self.ref, Key(""))

    def _refreshed(self, link: Link, record: Record) -> Link:
        """With the version and the words of his record as it is now."""
        translation, body = self.connection.translation, record.body or {}
        ref = record.ref or (link.theirs.ref if link.theirs else "")
        extra = translation.extra(body, record.raw)  # noqa: S610 (no Django here)
        said = translation.from_customer(body).said
        return replace(link, theirs=Theirs(ref, record.version), extra=extra, said=said)

    async def _choose(self, met: Met) -> Chosen:
        """A text whose change can be taken back to exactly what stands there."""
        texts = [name for name, value in met.his.items() if isinstance(value, str)]
        for name in sorted(texts, key=lambda name: name not in FIRST):
            old = (met.link.base or {}).get(name)
            if name == "status" or not isinstance(old, str):
                continue
            for new in changed(old):
                if keys := await self._keys(met, name, new):
                    return Chosen(name, old, new, keys)
        what = "has no text that we may change and put back exactly as it stands there"
        raise UnfitError(f"order {self.ref} {what}: name another one.")

    async def _keys(self, met: Met, name: str, new: str) -> tuple[str, ...]:
        """His keys that the change is spelt by; () where he is not told of it, or what stands there
        now could not be written back.
        """
        version = Version(await self._version(met.link, met, name, new), met.link)
        (write,) = await writes_of(self.connection, [version])
        if not isinstance(write, Write) or write.body is None or write.replaces is None:
            return ()
        before, there = write.replaces.body or {}, met.record.body or {}
        keys = tuple(key for key, value in write.body.items() if before.get(key) != value)
        exact = all(key in there and before.get(key) == there[key] for key in keys)
        return keys if exact else ()

    # -- writing -------------------------------------------------------------------------------

    async def _version(self, link: Link, met: Met, name: str, value: str) -> Link:
        """The link with that text frozen as the next version; TracOS's is owed from now on."""
        order = replace(met.order, fields={**met.order.fields, name: value})
        counter, now = await self.connection.passes.counter(), self.connection.clock.now()
        made = next_version(link, order, counter, now, link.tracos, self.rules)
        return replace(made, repush=True)

    async def _send(
        self, link: Link, met: Met, name: str, value: str
    ) -> tuple[Link, TracbridgeError | None]:
        """On record, frozen, written; the link as it is stored then, and why nothing was written.

        After an `UnknownOutcomeError` the version stays on its way: the next pass looks for it.
        """
        connection = self.connection
        version = Version(await self._version(link, met, name, value), link)
        entry = entry_of_version(connection, version, self.run)
        entry = replace(entry, why={**entry.why, "by": {name: f"check --write by {self.by}"}})
        await connection.lease.hold()
        await connection.history.put([entry])
        await connection.steps.passed(Step.RECORDED)
        version.link = await self._save(version.link)
        await connection.steps.passed(Step.STAGED)
        try:
            (answer,) = await answers_of(connection, [version])
        except TracbridgeError as error:
            return version.link, UnknownOutcomeError(str(error))
        await connection.steps.passed(Step.EFFECT)
        if isinstance(answer, Receipt):
            counter = await connection.passes.counter()
            stored = await self._save(arrived(connection, version.link, answer, counter))
            await connection.steps.passed(Step.PUBLISHED)
            return stored, None
        if isinstance(answer, UnknownOutcomeError):
            return version.link, answer
        await connection.history.supersede([entry.id])
        return await self._save(replace(link, seq=version.link.seq, rev=version.link.rev)), answer

    async def _save(self, link: Link) -> Link:
        if await self.connection.ledger.save([link]):
            raise StaleWriteError(f"order {link.ref} is being changed by somebody else just now.")
        return replace(link, rev=link.rev + 1)

    # -- after ---------------------------------------------------------------------------------

    async def _shows(self, link: Link, name: str, wanted: str) -> tuple[Record, Fields]:
        """His record, read until it shows that text or there is no hope; what it says."""
        for look in range(LOOKS):
            if look:
                await self.wait()
            record = await self._reread(link)
            fields = self.connection.translation.from_customer(record.body or {}).fields
            if same(self.rules, name, fields.get(name), wanted):
                break
        return record, fields

    async def _read_back(self, link: Link, met: Met, chosen: Chosen) -> tuple[Link, Finding]:
        """Whether he shows what was written, and nothing else that is new."""
        name = chosen.field
        try:
            record, fields = await self._shows(link, name, chosen.new)
        except TracbridgeError as error:
            return link, Finding("read back", ok=False, text=str(error))
        link = await self._save(self._refreshed(link, record))
        if not same(self.rules, name, fields.get(name), chosen.new):
            text = f"{name} shows {_quoted(fields.get(name))}, not {_quoted(chosen.new)}"
            return link, Finding("read back", ok=False, text=text)
        also = [n for n, v in fields.items() if n != name and met.his.get(n) != v]
        if also:
            what = "changed with it; look for what does that in his system"
            return link, Finding("read back", ok=False, text=f"{', '.join(also)} {what}")
        return link, Finding("read back", ok=True, text=f"shows it{_version(link)}")

    async def _put_back(
        self, link: Link, met: Met, chosen: Chosen
    ) -> tuple[Link, TracbridgeError | None]:
        """The old text; once more where the record has become another version meanwhile."""
        link, error = await self._send(link, met, chosen.field, chosen.old)
        if not isinstance(error, StaleWriteError):
            return link, error
        record, fields = await self._shows(link, chosen.field, chosen.new)
        now = fields.get(chosen.field)
        if same(self.rules, chosen.field, now, chosen.new):
            link = await self._save(self._refreshed(link, record))
            return await self._send(link, met, chosen.field, chosen.old)
        await self._settle(link, met, record)
        what = f"somebody wrote {_quoted(now)} there meanwhile: it stays, and goes to TracOS"
        return link, StaleWriteError(f"{chosen.field}: {what} with the next run.")

    async def _compare(self, link: Link, met: Met, chosen: Chosen) -> Finding:
        """Whether all is as before."""
        name = chosen.field
        record, fields = await self._shows(link, name, chosen.old)
        now, there, before = fields.get(name), record.body or {}, met.record.body or {}
        if same(self.rules, name, now, chosen.new) and not same(self.rules, name, now, chosen.old):
            # Not an edit of his: what he shows was ours, and the next run puts it right.
            base = {**(link.base or {}), name: chosen.new}
            await self._save(replace(self._refreshed(link, record), base=base))
            return Finding("as before", ok=False, text=self.left)
        await self._settle(link, met, record)
        also = [n for n, v in fields.items() if n != name and met.his.get(n) != v]
        apart = [key for key in chosen.keys if there.get(key) != before.get(key)]
        if met.his.get(name) != now:
            text = f"{name} shows {_quoted(now)}, not {_quoted(met.his.get(name))} as before"
            return Finding("as before", ok=False, text=text)
        if also or apart:
            text = f"{', '.join([*also, *apart])} changed with {name}, which is as before"
            return Finding("as before", ok=False, text=text)
        return Finding("as before", ok=True, text=f"{name} shows {_quoted(now)}, as before")

    async def _settle(self, link: Link, met: Met, record: Record) -> None:
        """Remember the order as it was, in the version that his record has by now."""
        was = replace(met.link, rev=link.rev, seq=link.seq)
        await self._save(self._refreshed(was, record))
        self.left = ""

    def _owed(self, chosen: Chosen) -> str:
        """What has to be said where nobody has seen the old text again."""
        return (
            f"Order {self.ref} may show {chosen.field} {_quoted(chosen.new)} instead of "
            f"{_quoted(chosen.old)} at the customer's: the next run puts it back, or do it there."
        )


def changed(old: str) -> Iterator[str]:
    """The text with our mark in it, no longer than it was unless it is shorter than the mark: at
    its end, and where that is not to be seen (his system cuts it), at its beginning.
    """
    if MARK not in old:
        kept = old[: max(0, len(old) - len(MARK) - 1)].rstrip()
        yield f"{kept} {MARK}" if kept else MARK
        yield MARK + old[len(MARK) :]


def _change(name: str, old: object, new: object) -> str:
    return f"{name} {_quoted(old)} -> {_quoted(new)}"


def _quoted(value: object) -> str:
    return shown(value) or '""'


def _version(link: Link) -> str:
    """The version of his record, where his system tells it."""
    version = link.theirs.version if link.theirs else ""
    return f", version {shown(version)}" if version else ""
