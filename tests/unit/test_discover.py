"""A mapping is proposed for records of systems that nobody has described."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.unit.discovering import mapping, proposed, refused, said, text
from tracbridge.mapping.moments import Kind, Spelling
from tracbridge.proof.proposal.draft import Level

BEGUN = datetime(2026, 1, 1, 6, 30, 15, tzinfo=UTC)

# -- systems that are made up ----------------------------------------------------------------


class System(Struct):
    """How a made-up system spells its orders."""

    key: str
    moments: str
    names: tuple[str, str]
    status: str
    nested: bool
    unknown: bool
    size: int
    seed: int


KEYS: dict[str, Callable[[int], dict[str, Any]]] = {
    "text": lambda n: {"orderNo": f"WO-{n:05d}"},
    "whole": lambda n: {"id": 4_000 + n},
    "long": lambda n: {"id": 2**53 + n},
    "zeros": lambda n: {"numero": f"{n + 1:08d}"},
    "scoped": lambda n: {"number": str(100 + n // 2), "plant": ("BETIM", "CAMAÇARI")[n % 2]},
}
PATHS = {"text": "orderNo", "whole": "id", "long": "id", "zeros": "numero", "scoped": "number"}

MOMENTS = {
    "iso": "iso",
    "naive": "iso",
    "blank": "YYYY-MM-DD HH:mm:ss",
    "fraction": "YYYY-MM-DD HH:mm:ss.f",
    "sap": "sap",
    "seconds": "epoch",
    "milliseconds": "epoch_ms",
    "german": "DD.MM.YYYY HH:mm:ss",
    "apart": "YYYYMMDD HH:mm:ss",
}
NAIVE = {"naive", "blank", "fraction", "german", "apart"}
NAMES = (
    ("createdAt", "updatedAt"),
    ("create_date", "write_date"),
    ("dt_inclusao", "dt_alteracao"),
    ("angelegt_am", "geaendert_am"),
    ("creation", "modified"),
)

LANGUAGES: dict[str, dict[Any, str]] = {
    "english": {
        "Open": "pending",
        "In Progress": "in_progress",
        "On Hold": "on_hold",
        "Done": "completed",
        "Cancelled": "cancelled",
    },
    "portuguese": {
        "Aberta": "pending",
        "Em andamento": "in_progress",
        "Aguardando peças": "on_hold",
        "Concluída": "completed",
        "Cancelada": "cancelled",
    },
    "german": {
        "offen": "pending",
        "in Bearbeitung": "in_progress",
        "wartet auf Material": "on_hold",
        "abgeschlossen": "completed",
        "storniert": "cancelled",
    },
    "maximo": {
        "WAPPR": "pending",
        "INPRG": "in_progress",
        "WMATL": "on_hold",
        "COMP": "completed",
        "CAN": "cancelled",
    },
}
FLAGS = {
    "isOpen": "pending",
    "isStarted": "in_progress",
    "isOnHold": "on_hold",
    "isDone": "completed",
    "isCanceled": "cancelled",
}
CODES = {
    "CRTD": "pending",
    "PCNF": "in_progress",
    "LKD": "on_hold",
    "TECO": "completed",
    "NOEX": "cancelled",
}

systems = st.builds(
    System,
    key=st.sampled_from(sorted(KEYS)),
    moments=st.sampled_from(sorted(MOMENTS)),
    names=st.sampled_from(NAMES),
    status=st.sampled_from([*LANGUAGES, "flags", "codes", "pairs"]),
    nested=st.booleans(),
    unknown=st.booleans(),
    size=st.integers(30, 50),
    seed=st.integers(0, 2**32),
)


def spelt(style: str, name: str, at: datetime) -> dict[str, Any]:
    """The moment as that system writes it, at that name."""
    bare = at.replace(tzinfo=None)
    match style:
        case "iso":
            return {name: at.isoformat()}
        case "naive":
            return {name: bare.isoformat()}
        case "fraction":
            return {name: f"{bare:%Y-%m-%d %H:%M:%S}.{bare.microsecond:06d}"}
        case "apart":
            return {f"{name}Date": f"{bare:%Y%m%d}", f"{name}Time": f"{bare:%H:%M:%S}"}
    return {name: Spelling(Kind.INSTANT, MOMENTS[style], UTC).write(at)}


def status_of(style: str, word: str, known: dict[Any, str]) -> dict[str, Any]:
    """The state as that system spells it."""
    match style:
        case "flags":
            return {flag: flag == word for flag in known}
        case "codes":
            return {"systemStatus": f"{word}  PRC  SETC"}
        case "pairs":
            return {"stage_id": [list(known).index(word) + 1, word]}
    return {"status": word}


def orders(system: System) -> tuple[list[Any], list[str], list[tuple[datetime, datetime]]]:
    """Records, and what each of them means."""
    dice = Random(system.seed)
    known: dict[Any, str] = {"flags": FLAGS, "codes": CODES}.get(
        system.status, LANGUAGES.get(system.status, LANGUAGES["english"])
    )
    odd = system.unknown and system.status in LANGUAGES
    known = {**known, "Xyzzy": "unknown"} if odd else known
    records: list[Any] = []
    statuses, moments = [], []
    for n in range(system.size):
        made = BEGUN + timedelta(hours=7 * n, seconds=dice.randrange(3_000))
        changed = made + timedelta(minutes=dice.randrange(1, 3_000))
        # Each state is there, so that nothing depends on luck.
        word = list(known)[n % len(known)]
        record: dict[str, Any] = {"etag": f"W/{n * 7}", "title": text(dice)}
        record |= {"details": text(dice, 40), **KEYS[system.key](n)}
        record |= spelt(system.moments, system.names[0], made)
        record |= spelt(system.moments, system.names[1], changed)
        record |= status_of(system.status, word, known)
        record["priority"] = dice.randint(1, 4)
        records.append({"data": record, "kind": "WO"} if system.nested else record)
        statuses.append(known[word])
        moments.append((made, changed))
    return records, statuses, moments


@settings(max_examples=100, deadline=None)
@given(systems)
def test_what_a_system_means_is_recovered_from_its_records(system: System) -> None:
    if system.nested and system.status in ("flags", "pairs"):
        system.nested = False  # they stand at the top of a record
    records, statuses, moments = orders(system)
    proposal = proposed(records)
    below = "data." if system.nested else ""
    key = said(proposal)["key"]
    assert (key["path"], key["as"]) == (f"{below}{PATHS[system.key]}", "text")
    assert key.get("scope") == (f"{below}plant" if system.key == "scoped" else None)
    gaps = {"zone"} if system.moments in NAIVE else set()
    gaps |= {"fields.status"} if "unknown" in statuses else set()
    assert set(proposal.gaps) == refused(proposal) == gaps
    assert proposal.understood == len(records)
    made = mapping(proposal)
    for record, status, (created, updated) in zip(records, statuses, moments, strict=True):
        order = made.from_customer(record)
        assert (order.created_at, order.updated_at) == (created, updated)
        assert status in (order.fields["status"], "unknown")
        body = record["data"] if system.nested else record
        assert order.fields["title"] == body["title"]
        assert order.fields["description"] == body["details"]
        assert order.fields["ext.priority"] == body["priority"]


# -- one thing at a time ---------------------------------------------------------------------


def plain(count: int = 40, /, **over: Any) -> list[dict[str, Any]]:
    """Records of a plain system; a value that can be called is asked with the record's number."""
    dice = Random(count)
    found = []
    for n in range(count):
        at = BEGUN + timedelta(hours=n)
        record: dict[str, Any] = {
            "id": f"WO-{n}",
            "title": text(dice),
            "description": text(dice, 30),
            "status": ("open", "done", "cancelled")[n % 3],
            "created": at.isoformat(),
            "updated": (at + timedelta(minutes=5)).isoformat(),
        }
        record |= {name: value(n) if callable(value) else value for name, value in over.items()}
        found.append({name: value for name, value in record.items() if value is not ...})
    return found


