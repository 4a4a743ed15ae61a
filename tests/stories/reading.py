"""Stories of days as tables in Markdown: what a table may say, and clear words where it does not.

A page begins with its title and its settings, each story with a heading of the second level; prose
may stand anywhere. A row of a story's table is a moment: somebody does something, then a pass runs,
then both sides are looked at. An empty cell says that nothing has changed there; ``…`` under TracOS
says that no pass runs before the next row. The row ``end`` says what both sides show when the
customer has taken everything and nothing moves any more: the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

MONDAY = datetime(2026, 3, 16, tzinfo=UTC)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COLUMNS = ("when", "who", "what", "TracOS", "customer", "file", "conflicts")
STATUSES = ("pending", "in_progress", "completed", "on_hold", "cancelled", "blocked")
"""``blocked`` is a status of TracOS's that the customer's format does not know."""

LEAST_DAYS, MOST_DAYS = 2, 6

WORDS = {
    "both": r"(?P<state>.+)",
    "TracOS": r"removes the document|puts the document back|asks for it again|"
    r"(?P<new>new )?(?P<state>.+?)(?P<undated> without a new date)?",
    "customer": r"exports( as of (?P<day>\w+ [\d:]+)| stamped now| what contradicts itself)?|"
    r"(?P<quiet>edits )?(?P<state>.+?)( by a clock of (?P<year>\d{4}))?",
    "importer": r"takes|reads|moves away|imports what he moved|acknowledges|refuses|"
    r"spoils our file",
    "operator": r"takes (?P<side>TracOS|customer) for (?P<field>status|text|deleted|order)|"
    r"sets (?P<state>.+)|resends|retries|previews|compares and heals|"
    r"undoes the last change|loses the cursors|loses power at (?P<step>[IO]\d)",
    "nobody": r"",
}
"""Who may do what. A state is any of a status, a text in quotes, and ``deleted`` or ``alive``."""

TELLS = (
    r"(clash|doubt|stale|first-contact|loop|undo) (status|text|deleted): (waits|TracOS|customer)|"
    r"missing: waits|refused: \w+"
)
"""What a row may say of conflicts, one or several of them with semicolons between: what came on
record, and whose value stands."""

SAYS: dict[str, tuple[str, ...]] = {
    "TracOS": ("", "gone"),
    "customer": ("",),
    "file": ("", "-", "same"),
}
"""What the columns may say besides a state: nothing new; no order; no file, one as in TracOS."""

State = dict[str, Any]
"""Some of ``status``, ``text`` and ``deleted``."""


class StoryError(Exception):
    """A page that is no story: where, what, and what is accepted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One moment. ``seen`` is None where no pass runs before the next row."""

    line: int
    when: str
    at: datetime
    who: str
    what: str
    parts: dict[str, str | None]
    seen: dict[str, str] | None

    @property
    def state(self) -> State:
        return state_of(self.parts.get("state") or "")


@dataclass(frozen=True, slots=True)
class Story:
    """What happens day by day, and what both sides show when nothing moves any more."""

    page: str
    name: str
    rows: list[Row]
    end: Row


@dataclass(frozen=True, slots=True)
class Page:
    """Stories with the same settings."""

    name: str
    settings: dict[str, str]
    acknowledges: bool
    zone: timezone
    stories: list[Story] = field(default_factory=list)


def state_of(text: str) -> State:
    """What is named of an order; raises `ValueError` for a word that names nothing."""
    found: State = {}
    for word in re.findall(r'"[^"]*"|\S+', text):
        if word.startswith('"') and word.endswith('"') and len(word) > 1:
            found["text"] = word[1:-1]
        elif word in STATUSES:
            found["status"] = word
        elif word in ("deleted", "alive"):
            found["deleted"] = word == "deleted"
        else:
            raise ValueError(f'{word}: write a status, a "text", deleted or alive')
    return found


def spelt(state: State) -> str:
    """The state in the one way in which it is compared."""
    alive = ("deleted" if state["deleted"] else "alive") if "deleted" in state else ""
    text = f'"{state["text"]}"' if "text" in state else ""
    return " ".join(filter(None, (state.get("status", ""), alive, text)))


def moment(text: str) -> datetime:
    """``Tue 14:30``."""
    found = re.fullmatch(r"(\w{3}) (\d\d):(\d\d)", text)
    if not found or found[1] not in DAYS:
        raise ValueError(f'"{text}" is no moment: write a day and a time, such as Tue 14:30')
    days = timedelta(days=DAYS.index(found[1]), hours=int(found[2]), minutes=int(found[3]))
    return MONDAY + days


def read(path: Path) -> Page:
    """The page's stories; raises `StoryError` with file and line for whatever is no story."""
    lines = path.read_text(encoding="utf-8").splitlines()
    page: Page | None = None
    for number, name, rows in sections(path, lines):
        if page is None:
            page = settings_of(path, lines[: number - 1])
        page.stories.append(story_of(path, number, name, rows))
    if page is None:
        raise StoryError(f"{path.name}: no story: begin one with a heading, ## and its name.")
    return page


