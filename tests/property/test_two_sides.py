"""Both sides edited at random, files read whenever it pleases: at rest nothing is lost and all is equal."""

import random

import pytest

from tests.property.world import World, habits_of

SEEDS = 120
STEPS = 40


def play(seed: int, reader: str) -> World:
    """One story from its beginning to rest."""
    dice = random.Random(f"{seed} {reader}")
    world = World(dice, habits_of(dice, reader))
    world.tell(STEPS)
    return world


@pytest.mark.parametrize("reader", ["atomic", "unlink", "never", "moves"])
def test_at_rest_both_sides_are_equal_or_held_and_no_edit_is_lost(reader: str) -> None:
    for seed in range(SEEDS):
        world = play(seed, reader)
        try:
            world.check_rest()
        except AssertionError as error:
            error.add_note(f"play({seed}, {reader!r}): {world.habits}")
            raise