def levels(proposal: Any, where: str) -> set[Level]:
    return {one.level for one in proposal.found if one.where == where}


def test_a_plain_system_needs_nothing_to_be_filled_in() -> None:
    proposal = proposed(plain())
    assert (proposal.gaps, refused(proposal), proposal.understood) == ((), set(), 40)
    assert said(proposal)["fields"]["status"] == {
        "path": "status",
        "values": {"open": "pending", "done": "completed", "cancelled": "cancelled"},
    }


def test_each_proposed_line_says_what_it_rests_on() -> None:
    written = proposed(plain()).text(["head"])
    assert "key: {path: id, as: text}    # unique in 40 of 40 records" in written
    assert "open: pending    # 14 of 40 records, a guess by its words" in written
    assert written.startswith("# head\n")


def test_an_unknown_word_is_a_gap_with_how_often_it_is_there() -> None:
    proposal = proposed(plain(status=lambda n: "Xyzzy" if n % 10 == 0 else "open"))
    (gap,) = [one for one in proposal.found if one.level is Level.GAP]
    assert (gap.where, gap.example) == ("fields.status", "Xyzzy")
    assert "in 4 of 40 records" in gap.what
    assert 'Xyzzy: "?"    # 4 of 40 records, fill in' in proposal.text()
    assert refused(proposal) == {"fields.status"}


