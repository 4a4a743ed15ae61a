"""The documentation says what is: its commands run, its links lead somewhere, its names exist."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from tests.harness import ROOT, World, doc
from tracbridge.cli.app import application
from tracbridge.config.table import TABLE

DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md")], key=lambda page: page.relative_to(ROOT).as_posix()
)

NOT_RUN_HERE = {
    (
        "README.md",
        "make demo    # see it work on sample orders, with an embedded MongoDB; ends by itself",
    ): ("makes an environment and downloads what it needs; `make test` is what runs this test"),
    ("README.md", "git clone <repository-url> tracbridge"): "clones from where the reader has it",
    ("README.md", "poetry install"): "needs Poetry and Docker",
    ("README.md", "poetry run pytest"): "needs Poetry, and would run this test in itself",
    ("docs/how-to/run-as-a-service.md", "sudo systemctl enable --now tracbridge"): "needs systemd",
    ("docs/how-to/start-with-docker.md", "docker-compose up -d mongodb"): "needs Docker",
    ("docs/how-to/start-with-docker.md", "docker-compose --profile service up -d --build"): (
        "needs Docker"
    ),
    ("docs/how-to/start-with-docker.md", "docker build -t tracbridge ."): "needs Docker",
    ("docs/how-to/write-a-connector.md", "pip install -e ./tracbridge-acme"): (
        "would install into the environment of this test; tests/e2e/test_new_connector.py does it"
    ),
    ("docs/tutorial.md", "make demo"): "makes an environment and downloads what it needs",
    ("docs/tutorial.md", ". .venv/bin/activate"): "the environment of this test is active already",
}
"""The commands of the documentation that no test runs, by page and first line, and why."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    language: str
    text: str

    @property
    def name(self) -> tuple[str, str]:
        return self.page, self.text.partition("\n")[0]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(language: str) -> list[Block]:
    fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [
        Block(name_of(page), *match.groups())
        for page in PAGES
        for match in fence.finditer(page.read_text(encoding="utf-8"))
        if match[1] == language
    ]


def prose(page: Path) -> str:
    """The page without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"no section {title}"
    return rest.partition("\n## ")[0]


# -- commands --------------------------------------------------------------------------------

RUN_HERE = [block for block in blocks("bash") if block.name not in NOT_RUN_HERE]


@pytest.mark.parametrize("page", sorted({block.page for block in RUN_HERE}))
def test_the_commands_of_a_page_run_one_after_the_other(page: str, world: World) -> None:
    script = "".join(block.text for block in RUN_HERE if block.page == page)
    for folder in ("data/inbound", "data/outbound"):
        (world.root / folder).mkdir(parents=True)
    (world.root / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    ours = {name: text for name, text in world.env.items() if not name.startswith("DATA_")}
    env = {**ours, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    words = ["bash", "-euo", "pipefail", "-c", script]
    try:
        done = subprocess.run(
            words, cwd=world.root, env=env, capture_output=True, text=True, timeout=180, check=False
        )
    finally:
        world.cli("mongo", "stop")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "exit 1" not in done.stdout.splitlines(), done.stderr
    assert "exit 2" not in done.stdout.splitlines(), done.stderr


def test_the_list_of_commands_that_are_not_run_is_current() -> None:
    assert set(NOT_RUN_HERE) <= {block.name for block in blocks("bash")}


def test_the_requirements_commands_stand_in_the_readme_word_for_word() -> None:
    text = "".join(block.text for block in blocks("bash") if block.page == "README.md")
    assert {
        "poetry install",
        "docker-compose up -d mongodb",
        "poetry run python setup.py",
        "poetry run python src/main.py",
        "poetry run pytest",
        "poetry run pytest --cov=src",
        "poetry run pytest tests/test_integration.py -v",
    } <= set(text.splitlines())


def test_json_samples_are_json() -> None:
    samples = blocks("json")
    assert samples
    for block in samples:
        json.loads(block.text)


# -- links -----------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The headings of a page as their addresses are made."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> list[tuple[Path, str]]:
    """Files and anchors that a page points to, other sites left out."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    inside = [target for target in targets if not re.match(r"[a-z]+:", target)]
    parts = [target.partition("#") for target in inside]
    return [(page.parent / path if path else page, anchor) for path, _, anchor in parts]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"
        inside = DOCS not in page.parents or DOCS in target.resolve().parents
        assert inside, f"{target} is no part of the pages that `make docs` builds"


def entries(nav: Any) -> Iterator[str]:
    """The pages in the site's navigation."""
    if isinstance(nav, str):
        yield nav
        return
    for part in nav.values() if isinstance(nav, dict) else nav:
        yield from entries(part)


