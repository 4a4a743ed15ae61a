"""What is old is forgotten once a day, and never what somebody still waits for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.harness import Doc, World, doc, order

LONG_AGO = datetime.now(UTC) - timedelta(days=100)
LATELY = datetime.now(UTC) - timedelta(days=80)


def batch(world: World, folder: str, at: datetime, name: str = "1.json") -> Path:
    """A file as a pass of that day left it."""
    path = world.root / folder / f"{at:%Y-%m-%d}" / f"{at:%Y%m%dT%H%M%S}-00ab" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")
    return path


def store(world: World, name: str, *rows: Doc) -> None:
    rows = tuple({"c": "default", **row} for row in rows)
    world.server.client[world.state][f"tracbridge_{name}"].insert_many(rows)


def case(id_: str, at: datetime, state: str, **over: object) -> Doc:
    row: Doc = {"_id": id_, "at": at, "state": state, "side": "customer"}
    return row | {"ref": None, "file": ""} | over


def ids(world: World, name: str) -> set[str]:
    return {row["_id"] for row in world.records(name) if isinstance(row["_id"], str)}


def test_old_days_of_the_archive_go_and_others_stay(world: World) -> None:
    old, new = batch(world, "archive", LONG_AGO), batch(world, "archive", LATELY)
    strange = world.root / "archive" / "2001-01-01" / "notes.txt"
    strange.parent.mkdir()
    strange.write_text("not ours")
    code, _, said = world.run()
    assert code == 0
    assert not old.parent.parent.exists()
    assert new.exists()
    assert strange.exists()
    assert "retention" in said
    assert "files=1" in said


def test_a_day_that_an_open_case_needs_stays(world: World) -> None:
    old = batch(world, "archive", LONG_AGO)
    store(world, "quarantine", case("q", LONG_AGO, "open", file=str(old)))
    assert world.run()[0] == 0
    assert old.exists()
    assert ids(world, "quarantine") == {"q"}


def test_a_day_on_which_a_conflict_arose_that_waits_stays(world: World) -> None:
    old = batch(world, "archive", LONG_AGO)
    store(world, "conflicts", {"_id": "k", "at": LONG_AGO, "ref": "1", "decided": None})
    assert world.run()[0] == 0
    assert old.exists()
    assert "k" in ids(world, "conflicts")


def test_old_entries_go_and_what_waits_for_somebody_stays(world: World) -> None:
    file, other = batch(world, "quarantine", LONG_AGO), batch(world, "quarantine", LATELY)
    store(
        world,
        "quarantine",
        case("closed", LONG_AGO, "closed", closed=LONG_AGO, file=str(file)),
        case("closed lately", LONG_AGO, "closed", closed=LATELY, file=str(other)),
        case("put away", LONG_AGO, "discarded", discarded=LONG_AGO),
        case("put away in TracOS", LONG_AGO, "discarded", discarded=LONG_AGO, side="tracos"),
        case("open", LONG_AGO, "open", ref="7"),
    )
    store(
        world,
        "history",
        {"_id": "old", "at": LONG_AGO, "ref": "1"},
        {"_id": "new", "at": LATELY, "ref": "1"},
        {"_id": "needed", "at": LONG_AGO, "ref": "7"},
    )
    store(
        world,
        "conflicts",
        {"_id": "decided", "at": LONG_AGO, "ref": "1", "decided": "newest"},
        {"_id": "waits", "at": LONG_AGO, "ref": "9", "decided": None},
    )
    store(world, "runs", {"_id": "old", "started": LONG_AGO}, {"_id": "new", "started": LATELY})
    store(world, "quarantine", case("elsewhere", LONG_AGO, "closed", closed=LONG_AGO, c="other"))
    assert world.run()[0] == 0
    assert ids(world, "quarantine") == {"closed lately", "put away in TracOS", "open", "elsewhere"}
    assert ids(world, "history") == {"new", "needed"}
    assert ids(world, "conflicts") == {"waits"}
    assert "old" not in ids(world, "runs")
    assert "new" in ids(world, "runs")
    assert not file.exists()
    assert other.exists()


def test_it_is_done_once_a_day(world: World) -> None:
    assert world.run()[0] == 0
    old = batch(world, "archive", LONG_AGO)
    assert world.run()[0] == 0
    assert old.exists()
    cursors = world.server.client[world.state]["tracbridge_cursors"]
    row = next(r for r in cursors.find() if "retention" in str(r))
    name = next(k for k, v in row.items() if isinstance(v, datetime))
    cursors.update_one({"_id": row["_id"]}, {"$set": {name: datetime.now(UTC) - timedelta(days=2)}})
    assert world.run()[0] == 0
    assert not old.exists()


@pytest.mark.parametrize("days", ["0", "200"])
def test_nothing_is_forgotten_before_its_time(world: World, days: str) -> None:
    world.extra = {"ARCHIVE_RETENTION_DAYS": days, "HISTORY_RETENTION_DAYS": days}
    old = batch(world, "archive", LONG_AGO)
    store(world, "history", {"_id": "old", "at": LONG_AGO, "ref": "1"})
    assert world.run()[0] == 0
    assert old.exists()
    assert ids(world, "history") == {"old"}


def test_orders_themselves_are_never_forgotten(world: World) -> None:
    world.orders.insert_one(doc(1, at=LONG_AGO, isSynced=True))
    world.drop(order(2, at=LONG_AGO))
    world.settle(2)
    assert world.orders.count_documents({}) == 2
    assert len(world.records("links")) == 1
