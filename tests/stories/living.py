"""Living through stories: people act on both sides, a pass runs, and both sides are looked at.

The stories of a page live side by side in one world, each with an order of its own: the first rows
of all of them, one pass, the second rows, and so on. Whatever a person enters is remembered with
what he had seen, so that what is lost in silence is found in the end (see `ledger`).
"""

from datetime import timedelta

from tests.harness import World
from tests.stories.deeds import ACTS, imports
from tests.stories.life import Life
from tests.stories.reading import Page

BEFORE = timedelta(days=1)
ROUNDS = 12
"""Passes within which everything must have come to rest."""


def live(world: World, page: Page) -> dict[str, list[str]]:
    """All stories of the page to their ends; what is not as each of them says, by name."""
    numbered = enumerate(page.stories, start=1)
    lives = [Life(story, world, number, page.zone) for number, story in numbered]
    for life in lives:
        begins(life)
    rest(world, page, lives)
    for life in lives:
        life.looks = life.look()
        life.complaints += [f"{life.where}: it begins with a conflict"] * bool(life.conflicts())
    while any(life.left for life in lives):
        for life in lives:
            goes_on(life)
        code, _, err = world.run()
        for life in lives:
            life.is_checked()
            if code != max(map(expected_code, lives)):
                life.complaints.append(f"{life.where}: the run of all stories ended {code}: {err}")
    rest(world, page, lives)
    world.rests()
    return {life.story.name: life.ends() for life in lives}


def begins(life: Life) -> None:
    """A first row ``both`` is lived before all others: both sides hold that order."""
    life.left = list(life.story.rows)
    if life.left[0].who == "both":
        life.row = life.left.pop(0)
        life.enters("customer", life.row.state | {"deleted": False}, life.row.at - BEFORE)
        life.exports()


def goes_on(life: Life) -> None:
    """Everything up to the next pass."""
    life.row = None
    while life.left:
        life.row = life.left.pop(0)
        ACTS[life.row.who](life, life.row)
        if life.row.seen is not None:
            return


def expected_code(life: Life) -> int:
    """3 where the row says that something waits for a person or was refused."""
    if life.row is None or life.row.seen is None:
        return 0
    told = life.row.seen["conflicts"]
    return 3 if "waits" in told or "refused" in told or life.row.what == "refuses" else 0


def rest(world: World, page: Page, lives: list[Life]) -> None:
    """The importer takes what lies there as often as we send it, until nothing comes any more."""
    for _ in range(ROUNDS):
        for life in lives:
            imports(life, "acknowledges" if page.acknowledges else "takes")
        code, done, err = world.run()
        assert code == 0, err
        for life in lives:
            life.books()
        if not done["outbound"]["delivered"] and not done["outbound"].get("acknowledged", 0):
            return
    raise AssertionError(f"after {ROUNDS} passes it still moves: {done}")
