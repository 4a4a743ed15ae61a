"""Cross references of a connection: his code to TracOS's, in the file itself or in CSV files."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracbridge.config.places import Places
from tracbridge.config.yamlfile import text_of
from tracbridge.domain.errors import SettingError, shown

Table = Mapping[str, str]
COLUMNS = 2


def tables_of(
    given: Mapping[str, Any], root: Path, where: Places, files: list[Path]
) -> dict[str, Table]:
    """Each table by its name; ``files`` gathers those that were read.

    A CSV file has a line of headings, then his code and TracOS's on each line. Raises
    `SettingError` for what is none, or says two things of one code.
    """
    found = {}
    for name, value in given.items():
        if isinstance(value, str):
            files.append(root / value)
            found[name] = _read(root / value, where.called((name,), value))
        elif isinstance(value, dict):
            found[name] = {str(theirs): str(ours) for theirs, ours in value.items()}
        else:
            raise SettingError(f"{where((name,))}: tables.{name}: is neither a file nor a table.")
    return found


def _read(path: Path, name: str) -> Table:
    text = text_of(path, name)
    table: dict[str, str] = {}
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise SettingError(f"{name} is no CSV: {error}.") from None
    for number, row in enumerate(rows, 1):
        if number == 1 or not any(cell.strip() for cell in row):
            continue
        if len(row) != COLUMNS:
            raise SettingError(f"{name}:{number}: has {len(row)} columns; his code and TracOS's.")
        theirs, ours = (cell.strip() for cell in row)
        if table.setdefault(theirs, ours) != ours:
            raise SettingError(f"{name}:{number}: {shown(theirs)} stands for two things.")
    return table
