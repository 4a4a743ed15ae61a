"""Mapping and rules over the API: what counts, by which versions changes were made, tries, tests
and replays; nothing is written by any of it.
"""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.harness import NOW, order
from tracbridge.config.files import configured
from tracbridge.config.mappings import from_words
from tracbridge.desk import rules as desk_rules

MAPPING, RULES = "/connections/pump/mapping", "/connections/pump/rules"

TITLED = """\
mapping:
  use: flags
  fields: {title: {path: name}}
"""


def reread(desk: Desk) -> None:
    """The files count as they are by now."""
    desk.hosted.adjust(configured(desk.site.env, desk.site.root))


def remap(desk: Desk, more: str) -> None:
    """The connection pump is configured otherwise from now on."""
    path = desk.site.root / "connections" / "pump.yaml"
    path.write_text(path.read_text() + more)
    reread(desk)


# -- the mapping -------------------------------------------------------------------------------


async def test_the_mapping_is_told_as_it_counts_with_its_files_by_their_names(desk: Desk) -> None:
    desk.site.write("mappings/own.yaml", "use: flags\nfields: {title: {path: name}}\n")
    remap(desk, "mapping: mappings/own.yaml\n")
    told = await desk.get(MAPPING)
    assert told["connection"] == "pump"
    assert told["files"] == ["mappings/own.yaml"]
    assert told["value"]["fields"]["title"] == {"path": "name"}
    assert "title:\n    path: name\n" in told["text"]
    assert str(desk.site.root) not in str(told)
    digest, _, rules = told["version"].partition("+")
    assert (len(digest), rules) == (12, (await desk.get(RULES))["digest"])


async def test_what_came_into_it_by_a_reference_is_hidden_wherever_it_shows(desk: Desk) -> None:
    desk.site.extra = {"PLANT": "canary-4711"}
    remap(desk, "mapping: {use: flags, constants: {plant: '${env:PLANT}'}}\n")
    version = (await desk.get(MAPPING))["version"]
    answers = [
        await desk.get(MAPPING),
        await desk.get(f"{MAPPING}/versions/{version}"),
        await desk.post(f"{MAPPING}/try", {"record": order(7)}, "viewer"),
    ]
    for told in answers:
        assert "canary-4711" not in str(told)
        assert "hidden" in str(told)


async def test_versions_are_those_that_changes_were_made_by(desk: Desk) -> None:
    first = (await desk.get(MAPPING))["version"]
    before = datetime.now(UTC) - timedelta(seconds=1)
    desk.pump.drop(order(7))
    await desk.once()
    remap(desk, TITLED)
    told = await desk.get(f"{MAPPING}/versions")
    assert told["whole"]
    now, old = told["items"]
    assert (now["version"] == (await desk.get(MAPPING))["version"], now["current"]) == (True, True)
    assert (now["changes"], now["first"]) == (0, None)
    assert (old["version"], old["current"], old["changes"]) == (first, False, 1)
    assert before <= datetime.fromisoformat(old["first"]) <= datetime.fromisoformat(old["last"])


async def test_the_words_of_an_old_version_can_be_read_and_those_of_others_cannot(
    desk: Desk,
) -> None:
    first = await desk.get(MAPPING)
    desk.pump.drop(order(7))
    await desk.once()
    remap(desk, TITLED)
    old = await desk.get(f"{MAPPING}/versions/{first['version']}")
    assert (old["text"], old["current"]) == (first["text"], False)
    assert "completed stays completed" in old["rules"]
    now = (await desk.get(MAPPING))["version"]
    assert (await desk.get(f"{MAPPING}/versions/{now}"))["value"]["fields"]["title"]
    service = await desk.hosted.service("fan")
    assert service
    await service.prepare()
    words = (
        '{"=": [["mapping", "theirs"], ["key", {"=": [["path", "id"]]}], ["fields", {"=": []}]]}'
    )
    theirs = from_words(words).digest
    await service.state.versions.keep({theirs: words}, service.connection.clock.now())
    rules = now.partition("+")[2]
    for version in (theirs, "0" * 12, rules, f"{theirs}+{rules}"):
        await desk.get(f"{MAPPING}/versions/{version}", status=404)
    await desk.get(f"{MAPPING}/versions/../x", status=404)
    await desk.get(f"{MAPPING}/versions/NOPE", status=422)


async def test_the_check_names_what_would_be_refused(desk: Desk) -> None:
    assert (await desk.get(f"{MAPPING}/check"))["passed"]
    remap(desk, "mapping: {mapping: bare, key: {path: id}, fields: {description: {path: text}}}\n")
    told = await desk.get(f"{MAPPING}/check")
    assert not told["passed"]
    assert ("GAP", "fields.status", True) in [
        (one["level"], one["where"], one["grave"]) for one in told["items"]
    ]


