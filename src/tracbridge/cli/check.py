"""``tracbridge check``: is everything as it must be? Each line is ok, or says what to do."""

import typer
from msgspec.structs import asdict

from tracbridge.cli.context import Json, say, say_json, serving, wait_for
from tracbridge.cli.table import harmless
from tracbridge.domain.errors import SettingError, TracbridgeError
from tracbridge.ports.runtime import Finding

WRONG, BAD_SETTING = 1, 2


def check(json: Json = False) -> None:
    """Settings, MongoDB, folders: each line ok, or what to do."""
    found: list[Finding] = []
    code = wait_for(_check(found))
    if json:
        say_json([asdict(finding) for finding in found])
    else:
        say("\n".join(map(line, found)))
    raise typer.Exit(code)


async def _check(found: list[Finding]) -> int:
    """Fill in what was found; the exit code."""
    try:
        async with serving() as service:
            found.append(Finding("settings", ok=True, text=service.note or "all accepted"))
            found += [finding async for finding in service.findings()]
    except SettingError as error:
        found += [Finding("settings", ok=False, text=text) for text in str(error).splitlines()]
        return BAD_SETTING
    except TracbridgeError as error:
        found.append(Finding("MongoDB", ok=False, text=str(error)))
    return 0 if all(finding.ok for finding in found) else WRONG


def line(finding: Finding) -> str:
    """One finding on one line."""
    return f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name:<10}  {harmless(finding.text)}"
