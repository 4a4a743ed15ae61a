"""``tracbridge quarantine``: what was refused, why, and what to do with it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tracbridge.bootstrap import Service
from tracbridge.cli.context import (
    TROUBLED,
    Json,
    keys_of,
    new_run,
    say,
    say_json,
    serving,
    wait_for,
)
from tracbridge.cli.table import both, counted, harmless, moment
from tracbridge.domain.errors import ConfigError, OccupiedError
from tracbridge.engine.retry import Tried, hand_over, retry
from tracbridge.engine.session import session
from tracbridge.ports.approvals import Approval
from tracbridge.ports.connector import PutsBack
from tracbridge.ports.state import QuarantineCase

app = typer.Typer(
    help="Refused records: why, their bytes, try again, discard.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SHOWN_BYTES = 4_000
"""Bytes of an original that `show` prints; JSON holds all of them."""

Id = Annotated[str, typer.Argument(metavar="ID")]


@app.command("list")
def list_(json: Json = False) -> None:
    """Open cases, newest first: where, what, why."""
    cases, keys = wait_for(_list())
    if json:
        say_json([as_json(case, keys) for case in cases])
        return
    told = [text for case in cases for text in lines(case, keys)]
    if held := sum(bool(case.token) for case in cases):
        waits = counted(held, "waits for approval", "wait for approval")
        told.append(f"\n{waits}: tracbridge approve CASE, or --rule NAME")
    say("\n".join(told) or "The quarantine is empty.")


async def _list() -> tuple[list[QuarantineCase], dict[str, str]]:
    async with serving() as service:
        cases = [case async for case in service.views.cases()]
        return cases, await keys_of(service, [case.ref or "" for case in cases])


@app.command()
def show(id_: Id, json: Json = False) -> None:
    """One case with its original bytes."""
    case, keys, approval, data = wait_for(_show(id_))
    if json:
        text = None if data is None else data.decode("utf-8", "replace")
        let = {"at": approval.at, "by": approval.by, "why": approval.why} if approval else None
        say_json({**as_json(case, keys), "approval": let, "content": text})
        return
    say("\n".join(lines(case, keys)))
    say(f"    {case.state} {where(case)}")
    if approval:
        why = f": {harmless(approval.why)}" if approval.why else ""
        say(f"    approved {moment(approval.at)} by {harmless(approval.by)}{why}")
    say("\n" + original(data))


async def _show(
    id_: str,
) -> tuple[QuarantineCase, dict[str, str], Approval | None, bytes | None]:
    async with serving() as service:
        (case,) = await found(service, [id_])
        approvals = await service.views.approvals(case.ref or "") if case.token else []
        approval = next((one for one in approvals if one.token == case.token), None)
        keys = await keys_of(service, [case.ref or ""])
        return case, keys, approval, await original_of(service, case)


async def original_of(service: Service, case: QuarantineCase) -> bytes | None:
    """The bytes as they came."""
    customer = service.customer.connector
    if isinstance(customer, PutsBack):
        return await customer.original(case)
    return case.raw or None


@app.command("retry")
def retry_(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open cases.")] = False,
    json: Json = False,
) -> None:
    """Take the original bytes in again, as old as they are: never over a newer version."""
    if everything == bool(ids):
        raise typer.BadParameter("name the cases to retry, or say --all.")
    tried = wait_for(_retry(ids or []))
    if json:
        say_json([tried_json(one) for one in tried])
    else:
        say("\n".join(map(became, tried)) or "Nothing to retry: the quarantine is empty.")
    raise typer.Exit(TROUBLED if any(one.refused or one.held for one in tried) else 0)


async def _retry(ids: list[str]) -> list[Tried]:
    """All open cases where no ids are given."""
    async with serving() as service:
        wanted = await found(service, ids) if ids else await every_case(service)
        for case in wanted:
            refuse_closed(case, "open", "retried")
        return await again(service, wanted)


async def again(service: Service, wanted: list[QuarantineCase]) -> list[Tried]:
    """Take them in now, or leave that to the process that works on the connection."""
    if not wanted:
        return []
    cases, run = service.state.quarantine, new_run()
    try:
        async with session(service.connection, service.state.runs, run):
            return await retry(service.connection, cases, wanted, run)
    except OccupiedError:
        return await hand_over(service.connection, cases, wanted)


async def every_case(service: Service) -> list[QuarantineCase]:
    """All open cases with their bytes."""
    ids = [case.id async for case in service.views.cases()]
    return await service.state.quarantine.find(ids)


@app.command()
def discard(id_: Id) -> None:
    """Close a case for good; its bytes stay where they are."""
    wait_for(_discard(id_))
    say(f"Discarded {id_}; its bytes stay where they are.")


async def _discard(id_: str) -> None:
    async with serving() as service:
        (case,) = await found(service, [id_])
        refuse_closed(case, "open")
        now = service.connection.clock.now()
        await service.state.quarantine.move(id_, "discarded", now)


async def found(service: Service, ids: list[str]) -> list[QuarantineCase]:
    """These cases; raises `ConfigError` naming the first that does not exist."""
    cases = {case.id: case for case in await service.state.quarantine.find(ids)}
    for id_ in ids:
        if id_ not in cases:
            raise ConfigError(f"no case {harmless(id_)}: see tracbridge quarantine list.")
    return [cases[id_] for id_ in dict.fromkeys(ids)]


def refuse_closed(case: QuarantineCase, *states: str) -> None:
    """Only a case in one of these states can be dealt with."""
    if case.state not in states:
        raise ConfigError(f"case {case.id} is {case.state} already; nothing was changed.")


def as_json(case: QuarantineCase, keys: Mapping[str, str]) -> dict[str, Any]:
    """One case for programs."""
    why = case.why
    return {
        "id": case.id,
        "at": case.at,
        "state": case.state,
        "side": case.side.value,
        "source": case.source,
        "order": case.ref,
        "key": keys.get(case.ref or ""),
        "code": why.code,
        "pointer": why.pointer,
        "value": why.value,
        "reason": why.reason,
        "hint": why.hint,
        "file": case.file or None,
    }


def lines(case: QuarantineCase, keys: Mapping[str, str]) -> list[str]:
    """One case for people."""
    why, ref = case.why, case.ref or ""
    order = f"  order {harmless(both(ref, keys.get(ref, '')))}" if ref else ""
    what = "  ".join(harmless(part) for part in (why.pointer, why.value, why.reason) if part)
    head = f"{case.id}  {moment(case.at)}  {harmless(case.source)}{order}"
    return [head, f"    {what}", *([f"    {harmless(why.hint)}"] if why.hint else [])]


def where(case: QuarantineCase) -> str:
    """Where the original is."""
    if case.file:
        return f"· kept in {harmless(case.file)}"
    return "· kept in our database" if case.raw else "· the document in TracOS is the original"


def original(data: bytes | None) -> str:
    """The bytes as text, line by line, harmless for a terminal."""
    if data is None:
        return "(no bytes of ours)"
    text = data[:SHOWN_BYTES].decode("utf-8", "replace")
    body = "\n".join(map(harmless, text.splitlines()))
    more = len(data) - SHOWN_BYTES
    return body + (f"\n... ({more:,} more bytes)" if more > 0 else "")


def outcome(tried: Tried) -> str:
    """What became of it, in a word."""
    if not tried.outcomes:
        return "gone"
    if tried.refused:
        return "refused again"
    if "handed over" in tried.outcomes:
        return "handed over"
    return "stale" if set(tried.outcomes) <= {"read", "stale", "conflicts"} else "applied"


def tried_json(tried: Tried) -> dict[str, Any]:
    """One retried case for programs."""
    counts = {f"{name}": n for name, n in tried.outcomes.items() if name != "read"}
    new = [case.id for case in tried.refused]
    return {
        "id": tried.case.id,
        "order": tried.case.ref,
        "outcome": outcome(tried),
        "counts": counts,
        "cases": new,
    }


def became(tried: Tried) -> str:
    """One retried case for people."""
    case, word = tried.case, outcome(tried)
    why = {
        "gone": "its bytes are nowhere any more; discard it",
        "stale": "a newer version of the order was accepted since; not applied",
        "handed over": "a run works just now; its next pass takes it",
        "applied": ", ".join(f"{n}" for n in tried.outcomes if n not in ("read", "conflicts")),
    }.get(word) or "; ".join(f"{one.id}: {harmless(str(one.why))}" for one in tried.refused)
    return f"{case.id}  {harmless(case.source)}  {word}: {why}"
