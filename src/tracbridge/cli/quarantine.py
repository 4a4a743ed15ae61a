"""``tracbridge quarantine``: what was refused, why, and what to do with it."""

from collections.abc import Mapping
from typing import Annotated

import typer

from tracbridge.cli.acting import acting
from tracbridge.cli.context import TROUBLED, Json, person, say, say_json, serving, wait_for
from tracbridge.cli.table import both, counted, harmless, moment
from tracbridge.desk.orders import keys_of
from tracbridge.desk.quarantine import case_json, found, original_of, retried
from tracbridge.desk.quarantine import discard as close
from tracbridge.engine.retry import Tried, outcome, tried_json
from tracbridge.ports.approvals import Approval
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
        say_json([case_json(case, keys) for case in cases])
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
        say_json({**case_json(case, keys), "approval": let, "content": text})
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
    async with acting("case.retry", "") as (service, act):
        tried = await retried(service, ids, person())
        act.tried(tried)
        return tried


@app.command()
def discard(id_: Id) -> None:
    """Close a case for good; its bytes stay where they are."""
    wait_for(_discard(id_))
    say(f"Discarded {id_}; its bytes stay where they are.")


async def _discard(id_: str) -> None:
    async with acting("case.discard", id_) as (service, _):
        await close(service, id_)


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
