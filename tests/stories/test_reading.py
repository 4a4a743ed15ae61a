"""A page that is no story says where, what, and what is accepted."""

import re
from pathlib import Path

import pytest

from tests.harness import ROOT
from tests.stories.reading import WORDS, StoryError, read, state_of, understood

HEAD = "Settings: ACK=auto.\n"
NAME = "## A pump\n"
COLUMNS = "| when | who | what | TracOS | customer | file | conflicts |\n|-|-|-|-|-|-|-|\n"
BEGIN = '| Mon 08:00 | both | pending "Pump" | | | | |\n'
TUESDAY = "| Tue 09:00 | TracOS | completed | completed | | same | |\n"
MONDAY = "| Mon 09:00 | TracOS | on_hold | on_hold | | same | |\n"
END = '| end | | | completed "Pump" | completed "Pump" | - | |\n'


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_story_is_read_with_its_settings(tmp_path: Path) -> None:
    text = "Settings: ACK=auto, importer=acknowledges, zone=-03:00.\n"
    found = read(page(tmp_path, text + NAME + COLUMNS + BEGIN + TUESDAY + END))
    assert (found.settings, found.acknowledges) == ({"ACK": "auto"}, True)
    (story,) = found.stories
    assert (story.name, [row.who for row in story.rows]) == ("A pump", ["both", "TracOS"])
    assert story.rows[1].state == {"status": "completed"}
    assert str(story.rows[1].at) == "2026-03-17 09:00:00+00:00"


def row(when: str, who: str, what: str, looks: str = "| | | |") -> str:
    return f"| {when} | {who} | {what} {looks}\n"


MALFORMED = {
    "no story": (HEAD, "page.md: no story"),
    "no settings": (NAME + COLUMNS, "page.md: write `Settings:"),
    "no table": (HEAD + NAME, "page.md:2: A pump: there is no table"),
    "other columns": (HEAD + NAME + "| when | who |\n", "page.md:3: the columns are when | who"),
    "too few cells": (HEAD + NAME + COLUMNS + "| Mon 08:00 | both |\n", "page.md:5: 2 cells"),
    "no day": (
        HEAD + NAME + COLUMNS + row("Noon", "both", "pending", "| | | | |"),
        'page.md:5: "Noon" is no moment: write a day and a time, such as Tue 14:30',
    ),
    "nobody known": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "Bob", "pending", "| | | | |"),
        'page.md:5: "Bob" is nobody here: write both, TracOS, customer',
    ),
    "no deed": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "importer", "sleeps", "| | | | |"),
        'page.md:5: "importer sleeps" means nothing; importer may: takes|reads',
    ),
    "no state": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "both", "done", "| | | | |"),
        'page.md:5: done: write a status, a "text", deleted or alive',
    ),
    "no state in a column": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "nobody", "", "| done | | | |"),
        'page.md:5: done: write a status, a "text", deleted or alive',
    ),
    "both once more": (
        HEAD + NAME + COLUMNS + BEGIN + BEGIN + TUESDAY + END,
        "both sides hold the order from the first row on, or never",
    ),
    "a look before a pass": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "TracOS", "pending", "| … | pending | | |"),
        "page.md:5: nobody looks before a pass: leave the columns empty",
    ),
    "a look where both begin": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "both", 'pending "Pump"', "| pending | | | |"),
        "page.md:5: nobody looks before a pass: leave the columns empty",
    ),
    "nothing that comes on record": (
        HEAD + NAME + COLUMNS + row("Mon 08:00", "nobody", "", "| | | | clash status: ours |"),
        'page.md:5: "clash status: ours" is nothing that comes on record; write ',
    ),
    "two different ends": (
        HEAD + NAME + COLUMNS + BEGIN + TUESDAY + END.replace("completed", "pending", 1),
        "page.md:7: in the end nobody acts, and both sides show the same status and text",
    ),
    "no end": (HEAD + NAME + COLUMNS + BEGIN + TUESDAY, "the last row, and only it, is called end"),
    "backwards": (
        HEAD + NAME + COLUMNS + BEGIN + TUESDAY + MONDAY + END,
        "do not follow each other",
    ),
    "one day": (HEAD + NAME + COLUMNS + BEGIN + END, "a story lasts from 2 to 6 days"),
    "no pass": (
        HEAD
        + NAME
        + COLUMNS
        + BEGIN
        + row("Tue 09:00", "TracOS", "completed", "| … | | | |")
        + END,
        "a pass must run after the last row",
    ),
}


@pytest.mark.parametrize(("text", "says"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_story_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(StoryError) as refused:
        read(page(tmp_path, text))
    assert says in str(refused.value)


def test_a_state_is_named_by_any_of_its_words() -> None:
    assert state_of('on_hold deleted "Pump, gasket"') == {
        "status": "on_hold",
        "deleted": True,
        "text": "Pump, gasket",
    }


def test_every_deed_that_the_documentation_names_is_understood() -> None:
    text = (ROOT / "docs/explanation/stories.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)
    assert {who for who, _ in table} == set(WORDS)
    for who, deeds in table:
        for deed in re.findall(r"`(.+?)`", deeds):
            understood(who, deed.replace("…", "pending"))
