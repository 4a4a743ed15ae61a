"""``tracbridge check``: is everything as it must be? Each line is ok, or says what to do."""

import typer
from msgspec.structs import asdict, replace

from tracbridge.cli.context import Json, say, say_json, serving_all, wait_for
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
        async with serving_all() as services:
            found.append(Finding("settings", ok=True, text=services[0].note or "all accepted"))
            for service in services:
                name = service.name if len(services) > 1 else ""
                found += [replace(one, connection=name) async for one in service.findings()]
    except SettingError as error:
        found += [Finding("settings", ok=False, text=text) for text in str(error).splitlines()]
        return BAD_SETTING
    except TracbridgeError as error:
        found.append(Finding("MongoDB", ok=False, text=str(error)))
    return 0 if all(finding.ok for finding in found) else WRONG


def line(finding: Finding) -> str:
    """One finding on one line."""
    where = f"{finding.connection}: " if finding.connection else ""
    word = "ok   " if finding.ok else "WRONG"
    return f"{word}  {finding.name:<10}  {where}{harmless(finding.text)}"
