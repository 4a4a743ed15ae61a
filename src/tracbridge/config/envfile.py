"""The settings file ``.env``."""

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dotenv.parser import Original


def read(file: Path) -> tuple[dict[str, str], list[str]]:
    """What stands in ``file``, and what is wrong with it.

    Values are taken as they are written: ``$NAME`` is not replaced, since passwords hold dollars.
    No complaint quotes a line: it may hold a password.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return {}, [f"{file} cannot be read: {why}."]
    return _assignments(file, text)


def _assignments(file: Path, text: str) -> tuple[dict[str, str], list[str]]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 (only where there is a file)

    values: dict[str, str] = {}
    wrong: list[str] = []
    for found in parse_stream(StringIO(text)):
        name = found.key or ""
        if found.error or (name and not (name.isidentifier() and found.value is not None)):
            wrong.append(f"{file}, line {_line(found.original)}: not of the form NAME=value.")
        elif name:
            values[name] = found.value or ""
    return values, wrong


def _line(found: "Original") -> int:
    """Where the assignment begins: the parser counts the empty lines before it to it."""
    before = found.string[: len(found.string) - len(found.string.lstrip())]
    return found.line + before.count("\n")