def test_every_page_is_in_the_sites_navigation() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    there = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert sorted(entries(nav)) == sorted(there)


def test_the_architecture_fits_on_250_lines() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 250


# -- queries ---------------------------------------------------------------------------------


def compass_queries() -> list[dict[str, Any]]:
    """The README's queries, as Compass reads them."""
    (block,) = [block for block in blocks("javascript") if block.page == "README.md"]
    lines = [line for line in block.text.splitlines() if line.startswith("{")]
    dated = [re.sub(r'ISODate\("([^"]+)"\)', r'{"ISODate": "\1"}', line) for line in lines]
    return [json.loads(line, object_hook=instant) for line in dated]


def instant(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["ISODate"]) if "ISODate" in value else value


def test_the_readmes_queries_find_what_they_say(world: World) -> None:
    old = datetime(2023, 12, 31, 23, 59, tzinfo=UTC)
    world.orders.insert_many(
        [
            doc(1, "pending"),
            doc(2, "in_progress", isSynced=None),
            doc(3, "in_progress", isSynced=False, createdAt=old),
            doc(4, "completed", isSynced=True),
            doc(5, "cancelled", isSynced=True, createdAt=old),
        ]
    )
    unsynced, status, recent = compass_queries()

    def found(query: dict[str, Any]) -> list[int]:
        return [one["number"] for one in world.orders.find(query).sort("number", 1)]

    assert found(unsynced) == [1, 2, 3]
    assert found(status) == [2, 3]
    assert found(recent) == [1, 2, 4]


# -- names -----------------------------------------------------------------------------------

TEST_ID = re.compile(r"`([\w/]+\.py)::(\w+)`")


def named_in(path: str) -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(
    "page",
    [
        "docs/PROMISES.md",
        "docs/explanation/faults.md",
        "docs/explanation/security.md",
        "ARCHITECTURE.md",
    ],
)
def test_every_test_that_is_named_exists(page: str) -> None:
    named = TEST_ID.findall((ROOT / page).read_text(encoding="utf-8"))
    assert named
    for path, name in named:
        assert name in named_in(path), f"{path}::{name}"


def test_every_promise_names_its_test() -> None:
    text = (DOCS / "PROMISES.md").read_text(encoding="utf-8").partition("\n## Not promised")[0]
    rows = [line for line in text.splitlines() if re.match(r"\| [A-Z]", line)]
    assert rows
    for row in rows:
        assert TEST_ID.search(row), row


def test_every_setting_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for setting in TABLE:
        assert f"| `{setting.name}` |" in page


def commands() -> dict[str, list[str]]:
    """Every command with its options, the lower ones by both their words."""
    top = get_command(application())
    assert isinstance(top, TyperGroup)
    found = {}
    for name, command in top.commands.items():
        lower = command.commands if isinstance(command, TyperGroup) else {"": command}
        for word, one in lower.items():
            found[f"{name} {word}".strip()] = [text for p in one.params for text in p.opts]
    return found


COMMON = "Which connection"
"""The section about what every command takes."""


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_the_reference_with_its_options(name: str) -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    text = section(page, name.partition(" ")[0])
    assert " " not in name or f"`{name}" in text
    assert "--connection" not in commands()[name] or "--connection" in section(page, COMMON)
    for option in {*commands()[name]} - {"--help", "--connection"}:
        assert not option.startswith("--") or option in text, option


def test_every_command_is_in_the_readme() -> None:
    text = section((ROOT / "README.md").read_text(encoding="utf-8"), "Commands")
    for name in commands():
        assert f"tracbridge {name.partition(' ')[0]}" in text
        assert f"{name.rpartition(' ')[2]}`" in text or f"tracbridge {name}" in text, name


# -- glossary --------------------------------------------------------------------------------


def stem(word: str) -> str:
    """The word without its ending, so that stage, stages and staged are one."""
    return re.sub(r"(?<=[a-z]{2})(es|ed|e|(?<!s)s)$", "", re.sub(r"ies$", "y", word))


def stems(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z]+", text.lower())}


def public_classes() -> list[str]:
    """The Protocols, values, enums and errors that the engine speaks with."""
    files = [
        path
        for name in ("domain", "ports")
        for path in (ROOT / "src/tracbridge" / name).glob("*.py")
    ]
    return [
        node.name
        for path in sorted(files)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("name", public_classes())
def test_the_words_of_a_public_name_are_in_the_glossary(name: str) -> None:
    terms = re.findall(
        r"^\| \*\*(.+?)\*\* \|", (DOCS / "GLOSSARY.md").read_text(encoding="utf-8"), re.M
    )
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    assert stems(words) <= stems(" ".join(terms)), f"{words} is not in docs/GLOSSARY.md"
