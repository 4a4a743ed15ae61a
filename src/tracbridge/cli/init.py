"""``tracbridge init``: the first file of a connection, with comments and its folders."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tracbridge.cli.context import say
from tracbridge.config import envfile
from tracbridge.config.files import FOLDER, WHERE, found
from tracbridge.config.first import AUTH, SCHEMAS, first_file
from tracbridge.config.mappings import FLAGS, preset, preset_names
from tracbridge.config.names import NAME
from tracbridge.config.schema import SHIPPED
from tracbridge.config.settings import DEFAULT
from tracbridge.config.table import TABLE
from tracbridge.domain.errors import ConfigError


def init(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of the connection.")] = DEFAULT,
    mapping: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="tracbridge mapping list")
    ] = FLAGS,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Of a system that is called, such as Odoo.")
    ] = "",
) -> None:
    """Write a first file for a connection, with comments.

    Makes its folders, too. What is there already stays. The connection `default` takes over what
    the environment and .env
    say, and goes on where that left off.
    """
    if not re.fullmatch(NAME, name):
        raise typer.BadParameter("a name has small letters, digits, - and _.")
    preset(mapping)
    if url and mapping not in AUTH:
        raise typer.BadParameter(f"--url needs one of --preset {', '.join(AUTH)}.")
    root = Path(os.environ.get(WHERE, ""))
    path = root / FOLDER / f"{name}.yaml"
    if path.exists():
        raise ConfigError(f"{path} is there already; nothing was written.")
    first = not found(root)
    given = taken_over() if name == DEFAULT else {}
    text = first_file(name, mapping, preset_names(), given, url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    shutil.copytree(SHIPPED, root / SCHEMAS, dirs_exist_ok=True)
    if not url:
        make_folders(name, given)
    say(f"{path} is written; editors that know YAML schemas complete it.")
    if left := sorted(set(stated()) if first or given else ()):
        say(f"Remove from the environment and .env what stands there now: {', '.join(left)}")
    if first and name != DEFAULT:
        say(ENDS)
    if url:
        say(f"Set {name.upper().replace('-', '_')}_KEY to the secret of his system.")
    chosen = "" if name == DEFAULT and first else f" --connection {name}"
    say(f"Next: tracbridge check{chosen}")


def make_folders(name: str, given: Mapping[str, str]) -> None:
    """Both of them, but one that was named: it may be a mount that is not there just now."""
    for folder in ("inbound", "outbound"):
        setting = f"DATA_{folder.upper()}_DIR"
        if setting not in stated():
            place = given.get(setting, f"data/{name}/{folder}")
            Path(place).mkdir(parents=True, exist_ok=True)


ENDS = (
    f"From now on the files alone count. If the connection {DEFAULT}, which the environment made, "
    f"was in use, go on with it: tracbridge init {DEFAULT}"
)


def stated() -> dict[str, str]:
    """What the environment or ``.env`` says that only the file may say from now on."""
    dotenv = Path(".env")
    values = envfile.read(dotenv)[0] if dotenv.exists() else {}
    both = {**values, **{name: text for name, text in os.environ.items() if text.strip()}}
    return {row.name: both[row.name].strip() for row in TABLE if row.key and both.get(row.name)}


def taken_over() -> dict[str, str]:
    """The same without what is as it would be anyway, and with what a file takes otherwise."""
    rows = {row.name: row for row in TABLE}
    defaults = {name: rows[name].default for name in OTHERWISE}
    said = {n: text for n, text in stated().items() if text != rows[n].default}
    return {**defaults, **said}


OTHERWISE = ("DATA_INBOUND_DIR", "DATA_OUTBOUND_DIR", "ACKNOWLEDGE_INBOUND")
"""Settings that mean one thing where nothing is said in the environment, and another in a file."""
