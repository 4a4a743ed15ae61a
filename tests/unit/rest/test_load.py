"""Interface files: what is wrong is told at once, with its place and the way to mend it."""

from datetime import UTC
from typing import Any

import pytest

from tests.unit.rest.saved import INTERFACE, overlaid, system
from tracbridge.adapters.connectors.rest.load import load
from tracbridge.config.places import Places
from tracbridge.domain.errors import SettingError


def wrong(over: Any) -> str:
    with pytest.raises(SettingError) as caught:
        load(overlaid(INTERFACE, over), Places(lambda way: f"file:{len(way)}"), UTC)
    return str(caught.value)


def test_a_whole_interface_is_accepted() -> None:
    found = system()
    assert found.spec.interface == "his"
    assert found.changes.ordered
    assert found.whole.form.needs == {"limit", "offset"}


@pytest.mark.parametrize(
    ("over", "what"),
    [
        ({"reed": {}}, "reed: is no key here. The nearest is read."),
        ({"read": {"sise": 3}}, "read.sise: is no key here. The nearest is size."),
        ({"read": ...}, "read: is missing."),
        ({"ref": ...}, "ref: is missing."),
        ({"one": {"request": ...}}, "one.request: is missing."),
        ({"read": {"paging": {"kind": "cursor"}}}, "read.paging.kind: invalid value 'cursor'"),
        ({"read": {"paging": {"kind": "link", "full": True}}}, "read.paging"),
        ({"read": {"size": 0}}, "read.size"),
        ({"read": {"request": {"path": "orders"}}}, "read.request.path"),
        ({"read": {"request": {"query": {"top": "{limt}"}}}}, "read.request.query.top: {limt} is"),
        ({"one": {"request": {"path": "/x/{number}"}}}, "one.request.path: {number} is not known"),
        ({"ref": "{a..b}"}, "ref: 'a..b' is no path"),
        ({"read": {"records": "a..b"}}, "read.records: 'a..b' is no path"),
        ({"find": ...}, "find: is missing: what became of a new order"),
        ({"lock": {"header": "If-Match", "body": "v"}}, "lock: says one of"),
        ({"lock": {"header": ...}}, "lock: says one of"),
        ({"record_version": ...}, "record_version: is missing: the lock sends it"),
        ({"errors": [{"is": "busy"}]}, "errors.0: says a status, a code, or both"),
        ({"errors": [{"is": "fine", "status": 400}]}, "errors"),
        ({"read": {"first": ...}}, "read.first: is without {since}"),
        ({"read": {"first": ..., "sweep": 3}}, "read.first: is missing: a sweep"),
        ({"read": {"changed": ...}}, "read.changed: is missing"),
        ({"read": {"changed": {"path": ["a", "b"]}}}, "read.changed.path: is one"),
        ({"read": {"changed": {"format": "DD.MM"}}}, "read.changed.format: 'DD.MM' is no format"),
        (
            {"read": {"changed": {"zone": "Mars"}}},
            "read.changed.zone: there is no time zone 'Mars'",
        ),
        ({"read": {"first": {"paging": {"kind": "offset"}}, "paging": {"kind": "keyset"}}}, ""),
        ({"actions": {"X": {}}}, "actions.X: says either request or calls"),
        (
            {"actions": {"X": {"request": {"path": "/x"}, "done": {"s": {"is": 1}}}}},
            "actions.X.done.s: is a value, or {has: CODE, hasnt: CODE}",
        ),
        (
            {"actions": {"X": {"calls": [{"request": {"path": "/{changes}"}}]}}},
            "actions.X.calls.0.request.path: {changes} is not known",
        ),
        ({"create": {"also": {"no": "{nummer}"}}}, "create.also.no: {nummer} is not known"),
        ({"read": {"deleted": {"path": "a..b"}}}, "read.deleted.path: 'a..b' is no path"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(over: Any, what: str) -> None:
    if not what:
        load(overlaid(INTERFACE, over), Places(lambda _: ""), UTC)
        return
    said = wrong(over)
    assert what in said
    assert said.startswith("file:")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    said = wrong({"ref": "{", "read": {"records": "a..b"}, "find": ...})
    assert len(said.splitlines()) == 3


def test_times_without_an_offset_need_a_zone() -> None:
    changed = {"path": "at", "format": "YYYY-MM-DD HH:mm:ss"}
    value = overlaid(INTERFACE, {"read": {"changed": changed}})
    with pytest.raises(SettingError, match=r"read.changed.zone: is missing"):
        load(value, Places(lambda _: "x"), None)
    assert load(value, Places(lambda _: "x"), UTC).times is not None


def test_pages_by_time_of_the_whole_list_need_pages_by_time_of_changes() -> None:
    said = wrong({"read": {"paging": {"kind": "offset"}, "first": {"paging": {"kind": "keyset"}}}})
    assert "read.first.paging.by: is by key" in said


@pytest.mark.parametrize("value", [None, [], "x", 7])
def test_an_interface_is_a_table(value: Any) -> None:
    with pytest.raises(SettingError, match="is a table"):
        load(value, Places(lambda _: "x"))
