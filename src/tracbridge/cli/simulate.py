"""``tracbridge simulate``: the real engine in a world of its own, seed by seed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from tracbridge.cli.context import Json, say, say_json
from tracbridge.cli.table import counted, harmless
from tracbridge.simulation.story import Found, Story, look, oddities, story_of
from tracbridge.sync.policy import Ack, Policy

FOUND = 1
"""Exit code: something does not hold."""

PORTION = 50
"""Stories between two looks at the progress bar."""


def simulate(
    seeds: Annotated[int, typer.Option(help="Stories to tell.", min=1)] = 1_000,
    seed: Annotated[int, typer.Option(help="The first seed; alone, with --seeds 1.")] = 0,
    policy: Annotated[Policy | None, typer.Option(help="Only with this CONFLICT_POLICY.")] = None,
    ack: Annotated[Ack | None, typer.Option(help="Only with this ACK.")] = None,
    json: Json = False,
) -> None:
    """Play crashes and outages at random: is anything lost?

    Touches no folder, no database and no network. Exit 1 with the shortest story of a failure.
    """
    told, found = search(range(seed, seed + seeds), policy, ack, quiet=json)
    if json:
        say_json({"stories": told, "found": as_json(found) if found else None})
    elif found:
        say("\n".join(lines(found)))
    else:
        say(f"{counted(told, 'story', 'stories')} from seed {seed} on: nothing was lost.")
    raise typer.Exit(FOUND if found else 0)


def search(
    seeds: range, policy: Policy | None, ack: Ack | None, *, quiet: bool
) -> tuple[int, Found | None]:
    """How many stories were told, and the first that fails."""
    with watching(len(seeds), quiet=quiet) as advance:
        for told, seed in enumerate(seeds, 1):
            if found := look(seed, story_of(seed, policy, ack)):
                return told, found
            if told % PORTION == 0:
                advance(PORTION)
    return len(seeds), None


@contextmanager
def watching(total: int, *, quiet: bool) -> Iterator[Any]:
    """The progress bar, on stderr, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 (only where something is shown with it)
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("stories", total=total)
        yield lambda number: bar.advance(task, number)


def lines(found: Found) -> list[str]:
    """A failure for people."""
    return [
        harmless(found.text),
        "",
        f"Seed {found.seed}, told as short as it goes:",
        *(f"  {one}" for one in habits(found.story)),
        *(f"  {number:2}. {act}" for number, act in enumerate(acts(found.story), 1)),
        "   then everybody finishes what was begun.",
    ]


def habits(story: Story) -> list[str]:
    """What is not as plain as can be."""
    odd = oddities(story.habits)
    return [f"habits: {', '.join(f'{n} {v}' for n, v in odd.items())}"] if odd else []


def acts(story: Story) -> list[str]:
    """The story, act by act."""
    return [
        f"{kind.rstrip('_')} {', '.join(map(spelt, rest))}".rstrip() for kind, *rest in story.acts
    ]


def spelt(argument: Any) -> str:
    """One argument of an act."""
    if isinstance(argument, dict):
        return " ".join(f"{name}={harmless(str(value))}" for name, value in argument.items())
    return harmless(str(argument))


def as_json(found: Found) -> dict[str, Any]:
    """A failure for programs."""
    story = found.story
    return {
        "seed": found.seed,
        "kind": found.kind,
        "text": found.text,
        "habits": {name: str(value) for name, value in oddities(story.habits).items()},
        "acts": acts(story),
    }
