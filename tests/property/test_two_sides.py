"""Both sides edited at random, files read at any time, we die at any step: nothing is lost."""

import random

import pytest

from tests.property.world import World, habits_of

SEEDS = range(500)
STEPS = 40


def play(seed: int, reader: str) -> World:
    """One story from its beginning to rest."""
    dice = random.Random(f"{seed} {reader}")
    world = World(dice, habits_of(dice, reader))
    try:
        world.tell(STEPS)
        world.check_rest()
    except AssertionError as error:
        error.add_note(f"play({seed}, {reader!r}): {world.habits}")
        raise
    return world


@pytest.mark.parametrize("reader", ["atomic", "unlink", "never", "moves"])
def test_at_rest_both_sides_are_equal_or_held_and_no_edit_is_lost(reader: str) -> None:
    worlds = [play(seed, reader) for seed in SEEDS]
    # The stories are worth telling: most of them disagree, hardly any cannot be judged.
    assert sum(bool(world.oracle.noted) for world in worlds) > len(worlds) / 2
    assert sum(world.coincidence for world in worlds) < len(worlds) / 20
    assert sum(bool(world.link.held) for world in worlds) > len(worlds) / 50


@pytest.mark.parametrize("reader", ["atomic", "never"])
def test_at_rest_nothing_is_written_any_more(reader: str) -> None:
    for seed in SEEDS[:100]:
        world = play(seed, reader)
        before = (world.link.seq, world.tracos, world.erp, world.outbox, world.oracle.noted.copy())
        world.come_to_rest()
        after = (world.link.seq, world.tracos, world.erp, world.outbox, world.oracle.noted)
        assert after == before
