"""The guards of the design, each taken away: what a simulation must find that is worth its name.

A mutant changes the engine or a port for one test only; the shipped code knows nothing of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Value
from tracbridge.engine import acknowledge, binding, intake, outbound, record
from tracbridge.engine.connection import Connection
from tracbridge.engine.inbound import Inbound
from tracbridge.engine.outbound import Outbound
from tracbridge.ports.connector import Cursor, Receipt, Record
from tracbridge.simulation import tracos
from tracbridge.simulation.disk import PART, File
from tracbridge.simulation.edits import NAMES
from tracbridge.simulation.folder import IN, OUT, TEMPORARY, Folder
from tracbridge.simulation.memory import MemoryConflicts, MemoryLease, MemoryLedger
from tracbridge.simulation.world import Wrap
from tracbridge.sync import merge, plan, publish
from tracbridge.sync.judge import Verdict, judge

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], Wrap | None]


def atomic_rename(patch: Patch) -> None:
    """The file is written in its place, in two steps."""

    async def written(self: Folder, staged: Sequence[tuple[str, str]]) -> list[Receipt]:
        for key, ref in staged:
            if file := self.disk.files.get(f"{TEMPORARY}{key}"):
                self.disk.put(f"{OUT}{ref}", File(PART, file.at))
                await self.process.turn()
                self.disk.rename(f"{TEMPORARY}{key}", f"{OUT}{ref}")
                self.told(key, ref, file.content)
        return [Receipt(ref) for _, ref in staged]

    patch.setattr(Folder, "publish", written)


def synced_before_shown(patch: Patch) -> None:
    """The content of a version is not synced before its rename."""
    real = Folder.stage

    async def stage(self: Folder, writes: Sequence[Any]) -> Any:
        answers = await real(self, writes)
        for write in writes:
            self.disk.files[f"{TEMPORARY}{write.key}"].synced = False
        return answers

    patch.setattr(Folder, "stage", stage)


def guarded_mark(patch: Patch) -> None:
    """``isSynced`` is set whatever the document shows by now."""

    def mark(self: tracos.MemoryTracos, record: Record, values: Mapping[str, Any]) -> bool:
        self._set((record.body or {})["number"], values)
        return True

    patch.setattr(tracos.MemoryTracos, "_mark", mark)


def guarded_write(patch: Patch) -> None:
    """A document is overwritten whatever it shows by now."""
    patch.setattr(tracos, "as_read", lambda *_: True)


def claim(patch: Patch) -> None:
    """A file is read where it lies and removed by its name afterwards."""

    async def take(self: Folder, path: str, folder: str) -> bool | None:
        read = self.disk.files.get(path)
        if read is None or not read.whole:
            return None if read is None else False
        self.disk.put(f"{folder}/{path.removeprefix(IN)}", read)
        return True

    async def commit(self: Folder, cursor: Cursor) -> None:
        await self.process.turn()
        claimed = self.disk.below(f"{cursor}/") if cursor else []
        self.disk.remove(*[f"{IN}{path.rpartition('/')[2]}" for path in claimed], *claimed)

    patch.setattr(Folder, "_take", take)
    patch.setattr(Folder, "commit", commit)


def intent_before_effect(patch: Patch) -> None:
    """The customer sees a version before we remember it."""
    real = Outbound.send

    async def send(self: Outbound, versions: list[Any], counts: Any) -> Any:
        customer: Any = self.connection.customer
        if versions:
            await customer.publish([(v.key, v.ref) for v in versions])
        return await real(self, versions, counts)

    patch.setattr(Outbound, "send", send)


def base_after_tracos(patch: Patch) -> None:
    """The link is stored before TracOS is written."""
    real = Inbound._write_tracos

    async def write(self: Inbound, plans: list[Any]) -> Any:
        await self.connection.ledger.save([p.after for p in plans if p.after])
        return await real(self, plans)

    patch.setattr(Inbound, "_write_tracos", write)


def base_is_what_was_sent(patch: Patch) -> Wrap:
    """When our version was taken, what TracOS shows by then becomes the base."""
    shown: dict[int, dict[str, Any]] = {}

    def taken(link: Link, *arguments: Any, **options: Any) -> Link:
        after = publish.taken(link, *arguments, **options)
        document = shown.get(int(link.ref))
        return replace(after, base={n: document[n] for n in NAMES}) if document else after

    def wrap(connection: Connection) -> Connection:
        nonlocal shown
        assert isinstance(connection.tracos, tracos.MemoryTracos)
        shown = connection.tracos.collection.documents
        return connection

    patch.setattr(acknowledge, "taken", taken)
    return wrap


def staged_over_an_unread_one(patch: Patch) -> None:
    """A version that replaced an unread one counts as taken when its file is gone."""
    patch.setattr(Folder, "_there", lambda *_: False)


def conflict_record(patch: Patch) -> None:
    """Disagreements are not put on record."""

    async def nothing(self: MemoryConflicts, conflicts: Sequence[Any]) -> None:
        await self.process.turn()

    patch.setattr(MemoryConflicts, "put", nothing)


def echo_rule(patch: Patch) -> None:
    """What the customer was given is news when it comes back."""

    def judged(*arguments: Any) -> Verdict:
        verdict = judge(*arguments)
        return Verdict.CLASH if verdict is Verdict.TRACOS else verdict

    patch.setattr(merge.Merge, "_echo", lambda _: False)
    patch.setattr(merge, "judge", judged)


def doubt_rule(patch: Patch) -> None:
    """An earlier value is an edit, even while our version may be unread."""
    patch.setattr(
        merge,
        "judge",
        lambda n, ours, theirs, link, _, rules: judge(n, ours, theirs, link, None, rules),
    )


def acknowledgement_window(patch: Patch) -> None:
    """A version that is on its way opens no window."""

    def next_version(*arguments: Any) -> Link:
        return replace(publish.next_version(*arguments), window=None)

    patch.setattr(outbound, "next_version", next_version)


def every_field_evidence(patch: Patch) -> None:
    """One field of our version in his record proves that he has it."""

    def arrived(self: merge.Merge, removes: bool) -> bool:
        window, given = self.link.window, self.link.last_given or {}
        if window is None or self.claim.pass_ <= window.pass_:
            return False
        return any(given.get(name) == self.order.fields[name] for name in window.old)

    patch.setattr(merge.Merge, "_arrived", arrived)


def evidence_is_news(patch: Patch) -> None:
    """A record that shows what he showed before proves that he has our version."""
    patch.setattr(merge, "prints_of", Never)


class Never(dict[str, Value]):
    """Prints that equal nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


