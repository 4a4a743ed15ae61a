"""The real engine in thousands of small worlds: whatever happens there, nothing is lost."""

import json
from collections.abc import Callable, Iterator
from random import Random

import pytest
from msgspec.structs import replace

from tests.harness import World as CommandLine
from tests.simulation.mutants import MUTANTS
from tracbridge.cli.simulate import acts, as_json, lines, search
from tracbridge.simulation.habits import Habits, Reader
from tracbridge.simulation.processes import Trouble
from tracbridge.simulation.story import Story, look, oddities, shrunk, story_of, tell, verdict
from tracbridge.simulation.world import BEGUN, Violation, World
from tracbridge.sync import publish
from tracbridge.sync.policy import Ack, Policy

STORIES = 700
"""Of each combination; `tracbridge simulate` tells as many as anybody likes."""

HUNT = 6_000
"""Stories in which a missing guard is found, at the latest."""


def failing(story: Story) -> str:
    """What is to be done about a story that fails."""
    found = look(0, story)
    assert found
    acts = "\n".join(map(repr, found.story.acts))
    return f"{found.text}\n{oddities(found.story.habits)}\n{acts}"


@pytest.mark.parametrize("ack", list(Ack))
@pytest.mark.parametrize("policy", list(Policy))
def test_whatever_happens_nothing_is_lost(policy: Policy, ack: Ack) -> None:
    first = STORIES * (list(Policy).index(policy) * len(Ack) + list(Ack).index(ack))
    for seed in range(first, first + STORIES):
        story = story_of(seed, policy, ack)
        if verdict(story):
            pytest.fail(f"tracbridge simulate --seed {seed} --seeds 1: {failing(story)}")


def test_nothing_is_lost_where_few_earlier_values_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publish, "EARLIER", 3)
    for seed in range(20_000, 20_000 + STORIES):
        if verdict(story_of(seed)):
            pytest.fail(f"seed {seed}: {failing(story_of(seed))}")


def test_the_same_seed_is_the_same_story_with_the_same_end() -> None:
    for seed in range(30):
        one, other = tell(story_of(seed)), tell(story_of(seed))
        assert one.summary() == other.summary()
        assert one.oracle.seen == other.oracle.seen


def test_hardly_any_story_ends_by_chance_where_nobody_can_judge_it() -> None:
    worlds = [tell(story_of(seed)) for seed in range(500)]
    assert sum(bool(world.chance) for world in worlds) < len(worlds) / 50
    assert sum(bool(world.oracle.noted) for world in worlds) > len(worlds) / 3


