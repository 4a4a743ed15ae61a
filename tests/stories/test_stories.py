"""Stories of several days, told as tables in the pages of this folder; see `reading` for the form.

Whatever a person enters in a story is at its end on a side, was replaced by somebody who had seen
it, or is in the record of a conflict: no value disappears in silence.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import ROOT, Server, World
from tests.stories.living import live
from tests.stories.reading import Page, Story, read

PAGES = [read(path) for path in sorted(Path(__file__).parent.glob("*.md"))]
TOLD = [(page, story) for page in PAGES for story in page.stories]

FAIR = {"newest", "tracos", "ask", "ack-files-customer", "content-ask", "answer-tracos", "trouble"}
"""The pages that each run of the tests lives through: each policy, each way to acknowledge."""


def told(page: Page, story: Story) -> Any:
    """A case; those of the other pages are for `make faults`."""
    marks = () if page.name in FAIR else pytest.mark.faults
    return pytest.param(page, story, id=f"{page.name}-{story.name}", marks=marks)


Lived = Callable[[Page], dict[str, list[str]]]


@pytest.fixture(scope="module")
def lived(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """What was found of a page's stories; each page is lived through once."""
    worlds: dict[str, tuple[World, dict[str, list[str]]]] = {}

    def once(page: Page) -> dict[str, list[str]]:
        if page.name not in worlds:
            world = World(replica_set, tmp_path_factory.mktemp(page.name), page.settings)
            worlds[page.name] = world, live(world, page)
        return worlds[page.name][1]

    yield once
    for world, _ in worlds.values():
        world.close()


@pytest.mark.parametrize(("page", "story"), [told(page, story) for page, story in TOLD])
def test_both_sides_show_what_the_story_says_and_nothing_is_lost(
    lived: Lived, page: Page, story: Story
) -> None:
    assert not (found := lived(page)[story.name]), "\n".join(found)


def test_there_are_sixty_stories_in_which_both_sides_act_each_with_a_name_of_its_own() -> None:
    names = [story.name for _, story in TOLD]
    assert len(set(names)) == len(names)
    acting = [{row.who for row in story.rows} for _, story in TOLD]
    assert sum({"TracOS", "customer"} <= who for who in acting) >= 60


def test_the_documentation_explains_one_of_them_and_says_how_many_there_are() -> None:
    text = (ROOT / "docs/explanation/stories.md").read_text(encoding="utf-8")
    rows = "".join(
        line for line in text.splitlines(True) if re.match(r"\| (Mon|Tue|Wed|end)", line)
    )
    assert rows in (Path(__file__).parent / "newest.md").read_text(encoding="utf-8")
    assert "more than a hundred stories" in text
    assert len(TOLD) > 100


def test_every_policy_is_lived_through_with_every_way_to_acknowledge() -> None:
    lived_with = {
        (page.settings["CONFLICT_POLICY"], page.settings["ACK"], page.acknowledges)
        for page in PAGES
    }
    policies = ("newest", "tracos", "customer", "ask")
    ways = (("auto", False), ("auto", True), ("content", False), ("answer", False))
    assert lived_with == {(policy, *way) for policy in policies for way in ways}
