"""The memory of files that stay in the customer's folder, in MongoDB."""

import re
from collections.abc import Sequence

from pymongo import ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.domain.link import Claim
from tracbridge.ports.state import TakenFile


class MongoTakenFiles:
    """One row per file name, keyed ``<connection>:<name>``."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._files, self._c, self._host = database["tracbridge_files"], connection, host

    def _id(self, name: str) -> str:
        return f"{self._c}:{text_of(name)}"

    async def find(self, names: Sequence[str]) -> dict[str, TakenFile]:
        ids = {self._id(name): name for name in names}
        with translated(self._host):
            rows = self._files.find({"_id": {"$in": list(ids)}})
            return {ids[row["_id"]]: _file(row, ids[row["_id"]]) async for row in rows}

    async def unfinished(self) -> list[TakenFile]:
        with translated(self._host):
            rows = self._files.find({"c": self._c, "done": False})
            return [_file(row, name_of(row["name"])) async for row in rows]

    async def take(self, files: Sequence[TakenFile]) -> None:
        rows = [self._row(file) for file in files]
        with translated(self._host):
            replaced = [ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows]
            await self._files.bulk_write(replaced, ordered=False)

    async def finish(self, names: Sequence[str]) -> None:
        ids = [self._id(name) for name in names]
        with translated(self._host):
            await self._files.update_many({"_id": {"$in": ids}}, {"$set": {"done": True}})

    def _row(self, file: TakenFile) -> Document:
        return {
            "_id": self._id(file.name),
            "c": self._c,
            "name": text_of(file.name),
            "size": file.size,
            "mtime": file.mtime_ns,
            "sha256": file.sha256,
            "p": file.claim.pass_,
            "complete": file.claim.complete,
            "batch": file.batch,
            "done": file.done,
        }


def text_of(name: str) -> str:
    """A file's name as text that MongoDB can hold; `name_of` takes it back."""
    data = name.replace("\\", "\\\\").encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "backslashreplace")


def name_of(text: str) -> str:
    """The file's name that `text_of` made this text of."""
    data = _ESCAPED.sub(_unescaped, text.encode())
    return data.decode("utf-8", "surrogateescape")


_ESCAPED = re.compile(rb"\\(\\|x[0-9a-f]{2})")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return b"\\" if found[1] == b"\\" else bytes.fromhex(found[1][1:].decode())


def _file(row: Document, name: str) -> TakenFile:
    claim = Claim(row["p"], row["complete"])
    return TakenFile(
        name, row["size"], row["mtime"], row["sha256"], claim, row["batch"], row["done"]
    )