def earlier_values(patch: Patch) -> None:
    """The window remembers the last value of a field only."""
    real = publish.earlier

    def earlier(link: Link, *arguments: Any) -> Mapping[str, tuple[Value, ...]]:
        fresh = link.window and replace(link.window, old={})
        return real(replace(link, window=fresh), *arguments)

    patch.setattr(publish, "earlier", earlier)


def repeated_record(patch: Patch) -> None:
    """The last record once more is an edit, whatever he was given since."""
    patch.setattr(plan, "repeated", lambda *_: False)


def taken_back(patch: Patch) -> None:
    """Where a change that we began does not show, it surely had no effect."""
    patch.setattr(record, "perhaps_undone", lambda *_: frozenset())


def claimed_in_time(patch: Patch) -> None:
    """The number of a pass is believed, also one that our memory never came to."""
    patch.setattr(intake, "claimed", lambda record, now: record.claim or now)


def folder_marker(patch: Patch) -> None:
    """Nobody looks whether folder and memory belong together."""
    patch.setattr(binding, "refuse_strangers", lambda *_: None)
    patch.setattr(Folder, "_present", lambda _: None)


def fence(patch: Patch) -> None:
    """Who was replaced goes on, and whoever is quicker is believed."""

    async def hold(self: MemoryLease) -> None:
        await self.process.turn()

    def save(self: MemoryLedger, link: Link) -> bool:
        self.state.links[link.ref] = replace(link, rev=link.rev + 1, fence=self.lease.fence)
        return True

    patch.setattr(MemoryLease, "hold", hold)
    patch.setattr(MemoryLedger, "_save_one", save)


def lock_and_lease(patch: Patch) -> None:
    """Two processes work at once."""

    async def lock(self: Folder) -> None:
        await self.process.turn()

    async def take(self: MemoryLease) -> int:
        self.fence = await self.process.ask(lambda: self.state.fence)
        return self.fence

    async def hold(self: MemoryLease) -> None:
        await self.process.turn()

    patch.setattr(Folder, "lock", lock)
    patch.setattr(MemoryLease, "take", take)
    patch.setattr(MemoryLease, "hold", hold)


def compare_and_set(patch: Patch) -> None:
    """Two processes work at once, and each stores its link whatever it was read at."""
    lock_and_lease(patch)

    def save(self: MemoryLedger, link: Link) -> bool:
        self.state.links[link.ref] = replace(link, rev=link.rev + 1)
        return True

    patch.setattr(MemoryLedger, "_save_one", save)


MUTANTS: dict[str, Mutant] = {
    "atomic rename": atomic_rename,
    "synced before it is shown": synced_before_shown,
    "guarded mark": guarded_mark,
    "guarded write": guarded_write,
    "claim": claim,
    "intent before effect": intent_before_effect,
    "compare-and-set": compare_and_set,
    "base after TracOS": base_after_tracos,
    "base = what was sent": base_is_what_was_sent,
    "staged phase (over)": staged_over_an_unread_one,
    "conflict record": conflict_record,
    "echo rule": echo_rule,
    "doubt rule": doubt_rule,
    "acknowledgement window": acknowledgement_window,
    "every-field evidence": every_field_evidence,
    "evidence is news": evidence_is_news,
    "earlier values": earlier_values,
    "repeated record": repeated_record,
    "taken back": taken_back,
    "claimed in time": claimed_in_time,
    "folder marker": folder_marker,
    "fence": fence,
    "lock and lease": lock_and_lease,
}
