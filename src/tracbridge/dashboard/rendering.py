"""Templates into pages. Whatever comes from data is escaped, and made visible where it is not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tracbridge.desk.texts import counted, lasting, moment

HERE = Path(__file__).parent
FILES = HERE / "static"

LONG = 400
"""Characters of a value that a page shows."""


def _version() -> str:
    """Another one as soon as any of the files is another one."""
    digest = sha256()
    for path in sorted(FILES.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


STATIC = f"/static/{_version()}"


def visible(text: object) -> str:
    """The text, with every character that cannot be seen, or turns text around, spelt out."""
    said = str(text)
    if said.isprintable():
        return said
    return "".join(c if c.isprintable() or c == "\n" else _spelt(c) for c in said)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape", "replace").decode("ascii")


def shown(value: object, limit: int = LONG) -> str:
    """One field's value for people."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = visible(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def iso(at: datetime | None) -> str:
    """A time for programs."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def polyline(values: Sequence[int], width: int = 120, height: int = 24) -> str:
    """The points of a small curve: oldest left, nothing at the bottom."""
    top, step = max(*values, 1), width / max(len(values) - 1, 1)
    room = height - 2
    return " ".join(
        f"{n * step:.1f},{height - 1 - room * value / top:.1f}" for n, value in enumerate(values)
    )


def static(name: str) -> str:
    """The path of one of our own files."""
    return f"{STATIC}/{name}"


def environment() -> Environment:
    """Templates that escape everything, and refuse a name that they were not given."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "visible": visible,
        "shown": shown,
        "moment": moment,
        "iso": iso,
        "lasting": lasting,
        "polyline": polyline,
    }
    made.globals |= {"static": static, "counted": counted}
    return made


ENVIRONMENT = environment()


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """The template's text. ``context``: the names that it uses."""
    return ENVIRONMENT.get_template(template).render(context)
