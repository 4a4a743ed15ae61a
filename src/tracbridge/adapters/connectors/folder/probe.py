"""What ``check`` finds out about the folders: by really writing, renaming and reading in them."""

import os
from collections.abc import Iterator
from pathlib import Path

from tracbridge.adapters.connectors.folder.places import self_test, verify
from tracbridge.adapters.connectors.folder.settings import FolderSettings, InboundMode
from tracbridge.domain.errors import SettingError
from tracbridge.ports.runtime import Finding


def look(settings: FolderSettings) -> Iterator[Finding]:
    """One finding after the other; leaves every folder as it was."""
    try:
        verify(settings)
    except SettingError as error:
        yield Finding("folders", ok=False, text=str(error))
        return
    yield Finding("folders", ok=True, text="there, apart from each other, on one file system")
    yield _inbound(settings)
    yield tested("outbound", settings.outbound, settings.outbound)
    if settings.mode is InboundMode.ARCHIVE:
        yield _moved("archive", settings.inbound, settings.archive)
    if settings.mode is not InboundMode.KEEP:
        yield _moved("quarantine", settings.inbound, settings.quarantine)


def _inbound(settings: FolderSettings) -> Finding:
    if settings.mode is InboundMode.KEEP:
        return Finding("inbound", ok=True, text=f"{settings.inbound} can be read; mode keep")
    return tested("inbound", settings.inbound, settings.inbound)


def _moved(name: str, inbound: Path, target: Path) -> Finding:
    """Files get there by rename from the inbound folder; it is made when it is needed first."""
    if target.is_dir():
        return tested(name, inbound, target)
    parent = next(p for p in target.absolute().parents if p.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding(name, ok=True, text=f"{target} will be made when it is needed")
    return Finding(name, ok=False, text=f"{target} cannot be made: {parent} is not writable")


def tested(name: str, source: Path, target: Path) -> Finding:
    """Write, rename, list, read and delete, for real."""
    wrong = self_test(source, target)
    if wrong:
        return Finding(name, ok=False, text=f"{target}: {wrong}")
    return Finding(name, ok=True, text=f"{target} can be written, renamed in, listed and read")
