"""On what the two sides do not agree, and what a person decides: in one conflict or in many."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import asdict, replace

from tracbridge.bootstrap import Service
from tracbridge.desk.errors import UnknownError
from tracbridge.desk.orders import keys_of, ref_of
from tracbridge.desk.texts import both, harmless
from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Value
from tracbridge.engine.amend import Present, look
from tracbridge.engine.decide import Choice, resolve, wanted
from tracbridge.ports.state import Conflict

OLD = frozenset({Kind.STALE, Kind.DOUBT, Kind.UNDO})
"""Conflicts whose loser is an older value: no policy decided them, so in bulk they are named."""

WHY = {
    Kind.CLASH: "Both sides changed it.",
    Kind.DOUBT: "The customer showed an earlier value; ours was sent again.",
    Kind.STALE: "The customer's record was older than one that was accepted before.",
    Kind.FIRST_CONTACT: "Both sides hold an order of this number; perhaps it is not the same one.",
    Kind.LOOP: "It kept flipping between two contents: two systems undo each other's changes.",
    Kind.MISSING: "The order is gone from TracOS; it is not created again by itself.",
    Kind.UNRESOLVED: "A table of the connection does not know the customer's value: add it there.",
    Kind.UNDO: "It was changed again after a run (its value: last agreed) that was to be undone "
    "(the value before: customer).",
}
"""What each kind means."""


class Filter(Struct, frozen=True):
    """Which conflicts are meant."""

    order: str = ""
    kind: Kind | None = None
    field: str = ""
    since: datetime | None = None

    async def find(self, service: Service) -> list[Conflict]:
        """Those that wait, then those that were decided, each newest first."""
        return await service.views.conflicts(
            ref=await service.ref(ref_of(self.order)) if self.order else None,
            kind=self.kind,
            field=self.field or None,
            since=self.since and self.since.replace(tzinfo=UTC),
        )


class Deed(Struct, frozen=True):
    """One conflict, what shall stand in it, or why nothing was done; the order before it.

    ``key``: the customer's own, "" where it is the number.
    """

    conflict: Conflict
    values: Mapping[str, Value] = {}
    refused: str = ""
    present: Present | None = None
    key: str = ""

    @property
    def order(self) -> str:
        """Which order it is, for people."""
        return both(self.conflict.ref, self.key)

    @property
    def stays_gone(self) -> bool:
        """It was decided that TracOS is not to have the order again."""
        return bool(self.values) and set(self.values.values()) == {None}


class Work(Struct, frozen=True):
    """A choice, and the conflicts that it is made for: one by its id, or all that are meant."""

    choice: Choice
    meant: Filter
    id: str = ""
    decided: bool = False

    async def foreseen(self, service: Service) -> list[Deed]:
        """What `done` would do now; writes nothing."""
        found = await self._conflicts(service)
        return await named(service, [await self._foresee(service, one) for one in found])

    async def done(self, service: Service) -> list[Deed]:
        """Decide them, one after the other."""
        run = uuid4().hex[:12]
        await service.connection.lease.join()
        found = await self._conflicts(service)
        deeds = [await self._do(service, one, run) for one in found]
        return await named(service, [deed for deed in deeds if deed])

    async def _conflicts(self, service: Service) -> list[Conflict]:
        if self.id:
            return [await one_of(service, self.id)]
        return [one for one in await self.meant.find(service) if self._choice(one)]

    def _choice(self, conflict: Conflict) -> Choice | None:
        """What is wanted of this one; of many only in fields that wait, or lost automatically."""
        if self.id:
            return self.choice
        if self.decided and conflict.kind in OLD and self.meant.kind is None:
            return None
        names = self.choice.fields or self.choice.values or conflict.taken
        lost = [
            name
            for name, side in conflict.taken.items()
            if side and side is not self.choice.side and not conflict.resolution(name)
        ]
        fields = [name for name in (lost if self.decided else conflict.waiting) if name in names]
        return replace(self.choice, fields=fields) if fields else None

    async def _foresee(self, service: Service, conflict: Conflict) -> Deed:
        connection = service.connection
        choice = self._choice(conflict) or self.choice
        try:
            present = await look(connection, conflict.ref)
            values = wanted(service.connection, conflict, choice, present, connection.clock.now())
        except (ConfigError, RecordError) as error:
            return self._refusal(conflict, error)
        return Deed(conflict, values, present=present)

    async def _do(self, service: Service, conflict: Conflict, run: str) -> Deed | None:
        """None: it was decided together with another one."""
        now = await service.views.conflict(conflict.id)
        choice = self._choice(now) if now else None
        if now is None or choice is None:
            return None
        try:
            return Deed(now, await resolve(service.connection, now, choice, run))
        except (ConfigError, RecordError) as error:
            return self._refusal(now, error)

    def _refusal(self, conflict: Conflict, error: ConfigError | RecordError) -> Deed:
        """Of several the others go on."""
        if self.id:
            raise error
        return Deed(conflict, refused=str(error))


async def named(service: Service, deeds: list[Deed]) -> list[Deed]:
    """With the customer's keys."""
    keys = await keys_of(service, [deed.conflict.ref for deed in deeds])
    return [replace(deed, key=keys.get(deed.conflict.ref, "")) for deed in deeds]


