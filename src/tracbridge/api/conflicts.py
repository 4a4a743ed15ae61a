"""On what the two sides of a connection do not agree, and what a person decides."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tracbridge.api.context import Connection, Connections, Operator
from tracbridge.api.desk import PLACE, DeskRoute, Id, Said, page
from tracbridge.api.problem import ProblemError
from tracbridge.desk.conflicts import (
    WHY,
    Filter,
    Work,
    conflict_json,
    deed_json,
    now_json,
    one_of,
    present_of,
    refusals,
)
from tracbridge.desk.errors import WordError
from tracbridge.desk.orders import keys_of, ref_of
from tracbridge.desk.values import as_value, kinds_of
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import DELETED, Side, Value
from tracbridge.engine.decide import Choice

router = APIRouter(tags=["conflicts"], route_class=DeskRoute)

WHERE = "/connections/{connection}/conflicts"

FieldName = Annotated[str, Field(max_length=200)]
Given = Annotated[str, Field(max_length=100_000)] | bool | int | float | None


class Decision(Said):
    """Either ``take``, whose values shall stand (in ``fields`` only, where these are given), or
    ``values`` by field. ``preview``: only say what would stand.
    """

    take: Side | None = None
    fields: Annotated[list[FieldName], Field(default_factory=list, max_length=200)]
    values: Annotated[dict[FieldName, Given], Field(default_factory=dict, max_length=200)]
    preview: bool = False


class Asked(BaseModel):
    """Which conflicts, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["waiting", "decided", "any"] = "waiting"
    kind: Kind | None = None
    order: str = Field("", max_length=300)
    field: str = Field("", max_length=200)
    after: str = Field("", pattern=PLACE)
    limit: int = Field(100, ge=1, le=500)


@router.get(WHERE)
async def conflicts(service: Connection, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    """Conflicts, newest first: those that wait, those that were decided, or any."""
    query: dict[str, Any] = {} if asked.state == "any" else {"waiting": asked.state == "waiting"}
    query |= {"kind": asked.kind.value} if asked.kind else {}
    query |= {"fields": asked.field} if asked.field else {}
    query |= {"ref": await service.ref(ref_of(asked.order))} if asked.order else {}
    some, more = await service.listing.conflicts(query, asked.after, asked.limit)
    keys = await keys_of(service, [one.ref for one in some])
    return page([conflict_json(one, keys.get(one.ref, "")) for one in some], more)


@router.get(WHERE + "/{conflict}")
async def show(service: Connection, conflict: Id) -> dict[str, Any]:
    """One conflict: the values of both sides then and by now, what was last agreed, who decided."""
    found = await one_of(service, conflict)
    present = await present_of(service, found)
    told = conflict_json(found, await service.key(found.ref))
    return {**told, "meaning": WHY[found.kind], "now": now_json(found, present)}


@router.post(WHERE + "/{conflict}/resolve")
async def resolve(
    caller: Operator,
    service: Connection,
    among: Connections,
    conflict: Id,
    said: Decision,
) -> dict[str, Any]:
    """Let one side's values stand, or others; both sides show them after the next pass.

    409: the order was changed since; nothing was overwritten.
    """
    if (said.take is None) == (not said.values):
        raise ProblemError(422, "Not accepted", "Say either take or values, and not both.")
    if said.values and said.fields:
        raise ProblemError(422, "Not accepted", "values name their fields themselves.")
    kinds = kinds_of(service.settings)
    values = {name: typed(name, value, kinds) for name, value in said.values.items()}
    choice = Choice(caller.name, said.why, said.take, values, tuple(said.fields))
    work = Work(choice, Filter(), conflict)
    deeds = await (work.foreseen(service) if said.preview else work.done(service))
    if not said.preview:
        await among.audit(caller, service.name, "conflict.resolve", conflict, said.why, words(said))
        among.ring(service.name, ())
    done = [deed_json(deed) for deed in deeds if not deed.refused]
    return {"preview": said.preview, "resolved": done, "refused": refusals(deeds)}


def typed(name: str, value: Given, kinds: dict[str, str]) -> Value:
    """The value as that field needs it. Raises `WordError`."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is None and name in {"status", DELETED, "description"}:
        raise WordError(f"{name}: null is no value of this field.")
    return as_value(name, "" if value is None else str(value), kinds)


def words(said: Decision) -> str:
    """What was decided, without values: they stand with the conflict."""
    if said.take:
        where = f" in {', '.join(said.fields)}" if said.fields else ""
        return f"took the values of {said.take.value}{where}"
    return f"set {', '.join(said.values)}"