def settings_of(path: Path, lines: list[str]) -> Page:
    """``Settings: A=b, C=d.`` and of the customer what his importer does, and his zone."""
    found = re.search(r"^Settings: (.+)\.$", "\n".join(lines), re.MULTILINE)
    if not found:
        raise StoryError(f"{path.name}: write `Settings: NAME=value, ….` before the first story.")
    pairs = [pair.partition("=") for pair in found[1].split(", ")]
    settings = {name: value for name, _, value in pairs}
    acknowledges = settings.pop("importer", "takes") == "acknowledges"
    hours = int(settings.pop("zone", "+00:00").partition(":")[0])
    return Page(path.stem, settings, acknowledges, timezone(timedelta(hours=hours)))


def sections(path: Path, lines: list[str]) -> Iterator[tuple[int, str, list[tuple[int, str]]]]:
    """Each story's line, name and table."""
    starts = [i for i, line in enumerate(lines) if line.startswith("## ")]
    for start, stop in pairwise([*starts, len(lines)]):
        table = [(i + 1, lines[i]) for i in range(start, stop) if lines[i].startswith("|")]
        name = lines[start][3:].strip()
        if not table:
            raise StoryError(f"{path.name}:{start + 1}: {name}: there is no table.")
        yield start + 1, name, table


def story_of(path: Path, line: int, name: str, table: list[tuple[int, str]]) -> Story:
    """The table as rows; its days, its order in time and its end are looked at."""
    head = tuple(cells(table[0][1]))
    if head != COLUMNS:
        raise StoryError(f"{path.name}:{table[0][0]}: the columns are {' | '.join(COLUMNS)}.")
    made = [row_of(path, number, text) for number, text in table[2:]]
    rows = [row for row in made if row.when != "end"]
    where = f"{path.name}:{line}: {name}"
    if len(rows) + 1 != len(made) or made[-1].when != "end":
        raise StoryError(f"{where}: the last row, and only it, is called end.")
    if any(row.who == "both" for row in rows[1:]):
        raise StoryError(f"{where}: both sides hold the order from the first row on, or never.")
    if any(one.at > other.at for one, other in pairwise(rows)):
        raise StoryError(f"{where}: the rows do not follow each other in time.")
    days = {row.at.date() for row in rows}
    if not LEAST_DAYS <= (max(days) - min(days)).days + 1 <= MOST_DAYS:
        raise StoryError(f"{where}: a story lasts from {LEAST_DAYS} to {MOST_DAYS} days.")
    if rows[-1].seen is None:
        raise StoryError(f"{where}: a pass must run after the last row.")
    return Story(path.stem, name, rows, made[-1])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def row_of(path: Path, number: int, line: str) -> Row:
    """One row; whatever it says is understood, or refused with what it may say."""
    found = cells(line)
    where = f"{path.name}:{number}"
    if len(found) != len(COLUMNS):
        raise StoryError(f"{where}: {len(found)} cells instead of {len(COLUMNS)}.")
    when, who, what, *looks = found
    try:
        if when == "end":
            return Row(number, when, MONDAY, who, what, {}, ending(who + what, looks))
        at, parts = moment(when), understood(who, what)
        if who != "both" and looks[0] != "…":
            return Row(number, when, at, who, what, parts, looked(looks))
        if any(looks[1:]) or looks[0] not in ("", "…"):
            raise ValueError("nobody looks before a pass: leave the columns empty")
        return Row(number, when, at, who, what, parts, None)
    except ValueError as error:
        raise StoryError(f"{where}: {error}.") from None


def looked(looks: list[str]) -> dict[str, str]:
    """The columns from TracOS on, spelt in one way; no cell goes unread."""
    *states, conflicts = looks
    said = dict(zip(COLUMNS[3:], looks, strict=True))
    for name, text in zip(SAYS, states, strict=True):
        said[name] = text if text in SAYS[name] else spelt(state_of(text))
    told = sorted(part.strip() for part in conflicts.split(";")) if conflicts else []
    if wrong := [part for part in told if not re.fullmatch(TELLS, part)]:
        raise ValueError(f'"{wrong[0]}" is nothing that comes on record; write {TELLS}')
    return said | {"conflicts": "; ".join(told)}


def ending(deed: str, looks: list[str]) -> dict[str, str]:
    """What the last row says: nobody acts, and both sides show the same whole order."""
    said = looked(looks)
    if deed or said["TracOS"] != said["customer"] or len(state_of(said["TracOS"])) < 2:
        raise ValueError("in the end nobody acts, and both sides show the same status and text")
    return said


def understood(who: str, what: str) -> dict[str, str | None]:
    """The parts of a deed."""
    if who not in WORDS:
        raise ValueError(f'"{who}" is nobody here: write {", ".join(WORDS)}')
    found = re.fullmatch(WORDS[who], what)
    if not found:
        raise ValueError(f'"{who} {what}" means nothing; {who} may: {WORDS[who]}')
    state_of(found.groupdict().get("state") or "")
    if day := found.groupdict().get("day"):
        moment(day)
    return found.groupdict()