# -- a try -------------------------------------------------------------------------------------


async def test_a_record_is_shown_as_it_comes_as_we_hold_it_and_as_it_goes_back(
    desk: Desk,
) -> None:
    record = order(7, "in_progress", summary="Mend it", colour="red", isNew=True)
    told = await desk.post(f"{MAPPING}/try", {"record": record}, "viewer")
    (one,) = told["items"]
    assert one["input"] == record
    assert one["canonical"]["fields"]["status"] == "in_progress"
    assert one["canonical"]["ref"] == "7"
    assert one["tracos"]["description"] == "Mend it"
    assert one["output"]["isActive"] is True
    assert one["output"]["colour"] == "red"
    assert {"level": "warning", "where": "", "what": "unknown_flag"} in one["findings"]
    rows = {row["field"]: row for row in one["rows"]}
    assert (rows["description"]["theirs"], rows["description"]["back"]) == ("Mend it", "Mend it")
    assert not desk.site.orders.count_documents({})


async def test_a_record_that_would_be_refused_says_why(desk: Desk) -> None:
    told = await desk.post(f"{MAPPING}/try", {"record": order(7, isPending="no")}, "viewer")
    (one,) = told["items"]
    assert one["canonical"] is None
    assert one["error"].startswith("/isPending")
    assert one["findings"][0]["level"] == "refused"


DOCUMENT = {
    "number": 9,
    "status": "on_hold",
    "title": "Pump 9",
    "description": "Wait",
    "createdAt": "2026-03-01T08:00:00Z",
    "updatedAt": {"$date": "2026-03-02T08:00:00Z"},
    "deleted": False,
}


async def test_a_document_of_tracos_is_shown_as_the_customer_would_be_given_it(
    desk: Desk,
) -> None:
    said = {"record": DOCUMENT, "side": "tracos"}
    (one,) = (await desk.post(f"{MAPPING}/try", said, "viewer"))["items"]
    assert one["input"] == DOCUMENT
    assert one["canonical"]["updated_at"] == "2026-03-02T08:00:00Z"
    assert one["output"]["isOnHold"] is True
    assert (one["error"], one["findings"]) == (None, [])
    rows = {row["field"]: (row["theirs"], row["ours"], row["back"]) for row in one["rows"]}
    assert rows["description"] == ("Wait", "Wait", "Wait")
    assert rows["status"] == ("on_hold", "on_hold", "isOnHold")
    bad = {**said, "record": {**DOCUMENT, "status": "lost"}}
    (one,) = (await desk.post(f"{MAPPING}/try", bad, "viewer"))["items"]
    assert (one["output"], one["findings"][0]["where"]) == (None, "/status")


async def test_what_the_customers_system_would_cut_is_a_finding(desk: Desk) -> None:
    remap(desk, "mapping: {use: flags, fields: {title: {path: name, limit: 4}}}\n")
    said = {"record": DOCUMENT, "side": "tracos"}
    (one,) = (await desk.post(f"{MAPPING}/try", said, "viewer"))["items"]
    assert one["output"]["name"] == "Pump"
    assert one["findings"] == [
        {"level": "differs", "where": "title", "what": "comes back as 'Pump'"}
    ]


async def test_a_sample_is_bounded_and_a_whole_file_is_taken_too(desk: Desk) -> None:
    many = json.dumps([order(number) for number in range(1, 13)])
    told = await desk.post(f"{MAPPING}/try", {"content": many}, "viewer")
    assert (told["records"], len(told["items"]), told["more"]) == (12, 10, 2)
    for said in (
        {},
        {"record": {}, "content": "{}"},
        {"content": "no json"},
        {"content": "x" * 200_001},
        {"record": {"text": "x" * 200_001}},
        {"record": {}, "mapping": "flags"},
    ):
        await desk.post(f"{MAPPING}/try", said, "viewer", status=422)


ODD: list[Any] = [
    *(10**400, -(2**63) - 1, 1e300, "\u0000", [[]] * 20, {"a": {"$date": None}}),
    *({"$date": "never"}, None, "", {}, "ß" * 99),
]


@pytest.mark.parametrize("side", ["customer", "tracos"])
async def test_no_value_of_a_sample_is_a_fault_of_ours(desk: Desk, side: str) -> None:
    base = order(7) if side == "customer" else DOCUMENT
    for name, value in itertools.product(base, ODD):
        said = {"side": side, "record": {**base, name: value}}
        headers = {"x-test-caller": "viewer"}
        answer = await desk.http.post(f"/api/v1{MAPPING}/try", json=said, headers=headers)
        assert answer.status_code in {200, 422}, (name, value, answer.text)


# -- rules -------------------------------------------------------------------------------------

