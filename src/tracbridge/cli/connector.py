"""``tracbridge connector``: write the first files of a connector; list those that are installed."""

import re
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import asdict

from tracbridge.cli.context import Json, say, say_json
from tracbridge.cli.table import table
from tracbridge.config.settings import FOLDER
from tracbridge.domain.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Connectors: write a new one, list those there are.")

GROUP = "tracbridge.connectors"
"""The entry points by which connectors are found."""

TEMPLATES = Path(__file__).parent / "templates" / "connector"

FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "src/$module/__init__.py": "init.py.txt",
    "src/$module/connector.py": "connector.py.txt",
    "tests/golden/order.json": "order.json.txt",
    "tests/test_contract.py": "test_contract.py.txt",
}
"""What is written, and the template of each."""

PATTERN = r"[a-z][a-z0-9]*([-_][a-z0-9]+)*"
LONGEST = 30


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the kind of system, as acme.")],
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="A new one.  [default: tracbridge-NAME]"),
    ] = None,
) -> None:
    """Write a package with a connector that passes the contract.

    It reads and writes a file of JSON lines; put your system in its place.
    """
    refuse_name(name)
    root = folder or Path(f"tracbridge-{name}")
    if root.exists():
        raise ConfigError(f"{root} is there already; nothing was written.")
    words = {"name": name, "module": module_of(name), "title": title_of(name)}
    for path, template in FILES.items():
        file = root / Template(path).substitute(words)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        file.write_text(Template(text).substitute(words), encoding="utf-8")
    (root / "src" / words["module"] / "py.typed").touch()
    say(f"{root} is written: a connector of the name {name}, which passes its contract.")
    say(f"Next: cd {root}, pip install -e '.[test]', pytest; then change connector.py.")


def refuse_name(name: str) -> None:
    """Raises `typer.BadParameter` for a name that no package can have, or that is taken."""
    if not re.fullmatch(PATTERN, name) or len(name) > LONGEST:
        raise typer.BadParameter(
            f"{name!r}: a name begins with a small letter and has small letters, digits, - and _ "
            f"between them; {LONGEST} at most, such as acme or acme-erp."
        )
    for one in entry_points(group=GROUP, name=name):
        raise typer.BadParameter(f"{name!r}: is there already, in the package {package_of(one)}.")


def module_of(name: str) -> str:
    """``acme-erp``: ``tracbridge_acme_erp``, which is no module of anybody else's."""
    return f"tracbridge_{name.replace('-', '_')}"


def title_of(name: str) -> str:
    """``acme-erp``: ``AcmeErp``."""
    return "".join(word.capitalize() for word in re.split("[-_]", name))


class Found(Struct, frozen=True):
    """An installed connector. ``problem``: why it cannot be used, or ""."""

    connector: str
    package: str
    named: str
    where: str
    problem: str


@app.command("list")
def list_(json: Json = False) -> None:
    """The connectors that are installed, and what is wrong with one."""
    found = sorted(map(look, entry_points(group=GROUP)), key=lambda one: one.connector)
    if json:
        say_json([asdict(one) for one in found])
        return
    rows = [(one.connector, one.package, one.named, one.problem or one.where) for one in found]
    say(table(("CONNECTOR", "PACKAGE", "CLASS", "FROM"), rows))


def look(point: EntryPoint) -> Found:
    """An entry point with what it leads to."""
    where, problem = "", ""
    try:
        one = point.load()
        where = str(getattr(sys.modules[point.module], "__file__", "") or "")
        if not hasattr(one, "Settings") and point.name != FOLDER:  # whose settings are ours
            problem = "has no Settings: a class with that attribute was expected."
    except (ImportError, AttributeError) as error:
        problem = f"cannot be loaded: {error}"
    return Found(point.name, package_of(point), point.value, where, problem)


def package_of(point: EntryPoint) -> str:
    """Name and version of the package that brings it."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