def test_numbers_without_names_are_no_guess() -> None:
    proposal = proposed(plain(status=lambda n: n % 3))
    assert set(said(proposal)["fields"]["status"]["values"].values()) == {"?"}


def test_a_code_that_nobody_sets_by_hand_is_only_read() -> None:
    proposal = proposed(plain(status=lambda n: ("COMP", "CLOSE", "WAPPR")[n % 3]))
    cases = said(proposal)["fields"]["status"]["cases"]
    assert {"is": "completed", "when": {"status": "CLOSE"}, "only": "read"} in cases
    assert [case["when"]["status"] for case in cases] == ["WAPPR", "COMP", "CLOSE"]


def test_two_flags_of_one_status_are_told_apart_when_written() -> None:
    flags = ("isNew", "isOpen", "isDone")
    over: dict[str, Any] = {flag: (lambda n, flag=flag: flags[n % 3] == flag) for flag in flags}
    proposal = proposed(plain(status=..., **over))
    made = mapping(proposal)
    written: dict[str, Any] = {}
    dict(made.written)["status"].write("pending", written, {})
    assert sum(written.values()) == 1


def test_of_flags_one_may_be_left_out() -> None:
    flags = ("isActive", "isDone", "isOnHold")
    over: dict[str, Any] = {flag: (lambda n, flag=flag: flags[n % 3] == flag) for flag in flags[1:]}
    proposal = proposed(plain(status=..., isActive=lambda n: True if n % 6 == 0 else ..., **over))
    status = said(proposal)["fields"]["status"]
    assert status["absent"] == "isActive"
    assert proposal.understood == 40


def test_a_status_that_is_not_there_is_a_gap() -> None:
    proposal = proposed(plain(status=...))
    assert (proposal.gaps, refused(proposal)) == (("fields.status",), {"fields.status"})
    assert proposal.understood == 40, "all else of it can be read"


def test_a_connection_with_a_zone_has_no_gap_for_it() -> None:
    over = {"created": "2026-01-01 10:00:00", "updated": "2026-01-01 10:00:00"}
    assert proposed(plain(**over)).gaps == ("zone",)
    proposal = proposed(plain(**over), "America/Sao_Paulo")
    assert proposal.gaps == ()
    assert "zone" not in said(proposal)


def test_days_that_could_be_months_are_called_a_guess() -> None:
    proposal = proposed(plain(created="03/04/2026", updated="05/06/2026"), "UTC")
    assert Level.GUESS in levels(proposal, "created")
    sure = proposed(plain(created="13/04/2026", updated="25/06/2026"), "UTC")
    assert levels(sure, "created") == {Level.FOUND}


def test_times_are_optional_where_they_are_empty() -> None:
    proposal = proposed(plain(updated=lambda n: None if n % 2 else BEGUN.isoformat()))
    assert said(proposal)["updated"] == {"path": "updated", "optional": True, "only": "read"}
    assert proposal.understood == 40


def test_without_a_time_of_change_it_says_what_counts_instead() -> None:
    proposal = proposed(plain(updated=...))
    assert "updated" not in said(proposal)
    assert Level.NOTE in levels(proposal, "updated")


def test_times_by_other_names_are_a_guess_by_their_order() -> None:
    over: dict[str, Any] = {"created": ..., "updated": ...}
    over |= {"t1": lambda n: (BEGUN + timedelta(hours=n)).isoformat()}
    over |= {"t2": lambda n: (BEGUN + timedelta(hours=n, minutes=9)).isoformat()}
    proposal = proposed(plain(**over))
    assert (said(proposal)["created"]["path"], said(proposal)["updated"]["path"]) == ("t1", "t2")
    assert levels(proposal, "updated") == {Level.GUESS}


@pytest.mark.parametrize(
    ("empty", "wanted"),
    [
        (False, [None, False]),
        ("", ["", None]),
        ("00000000", [None, "00000000"]),
        (None, None),
    ],
)
def test_what_stands_for_nothing_is_found(empty: Any, wanted: Any) -> None:
    over = {"due": lambda n: empty if n % 2 else "20260301", "note": None}
    proposal = proposed(plain(**(over if empty != "" else {**over, "note": ...})))
    assert said(proposal).get("empty") == wanted
    assert proposal.understood == 40
    assert said(proposal)["fields"]["ext.due"]["as"] == "date"


def test_values_with_names_are_pairs() -> None:
    proposal = proposed(
        plain(status=..., stage_id=lambda n: [n % 3, ("New", "Done", "Rejected")[n % 3]])
    )
    value = said(proposal)
    assert value["pairs"] == ["stage_id"]
    assert value["fields"]["status"]["values"] == {0: "pending", 1: "completed", 2: "cancelled"}
    assert "New: 14 of 40 records" in proposal.text()


