"""The folder connector fulfils the contract in each of its modes."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from tracbridge.adapters.connectors.folder import FolderConnector, FolderSettings, InboundMode
from tracbridge.ports.state import TakenFile
from tracbridge.sdk import Body
from tracbridge.testing.contract import ConnectorContract, Rig


class MemoryTakenFiles:
    """What was taken in mode ``keep``, without a database."""

    def __init__(self) -> None:
        self.files: dict[str, TakenFile] = {}

    async def find(self, names: Sequence[str]) -> dict[str, TakenFile]:
        return {name: self.files[name] for name in names if name in self.files}

    async def unfinished(self) -> list[TakenFile]:
        return [file for file in self.files.values() if not file.done]

    async def take(self, files: Sequence[TakenFile]) -> None:
        self.files |= {file.name: file for file in files}

    async def finish(self, names: Sequence[str]) -> None:
        for name in names:
            if name in self.files:
                self.files[name] = replace(self.files[name], done=True)


class FolderHands:
    """The other company: drops whole files, each newer than the last, and reads what lies there."""

    def __init__(self, inbound: Path, outbound: Path) -> None:
        self.inbound, self.outbound = inbound, outbound

    async def plant(self, body: Body) -> str:
        draft = self.inbound / "draft.tmp"
        draft.write_text(json.dumps(body))
        draft.rename(self.inbound / f"{body['orderNo']}.json")
        return str(body["orderNo"])

    async def holdings(self) -> list[Body]:
        return [json.loads(path.read_bytes()) for path in self.outbound.glob("*.json")]

    async def take(self, ref: str) -> None:
        self._file(ref).unlink()

    async def refuse(self, ref: str, words: str) -> None:
        file = self._file(ref)
        file.with_name(f"{file.name}.err").write_text(words)

    def _file(self, ref: str) -> Path:
        return self.outbound / f"workorder_{ref}.json"


class TestFolderConnector(ConnectorContract):
    mode = InboundMode.ARCHIVE

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        with TemporaryDirectory(ignore_cleanup_errors=True) as name:
            root = Path(name)
            for folder in ("in", "out"):
                (root / folder).mkdir()
            settings = FolderSettings(
                root / "in", root / "out", root / "archive", root / "quarantine", self.mode
            )
            taken = MemoryTakenFiles()

            def connect() -> FolderConnector:
                return FolderConnector(settings, taken)

            connector = connect()
            await connector.place_marker("test")
            yield Rig(connector, FolderHands(root / "in", root / "out"), restart=connect)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"orderNo": n, "summary": text}


class TestFolderConnectorThatDeletes(TestFolderConnector):
    mode = InboundMode.DELETE


class TestFolderConnectorThatKeeps(TestFolderConnector):
    mode = InboundMode.KEEP
