"""``demo``: what a newcomer sees first."""

import json
from pathlib import Path

from tests.harness import World, is_alive


def test_the_demo_shows_both_sides_a_rest_and_a_merge_and_ends_its_server(world: World) -> None:
    place = world.root / "demo"
    said = world.cli("demo", "--folder", str(place))
    assert said.code == 0, said.err
    assert "Run 1   inbound 10 read: 6 created" in said.out
    assert "Run 2   nothing to do: both sides agree" in said.out
    assert "Run 3   inbound 1 read: 0 created, 1 updated; outbound 1 order delivered" in said.out
    assert "description from the customer; status to the customer" in said.out
    note = json.loads(Path(place, ".tracbridge", "mongo", "mongod.json").read_text())
    assert not note["pid"] or not is_alive(note["pid"])
