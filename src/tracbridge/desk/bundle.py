"""A support bundle: what somebody who helps needs to know, and nothing that is nobody's business.

What may stand in it is said here, value by value: numbers, switches and words of our own. Every
other text of a setting (addresses, paths, names of hosts, secrets) is shown as ``set``. Nothing is
read of any order.
"""

import io
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from pydantic import BaseModel

from tracbridge import __version__
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.inventory import figures_of, memory_of
from tracbridge.config.settings import Settings
from tracbridge.config.table import KNOWN
from tracbridge.desk.report import reports_of
from tracbridge.domain.errors import TracbridgeError
from tracbridge.ports.undo import Run

RUNS = 20
"""The latest runs of each connection."""

REPORTS = 7
"""The latest daily reports of each connection."""

PACKAGES = (
    *("pymongo", "orjson", "msgspec", "loguru", "typer", "rich", "pydantic", "cel-expr-python"),
    *("httpx2", "fastapi", "uvicorn", "prometheus-client", "watchfiles", "websockets", "tzdata"),
)

PLAIN = frozenset(
    {
        *("name", "tenant", "connector", "inbound_mode", "conflict_policy", "delete_conflict"),
        *("first_contact", "ack", "log_level", "log_format", "zone", "create"),
    }
)
"""Settings whose value is a word of ours, or a name that people gave a connection or a tenant."""

HIDDEN = "set"

README = """\
This is a support bundle of Tracbridge: versions, settings, counts.

about.json            versions, machine, which variables of the environment are set (no values)
connections/*.json    of each connection: settings, counts, indexes, latest runs, breakers

It holds no work order, no value of one, no name of a file or an address, and no secret. Texts of
settings are shown as "set". Look at it before you send it: it is all plain text.
"""


async def bundle(services: Sequence[Service], environ: Mapping[str, str], at: datetime) -> bytes:
    """The bundle as a ZIP archive. A connection whose memory is away is in it without counts."""
    files: dict[str, Any] = {"about.json": about(environ, at)}
    for service in services:
        files[f"connections/{service.name}.json"] = await connection_of(service)
    return zipped(files)


def zipped(files: Mapping[str, Any]) -> bytes:
    """These values as files of JSON, with a word on what they are."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, value in files.items():
            archive.writestr(name, orjson.dumps(value, option=orjson.OPT_INDENT_2))
    return buffer.getvalue()


def about(environ: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """Versions, the machine, and which of our variables are set."""
    ours = [n for n in environ if n in KNOWN or n.startswith(("TRACBRIDGE_", "OTEL_"))]
    return {
        "made": at,
        "tracbridge": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "memory_mb": _memory(),
        "utf8": sys.flags.utf8_mode == 1 or sys.getfilesystemencoding() == "utf-8",
        "packages": dict(_packages(PACKAGES)),
        "environment": sorted(name for name in ours if environ[name].strip()),
    }


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError):
        return None


def _packages(names: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, None


async def connection_of(service: Service) -> dict[str, Any]:
    """One connection. ``unreadable``: the kind of error by which our memory could not be read."""
    found: dict[str, Any] = {
        "settings": settings_shown(service.settings),
        "version": service.connection.version,
        "unreadable": None,
    }
    try:
        found |= {
            "memory": await memory_of(service),
            "figures": await figures_of(service),
            "runs": [run_shown(one) for one in await service.past.runs(RUNS)],
            "reports": [_report(one.json()) for one in await reports_of(service, REPORTS)],
        }
    except TracbridgeError as error:
        found["unreadable"] = type(error).__name__
    return found


def _report(report: Mapping[str, Any]) -> dict[str, Any]:
    return {**report, "error": bool(report["error"])}


def run_shown(run: Run) -> dict[str, Any]:
    """The numbers of a run; what its error said may name hosts and files, so it is left out."""
    return {
        "run": run.run,
        "started": run.started,
        "ended": run.ended,
        "exit": run.exit,
        "failed": bool(run.error),
        "undoes": run.undoes or None,
        "did": dict(run.did),
    }


def settings_shown(settings: Settings) -> dict[str, Any]:
    """All settings of a connection, masked."""
    return {
        one.name: _plain(getattr(settings, one.name))
        if one.name in PLAIN
        else masked(getattr(settings, one.name))
        for one in fields(settings)
    }


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set | tuple | list):
        return sorted(map(str, value))
    return None if value is None else str(value)


def masked(value: object) -> object:
    """A value without its texts: numbers and switches as they are, of tables and lists how much
    there is in them.
    """
    shown: object = HIDDEN if value or not isinstance(value, str) else ""
    match value:
        case None | bool() | int() | float():
            shown = value
        case Path():
            shown = f"{HIDDEN} ({'absolute' if value.is_absolute() else 'relative'})"
        case BaseModel():
            shown = {name: masked(getattr(value, name)) for name in type(value).model_fields}
        case tuple() if value and all(isinstance(one, int | float) for one in value):
            shown = list(value)
        case Mapping() | tuple() | list() | set() | frozenset():
            shown = {"entries": len(value)}
    return shown
