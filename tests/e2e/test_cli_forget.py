"""``forget``: one order's personal data out of all that we keep beyond what both systems show."""

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness import NOW, Doc, World, doc, order

WORD = "Xanthippe"
LATER = NOW + timedelta(hours=1)
LATEST = NOW + timedelta(hours=2)


def places(world: World) -> set[str]:
    """Every collection and file that holds the word."""
    databases = {"TracOS": world.database, "state": world.state}
    found = set()
    for label, name in databases.items():
        database = world.server.client[name]
        for collection in database.list_collection_names():
            if any(WORD in repr(row) for row in database[collection].find()):
                found.add(f"{label} {collection}")
    files = (path for path in world.root.rglob("*") if path.is_file())
    return found | {
        file.parent.name for file in files if WORD in file.read_text("utf-8", "replace")
    }


def wordy(world: World, number: int = 7) -> None:
    """An order that had the word everywhere, and shows it nowhere any more."""
    words = {"summary": f"Call {WORD}", "contact": WORD}
    world.drop({**order(number), **words}, "first.json")
    world.run()
    world.settle(number)
    world.drop({**order(number, "on_hold", LATER), **words, "lastUpdateDate": WORD}, "bad.json")
    assert world.run()[0] == 3
    world.edit(number, title="", description=f"Ask {WORD}", updatedAt=LATER)
    world.drop({**order(number, at=LATEST), "summary": "Neutral", "contact": WORD}, "clash.json")
    world.run()
    world.settle(number)
    world.drop({**order(number, at=NOW - timedelta(days=1)), **words}, "stale.json")
    world.run()
    world.settle(number)


def forget(world: World, *words: str, code: int = 0) -> Doc:
    said = world.cli("forget", "7", "--yes", "--json", *words)
    assert said.code == code, said.out + said.err
    return dict(said.json()) if said.out else {}


def test_the_word_was_everywhere_and_is_nowhere_that_is_ours(world: World) -> None:
    wordy(world)
    names = ("conflicts", "history", "links", "quarantine")
    assert {f"state tracbridge_{name}" for name in names} <= places(world)
    assert len(world.kept("archive")) == 3
    assert len(world.kept("quarantine")) == 1
    found = forget(world)["forgotten"]
    assert all(found[name] for name in ("files_removed", "history", "conflicts", "quarantine"))
    assert places(world) == set()
    assert [*world.kept("archive"), *world.kept("quarantine")] == []


def test_what_both_systems_show_stays_and_nothing_else(world: World) -> None:
    wordy(world)
    world.edit(7, description=f"Thank {WORD}", updatedAt=LATEST)
    world.run()
    world.take(7)
    world.run()
    world.run()
    world.drop(order(7, at=LATEST + timedelta(days=1), summary=f"Thank {WORD}"), "echo.json")
    world.run()
    world.settle(7)
    forget(world)
    assert places(world) == {"TracOS workorders", "state tracbridge_links"}
    (link,) = world.records("links")
    assert [name for name, part in link.items() if WORD in repr(part)] == ["base", "seen"]
    assert link["seen"]["prints"]["description"] == link["base"]["description"]


def test_that_it_was_done_is_on_record_without_the_data(world: World) -> None:
    wordy(world)
    forget(world)
    *wiped, record = world.cli("history", "7", "--json").json()
    assert {event["event"] for event in wiped} == {"forgotten"}
    assert all(event["fields"] == {} and event["at"] for event in wiped)
    assert (record["event"], record["number"]) == ("forgotten", 0)
    assert record["why"][""].startswith("forgotten by ")
    assert "forgotten by " in world.cli("history", "7").out


def test_forgetting_twice_changes_nothing_more(world: World) -> None:
    wordy(world)
    forget(world)
    before = world.memory()
    found = forget(world)
    assert set(found["forgotten"].values()) == {0}
    assert world.memory() == before
    assert "nothing was left to forget" in world.cli("forget", "7", "--yes").out