REGRESSIONS = {
    "an old file once more proves nothing": Story(
        Habits(Reader.NEVER, Policy.ASK),
        (
            ("tracos", "1", {"deleted": False}, "plain"),
            ("work", 0, 60),
            ("import_", "1"),
            ("erp", "1", {"description": "text 20"}),
            ("export", "1", True),
            ("erp", "1", {"description": "text 26"}),
            ("work", 0, 25),
            ("again", "1", 4),
        ),
    ),
    "the last file once more reverts nothing": Story(
        Habits(ack=Ack.CONTENT),
        (
            ("erp", "1", {"description": "Valve"}),
            ("export_all",),
            ("tracos", "1", {"status": "cancelled"}, "quiet"),
            ("export_all",),
            ("work", 0, 60),
            ("erp", "1", {"deleted": BEGUN}),
            ("import_", "1"),
            ("export", "1", True),
            ("again", "1", 0),
        ),
    ),
    "he is given what he shows, and shows it again": Story(
        Habits(conflict=Policy.ASK),
        (
            ("erp", "1", {"status": "completed"}),
            ("tracos", "1", {"description": "text 18"}, "plain"),
            ("work", 0, 60),
            ("export", "1", True),
            ("work", 0, 60),
            ("export_all",),
            ("work", 0, 3),
            ("erp", "1", {"description": "text 37"}),
        ),
    ),
    "an export that crosses our answer": Story(
        Habits(ack=Ack.ANSWER, echoes=True),
        (
            ("work", 0, 46),
            ("erp", "2", {"description": "text 10"}),
            ("work", 0, 5),
            ("tracos", "2", {"status": "cancelled"}, "plain"),
            ("export", "2", True),
        ),
    ),
    "a file claimed by one who was replaced": Story(
        Habits(receipts=True, shared=False),
        (
            ("work", 1, 13),
            ("erp", "1", {"description": "Valve"}),
            ("export", "1", True),
            ("wait", 400),
            ("work", 0, 13),
            ("erp", "1", {"status": "on_hold"}),
            ("export", "1", True),
        ),
    ),
    "an acknowledgement beside a file that stays": Story(
        Habits(Reader.ANSWERS),
        (
            ("erp", "1", {"description": "Pump"}),
            ("tracos", "1", {"status": "in_progress"}, "plain"),
            ("work", 1, 5),
        ),
    ),
    "taken back before we know that it was written": Story(
        Habits(ack=Ack.ANSWER),
        (
            ("tracos", "1", {"description": "Valve"}, "plain"),
            ("work", 0, 15),
            ("work", 0, 1),
            ("work", 0, 26),
            ("import_", "1"),
            ("erp", "1", {"status": "in_progress"}),
            ("work", 0, 29),
            ("work", 0, 3),
            ("export", "1", True),
            ("work", 0, 4),
            ("work", 0, 1),
            ("work", 0, 13),
            ("work", 0, 1, Trouble.UNSENT),
            ("tracos", "1", {"status": "pending"}, "whole"),
        ),
    ),
    "our clock goes back by three hours": Story(
        Habits(conflict=Policy.ASK, jumps=True),
        (
            ("tracos", "1", {"deleted": False}, "plain"),
            ("work", 0, 60),
            ("jump", -60),
            ("tracos", "1", {"description": "text 27"}, "quiet"),
            ("import_", "1"),
            ("erp", "1", {"description": "text 29"}),
            ("wait", 400),
            ("jump", -60),
            ("jump", -60),
        ),
    ),
    "edited before we remember that we made it": Story(
        Habits(conflict=Policy.CUSTOMER),
        (
            ("erp", "1", {"deleted": BEGUN}),
            ("work", 0, 8),
            ("work", 0, 2),
            ("work", 0, 3),
            ("export", "1", True),
            ("work", 0, 8),
            ("kill", 0),
            ("tracos", "1", {"description": "Valve"}, "plain"),
        ),
    ),
    "a claim that the power cut took back": Story(
        Habits(),
        (
            ("erp", "1", {"deleted": False}),
            ("export", "1", True),
            ("work", 0, 13),
            ("work", 0, 8),
            ("cut", 0),
            ("erp", "1", {"description": "text 22"}),
        ),
    ),
    "back to what our unread version says, by himself": Story(
        Habits(ack=Ack.ANSWER),
        (
            ("erp", "1", {"description": "text 2"}),
            ("export", "1", True),
            ("work", 1, 60),
            ("tracos", "1", {"deleted": BEGUN}, "quiet"),
            ("work", 1, 13),
            ("erp", "1", {"status": "completed"}),
            ("export", "1", True),
            ("erp", "1", {"status": "pending", "deleted": BEGUN}),
            ("export", "1", True),
            ("erp", "1", {"status": "in_progress"}),
        ),
    ),
    "claimed by a pass that is still to come": Story(
        Habits(receipts=True),
        (
            ("tracos", "1", {"status": "completed"}, "whole"),
            ("erp", "2", {"status": "cancelled"}),
            ("work", 0, 25),
            ("save",),
            ("restore",),
            ("cut", 2),
            ("erp", "2", {"description": "text 26"}),
            ("restore",),
        ),
    ),
}


APART = {"fence"}
"""Guards that are needed only where two machines see no common lock."""

DIRECT = {
    "echo rule": "",
    "evidence is news": "he is given what he shows, and shows it again",
    "repeated record": "the last file once more reverts nothing",
    "taken back": "taken back before we know that it was written",
    "claimed in time": "claimed by a pass that is still to come",
}
"""Guards whose absence is shown by one story: few stories at random need them."""


def apart(story: Story) -> Story:
    return replace(story, habits=replace(story.habits, shared=False))


