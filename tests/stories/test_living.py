"""The runner itself: one wrong cell is found, and so is a loss that the table does not mind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Doc, Server, World
from tests.stories.living import live
from tests.stories.reading import COLUMNS, read

HEAD = "Settings: CONFLICT_POLICY=newest.\n"
TABLE = f"| {' | '.join(COLUMNS)} |\n|-|-|-|-|-|-|-|\n"

TOLD = """| Mon 08:00 | both | pending "Pump" |  |  |  |  |
| Mon 09:00 | TracOS | on_hold | … |  |  |  |
| Mon 10:00 | customer | in_progress | in_progress | in_progress | same | clash status: customer |
| Tue 09:00 | importer | takes |  |  | - |  |
| end |  |  | in_progress "Pump" | in_progress "Pump" | - |  |
"""

WRONG = [
    ("Mon 10:00", "TracOS", ""),
    ("Mon 10:00", "TracOS", "on_hold"),
    ("Mon 10:00", "TracOS", "gone"),
    ("Mon 10:00", "TracOS", 'in_progress "Pump, gasket"'),
    ("Mon 10:00", "TracOS", "in_progress deleted"),
    ("Mon 10:00", "customer", ""),
    ("Mon 10:00", "customer", "on_hold"),
    ("Mon 10:00", "file", ""),
    ("Mon 10:00", "file", "-"),
    ("Mon 10:00", "file", "on_hold"),
    ("Mon 10:00", "file", 'in_progress "Pump, gasket"'),
    ("Mon 10:00", "conflicts", ""),
    ("Mon 10:00", "conflicts", "clash status: TracOS"),
    ("Mon 10:00", "conflicts", "clash text: customer"),
    ("Mon 10:00", "conflicts", "doubt status: customer"),
    ("Mon 10:00", "conflicts", "clash status: customer; clash text: customer"),
    ("Tue 09:00", "TracOS", "in_progress"),
    ("Tue 09:00", "customer", "in_progress"),
    ("Tue 09:00", "file", "same"),
    ("Tue 09:00", "file", ""),
    ("Tue 09:00", "conflicts", "clash status: customer"),
    ("end", "TracOS", 'on_hold "Pump"'),
    ("end", "TracOS", 'in_progress "Motor"'),
    ("end", "TracOS", 'in_progress deleted "Pump"'),
    ("end", "file", "same"),
    ("end", "file", ""),
    ("end", "conflicts", "clash status: customer"),
]
"""Row, column, and what is not true there; in the end both sides say the same."""


def with_cell(when: str, column: str, text: str) -> str:
    """The story, told otherwise in one place."""
    lines = TOLD.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {when} "))
    found = [cell.strip() for cell in lines[at].strip().strip("|").split("|")]
    columns = ("TracOS", "customer") if (when, column) == ("end", "TracOS") else (column,)
    for name in columns:
        found[COLUMNS.index(name)] = text
    lines[at] = f"| {' | '.join(found)} |\n"
    return "".join(lines)


def lived(world: World, stories: dict[str, str], head: str = HEAD) -> dict[str, list[str]]:
    path = world.root / "page.md"
    path.write_text(
        head + "".join(f"## {name}\n\n{TABLE}{rows}\n" for name, rows in stories.items()),
        encoding="utf-8",
    )
    return live(world, read(path))


@pytest.fixture(scope="module")
def found(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doc]:
    """What is found of the true story, and of each that is told otherwise in one place."""
    world = World(replica_set, tmp_path_factory.mktemp("wrong"), {"CONFLICT_POLICY": "newest"})
    yield lived(world, {"true": TOLD} | {str(cell): with_cell(*cell) for cell in WRONG})
    world.close()


def test_the_story_as_it_happens_is_in_order(found: Doc) -> None:
    assert found["true"] == []


@pytest.mark.parametrize("cell", WRONG, ids=" ".join)
def test_a_wrong_cell_is_told_with_its_row_and_column(
    found: Doc, cell: tuple[str, str, str]
) -> None:
    when, column, _ = cell
    complaint = found[str(cell)][0]
    assert complaint.startswith("page.md:")
    assert f": {when}" in complaint
    assert f": {column}: the story says" in complaint


def test_a_run_that_ends_otherwise_than_the_table_says_is_told(world: World) -> None:
    found = lived(world, {"waits": TOLD.replace("status: customer", "status: waits")})
    assert any("the run of all stories ended 0" in complaint for complaint in found["waits"])


class Forgetful(World):
    """Something sets TracOS back before the third pass that finds the order completed."""

    passes = 0

    def run(self, *words: str, timeout: float = 60) -> tuple[int, Doc, str]:
        completed = self.orders.count_documents({"status": "completed"})
        self.passes += completed
        if completed and self.passes == 3:
            self.edit(1, status="pending")
        return super().run(*words, timeout=timeout)


REVERTED = """| Mon 08:00 | both | pending "Pump" |  |  |  |  |
| Mon 09:00 | TracOS | completed | completed |  | same |  |
| Tue 09:00 | importer | takes |  | completed | - |  |
| Wed 09:00 | nobody |  | pending |  | same |  |
| Thu 09:00 | TracOS | on_hold | on_hold |  | same |  |
| end |  |  | on_hold "Pump" | on_hold "Pump" | - |  |
"""


def test_a_silent_revert_is_found_although_the_table_expects_it(
    replica_set: Server, tmp_path: Path
) -> None:
    world = Forgetful(replica_set, tmp_path)
    try:
        (complaint,) = lived(world, {"reverted": REVERTED})["reverted"]
    finally:
        world.close()
    assert complaint.startswith("status 'completed' was lost in silence, entered: page.md:7")
