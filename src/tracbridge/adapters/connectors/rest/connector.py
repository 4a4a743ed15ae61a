"""The REST connector: any system that answers JSON over HTTP, as an interface file describes it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from tracbridge.adapters.connectors.rest.ahead import Ahead
from tracbridge.adapters.connectors.rest.answers import Kind, items_of
from tracbridge.adapters.connectors.rest.asking import (
    Asking,
    Sends,
    misconfigured,
    unanswered,
)
from tracbridge.adapters.connectors.rest.calls import BadReplyError
from tracbridge.adapters.connectors.rest.hiding import Hiding
from tracbridge.adapters.connectors.rest.listing import Listed
from tracbridge.adapters.connectors.rest.load import load
from tracbridge.adapters.connectors.rest.paging import At, Pager
from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.adapters.connectors.rest.settled import Settled
from tracbridge.adapters.connectors.rest.system import System
from tracbridge.adapters.connectors.rest.talking import Talking
from tracbridge.adapters.connectors.rest.writing import Writer
from tracbridge.config import yamlfile
from tracbridge.config.mappings import overlaid
from tracbridge.config.names import nearest
from tracbridge.config.places import Places
from tracbridge.domain.errors import (
    BusyError,
    ConfigError,
    RecordError,
    RetryableError,
    SettingError,
    StaleWriteError,
    UnknownOutcomeError,
    shown,
)
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import (
    Body,
    Cursor,
    Page,
    Receipt,
    Record,
    Refusal,
    Traits,
    Write,
)
from tracbridge.ports.place import Place
from tracbridge.resilience.breaker import Force

PRESETS = Path(__file__).parents[3] / "presets" / "rest"


GROUP = 20
"""Writes before which their records are read at once: the sooner before a write, the better."""


class RestConnector:
    """A connection to one system.

    ``sender`` sends its calls and is closed with it. ``fresh``: the settings as they are now, asked
    for where a login is refused. Raises `SettingError` for an interface that is wrong.
    """

    Settings: ClassVar[type[RestSettings]] = RestSettings

    def __init__(
        self,
        settings: RestSettings,
        place: Place,
        *,
        sender: Sends | None = None,
        fresh: Callable[[], RestSettings] | None = None,
    ) -> None:
        self.settings, self.place = settings, place
        self.system = system_of(settings, place)
        csrf = self.system.spec.csrf
        sender = sender or Sender(settings, name=place.name, csrf=csrf, fresh=fresh or place.fresh)
        self.asking = Asking(self.system, sender, place.now, Hiding(settings))
        self.pager = Pager(self.system, settings.url)
        self.writer = Writer(self.asking)
        self.traits = traits_of(self.system)
        self.settled = Settled()
        talk = self.system.comments
        self.talking = Talking(self.asking, talk, settings.url) if talk else None
        self._reading: list[Ahead[At]] = []

    async def check(self) -> None:
        """One small question: he lets us in, and answers with what the interface expects."""
        await self.look()

    async def look(self) -> None:
        """As `check`; nothing is prepared in either."""
        call = Pager(self.system, self.settings.url, size=1).call(
            self.pager.afresh(self.place.now())
        )
        own = self.system.check
        if own is not None:
            call = own.call({"limit": 1}, "read")
        reply, verdict = await self.asking.ask(call)
        if verdict.kind in (Kind.THROTTLE, Kind.RETRY, Kind.UNKNOWN, Kind.BUSY):
            raise unanswered(call, verdict)
        if verdict.kind is not Kind.OK:
            raise misconfigured(call, verdict)
        if own is None:
            items_of(reply, self.system.records)

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """What has changed since, or the whole list where that is due."""
        del claim  # nothing is kept back: what is read now is of the pass that reads
        for old in self._reading:
            await old.rest()
        ahead = Ahead(Listed(self.asking, self.pager).step)
        self._reading = [ahead]
        first = self.pager.start(since, self.place.now())
        async with aclosing(ahead.pages(first)) as pages:
            async for page in pages:
                yield self.settled.fresh(page)

    async def peek(self, claim: Claim, since: Cursor | None = None) -> AsyncIterator[Page]:
        """As `read`, which takes nothing."""
        del claim
        ahead = Ahead(Listed(self.asking, self.pager).step)
        async with aclosing(ahead.pages(self.pager.start(since, self.place.now()))) as pages:
            async for page in pages:
                yield page

    async def commit(self, cursor: Cursor) -> None:
        """Nothing to tell him: we keep the cursor. What was given before it need not come again,
        as long as it stays as it is.
        """
        self.settled.add(cursor)

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        """One by one; when he cannot be reached, the others are not tried."""
        return await self.write_held(writes, _free)

    async def write_held(
        self, writes: Sequence[Write], hold: Callable[[], Awaitable[None]]
    ) -> Sequence[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for start in range(0, len(writes), GROUP):
            some = writes[start : start + GROUP]
            trouble = await self._look_ahead(some)
            for write in some:
                await hold()
                answer = trouble or await self._write(write)
                if _stops(answer):
                    return answers + [answer] * (len(writes) - len(answers))
                answers.append(answer)
        return answers

    async def _look_ahead(self, writes: Sequence[Write]) -> RetryableError | None:
        """Read at once what each of them would read first; why it cannot be asked, if so."""
        refs = [ref for write in writes if (ref := self.writer.looks_at(write))]
        new = [write for write in writes if write.body is not None and write.replaces is None]
        try:
            await self.asking.look_ahead(refs, [write.ref for write in new if write.ref])
        except BadReplyError:  # one record spoils it for all: then each by itself
            return None
        except RetryableError as error:
            return error.with_traceback(None)
        return None

    async def _write(self, write: Write) -> Receipt | Refusal:
        try:
            return await self.writer.write(write)
        except (RecordError, StaleWriteError, RetryableError) as error:
            return error.with_traceback(None)
        except ConfigError as error:  # the answers so far count; the next reading says it aloud
            return RetryableError(str(error))

    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        return [await self.writer.probe(write) for write in writes]

    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        return [await self._reread(record) for record in records]

    async def ours(self, numbers: Sequence[str]) -> Sequence[Record | None]:
        return [await self.asking.find(number) for number in numbers]

    async def _reread(self, record: Record) -> Record | None:
        names = {
            "ref": self.asking.ref_of(record),
            "version": record.version,
            "record": record.body or {},
        }
        try:
            return await self.asking.one(names)
        except RecordError as error:
            return Record(None, record.ref, source=record.source, error=error)

    # -- comments ------------------------------------------------------------------------------

    @property
    def converses(self) -> bool:
        return self.talking is not None

    @property
    def apart(self) -> bool:
        return self.talking is not None

    async def comments(self, since: Cursor | None) -> AsyncIterator[Page]:
        if self.talking:
            async for page in self.talking.read(since):
                yield page

    async def comments_of(self, order: Record) -> Sequence[Body]:
        return await self.talking.of(order) if self.talking else ()

    async def comment(self, order: Record, body: Body, key: str) -> Receipt | Refusal:
        if self.talking is None:
            return RecordError("no_comments", "this customer's system takes no comments.")
        try:
            return await self.talking.add(order, body, key)
        except (RecordError, StaleWriteError, RetryableError) as error:
            return error.with_traceback(None)

    # -- pace ----------------------------------------------------------------------------------

    def pace(self) -> Mapping[str, Any]:
        return self.asking.sender.describe()

    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        self.asking.sender.restore(kept, elapsed)

    def force(self, operation: str, word: str) -> None:
        names = [operation] if operation else self.operations
        self.asking.sender.force(names, Force(word))

    @property
    def operations(self) -> list[str]:
        """What is broken together: the kinds of calls."""
        actions = [f"action {name}" for name in self.system.actions]
        return ["read", "look", "create", "update", "delete", "comment", *actions]

    async def aclose(self) -> None:
        for old in self._reading:
            await old.rest()
        self._reading = []
        await self.asking.sender.aclose()


async def _free() -> None:
    """Nobody else may come in between."""


def _stops(answer: Receipt | Refusal) -> bool:
    """No further write of the batch is tried."""
    alone = (Receipt, RecordError, StaleWriteError, BusyError, UnknownOutcomeError)
    return not isinstance(answer, alone)


def traits_of(system: System) -> Traits:
    """What a system of that interface can do."""
    return Traits(
        deletes=system.delete is not None,
        checks_versions=system.spec.lock is not None,
        reads_back=True,
        answers=True,
        resumes=True,
        commits_within=system.spec.commits_within,
    )


def system_of(settings: RestSettings, place: Place) -> System:
    """The interface that the settings name. Raises `SettingError` with all that is wrong."""
    value, where = _interface(settings, place.root)
    kind, known = settings.auth.kind, value.get("auth")
    found = load(overlaid(value, settings.also), where, place.zone)
    if known and kind not in found.spec.auth:
        name = found.spec.interface
        what = f"{name} takes {', '.join(found.spec.auth)}, and not {kind}"
        raise SettingError(f"auth.kind: {what}.")
    return found


def _interface(settings: RestSettings, root: Path) -> tuple[dict[str, Any], Places]:
    given = settings.interface
    if isinstance(given, dict):
        return given, Places(lambda _: "interface")
    if given is not None:
        return _table(yamlfile.read(root / given, given))
    name = settings.preset or ""
    if name not in preset_names():
        near = nearest(name, preset_names())
        raise SettingError(f"preset: there is no interface {shown(name)}; the nearest is {near}.")
    return _table(yamlfile.read(PRESETS / f"{name}.yaml", f"preset {name}"))


def _table(file: yamlfile.YamlFile) -> tuple[dict[str, Any], Places]:
    if not isinstance(file.value, dict):
        raise SettingError(f"{file.name}:1: an interface is a table of keys and values.")
    return file.value, Places(file.place)


def preset_names() -> list[str]:
    """The interfaces that are shipped."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))
