"""That ``requirements/*.txt`` say exactly what ``poetry.lock`` says; needs no Poetry.

Each export is compared with the lock by name, version, marker-free hashes and the groups it is
made of; the lock must be that of ``pyproject.toml``. Neither the lock nor an export may name a
registry or any other address to download from.
"""

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = {
    "run": {"main"},
    "dev": {"main", "dev", "build"},
    "build": {"build"},
    "bench": {"bench"},
    "docs": {"docs"},
    "mutants": {"mutants"},
}
"""The groups of the lock that each file in ``requirements/`` holds, without any extra but these."""

EXTRAS = {"run": {"serve"}}

REMEDY = "run `make lock`"
_ADDRESS = re.compile(
    r"^\s*(url|source|reference)\s*=|\[package\.source\]|--(extra-)?index-url|--find-links|@ ?\w+://"
)
_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)")
_EXTRA = re.compile(r'extra == "([^"]+)"')
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    version: str
    hashes: frozenset[str]


def locked(lock: dict[str, Any], groups: set[str], extras: Collection[str] = ()) -> dict[str, Pin]:
    return {
        package["name"]: Pin(package["version"], frozenset(f["hash"] for f in package["files"]))
        for package in lock["package"]
        if any(wanted(package, group, extras) for group in groups)
    }


def wanted(package: dict[str, Any], group: str, extras: Collection[str] = ()) -> bool:
    """A package that only other extras of this group ask for is not exported."""
    markers = package.get("markers", "")
    marker = markers.get(group, "") if isinstance(markers, dict) else markers
    ways = marker.split(" or ")
    asking = [_EXTRA.findall(way) for way in ways]
    return group in package["groups"] and any(
        not names or set(names) & set(extras) for names in asking
    )


def exported(text: str) -> dict[str, Pin]:
    pins = {}
    for block in text.replace("\\\n", " ").splitlines():
        found = _PIN.match(block)
        if found:
            pins[found["name"]] = Pin(found["version"], frozenset(_HASH.findall(block)))
    return pins


def differences(name: str, lock: dict[str, Pin], export: dict[str, Pin]) -> list[str]:
    return [
        f"requirements/{name}.txt: {package} differs from poetry.lock; {REMEDY}"
        for package in sorted(lock.keys() | export.keys())
        if lock.get(package) != export.get(package)
    ]


def addresses(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        f"{path.relative_to(ROOT)}:{number}: names an address; {REMEDY}"
        for number, line in enumerate(lines, 1)
        if _ADDRESS.search(line)
    ]


def content_hash(pyproject: dict[str, Any]) -> str:
    """What Poetry 2 writes as the lock's ``content-hash``."""
    project, poetry = pyproject["project"], pyproject["tool"]["poetry"]
    keys = ("requires-python", "dependencies", "optional-dependencies")
    relevant = {
        "project": {key: project[key] for key in keys if key in project},
        "tool": {"poetry": {"group": poetry["group"]}},
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def staleness(lock: dict[str, Any]) -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    same = content_hash(pyproject) == lock["metadata"]["content-hash"]
    return [] if same else [f"poetry.lock is older than pyproject.toml; {REMEDY}"]


def main() -> int:
    lock = tomllib.loads((ROOT / "poetry.lock").read_text(encoding="utf-8"))
    found = staleness(lock) + addresses(ROOT / "poetry.lock")
    for name, groups in EXPORTS.items():
        path = ROOT / "requirements" / f"{name}.txt"
        export = exported(path.read_text(encoding="utf-8"))
        pins = locked(lock, groups, EXTRAS.get(name, ()))
        found += differences(name, pins, export) + addresses(path)
    print("\n".join(found) or f"poetry.lock: {len(EXPORTS)} exports equal it, no address in any")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