def test_texts_that_look_cut_have_a_limit() -> None:
    dice = Random(5)
    cut = [text(dice, 14)[:40].rstrip() for _ in range(200)]
    proposal = proposed(plain(200, title=cut.__getitem__))
    assert said(proposal)["fields"]["title"]["limit"] == 40


def test_texts_that_only_look_alike_have_none() -> None:
    proposal = proposed(plain(200, title=lambda n: f"Check the pump of the north gate {n:03d}"))
    assert "limit" not in said(proposal)["fields"]["title"]


def test_html_and_blanks_are_seen() -> None:
    proposal = proposed(
        plain(
            title=lambda n: f"Check pump {n}".ljust(60),
            description=lambda n: f"<p>Noisy, {n} mm/s</p>",
        )
    )
    fields = said(proposal)["fields"]
    assert fields["title"] == {"path": "title", "pad": 0}
    assert fields["description"] == {"path": "description", "html": True}


def test_a_deletion_has_its_moment_where_the_two_agree() -> None:
    at = lambda n: BEGUN.isoformat() if n % 8 == 0 else None  # noqa: E731
    proposal = proposed(plain(isDeleted=lambda n: n % 8 == 0, deletedAt=at))
    assert said(proposal)["fields"]["deleted"] == {
        "path": "isDeleted",
        "at": "deletedAt",
        "default": False,
    }
    odd = proposed(plain(isDeleted=False, deletedAt=at))
    assert "at" not in said(odd)["fields"]["deleted"]
    assert odd.understood == 40


def test_words_for_a_deletion_are_a_guess() -> None:
    proposal = proposed(plain(D_E_L_E_T_=lambda n: "*" if n % 9 == 0 else " "))
    deleted = said(proposal)["fields"]["deleted"]
    assert deleted == {
        "path": "D_E_L_E_T_",
        "values": {" ": "active", "*": "deleted"},
        "default": False,
    }
    assert levels(proposal, "fields.deleted") == {Level.GUESS}
    assert mapping(proposal).from_customer(plain(1, D_E_L_E_T_="*")[0]).fields["deleted"] is True


def test_what_is_active_may_not_be_deleted() -> None:
    proposal = proposed(plain(active=lambda n: n % 5 != 0))
    made = mapping(proposal)
    assert made.from_customer(plain(1, active=False)[0]).fields["deleted"] is True
    assert made.from_customer(plain(1, active=True)[0]).fields["deleted"] is False


def test_further_fields_are_only_read_until_a_person_says_more() -> None:
    proposal = proposed(plain(prio=3, assetnum="P-101", location="NORTH", dueDate="2026-03-01"))
    fields = said(proposal)["fields"]
    assert fields["ext.priority"] == {
        "path": "prio",
        "as": "integer",
        "tracos": "priority",
        "only": "read",
    }
    assert {name for name in fields if name.startswith("ext.")} == {
        *("ext.priority", "ext.equipment", "ext.location", "ext.due")
    }
    assert all(line["only"] == "read" for n, line in fields.items() if n.startswith("ext."))


def test_his_bookkeeping_is_not_handed_back_and_the_rest_is_named() -> None:
    proposal = proposed(plain(href="/x", _rowstamp=str, colour="red"))
    assert said(proposal)["ignore"] == ["href", "_rowstamp"]
    (note,) = [one for one in proposal.found if one.where == "extra"]
    assert note.example == "colour"


def test_the_id_by_which_his_system_knows_a_record_is_the_likelier_key() -> None:
    records = plain(guid=lambda n: f"{n:032x}", id=lambda n: f"A{n}")
    assert said(proposed(records))["key"]["path"] == "id"
    refs = [record["guid"] for record in records]
    assert said(proposed(records, refs=refs))["key"]["path"] == "guid"


def test_prose_is_no_key_however_unique_it_is() -> None:
    proposal = proposed(plain(id=...))
    assert "key" in proposal.gaps
    assert refused(proposal) == {"key"}


def test_a_place_for_our_number_is_proposed_by_its_name() -> None:
    assert said(proposed(plain(x_tracos_number=False)))["key"]["ours"] == "x_tracos_number"
    other = proposed(plain(externalrefid=None))
    assert "ours" not in said(other)["key"]
    assert "# ours: externalrefid" in other.text()


def test_why_records_would_be_refused_is_told() -> None:
    proposal = proposed(plain(200, description=lambda n: 7 if n == 3 else f"Text of number {n}"))
    assert proposal.understood == 200, "another text is found, or none"
    odd = plain(200, updated=lambda n: "soon" if n == 0 else BEGUN.isoformat())
    assert "updated" not in said(proposed(odd)), "one that is no date makes it no place of dates"
