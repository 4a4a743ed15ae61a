"""``tracbridge check``: is everything as it must be? Each line is ok, or says what to do."""

import asyncio
import sys
from typing import Annotated

import typer
from msgspec.structs import asdict, replace

from tracbridge.bootstrap import Service
from tracbridge.cli.context import (
    CHOSEN,
    Json,
    new_run,
    person,
    say,
    say_json,
    serving_all,
    settings,
    wait_for,
)
from tracbridge.cli.show import ref_of
from tracbridge.cli.table import harmless
from tracbridge.domain.errors import SettingError, TracbridgeError
from tracbridge.engine.session import session
from tracbridge.engine.trial import Trial
from tracbridge.ports.runtime import Finding

WRONG, BAD_SETTING = 1, 2

PAUSE = 1.0
"""Seconds between two looks at a record that does not show yet what was written."""


def check(
    name: Annotated[str, typer.Argument(metavar="[CONNECTION]", help="[default: all]")] = "",
    write: Annotated[
        str,
        typer.Option(
            metavar="ORDER", help="Try a write, and take it back, on this order of both sides."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Settings, MongoDB, customer: each line ok, or what to do.

    Changes nothing but with --write: then a text of that order is changed at the customer's as a
    run would do it, read back, and put back.
    """
    if name:
        CHOSEN.set((*CHOSEN.get(), name))
    found: list[Finding] = []
    code = wait_for(_check(found, ref_of(write) if write else ""))
    if json:
        say_json([asdict(finding) for finding in found])
    else:
        say("\n".join(map(line, found)))
    raise typer.Exit(code)


async def _check(found: list[Finding], write: str) -> int:
    """Fill in what was found; the exit code."""
    try:
        if write:
            settings()  # one connection only
        async with serving_all() as services:
            found.append(Finding("settings", ok=True, text=services[0].note or "all accepted"))
            for service in services:
                name = service.name if len(services) > 1 else ""
                found += [replace(one, connection=name) async for one in service.findings()]
            if write:
                await _try(services[0], write, found)
    except SettingError as error:
        found += [Finding("settings", ok=False, text=text) for text in str(error).splitlines()]
        return BAD_SETTING
    except TracbridgeError as error:
        found.append(Finding("MongoDB", ok=False, text=str(error)))
    return 0 if all(finding.ok for finding in found) else WRONG


async def _try(service: Service, write: str, found: list[Finding]) -> None:
    """Write to the customer and take it back, if all else is in order and nobody is at work."""
    if not all(finding.ok for finding in found):
        found.append(Finding("write", ok=False, text="not tried: mend the other things first"))
        return
    await service.prepare()
    ref, run = await service.ref(write), new_run()
    trial = Trial(service.connection, ref, run, person(), lambda: asyncio.sleep(PAUSE))
    try:
        async with session(service.connection, service.state.runs, run):
            async for finding in trial():
                found.append(finding)
    except TracbridgeError as error:
        found.append(Finding("write", ok=False, text=f"{error} {trial.left}".strip()))
    except BaseException:
        if trial.left:
            sys.stderr.write(f"tracbridge: {harmless(trial.left)}\n")
        raise


def line(finding: Finding) -> str:
    """One finding on one line."""
    where = f"{finding.connection}: " if finding.connection else ""
    word = "ok   " if finding.ok else "WRONG"
    return f"{word}  {finding.name:<10}  {where}{harmless(finding.text)}"
