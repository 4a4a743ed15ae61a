"""The ways between the states of his system."""

from collections.abc import Collection
from itertools import pairwise

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mappings import mapping
from tracbridge.mapping.route import Graph
from tracbridge.mapping.translation import Route

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

STEPS = {
    "new": ["ready", "void"],
    "ready": ["run", "done", "void"],
    "run": ["done"],
    "done": ["shut"],
}


@pytest.mark.parametrize(
    ("start", "ends", "way"),
    [
        ("new", {"new", "run"}, []),
        ("new", {"run"}, ["ready", "run"]),
        ("new", {"done"}, ["ready", "done"]),
        ("new", {"done", "ready"}, ["ready"]),
        ("new", {"void"}, ["void"]),
        ("run", {"new"}, None),
        ("done", {"shut"}, None),
        ("gone", {"new"}, None),
        ("new", set(), None),
    ],
)
def test_the_cheapest_way_of_legal_steps_is_found(
    start: str, ends: set[str], way: list[str] | None
) -> None:
    graph = Graph(STEPS, frozenset({"shut", "void"}), frozenset({"void"}))
    assert graph.way(start, ends) == way


def test_a_detour_is_taken_where_the_short_way_is_dear() -> None:
    steps = {"a": ["b", "c"], "b": ["d"], "c": ["e"], "e": ["d"]}
    assert Graph(steps, costs={"b": 3}).way("a", {"d"}) == ["c", "e", "d"]
    assert Graph(steps, costs={"b": 2}).way("a", {"d"}) == ["b", "d"]


def test_of_equal_ways_the_one_whose_names_come_first_is_taken() -> None:
    assert Graph({"a": ["c", "b"], "b": ["d"], "c": ["d"]}).way("a", {"d"}) == ["b", "d"]


def test_no_way_goes_through_a_step_that_cannot_be_taken_back() -> None:
    steps = {"a": ["shut"], "shut": ["b"]}
    for allowed in (frozenset[str](), frozenset({"shut"})):
        graph = Graph(steps, frozenset({"shut"}), allowed)
        assert graph.way("a", {"b"}) is None
        assert graph.way("a", {"shut"}) == (["shut"] if allowed else None)
        assert graph.way("shut", {"b"}) == ["b"]


@pytest.mark.parametrize(
    ("start", "ends", "why"),
    [
        ("shut", {"new"}, "nothing leads out of shut"),
        ("done", {"shut"}, "shut cannot be taken back, and the mapping does not allow it"),
        ("run", {"ready", "new"}, "no way of allowed steps leads from run to new or ready"),
        ("run", {"new", "shut"}, "no way of allowed steps leads from run to new or shut"),
    ],
)
def test_where_there_is_no_way_the_reason_is_said(start: str, ends: set[str], why: str) -> None:
    graph = Graph(STEPS, frozenset({"shut"}))
    assert graph.way(start, ends) is None
    assert graph.why_not(start, ends) == why


NAMES = ["a", "b", "c", "d", "e"]
SOME = st.frozensets(st.sampled_from(NAMES))
GRAPHS = st.builds(
    Graph,
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)),
    SOME,
    SOME,
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4)),
)


def cost(graph: Graph, way: list[str]) -> int:
    return sum(graph.costs.get(name, 1) for name in way)


def all_ways(graph: Graph, start: str, ends: Collection[str]) -> list[list[str]]:
    """Every legal way without a circle, by trying all."""
    found, open_ = [], [[start]]
    while open_:
        way = open_.pop()
        if len(way) > 1 and way[-1] in ends:
            found.append(way[1:])
        if len(way) > 1 and way[-1] in graph.irreversible:
            continue
        for after in graph.steps.get(way[-1], ()):
            legal = after not in graph.irreversible or after in graph.allowed
            if legal and after not in way:
                open_.append([*way, after])
    return found


@UNHURRIED
@given(GRAPHS, st.sampled_from(NAMES), SOME)
def test_the_way_is_the_one_that_trying_all_finds(
    graph: Graph, start: str, ends: frozenset[str]
) -> None:
    way, ways = graph.way(start, ends), all_ways(graph, start, ends)
    if start in ends:
        assert way == []
        return
    assert way == min(ways, key=lambda one: (cost(graph, one), len(one), one), default=None)
    if way is None:
        assert graph.why_not(start, ends)
        return
    assert way[-1] in ends
    assert all(after in graph.steps[before] for before, after in pairwise([start, *way]))
    assert not graph.irreversible & set(way[:-1])
    assert way[-1] not in graph.irreversible or way[-1] in graph.allowed


# -- routes through a mapping --------------------------------------------------------------------

ROUTED = mapping(
    {
        "mapping": "m",
        "key": {"path": "no"},
        "fields": {
            "status": {
                "cases": [
                    {"is": "pending", "when": {"st": "NEW"}},
                    {"is": "pending", "when": {"st": "READY"}},
                    {"is": "in_progress", "when": {"st": "RUN"}},
                    {"is": "completed", "when": {"st": "DONE"}},
                    {"is": "completed", "when": {"st": "SHUT"}, "only": "read"},
                    {"is": "cancelled", "when": {"st": "VOID"}},
                ],
                "lacks": {"on_hold": "in_progress"},
            }
        },
        "transitions": {
            "steps": {"NEW": ["READY"], "READY": ["RUN"], "RUN": ["DONE"], "DONE": ["SHUT"]},
            "irreversible": ["SHUT", "VOID"],
        },
    }
)


@pytest.mark.parametrize(
    ("link_state", "shown", "given_", "wanted", "route"),
    [
        ("", "NEW", "pending", "pending", None),
        ("", "NEW", "pending", "in_progress", Route("READY", "pending", last=False)),
        ("", "READY", "pending", "in_progress", Route("RUN", "in_progress")),
        ("READY", "NEW", "pending", "in_progress", Route("RUN", "in_progress")),
        ("", "READY", "pending", "completed", Route("RUN", "in_progress", last=False)),
        ("", "", "pending", "in_progress", Route("READY", "pending", last=False)),
        ("OLDNAME", "READY", "pending", "in_progress", Route("RUN", "in_progress")),
        ("OLDNAME", "", "pending", "in_progress", Route("READY", "pending", last=False)),
        ("", "RUN", "pending", "in_progress", Route("READY", "pending", last=False)),
        ("", "RUN", "in_progress", "on_hold", Route("RUN", "on_hold")),
        ("", "READY", "pending", "on_hold", Route("RUN", "on_hold")),
    ],
)
def test_he_is_given_the_next_state_on_the_way(
    link_state: str, shown: str, given_: str, wanted: str, route: Route | None
) -> None:
    extra = orjson.dumps({"st": shown}).decode() if shown else ""
    assert ROUTED.route(link_state, extra, given_, wanted) == route


@pytest.mark.parametrize(
    ("shown", "given_", "wanted", "stuck"),
    [
        ("NEW", "pending", "cancelled", "cancelled: VOID cannot be taken back"),
        ("SHUT", "completed", "pending", "pending: nothing leads out of SHUT"),
        ("DONE", "completed", "pending", "pending: no way of allowed steps leads from DONE"),
    ],
)
def test_where_he_cannot_get_he_stays_and_it_is_said(
    shown: str, given_: str, wanted: str, stuck: str
) -> None:
    route = ROUTED.route("", orjson.dumps({"st": shown}).decode(), given_, wanted)
    assert route
    assert (route.state, route.status) == (shown, given_)
    assert route.stuck.startswith(stuck)
