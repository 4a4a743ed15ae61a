"""Connections that would get into each other's way, and those that do not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config.overlap import overlaps, server_of
from tracbridge.config.settings import Settings, load

KEYS = ("inbound", "outbound", "archive", "quarantine")


@cache
def base() -> Settings:
    return load({}, None)


def connection(name: str, folder: str = "", **changes: Any) -> Settings:
    """One with folders and a collection of its own, but for the changes."""
    folders = {f"{key}_dir": Path("/srv") / (folder or name) / key for key in KEYS}
    given: dict[str, Any] = {
        key: Path(v) if key.endswith("_dir") else v for key, v in changes.items()
    }
    own: dict[str, Any] = {"mongo_collection": f"of_{name}", "tracos_filter": {}, **folders}
    return replace(base(), name=name, **{**own, **given})


def told(*connections: Settings) -> list[str]:
    return list(overlaps(connections, lambda name: f"{name}.yaml:1"))


def named(connections: Sequence[Settings]) -> set[frozenset[str]]:
    """The pairs that are told of, by their names."""
    names = [one.name for one in connections]
    return {frozenset(n for n in names if f" {n}" in line) for line in told(*connections)}


# -- folders -------------------------------------------------------------------------------------


def test_connections_with_folders_and_orders_of_their_own_are_left_alone() -> None:
    assert told() == []
    assert told(connection("a")) == []
    assert told(connection("a"), connection("b"), connection("c")) == []


@pytest.mark.parametrize(
    "spelt",
    [
        "/srv/a/inbound",
        "/srv/a/inbound/",
        "/srv/b/../a/inbound",
        "/srv//a/./inbound",
        "/srv/a/inbound/x/..",
        "/../srv/a/inbound",
        "//srv/a/inbound",
        "///srv/a/inbound",
    ],
)
@pytest.mark.parametrize("key", KEYS)
def test_a_folder_is_the_same_however_it_is_spelt(spelt: str, key: str) -> None:
    (line,) = told(connection("a"), connection("b", **{f"{key}_dir": spelt}))
    assert "is the same folder as" in line
    assert "a.customer.inbound" in line
    assert f"b.customer.{key}" in line
    assert line.endswith("; give each connection folders of its own.")


def test_a_relative_folder_is_one_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = connection("a", inbound_dir="in/../x")
    assert len(told(one, connection("b", inbound_dir=tmp_path / "x"))) == 1
    assert told(one, connection("b", inbound_dir=tmp_path / "in")) == []


def test_the_sentence_names_both_folders_as_they_are_written_and_the_line() -> None:
    written = connection("b", outbound_dir="/srv/b/../a/inbound")
    assert told(connection("a"), written) == [
        'b.yaml:1: b.customer.outbound ("/srv/b/../a/inbound") is the same folder as '
        'a.customer.inbound ("/srv/a/inbound"); give each connection folders of its own.'
    ]


def test_what_came_by_reference_is_not_in_the_sentence() -> None:
    one, other = (
        connection("a"),
        connection("b", inbound_dir="/srv/a/inbound", mongo_collection="of_a"),
    )
    hidden = {("b", "customer", "inbound"), ("a", "tracos", "collection")}
    lines = list(overlaps([one, other], str, lambda name, *way: (name, *way) in hidden))
    assert lines == [
        'b: b.customer.inbound is the same folder as a.customer.inbound ("/srv/a/inbound"); give '
        "each connection folders of its own.",
        "b: connections a and b work on the same orders of one collection; give each a "
        "tracos.filter with another value of one field, or another collection.",
    ]


@pytest.mark.parametrize("inner", KEYS)
@pytest.mark.parametrize("outer", KEYS)
def test_no_folder_lies_inside_one_of_another_connection(inner: str, outer: str) -> None:
    inside = connection("b", **{f"{inner}_dir": f"/srv/a/{outer}/deep/below"})
    for pair in ((connection("a"), inside), (inside, connection("a"))):
        (line,) = told(*pair)
        assert line.startswith(f"b.yaml:1: b.customer.{inner} ")
        assert f" lies inside a.customer.{outer} " in line


def test_a_name_that_only_begins_alike_is_another_folder() -> None:
    assert told(connection("a"), connection("b", inbound_dir="/srv/a/inbound2")) == []
    assert told(connection("a"), connection("b", inbound_dir="/srv/a/inboun")) == []
    assert told(connection("a"), connection("b", inbound_dir="/srv/a/Inbound")) == []


def test_a_folder_that_lies_between_two_others_in_the_alphabet_hides_nothing() -> None:
    one = connection("a", inbound_dir="/x/a", archive_dir="/x/a-b", quarantine_dir="/x/a/q")
    (line,) = told(one, connection("b", inbound_dir="/x/a/z"))
    assert "b.customer.inbound" in line
    assert "lies inside a.customer.inbound" in line


def test_within_one_connection_only_what_we_write_must_not_come_back_to_us() -> None:
    inside = connection("a", archive_dir="/srv/a/inbound/done", quarantine_dir="/srv/a/inbound/bad")
    assert told(inside) == []
    (line,) = told(connection("a", outbound_dir="/srv/a/inbound/out"))
    assert "a.customer.outbound" in line
    assert "lies inside a.customer.inbound" in line
    (line,) = told(connection("a", archive_dir="/srv/a/quarantine"))
    assert "is the same folder as" in line


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    one = connection("a", inbound_dir=tmp_path / "real")
    assert told(one, connection("b", inbound_dir=tmp_path / "link")) == []


PLACES = st.lists(st.sampled_from(["a", "b", "a-b", "..", "."]), min_size=1, max_size=4).map(
    lambda parts: "/x/" + "/".join(parts)
)


@given(PLACES, PLACES)
def test_two_folders_meet_exactly_if_one_is_the_other_or_lies_below_it(
    one: str, other: str
) -> None:
    a, b = connection("a", inbound_dir=one), connection("b", inbound_dir=other)
    here, there = (Path(_resolved(place)) for place in (one, other))
    if Path("/") in (here, there):  # all others lie inside
        assert told(a, b)
        return
    meets = here == there or here in there.parents or there in here.parents
    assert bool(told(a, b)) == meets
    assert bool(told(b, a)) == meets


def _resolved(place: str) -> str:
    parts: list[str] = []
    for part in place.split("/")[1:]:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


# -- orders --------------------------------------------------------------------------------------


def shared(name: str, **filters: Any) -> Settings:
    """One that works on the collection that all share."""
    return connection(name, mongo_collection="workorders", tracos_filter=filters)


def test_two_without_a_filter_on_one_collection_work_on_the_same_orders() -> None:
    assert told(shared("a"), shared("b")) == [
        "b.yaml:1: connections a and b work on the same orders of tractian.workorders; give each "
        "a tracos.filter with another value of one field, or another collection."
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {"plant": 1}, True),
        ({"plant": 1}, {"plant": 1}, True),
        ({"plant": 1}, {"plant": 2}, False),
        ({"plant": 1}, {"plant": "1"}, False),
        ({"plant": 1}, {"plant": True}, False),
        ({"plant": 0}, {"plant": False}, False),
        ({"plant": 1}, {"plant": 1.0}, True),
        ({"plant": "a"}, {"plant": "A"}, False),
        ({"plant": 1}, {"company": 1}, True),
        ({"plant": 1, "company": 1}, {"plant": 1}, True),
        ({"plant": 1, "company": 1}, {"company": 2}, False),
        ({"plant": 1, "company": 1}, {"company": 1, "plant": 2}, False),
        ({"plant": 1, "company": 1}, {"company": 1, "plant": 1}, True),
    ],
)
def test_filters_keep_apart_only_by_two_values_of_one_field(
    one: Mapping[str, Any], other: Mapping[str, Any], same: bool
) -> None:
    for pair in ((one, other), (other, one)):
        assert bool(told(shared("a", **pair[0]), shared("b", **pair[1]))) == same


@pytest.mark.parametrize(
    "change",
    [
        {"mongo_collection": "others"},
        {"mongo_database": "others"},
        {"mongo_uri": "mongodb://elsewhere"},
        {"mongo_uri": "mongodb://localhost:27018"},
    ],
)
def test_another_collection_database_or_server_holds_other_orders(change: dict[str, Any]) -> None:
    assert told(shared("a"), replace(shared("b"), **change)) == []


def test_the_server_is_named_without_its_password() -> None:
    uris = ("mongodb://u:hunter2@DB:27017/?tls=true", "mongodb://v:hunter2@db/")
    pair = [replace(shared(n), mongo_uri=uri) for n, uri in zip("ab", uris, strict=True)]
    (line,) = told(*pair)
    assert "of tractian.workorders at db:27017;" in line
    assert "hunter2" not in line


FILTERS = st.dictionaries(
    st.sampled_from(["plant", "company", "site"]), st.sampled_from([0, 1, "1", True]), max_size=3
)


def _can_match_both(one: Settings, other: Settings) -> bool:
    mine, theirs = one.tracos_filter, other.tracos_filter
    return all(
        mine[key] == theirs[key] and isinstance(mine[key], bool) == isinstance(theirs[key], bool)
        for key in mine.keys() & theirs.keys()
    )


@given(FILTERS, FILTERS)
def test_for_two_connections_it_is_the_same_whoever_comes_first(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    a, b = shared("a", **one), shared("b", **other)
    expected = {frozenset("ab")} if _can_match_both(a, b) else set()
    assert named([a, b]) == expected
    assert named([b, a]) == expected


@given(st.lists(FILTERS, max_size=6))
def test_of_many_none_that_shares_an_order_with_another_is_missed(
    filters: list[dict[str, Any]],
) -> None:
    group = [shared(f"c{n}", **each) for n, each in enumerate(filters)]
    clashes = {
        frozenset((a.name, b.name)) for a, b in combinations(group, 2) if _can_match_both(a, b)
    }
    found = named(group)
    assert found <= clashes
    # Each that comes later than one that it clashes with is told of.
    late = [b.name for n, b in enumerate(group) if any(_can_match_both(a, b) for a in group[:n])]
    assert [line.partition(".")[0] for line in told(*group)] == late


# -- servers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "mongodb://localhost",
        "mongodb://LocalHost:27017",
        "mongodb://127.0.0.1/",
        "mongodb://[::1]:27017/tractian",
        "mongodb://user:secret@localhost/?replicaSet=rs0",
        "mongodb://user:a%40b@localhost",
        "MONGODB://localhost",
    ],
)
def test_this_machine_is_one_server_however_it_is_spelt(uri: str | None) -> None:
    assert server_of(uri) == "127.0.0.1:27017"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mongodb://a,b,c", "mongodb://c:27017,b,A"),
        ("mongodb://db/one", "mongodb://db/two?w=1"),
        ("mongodb://u:p@db", "mongodb://v:q@db:27017"),
        ("mongodb://u:p@ss@db", "mongodb://db"),
        ("mongodb+srv://c.example.com", "mongodb+srv://u:p@C.example.com/x"),
        ("mongodb://db?tls=true", "mongodb://db"),
        ("mongodb://%2Ftmp%2Fm.sock", "mongodb://%2ftmp%2fM.sock/x"),
    ],
)
def test_one_server_has_one_address(one: str, other: str) -> None:
    assert server_of(one) == server_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mongodb://a", "mongodb://b"),
        ("mongodb://a:27018", "mongodb://a"),
        ("mongodb://a,b", "mongodb://a,c"),
        ("mongodb://[::2]", "mongodb://[::1]"),
    ],
)
def test_two_servers_have_two(one: str, other: str) -> None:
    assert server_of(one) != server_of(other)


@given(st.text(max_size=12), st.text(max_size=12), st.permutations(["one", "two:27018", "[::2]"]))
def test_an_address_holds_neither_user_nor_password(
    user: str, password: str, hosts: list[str]
) -> None:
    who = f"{quote(f'U{user}', safe='')}:{quote(f'P{password}', safe='')}"
    address = server_of(f"mongodb://{who}@{','.join(hosts)}/tractian?authSource=admin")
    assert address == "[::2]:27017,one:27017,two:27018"