def test_in_a_file_of_several_orders_only_its_record_is_replaced(world: World) -> None:
    bodies = [{**order(n), "summary": WORD if n == 7 else f"Ünï {n}"} for n in (6, 7, 8)]
    data = [json.dumps(body, ensure_ascii=False).encode() for body in bodies]
    world.drop(b"[" + b",  ".join(data) + b"]", "many.json")
    world.run()
    world.edit(7, title="", description="Neutral", updatedAt=LATER)
    world.settle(6, 7, 8)
    (before,) = world.kept("archive")
    status = before.stat()
    forget(world)
    (after,) = world.kept("archive")
    content = after.read_bytes()
    assert (after, after.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    assert after.stat().st_mode == status.st_mode
    assert json.loads(content) == [bodies[0], {"forgotten": True}, bodies[2]]
    assert data[0] in content
    assert data[2] in content
    assert places(world) == set()


def test_other_orders_keep_everything(world: World) -> None:
    wordy(world)
    world.drop({**order(8), "summary": "Other", "contact": "Somebody"})
    world.run()
    world.settle(8)
    archived = [path for path in world.kept("archive") if path.name == "8.json"]
    entries = [e for e in world.records("history") if e["ref"] == "8"]
    forget(world)
    assert world.kept("archive") == archived
    assert [e for e in world.records("history") if e["ref"] == "8"] == entries
    (link,) = [k for k in world.records("links") if k["ref"] == "8"]
    assert "Somebody" in link["native"]


def test_the_order_goes_on_being_synced(world: World) -> None:
    wordy(world)
    forget(world)
    world.rests()
    world.drop(order(7, "completed", LATEST + timedelta(days=1), summary="Neutral"))
    assert world.run()[1]["inbound"]["updated"] == 1
    world.settle(7)
    world.edit(7, description="New", updatedAt=LATEST + timedelta(days=2))
    assert world.run()[1]["outbound"]["delivered"] == 1
    assert (world.sent(7) or {})["summary"] == "New"


def test_his_last_record_sent_again_is_no_news(world: World) -> None:
    linked = order(7, "on_hold", LATER, summary="Neutral")
    world.drop(linked)
    world.run()
    world.settle(7)
    forget(world)
    world.drop(linked)
    code, done, _ = world.run()
    assert (code, done["inbound"]["unchanged"], done["inbound"]["conflicts"]) == (0, 1, 0)


def test_while_a_version_is_on_its_way_earlier_values_stay_and_it_says_so(world: World) -> None:
    world.orders.insert_one(doc(7, description=WORD))
    world.run()
    world.settle(7)
    world.edit(7, description="Neutral", updatedAt=LATER)
    world.run()
    assert forget(world, code=3)["earlier_values_stay"]
    assert places(world) == {"state tracbridge_links"}
    world.settle(7)
    world.drop(order(7, at=LATEST, summary="Neutral"))
    world.run()
    world.settle(7)
    assert not forget(world)["earlier_values_stay"]
    assert places(world) == set()


def test_of_an_order_that_is_gone_from_tracos_nothing_stays(world: World) -> None:
    wordy(world)
    world.orders.delete_one({"number": 7})
    world.drop(order(7, "on_hold", LATEST + timedelta(hours=1), summary=WORD), "late.json")
    assert world.run()[0] == 3
    words = ("conflicts", "resolve", "--all", "--kind", "missing", "--take", "tracos", "--yes")
    assert world.cli(*words).code == 0
    assert not forget(world)["agreed_state_stays"]
    assert places(world) == set()
    assert world.run("--strict")[0] == 0
    world.drop(order(7, "completed", LATEST + timedelta(hours=2), summary="Neutral"))
    assert world.run()[0] == 3
    assert world.doc(7) is None


def test_what_waits_for_a_person_is_decided_first(world: World) -> None:
    world.drop({**order(7), "lastUpdateDate": WORD})
    assert world.run()[0] == 3
    (case,) = world.cases()
    before = world.memory()
    said = world.cli("forget", "7", "--yes")
    assert (said.code, f"case {case['_id']}" in said.err) == (1, True)
    assert world.memory() == before
    world.cli("quarantine", "discard", case["_id"])
    forget(world)
    assert places(world) == set()


REFUSED = {
    "a repeated key": b'{"orderNo": 7, "summary": "%s", "summary": "Pump"}',
    "no number": b'{"orderNo": 7, "summary": "%s", "costs": NaN}',
    "in an array": b'[{"orderNo": 7, "summary": "%s", "summary": "Pump"}]',
    "beside another order": b'[{"orderNo": 7, "summary": "%s", "costs": NaN}, {"orderNo": 8}]',
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_record_whose_case_does_not_name_the_order_is_found_too(
    world: World, content: bytes
) -> None:
    world.drop(content % WORD.encode())
    assert world.run()[0] == 3
    before = world.memory()
    said = world.cli("forget", "7", "--yes")
    assert (said.code, "waits for a person" in said.err) == (1, True)
    assert world.memory() == before
    for case in world.cases():
        world.cli("quarantine", "discard", case["_id"])
    assert forget(world)["forgotten"]["quarantine"] == 1
    assert places(world) == set()


@pytest.mark.parametrize("step", ["I0", "I4", "I3", "I7"])
def test_what_a_crash_cut_off_is_forgotten_when_it_is_said_again(world: World, step: str) -> None:
    wordy(world)
    world.extra = {"CRASH_AT": f"{step}:1"}
    assert world.cli("forget", "7", "--yes").code == -signal.SIGKILL
    world.extra = {}
    forget(world)
    assert places(world) == set()


def test_a_document_of_tracos_that_was_put_away_does_not_come_up_again(world: World) -> None:
    world.orders.insert_one(doc(7, status=WORD))
    assert world.run()[0] == 3
    world.cli("quarantine", "discard", world.cases()[0]["_id"])
    forget(world)
    assert places(world) == {"TracOS workorders"}
    assert world.run()[0] == 0
    assert world.cases() == []


def test_what_was_forgotten_cannot_be_undone(world: World) -> None:
    wordy(world)
    runs = [one["run"] for one in world.cli("runs", "--json").json() if one["did"]]
    forget(world)
    before = world.doc(7)
    found = world.cli("undo", runs[-1], "--json")
    assert found.code == 3
    assert {rest["why"] for one in found.json()["orders"] for rest in one["left"]} == {"forgotten"}
    assert world.doc(7) == before


def test_an_order_that_nobody_knows_has_nothing_to_forget(world: World) -> None:
    world.run()
    assert set(forget(world)["forgotten"].values()) == {0}
    assert world.records("history") == []


def test_without_a_terminal_it_has_to_be_confirmed(world: World) -> None:
    said = world.cli("forget", "7")
    assert said.code == 2
    assert "--yes" in said.err


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks(world: World, answer: str, code: int) -> None:
    wordy(world)
    us, them = pty.openpty()
    words = [sys.executable, "-m", "tracbridge", "forget", "7"]
    with (
        os.fdopen(us, "wb", buffering=0) as keyboard,
        subprocess.Popen(
            words, cwd=world.root, env=world.env, stdin=them, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        os.close(them)
        keyboard.write(f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "This cannot be taken back." in out
    assert (places(world) == set()) is (code == 0)


def test_a_link_in_the_archive_is_not_followed(world: World) -> None:
    world.drop(order(7, summary=WORD))
    world.run()
    world.edit(7, description="Neutral", updatedAt=LATER)
    world.settle(7)
    outside = world.root / "elsewhere"
    outside.mkdir()
    target = Path(outside / "7.json")
    target.write_text(json.dumps(order(7, summary=WORD)))
    (world.kept("archive")[0].parent / "link.json").symlink_to(target)
    forget(world, code=0)
    assert target.exists()
