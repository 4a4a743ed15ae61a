"""Each incident of the how-to happens, and the commands that stand there say why."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.incidents import SEEDS, Scene
from tests.faults.service import fair
from tests.harness import ROOT, Server, World

PAGE = ROOT / "docs" / "how-to" / "find-out-why.md"

MOST = 3
"""Commands after which an operator knows."""

QUICK = (
    "A status that the mapping does not know",
    "A clock that is ahead",
    "A mass of cancellations",
    "A key that is wrong or expired",
    "A direction is paused",
)
"""Those that every run of the tests looks at; `make faults` has all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command of the page, and the lines that it says."""

    command: str
    says: tuple[str, ...]


def incidents() -> dict[str, list[Asked]]:
    """The commands of each section that has some, by its heading."""
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        heading, _, rest = section.partition("\n")
        (block,) = re.findall(r"^```text\n(.*?)^```$", rest, re.DOTALL | re.MULTILINE)
        commands = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        found[heading] = [asked(text) for text in commands]
    return found


def asked(text: str) -> Asked:
    command, *says = text.splitlines()
    return Asked(command, tuple(line for line in says if line.strip()))


INCIDENTS = incidents()


@pytest.fixture
def scene(replica_set: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    def standalone() -> Server:
        server = request.getfixturevalue("mongod")
        assert isinstance(server, Server)
        return server

    scene = Scene(replica_set, standalone, tmp_path)
    with scene.end:
        yield scene


def said(world: World, command: str, before: str) -> str:
    """What it answers; ``ID`` in it is the first id of the answer before."""
    if " ID" in command:
        found = re.search(r"\b[0-9a-f]{12}\b", before)
        assert found, before
        command = command.replace("ID", found.group())
    program, *words = shlex.split(command)
    if program == "tracbridge":
        answer = world.cli(*words)
        return answer.out + answer.err
    done = subprocess.run(
        [program, *words], cwd=world.root, capture_output=True, text=True, check=True
    )
    return done.stdout


def stands(line: str, text: str) -> bool:
    """Whether some line of the text says that; blanks count as one, ``...`` is anything."""
    parts = [" ".join(part.split()) for part in line.split("...")]
    wanted = re.compile(".*".join(map(re.escape, parts)))
    return any(wanted.search(" ".join(one.split())) for one in text.splitlines())


def test_the_page_has_at_least_twenty_incidents_of_at_most_three_commands() -> None:
    assert set(INCIDENTS) == set(SEEDS)
    assert len(INCIDENTS) >= 20
    for heading, commands in INCIDENTS.items():
        assert 1 <= len(commands) <= MOST, heading
        assert all(one.says for one in commands), heading


@pytest.mark.parametrize(
    "heading", fair(list(SEEDS), [list(SEEDS).index(heading) for heading in QUICK])
)
def test_an_incident_is_explained_by_the_commands_that_the_page_names(
    heading: str, scene: Scene
) -> None:
    world, text = SEEDS[heading](scene), ""
    for one in INCIDENTS[heading]:
        text = said(world, one.command, text)
        missing = [line for line in one.says if not stands(line, text)]
        assert not missing, f"$ {one.command}\n{text}"


def test_what_rests_is_told_to_programs_too(scene: Scene) -> None:
    world = SEEDS["A blackout"](scene)
    (told,) = world.cli("status", "--json").json()
    assert (told["paused"], told["calls"]) == ({}, None)
    assert told["blackout"]["until"]


@pytest.mark.faults
def test_a_clock_that_is_right_is_not_blamed(scene: Scene) -> None:
    world = SEEDS["Both sides changed the same field"](scene)
    (conflict,) = world.records("conflicts")
    shown = world.cli("conflicts", "show", conflict["_id"]).out
    assert "Both sides changed it." in shown
    assert "clock" not in shown