@pytest.mark.parametrize("guard", [guard for guard in MUTANTS if guard not in DIRECT])
def test_a_missing_guard_is_found(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrap = MUTANTS[guard](monkeypatch)
    stories = ((seed, story_of(seed)) for seed in range(HUNT))
    if guard in APART:
        stories = ((seed, apart(story)) for seed, story in stories)
    found = next((one for seed, story in stories if (one := look(seed, story, wrap))), None)
    assert found, f"nobody misses: {guard}"
    print(f"{guard}: seed {found.seed}, {len(found.story.acts)} acts, {found.text}")  # noqa: T201


@pytest.mark.parametrize("guard", [guard for guard in DIRECT if DIRECT[guard]])
def test_a_guard_that_few_stories_need_is_missed_by_its_own(
    guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[guard](monkeypatch)
    assert any(verdict(one) for one in variations(REGRESSIONS[DIRECT[guard]]))


def variations(story: Story) -> Iterator[Story]:
    """The story, and such in which we are interrupted a little sooner or later: how many steps lie
    before a moment changes with the engine.
    """
    yield story
    dice = Random("variations")
    for _ in range(400):
        acts = [
            (act[0], act[1], max(1, act[2] + dice.randint(-4, 4)), *act[3:])
            if act[0] == "work"
            else act
            for act in story.acts
        ]
        yield replace(story, acts=tuple(acts))


def test_without_the_echo_rule_there_are_conflicts_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    MUTANTS["echo rule"](monkeypatch)
    world = alternating(Habits(Reader.MOVES, ack=Ack.CONTENT, echoes=True), one_pass)
    assert world.state.conflicts


ALTERNATING = [
    Habits(Reader.ATOMIC, ack=Ack.AUTO),
    Habits(Reader.UNLINK, ack=Ack.AUTO, receipts=True),
    Habits(Reader.ANSWERS, ack=Ack.AUTO),
    Habits(Reader.ATOMIC, ack=Ack.ANSWER),
    Habits(Reader.MOVES, ack=Ack.CONTENT, echoes=True),
]


def alternating(habits: Habits, between: Callable[[World], None]) -> World:
    """Both sides edit in turn; ``between``: what happens before the other one edits."""
    world = World(habits)
    for turn in range(8):
        if turn % 2:
            world.tracos("1", {"description": f"ours {turn}"}, "plain")
        else:
            world.erp("1", {"description": f"theirs {turn}"})
        between(world)
    return world


def rest(world: World) -> None:
    world.come_to_rest()
    world.check_rest()


def one_pass(world: World) -> None:
    world.work(0, 200)
    for act in (world.import_, world.import_, world.export):
        act("1")


@pytest.mark.parametrize("habits", ALTERNATING, ids=lambda one: f"{one.reader}-{one.ack}")
def test_edits_that_strictly_alternate_make_no_conflict(habits: Habits) -> None:
    world = alternating(habits, rest)
    assert world.state.conflicts == {}
    assert world.customer.orders["1"].cells["description"] == "ours 7"


def test_a_failing_story_is_told_as_short_as_it_goes() -> None:
    acts = (*story_of(5).acts, ("erp", "1", {"status": "completed"}), ("work", 0, 1), ("wait", 4))
    story = Story(Habits(receipts=True), acts)

    def fails(candidate: Story) -> bool:
        kinds = [kind for kind, *_ in candidate.acts]
        return "erp" in kinds and "work" in kinds[kinds.index("erp") :]

    assert fails(story)
    short = shrunk(story, fails)
    assert [kind for kind, *_ in short.acts] == ["erp", "work"]
    assert short.habits == Habits()


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_story_that_once_failed_ends_well(name: str) -> None:
    tell(REGRESSIONS[name])


def test_the_command_tells_stories(world: CommandLine) -> None:
    done = world.cli("simulate", "--seeds", "20", "--policy", "ask", "--ack", "content")
    assert done.code == 0
    assert done.out == "20 stories from seed 0 on: nothing was lost.\n"
    done = world.cli("simulate", "--seeds", "3", "--seed", "7", "--json")
    assert json.loads(done.out) == {"stories": 3, "found": None}


def test_a_failure_is_shown_as_a_short_list_of_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["conflict record"](monkeypatch)
    told, found = search(range(50), Policy.NEWEST, Ack.AUTO, quiet=True)
    assert found
    assert told == found.seed + 1
    shown = lines(found)
    assert shown[0].startswith("lost: ")
    assert shown[2] == f"Seed {found.seed}, told as short as it goes:"
    assert as_json(found)["acts"] == acts(found.story)
    assert 1 < len(acts(found.story)) < 10


def test_a_violation_says_what_and_keeps_its_kind() -> None:
    violation = Violation("lost", "order 1")
    assert (str(violation), violation.kind) == ("lost: order 1", "lost")
