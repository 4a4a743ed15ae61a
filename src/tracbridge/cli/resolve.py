"""``tracbridge conflicts resolve``: what a person decides, in one conflict or in many."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from msgspec import Struct
from msgspec.structs import replace

from tracbridge.bootstrap import Service
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    keys_of,
    new_run,
    person,
    say,
    say_json,
    serving,
    settings,
    wait_for,
)
from tracbridge.cli.show import ref_of
from tracbridge.cli.table import both, counted, harmless, quoted, table, told_apart
from tracbridge.cli.values import typed
from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side, Value
from tracbridge.engine.amend import Present, look
from tracbridge.engine.decide import Choice, resolve, wanted
from tracbridge.ports.state import Conflict

OLD = frozenset({Kind.STALE, Kind.DOUBT, Kind.UNDO})
"""Conflicts whose loser is an older value: no policy decided them, so in bulk they are named."""

Order = Annotated[str, typer.Option("--order", metavar="N", help="Only this order's.")]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only those of this kind.")]
Field = Annotated[str, typer.Option("--field", metavar="FIELD", help="Only this field.")]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="DAY",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
        help="Only those on record since then, UTC.",
    ),
]


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


def resolve_(  # noqa: PLR0913, PLR0917 - each is an option of the command
    id_: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    decided: Annotated[
        bool, typer.Option("--decided", help="With --all: those that a policy decided instead.")
    ] = False,
    order: Order = "",
    kind: OfKind = None,
    field: Field = "",
    since: Since = None,
    take: Annotated[Side | None, typer.Option(help="Whose values shall stand.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="What shall stand; may be repeated."),
    ] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides.  [default: you]")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; goes on record.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Show it; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: ask nothing.")] = False,
    json: Json = False,
) -> None:
    """Let one side's values stand, or others; both sides show them after the next run.

    Exit code 3: some of several could not be decided.
    """
    meant = Filter(order, kind, field, since)
    if everything == bool(id_):
        raise typer.BadParameter("name the conflict, or say --all.")
    if not everything and (decided or order or kind or since):
        raise typer.BadParameter("--decided, --order, --kind and --since go with --all.")
    if (take is None) == (not sets):
        raise typer.BadParameter("say either --take tracos|customer or --set FIELD=VALUE.")
    if field and sets:
        raise typer.BadParameter("--set names its field itself: leave --field out.")
    choice = Choice(
        by or person(),
        why,
        take,
        typed(sets, settings()) if sets else {},
        (field,) if field else (),
    )
    work = Work(choice, meant, id_, decided)
    if preview or (everything and not yes):
        deeds = wait_for(work.foreseen())
        if preview or not deeds:
            tell(deeds, json=json, preview=True)
            return
        agree(deeds, json=json)
    deeds = wait_for(work.done())
    tell(deeds, json=json)
    raise typer.Exit(TROUBLED if any(deed.refused for deed in deeds) else 0)


class Work(Struct, frozen=True):
    """A choice, and the conflicts that it is made for: one by its id, or all that are meant."""

    choice: Choice
    meant: Filter
    id: str = ""
    decided: bool = False

    async def foreseen(self) -> list[Deed]:
        """What `done` would do now; writes nothing."""
        async with serving() as service:
            found = await self._conflicts(service)
            return await named(service, [await self._foresee(service, one) for one in found])

    async def done(self) -> list[Deed]:
        """Decide them, one after the other."""
        run = new_run()
        async with serving() as service:
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
    """The conflict of that id; raises `ConfigError` if there is none."""
    found = await service.views.conflict(id_)
    if found is None:
        raise ConfigError(f"no conflict {harmless(id_)}: see tracbridge conflicts list.")
    return found


def agree(deeds: list[Deed], *, json: bool) -> None:
    """Show it and ask; where nobody can answer, say what to say."""
    count = counted(len(deeds), "conflict")
    if json or not sys.stdin.isatty():
        raise typer.BadParameter(f"--all decides {count}: look with --preview, then add --yes.")
    say(as_table(deeds))
    typer.confirm(f"Decide {count}?", abort=True)


def tell(deeds: list[Deed], *, json: bool, preview: bool = False) -> None:
    """What was done, or would be."""
    if json:
        done = [as_json(deed) for deed in deeds if not deed.refused]
        say_json({"preview": preview, "resolved": done, "refused": refusals(deeds)})
    elif preview:
        say(as_table(deeds) or "Nothing to decide: no conflict is meant.")
    else:
        say("\n".join(map(sentence, deeds)) or "Nothing to decide: no conflict is meant.")
        if any(deed.values and not deed.stays_gone for deed in deeds):
            say("The next run tells the other side.")


def refusals(deeds: list[Deed]) -> list[dict[str, Any]]:
    """What could not be decided, and why."""
    return [{**identity(deed), "why": deed.refused} for deed in deeds if deed.refused]


def as_json(deed: Deed) -> dict[str, Any]:
    """One decided conflict for programs."""
    return {**identity(deed), "fields": dict(deed.values)}


def identity(deed: Deed) -> dict[str, Any]:
    """Which conflict of which order it is."""
    return {"id": deed.conflict.id, "order": deed.conflict.ref, "key": deed.key or None}


def sentence(deed: Deed) -> str:
    """One decided conflict."""
    order = f"Order {harmless(deed.order)}"
    if deed.refused:
        return f"{order}: not decided: {harmless(deed.refused)}"
    if deed.stays_gone:
        return f"{order}: stays gone from TracOS."
    return f"{order}: " + ", ".join(
        f"{harmless(name)} = {quoted(value, 60)}" for name, value in deed.values.items()
    )


def row(deed: Deed, present: Present, name: str) -> tuple[str, ...]:
    """One field: what each side shows, and what would stand."""
    sides = present.shown.get(name), present.customer(name)
    texts = told_apart(*sides, 24)
    value = deed.values[name]
    stands = texts[sides.index(value)] if value in sides else quoted(value, 24)
    return deed.conflict.id, deed.order, name, *texts, stands


def as_table(deeds: list[Deed]) -> str:
    """What would stand in each field, beside what stands there now."""
    rows = [row(deed, deed.present, name) for deed in deeds if deed.present for name in deed.values]
    head = ("ID", "ORDER", "FIELD", "TRACOS", "CUSTOMER", "WOULD STAND")
    text = table(head, rows) if rows else ""
    return text + "".join(sentence(deed) + "\n" for deed in deeds if deed.refused)