async def one_of(service: Service, id_: str) -> Conflict:
    """The conflict of that id; raises `UnknownError` if there is none."""
    found = await service.views.conflict(id_)
    if found is None:
        raise UnknownError(f"no conflict {harmless(id_)}: see tracbridge conflicts list.")
    return found


async def present_of(service: Service, conflict: Conflict) -> Present | None:
    """What both sides show of its order by now; None where one of them cannot be read."""
    try:
        return await look(service.connection, conflict.ref)
    except (ConfigError, RecordError):
        return None


def conflict_json(conflict: Conflict, key: str) -> dict[str, Any]:
    """One conflict for programs."""
    fields = {
        name: {
            "last_agreed": conflict.base.get(name),
            "tracos": conflict.tracos.get(name),
            "customer": conflict.customer.get(name),
            "taken": side.value if side else None,
            "waiting": name in conflict.waiting,
        }
        for name, side in conflict.taken.items()
    }
    return {
        "id": conflict.id,
        "order": conflict.ref,
        "key": key or None,
        "kind": conflict.kind.value,
        "at": conflict.at,
        "waiting": conflict.decided is None,
        "decided": conflict.decided,
        "fields": fields,
        "source": conflict.source,
        "customer_at": conflict.customer_at,
        "tracos_at": conflict.tracos_at,
        "resolutions": [asdict(resolution) for resolution in conflict.resolutions],
    }


def now_json(conflict: Conflict, present: Present | None) -> dict[str, Any] | None:
    """What both sides show by now."""
    if present is None:
        return None
    return {
        name: {"tracos": present.shown.get(name), "customer": customer_now(conflict, present, name)}
        for name in conflict.taken
    }


def customer_now(conflict: Conflict, present: Present, name: str) -> Value:
    """What he holds by now; of an order gone from TracOS only the conflict knows it."""
    gone = conflict.kind is Kind.MISSING
    return conflict.customer.get(name) if gone else present.customer(name)


def refusals(deeds: list[Deed]) -> list[dict[str, Any]]:
    """What could not be decided, and why."""
    return [{**identity(deed), "why": deed.refused} for deed in deeds if deed.refused]


def deed_json(deed: Deed) -> dict[str, Any]:
    """One decided conflict for programs."""
    return {**identity(deed), "fields": dict(deed.values)}


def identity(deed: Deed) -> dict[str, Any]:
    """Which conflict of which order it is."""
    return {"id": deed.conflict.id, "order": deed.conflict.ref, "key": deed.key or None}
