"""One seed is one story: habits, and a list of acts. One that fails is told as short as it goes."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.workorder import DELETED
from tracbridge.simulation.habits import Habits, habits_of, likely
from tracbridge.simulation.people import NEW
from tracbridge.simulation.processes import Trouble
from tracbridge.simulation.world import BEGUN, REFS, Violation, World, Wrap
from tracbridge.sync.policy import Ack, Policy

Act = tuple[Any, ...]
"""The name of a method of `World`, and its arguments."""

STATUSES = ("pending", "in_progress", "completed", "cancelled")
WORDS = ("Pump", "Valve")
TURNS = (1, 2, 3, 5, 8, 13, 25, 60)


class Story(Struct, frozen=True):
    """Everything that makes a run what it is."""

    habits: Habits
    acts: tuple[Act, ...]


def story_of(seed: int, policy: Policy | None = None, ack: Ack | None = None) -> Story:
    """The story of a seed; the same whenever it is told."""
    dice = Random(f"tracbridge {seed}")
    habits = habits_of(dice, policy, ack)
    plays = ORDINARY | dict.fromkeys(dice.sample(RARE, dice.choice([1, 1, 2, 3])), 5)
    cast = Cast(list(plays), list(plays.values()), REFS[: dice.choice([1, 1, 1, 2])])
    acts = [act_of(dice, habits, cast, number) for number in range(dice.randint(10, 40))]
    return Story(replace(habits, hints=dice.choice([0, 0, 0, 2, 3])), tuple(acts))


ORDINARY = {"work": 46, "erp": 11, "tracos": 11, "export": 12, "import_": 13, "kill": 3, "wait": 4}
"""What happens all the time, and how often."""

RARE = [
    "trouble",
    "again",
    "export_all",
    "reset",
    "refuse",
    "cut",
    "jump",
    "swap",
    "restore",
]
"""What happens in some stories only, and there more than once."""


class Cast(Struct, frozen=True):
    """The kinds of acts of one story with their weights, and its orders."""

    kinds: list[str]
    weights: list[int]
    refs: tuple[str, ...]


WAYS = ("plain", "plain", "plain", "plain", "whole", "quiet", "silent")


def act_of(dice: Random, habits: Habits, cast: Cast, number: int) -> Act:
    """One act of anybody."""
    kind = dice.choices(cast.kinds, cast.weights)[0]
    ref = dice.choice(cast.refs)
    who = int(dice.random() < (0.2 if habits.shared else 0.4))
    acts: dict[str, Callable[[], Act]] = {
        "work": lambda: (kind, who, dice.choice(TURNS)),
        "trouble": lambda: ("work", who, 1, dice.choice(list(Trouble))),
        "kill": lambda: (kind, who),
        "erp": lambda: (kind, ref, changes_of(dice, number)),
        "tracos": lambda: (kind, ref, changes_of(dice, number), dice.choice(WAYS)),
        "export": lambda: (kind, ref, likely(dice, 0.85)),
        "wait": lambda: (kind, dice.choice([4, 20, 40, 400])),
        "jump": lambda: (kind, dice.choice([-60, 60])) if habits.jumps else ("wait", 7),
        "cut": lambda: (kind, dice.randint(0, 3)),
        "again": lambda: (kind, ref, dice.randint(0, 5)),
        "import_": lambda: (kind, ref),
        "reset": lambda: (kind, ref),
        "refuse": lambda: (kind, ref),
        "restore": lambda: (dice.choice(["save", "restore"]),),
    }
    return acts[kind]() if kind in acts else (kind,)


def changes_of(dice: Random, number: int) -> dict[str, Any]:
    """What somebody wants to change."""
    wishes: dict[str, Any] = {
        "status": dice.choice(STATUSES),
        "description": dice.choice([f"text {number}", f"text {number}", *WORDS]),
        DELETED: BEGUN if likely(dice, 0.4) else False,
    }
    names = [name for name in NEW if likely(dice, 0.4)] or ["description"]
    return {name: wishes[name] for name in names}


def tell(story: Story, wrap: Wrap | None = None) -> World:
    """Act by act to its end and to rest; raises `Violation`."""
    world = World(story.habits, wrap) if wrap else World(story.habits)
    try:
        for kind, *arguments in story.acts:
            world.wait(1)
            getattr(world, kind)(*arguments)
        world.come_to_rest()
        world.check_rest()
    finally:
        world.end()
    return world


def verdict(story: Story, wrap: Wrap | None = None) -> Violation | None:
    """What the story shows to be broken, None if it ends well."""
    try:
        tell(story, wrap)
    except Violation as violation:
        return violation
    return None


class Found(Struct, frozen=True):
    """A seed whose story fails, and the shortest story that fails in the same way."""

    seed: int
    kind: str
    text: str
    story: Story


def look(seed: int, story: Story, wrap: Wrap | None = None) -> Found | None:
    """Tell the story; if it fails, make it short."""
    first = verdict(story, wrap)
    if first is None:
        return None

    def fails(candidate: Story) -> bool:
        violation = verdict(candidate, wrap)
        return violation is not None and violation.kind == first.kind

    short = shrunk(story, fails)
    return Found(seed, first.kind, str(verdict(short, wrap)), short)


def shrunk(story: Story, fails: Callable[[Story], bool]) -> Story:
    """The shortest story that still fails, by leaving out acts and by plainer habits."""
    size = len(story.acts)
    while size:
        for candidate in without(story, size):
            if fails(candidate):
                story, size = candidate, min(size, len(candidate.acts))
                break
        else:
            size //= 2
    for candidate in plainer(story):
        if fails(candidate):
            return shrunk(candidate, fails)
    return story


def without(story: Story, size: int) -> Iterator[Story]:
    """The story without ``size`` acts in a row."""
    for at in range(len(story.acts) - size + 1):
        yield replace(story, acts=story.acts[:at] + story.acts[at + size :])


def plainer(story: Story) -> Iterator[Story]:
    """The story with one habit, or one act, as plain as can be."""
    for name in oddities(story.habits):
        plain = getattr(Habits(), name)
        yield replace(story, habits=replace(story.habits, **{name: plain}))
    for at, act in enumerate(story.acts):
        if act[0] in ("erp", "tracos") and len(act[2]) > 1:
            for name in act[2]:
                fewer = {n: v for n, v in act[2].items() if n != name}
                new = (act[0], act[1], fewer, *act[3:])
                yield replace(story, acts=(*story.acts[:at], new, *story.acts[at + 1 :]))


def oddities(habits: Habits) -> dict[str, Any]:
    """The habits that are not as plain as can be."""
    plain, names = Habits(), Habits.__struct_fields__
    return {n: v for n in names if (v := getattr(habits, n)) != getattr(plain, n)}