MORE = """\
rules:
  - name: later
    on: [inbound, outbound]
    when: new.status == "cancelled"
    then: {ignore: "Not ours."}
    until: 2020-12-31
  - name: sooner
    on: inbound
    when: new.status == "on_hold"
    then: {set: {description: '"Waits"'}}
    priority: 5
    tests:
      - {new: {status: on_hold}, expect: set, values: {description: Waits}}
      - {new: {status: on_hold}, expect: pass}
"""


async def test_rules_are_told_in_the_order_in_which_they_are_asked(desk: Desk) -> None:
    desk.site.write("rules/hold.yaml", MORE)
    reread(desk)
    told = await desk.get(RULES)
    assert told["files"] == ["rules/hold.yaml"]
    assert [(one["name"], one["priority"], one["counts"]) for one in told["items"]] == [
        ("sooner", 5, True),
        ("later", 0, False),
    ]
    assert told["items"][0]["then"] == {"set": {"description": '"Waits"'}}
    assert (told["items"][1]["on"], told["items"][1]["until"]) == (
        ["inbound", "outbound"],
        "2020-12-31",
    )
    assert (await desk.get("/connections/fan/rules"))["items"] == []


async def test_tests_of_the_rules_in_use_and_of_others_are_run(desk: Desk) -> None:
    own = await desk.post(f"{RULES}/test", {}, "viewer")
    assert (own["tests"], own["failed"]) == (1, 0)
    other = await desk.post(f"{RULES}/test", {"rules": MORE}, "viewer")
    assert [(one["rule"], one["passed"]) for one in other["items"]] == [
        ("sooner", True),
        ("sooner", False),
    ]
    wrong = await desk.post(f"{RULES}/test", {"rules": "rules:\n  - nam: x\n"}, "viewer", 422)
    assert wrong["detail"].startswith("rules:2")
    for text in ("", "&a [*a]", "rules: 7", "x" * 100_001, "- {name: a, on: inbound, when: '1 +'}"):
        await desk.post(f"{RULES}/test", {"rules": text}, "viewer", 422)


STOP = """\
rules:
  - name: completed stays
    on: inbound transition
    when: old.status == "completed"
    then: {reject: "It is done."}
"""


async def lived(desk: Desk) -> None:
    """Order 7 was completed and set back to pending, order 8 was made."""
    desk.site.write("rules/hold.yaml", "rules: []\n")
    reread(desk)
    desk.pump.drop(order(7, "completed"))
    desk.pump.drop(order(8))
    await desk.once()
    desk.pump.drop(order(7, "pending", lastUpdateDate=(NOW + timedelta(hours=1)).isoformat()))
    await desk.once()


async def test_a_replay_says_which_orders_would_have_ended_otherwise(desk: Desk) -> None:
    await lived(desk)
    before = desk.site.memory()
    told = await desk.post(f"{RULES}/replay", {"rules": STOP})
    assert (told["records"], told["orders"], told["differ"]) == (3, 2, 1)
    (one,) = told["differences"]
    assert (one["order"], one["old"]) == ("7", "applied")
    assert "It is done." in one["new"]
    assert one["fields"]["status"] == {"old": "pending", "new": "completed"}
    same = await desk.post(f"{RULES}/replay", {"rules": "rules: []"})
    assert (same["records"], same["differ"]) == (3, 0)
    desk.site.write("rules/hold.yaml", STOP)
    reread(desk)
    last = await desk.post(f"{RULES}/replay")
    assert last["differences"] == told["differences"]
    assert last["compared"]["new"] == (await desk.get(MAPPING))["version"]
    assert desk.site.memory() == before
    assert await desk.audited() == []


async def test_a_replay_is_bounded_and_one_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = await desk.post(f"{RULES}/replay", status=409)
    assert "has made no change yet" in nothing["detail"]
    await lived(desk)
    said = {"rules": STOP}
    many = await desk.post(f"{RULES}/replay", {**said, "limit": 2}, status=422)
    assert "more than 2 records since then: say a later since" in many["detail"]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await desk.post(f"{RULES}/replay", {**said, "since": later}))["records"] == 0
    for wrong in ({"limit": 20_001}, {"since": "2026-01-01T00:00:00"}, {"mapping": "flags"}):
        await desk.post(f"{RULES}/replay", wrong, status=422)
    with desk_rules._ONE:
        busy = await desk.post(f"{RULES}/replay", said, status=503)
    assert "another replay is at work" in busy["detail"]
    monkeypatch.setattr(desk_rules, "CHANGES", 1)
    assert "1 change" in (await desk.post(f"{RULES}/replay", said, status=422))["detail"]
    monkeypatch.setattr(desk_rules, "CHANGES", 50_000)
    monkeypatch.setattr(desk_rules, "SECONDS", -1.0)
    assert "takes longer than" in (await desk.post(f"{RULES}/replay", said, status=422))["detail"]
    await desk.post(f"{RULES}/replay", said, "viewer", status=403)
