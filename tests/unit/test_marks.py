"""What we marked as synced is remembered as it was, for a minute."""

from typing import Any

from bson import ObjectId

from tracbridge.adapters.mongo import marks
from tracbridge.adapters.mongo.marks import Marks


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def document(id_: Any, text: str = "Check the pump") -> dict[str, Any]:
    return {"_id": id_, "title": text, "deletedAt": None}


def test_what_looks_as_it_did_is_covered_whatever_else_it_shows() -> None:
    known, id_ = Marks(), ObjectId()
    known.note([document(id_)])
    assert known.names([id_, ObjectId()]) == {"_id", "title", "deletedAt"}
    assert known.cover({"_id": id_, "title": "Check the pump", "isSynced": True})
    assert not known.cover(document(id_, "Check the fan"))
    assert not known.cover(document(ObjectId()))


def test_ids_of_any_kind_are_told_apart() -> None:
    known = Marks()
    known.note([document({"tenant": 1, "n": 2}), document(1), document("2")])
    assert known.cover(document({"tenant": 1, "n": 2}))
    assert not known.cover(document({"tenant": 1, "n": 3}))
    assert not known.cover(document("1"))
    assert not known.cover(document(2))


def test_the_last_look_counts_and_what_we_change_ourselves_is_forgotten() -> None:
    known = Marks()
    known.note([document(1), document(2)])
    known.note([document(1, "Check the fan")])
    assert not known.cover(document(1))
    assert known.cover(document(1, "Check the fan"))
    known.forget([1, 3])
    assert not known.cover(document(1, "Check the fan"))
    assert known.cover(document(2))
    known.clear()
    assert not known.cover(document(2))


def test_nothing_is_kept_for_long_and_never_too_much() -> None:
    clock = Seconds()
    known = Marks(clock)
    known.note([document(1), document(2)])
    clock.at += marks.KEPT / 2
    known.note([document(1)])
    clock.at += marks.KEPT / 2
    known.note([document(3)])
    assert known.cover(document(1)), "it was marked again"
    assert not known.cover(document(2))
    known.note(document(n) for n in range(10, 10 + marks.MANY))
    assert not known.cover(document(1))
    assert known.cover(document(10))
    assert known.cover(document(9 + marks.MANY))
