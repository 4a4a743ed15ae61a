"""One order's personal data forgotten, where our own memory keeps more than both systems show."""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from tracbridge.domain.errors import ConfigError
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection
from tracbridge.mapping.decode import parsed
from tracbridge.ports.connector import Body
from tracbridge.ports.forgotten import ForgottenEntries, ForgottenFile, ForgottenFiles
from tracbridge.ports.numbers import Key
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Entry
from tracbridge.sync.forget import forgotten, is_moving
from tracbridge.sync.identity import record_id

ATTEMPTS = 5


class Forgotten(Struct, frozen=True):
    """What was forgotten, by kind; ``agreed``: what both sides agreed on is still remembered.

    ``moving``: and so are earlier values, for as long as a version is on its way.
    """

    ref: str
    counts: Mapping[str, int]
    agreed: bool
    moving: bool


class Forgetting(Struct, frozen=True):
    """Forgets orders of one connection; call it inside a `session`."""

    connection: Connection
    files: ForgottenFiles
    entries: ForgottenEntries

    async def __call__(self, ref: str, run: str, by: str) -> Forgotten:
        """Forget this order; that it was done goes on record first, without the data.

        Repeating it changes nothing more. Raises `ConfigError` while something of the order waits
        for a person: it could not be decided any more.
        """

        connection, key = self.connection, ref
        if connection.numbers is not None:
            key = str((await connection.numbers.keys([ref])).get(ref, ""))

        def holds(body: Body) -> bool:
            shown = connection.translation.customer_ref(body)
            scope = connection.translation.customer_scope(body) if shown else ""
            return shown is not None and str(Key(shown, scope)) == key

        files = await self.files.of_order(holds)
        cases = await self._cases(files, holds)
        await self._refuse_waiting(ref, cases)
        alone = sum(file.alone for file in files)
        counts = {"files removed": alone, "files rewritten": len(files) - alone}
        counts |= await self.entries.of_order(ref, cases)
        link, bare = await self._link(ref)
        counts |= {"links": int(link != bare)}
        if any(counts.values()):
            await self.connection.history.put([self._entry(ref, run, by)])
        await self.connection.steps.passed(Step.RECORDED)
        # A file is found by what it holds, a case perhaps only by its file: the file goes last.
        await self.entries.forget(ref, cases, self.connection.clock.now())
        await self.connection.steps.passed(Step.QUARANTINED)
        await self.files.forget(files, holds)
        await self.connection.steps.passed(Step.COMMITTED)
        link = await self._forget_link(ref)
        agreed = link is not None and link.last_given is not None
        return Forgotten(ref, counts, agreed, link is not None and is_moving(link))

    async def _cases(
        self, files: Sequence[ForgottenFile], holds: Callable[[Body], bool]
    ) -> set[str]:
        """Refused records that can be parsed well enough to tell that they are of this order."""
        alone = {file.path for file in files if file.alone}
        found = set()
        async for case in self.entries.unnamed():
            if case.file in alone or any(body and holds(body) for body, _ in parsed(case.raw)):
                found.add(case.id)
        return found

    async def _refuse_waiting(self, ref: str, cases: Collection[str]) -> None:
        waiting = await self.entries.waiting(ref, cases)
        if waiting:
            raise ConfigError(
                f"order {ref} waits for a person ({', '.join(waiting)}); nothing was forgotten. "
                "Decide first: tracbridge conflicts list, tracbridge quarantine list."
            )

    def _entry(self, ref: str, run: str, by: str) -> Entry:
        """On record: when, and by whom."""
        at, name = self.connection.clock.now(), self.connection.name
        why = {"by": {"": f"forgotten by {by}"}, "forgotten": at}
        id_ = record_id(name, ref, "forgotten", run)
        return Entry(id_, name, ref, 0, Side.TRACOS, at, run, {}, {}, why)

    async def _link(self, ref: str) -> tuple[Link | None, Link | None]:
        """The link as it is, and as it is to be."""
        link = (await self.connection.ledger.find([ref])).get(ref)
        if link is None:
            return None, None
        complete = await self.connection.passes.completed()
        gone = not (await self.connection.tracos.fetch([ref])).get(ref)
        return link, forgotten(link, complete, self.connection.policies.ack, gone=gone)

    async def _forget_link(self, ref: str) -> Link | None:
        for _ in range(ATTEMPTS):
            link, bare = await self._link(ref)
            if bare is None or bare == link:
                return link
            await self.connection.ledger.save([bare])
        raise ConfigError(f"order {ref} is being changed by others all the time; try again.")
