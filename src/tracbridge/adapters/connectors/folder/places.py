"""Are the folders there, usable, apart from each other, on one file system, and do they work?"""

import os
from pathlib import Path

from tracbridge.adapters.connectors.folder.files import fsync, write_file
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import SettingError


def verify(settings: FolderSettings) -> None:
    """Raises `SettingError` with the folder and what to do; touches nothing."""
    writes = settings.mode is not InboundMode.KEEP
    _require(settings.inbound, "DATA_INBOUND_DIR", writes=writes)
    _require(settings.outbound, "DATA_OUTBOUND_DIR", writes=True)
    _disjoint(settings)
    if settings.mode is InboundMode.ARCHIVE:
        _one_file_system(settings.inbound, settings.archive, "DATA_ARCHIVE_DIR")
    if writes:
        _one_file_system(settings.inbound, settings.quarantine, "DATA_QUARANTINE_DIR")


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
    places = {
        "DATA_INBOUND_DIR": settings.inbound,
        "DATA_OUTBOUND_DIR": settings.outbound,
        "DATA_ARCHIVE_DIR": settings.archive,
        "DATA_QUARANTINE_DIR": settings.quarantine,
    }
    real = {name: Path(os.path.realpath(path)) for name, path in places.items()}
    for name, path in real.items():
        for other, inside in real.items():
            if name < other and path == inside:
                raise SettingError(
                    f"{name} and {other} are the same folder ({path}); keep them apart."
                )
    for name in ("DATA_OUTBOUND_DIR", "DATA_ARCHIVE_DIR", "DATA_QUARANTINE_DIR"):
        if real["DATA_INBOUND_DIR"] in real[name].parents:
            raise SettingError(
                f"{name}={places[name]} lies inside DATA_INBOUND_DIR; keep them apart."
            )


def _one_file_system(inbound: Path, target: Path, setting: str) -> None:
    """A rename must be able to move a file there in one step."""
    there = next(p for p in (target, *target.absolute().parents) if p.exists())
    if there.stat().st_dev != inbound.stat().st_dev:
        raise SettingError(
            f"{setting}={target} is on another file system than DATA_INBOUND_DIR={inbound}; "
            "files are moved by rename, which cannot cross file systems."
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
