"""Finding a mongod that runs here, and saying in one sentence why there is none."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tracbridge.domain.errors import ConfigError

PATIENCE = 60.0
"""Seconds that a program may take to return, and a server to answer, to be writable or to end."""

_LIBRARY_MISSING = re.compile(r"error while loading shared libraries: (\S+?):")
_DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
    "libresolv.so.2": "libc6",
}


def find_binary(environ: Mapping[str, str] = os.environ) -> Path:
    """The mongod to use: ``MONGOD_BINARY``, else the one on ``PATH``, else the one in the wheel.

    It has been run once: a ConfigError says what is missing and how to get it.
    """
    named = environ.get("MONGOD_BINARY", "")
    found = Path(named) if named else _on_path(environ) or _in_wheel()
    if found is None:
        raise ConfigError(
            "no mongod found: install the extra with pip install 'tracbridge[embedded]' (Linux), "
            "or set MONGOD_BINARY to a mongod, or set MONGO_URI to a MongoDB that runs"
        )
    if not found.is_file():
        raise ConfigError(f"MONGOD_BINARY {found} is not a file: set it to a mongod, or remove it")
    _make_runnable(found)
    _try_out(found)
    return found


def _on_path(environ: Mapping[str, str]) -> Path | None:
    found = shutil.which("mongod", path=environ.get("PATH", os.defpath))
    return Path(found) if found else None


def _in_wheel() -> Path | None:
    # Found without importing: the package would start servers of its own.
    spec = importlib.util.find_spec("fiftyone")
    for place in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(place, "db", "bin", "mongod")
        if binary.is_file():
            return binary
    return None


def _make_runnable(binary: Path) -> None:
    if os.access(binary, os.X_OK):
        return
    try:
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError as error:
        raise ConfigError(f"{binary} may not be run: as its owner, chmod a+x {binary}") from error


def _try_out(binary: Path) -> None:
    done = call([str(binary), "--version"])
    if done.returncode == 0:
        return
    missing = _LIBRARY_MISSING.search(done.stderr)
    if missing:
        raise ConfigError(_library_missing(binary, missing[1]))
    raise ConfigError(f"{binary} does not run here: {last_line(done.stderr + done.stdout)}")


def _library_missing(binary: Path, library: str) -> str:
    package = _DEBIAN_PACKAGES.get(library)
    if package is None:
        return f"{binary} needs the shared library {library}, which is missing: install it"
    return (
        f"{binary} needs the shared library {library}, which is missing: "
        f"on Debian and Ubuntu, apt-get install {package}"
    )


def call(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; ConfigError if it cannot run or does not return."""
    try:
        return subprocess.run(  # noqa: S603 - our own words, no shell
            words, check=False, capture_output=True, text=True, errors="replace", timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{words[0]} does not run here: {error}") from error


def last_line(text: str) -> str:
    """The last thing a program said."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"
