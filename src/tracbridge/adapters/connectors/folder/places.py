"""Are the folders there, usable, apart from each other, on one file system, and do they work?"""

import os
from itertools import combinations
from pathlib import Path

from tracbridge.adapters.connectors.folder.files import fsync, write_file
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import SettingError


def verify(settings: FolderSettings) -> None:
    """Raises `SettingError` with the folder and what to do; touches nothing."""
    writes = settings.mode is not InboundMode.KEEP
    names = settings.names
    _require(settings.inbound, names["inbound"], writes=writes)
    _require(settings.outbound, names["outbound"], writes=True)
    _disjoint(settings)
    if settings.mode is InboundMode.ARCHIVE:
        _one_file_system(settings, "archive")
    if writes:
        _one_file_system(settings, "quarantine")


def _require(folder: Path, setting: str, *, writes: bool) -> None:
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise SettingError(
            f"{setting}={folder} {what}. Make it, or run `tracbridge sample` to try things out."
        )
    needed = os.R_OK | os.X_OK | (os.W_OK if writes else 0)
    if not os.access(folder, needed):
        rights = "read and write" if writes else "read"
        raise SettingError(f"{setting}={folder} cannot be used: this account may not {rights} it.")


def _disjoint(settings: FolderSettings) -> None:
    """What we write must never be what we read."""
    names = settings.names
    places: dict[str, Path] = {key: getattr(settings, key) for key in names}
    real = {key: Path(os.path.realpath(path)) for key, path in places.items()}
    for one, other in combinations(names, 2):
        if real[one] == real[other]:
            raise SettingError(
                f"{names[one]} and {names[other]} are the same folder ({real[one]}); "
                "keep them apart."
            )
    for key in ("outbound", "archive", "quarantine"):
        if real["inbound"] in real[key].parents:
            raise SettingError(
                f"{names[key]}={places[key]} lies inside {names['inbound']}; keep them apart."
            )


def _one_file_system(settings: FolderSettings, key: str) -> None:
    """A rename must be able to move a file there in one step."""
    target: Path = getattr(settings, key)
    there = next(p for p in (target, *target.absolute().parents) if p.exists())
    if there.stat().st_dev != settings.inbound.stat().st_dev:
        raise SettingError(
            f"{settings.names[key]}={target} is on another file system than "
            f"{settings.names['inbound']}={settings.inbound}; files are moved by rename, which "
            "cannot cross file systems."
        )


def self_test(folder: Path, other: Path | None = None) -> str | None:
    """Create, fsync, rename, list, read and delete a file, for real; what failed, or None."""
    source = folder / ".tracbridge-self-test"
    target = (other or folder) / ".tracbridge-self-test-renamed"
    try:
        write_file(str(source), b"self-test", 0o600)
        fsync(str(source))
        os.rename(source, target)
        fsync(str(target.parent))
        listed = target.name in os.listdir(target.parent)
        read = target.read_bytes() == b"self-test"
        target.unlink()
    except OSError as error:
        return f"{error.strerror} ({error.filename})"
    finally:
        source.unlink(missing_ok=True)
    return None if listed and read else "what was written could not be listed or read back"
