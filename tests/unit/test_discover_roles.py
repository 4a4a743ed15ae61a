"""Which place of a sample of records is what, one question at a time."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.discovering import proposed, refused, said
from tests.unit.test_discover import BEGUN, levels, plain
from tracbridge.proof.discover import Proposal
from tracbridge.proof.proposal.draft import Level
from tracbridge.proof.sample.columns import DEEP, MANY, columns_of
from tracbridge.proof.sample.instants import times_in


def why(proposal: Proposal, where: str) -> str:
    return "; ".join(one.what for one in proposal.found if one.where == where)


# -- columns -----------------------------------------------------------------------------------


def test_only_so_many_places_are_looked_at() -> None:
    assert len(columns_of([{f"k{n}": n for n in range(3_000)}])) == MANY


def test_only_so_deep_is_looked() -> None:
    deep: Any = "x"
    for _ in range(DEEP + 3):
        deep = {"a": deep, "b": 1}
    assert max(path.count(".") for path in columns_of([deep])) == DEEP


def test_a_path_that_no_mapping_could_hold_is_passed_over() -> None:
    assert list(columns_of([{"k" * 200: 1, "l" * 201: 2}])) == ["k" * 200]


def test_ids_with_names_stand_at_the_top() -> None:
    records = [{"a": [1, "One"], "b": {"c": [1, "One"]}, "d": ["x", "y", "z"]}]
    assert list(columns_of(records)) == ["a"]


def test_true_is_counted_apart_from_one_and_numbers_are_of_one_kind() -> None:
    columns = columns_of([{"a": True, "b": 1, "c": 1}, {"a": 1, "b": 1.5, "c": "1"}])
    assert len(columns["a"].counted) == 2
    assert [columns[name].kind for name in "abc"] == ["mixed", "number", "mixed"]


# -- the key -----------------------------------------------------------------------------------


def test_a_key_is_there_in_every_record() -> None:
    proposal = proposed(plain(id=lambda n: None if n == 3 else f"A{n}", guid=lambda n: f"{n:032x}"))
    assert said(proposal)["key"]["path"] == "guid"


def test_a_scope_in_which_it_repeats_too_is_none() -> None:
    proposal = proposed(plain(id=..., number=lambda n: n // 4, plant=lambda n: "AB"[n % 2]))
    assert proposal.gaps == ("key",)


@pytest.mark.parametrize("odd", ["x" * 121, "line\nend", "   "])
def test_what_a_mapping_refuses_as_a_key_is_none(odd: str) -> None:
    proposal = proposed(plain(id=lambda n: odd if n == 3 else f"A{n}"))
    assert refused(proposal) == {"key"}


def test_a_number_may_count_in_its_site_only_and_an_id_counts_everywhere() -> None:
    over = {"site": lambda n: "AB"[n % 2]}
    number = proposed(plain(id=..., wonum=lambda n: f"{n}", **over))
    assert "# scope: site" in number.text()
    assert levels(number, "key") >= {Level.NOTE}
    assert "scope" not in proposed(plain(**over)).text()


def test_a_place_for_others_numbers_that_is_filled_is_not_free() -> None:
    assert "externalrefid" in proposed(plain(externalrefid=None)).text()
    filled = proposed(plain(externalrefid=lambda n: f"R{n // 2}"))
    assert "ours" not in filled.text()


def test_why_a_key_is_a_text_is_told() -> None:
    assert "with leading zeros, so a text" in why(proposed(plain(id=lambda n: f"{n:05d}")), "key")
    assert "beyond 2**53, so a text" in why(proposed(plain(id=lambda n: 2**53 + n)), "key")
    assert "if it is TracOS's number" in why(proposed(plain(id=lambda n: n)), "key")


def test_a_key_is_a_guess_where_few_records_or_no_name_tell_it() -> None:
    assert levels(proposed(plain(30)), "key") == {Level.FOUND}
    assert levels(proposed(plain(5)), "key") == {Level.GUESS}
    assert levels(proposed(plain(30, id=..., abc=lambda n: f"A{n}")), "key") == {Level.GUESS}


# -- times -------------------------------------------------------------------------------------


def times(**over: Any) -> Any:
    """What is proposed for records with these times only."""
    return said(proposed(plain(**{"created": ..., "updated": ..., **over}), "UTC"))


def moment(n: int, hours: int = 0) -> str:
    return (BEGUN + timedelta(hours=n + hours)).isoformat()


def test_one_place_is_not_both_times() -> None:
    value = times(created_or_changed=moment)
    assert "created" not in value
    assert value["updated"]["path"] == "created_or_changed"


def test_a_change_of_something_else_is_not_the_change_of_the_record() -> None:
    value = times(changeStatus=moment, last_write_date=lambda n: moment(n, 3))
    assert value["updated"]["path"] == "last_write_date"


def test_a_moment_is_better_than_a_day() -> None:
    value = times(created=lambda n: moment(n)[:10], creation_date_time=moment, updated=moment)
    assert value["created"]["path"] == "creation_date_time"


def test_times_without_names_are_none_where_either_may_be_later() -> None:
    value = times(t1=moment, t2=lambda n: moment(n, 1 if n % 2 else -1))
    assert not {"created", "updated"} & value.keys()


def test_a_day_and_a_time_in_different_tables_are_not_one_moment() -> None:
    records = [{"a": {"realDate": "20261120"}, "b": {"realTime": "11:14"}}]
    assert times_in(columns_of(records))["a.realDate"].path == "a.realDate"


# -- deletion ----------------------------------------------------------------------------------


def test_a_deletion_that_is_not_always_said_is_spelt_by_words() -> None:
    proposal = proposed(plain(isDeleted=lambda n: (True, False, None)[n % 3]))
    assert said(proposal)["fields"]["deleted"]["values"] == {True: "deleted", False: "active"}
    assert proposal.understood == 40


@pytest.mark.parametrize("words", [("*", "maybe"), (" ", " "), (5, 6)])
def test_words_of_which_nobody_knows_whether_they_mean_deleted_are_left(words: Any) -> None:
    proposal = proposed(plain(deleteMark=lambda n: words[n % 2]))
    assert "deleted" not in said(proposal)["fields"]
    assert levels(proposal, "fields.deleted") == {Level.NOTE}


# -- texts -------------------------------------------------------------------------------------


def test_the_same_text_under_two_names_is_one() -> None:
    over = {"display_title": lambda n: f"Check pump {n}", "title": lambda n: f"Check pump {n}"}
    fields = said(proposed(plain(description=..., **over)))["fields"]
    assert fields["title"] == {"path": "title"}
    assert "description" not in fields


def test_names_of_people_and_machines_are_no_title() -> None:
    over = {
        "title": ...,
        "reported_by": lambda n: f"Ana Lima {n}",
        "asset_name": lambda n: f"P {n}",
    }
    fields = said(proposed(plain(**over)))["fields"]
    assert "title" not in fields
    assert fields["description"]["path"] == "description"


def test_a_text_about_the_status_is_no_description() -> None:
    proposal = proposed(plain(description=..., status_note=lambda n: f"Moved by Ana {n}"))
    assert "description" not in said(proposal)["fields"]


def test_a_blank_at_an_end_here_and_there_is_no_filling_up() -> None:
    fields = said(proposed(plain(title=lambda n: f"Check pump {n * 97} ")))["fields"]
    assert fields["title"] == {"path": "title"}


def test_a_title_that_is_mostly_empty_is_none() -> None:
    fields = said(proposed(plain(title=lambda n: None if n % 2 else f"Check pump {n}")))["fields"]
    assert "title" not in fields


def test_a_short_text_alone_is_the_title_where_it_is_called_so() -> None:
    fields = said(proposed(plain(description=...)))["fields"]
    assert fields["title"]["path"] == "title"
    assert "description" not in fields


# -- the status --------------------------------------------------------------------------------


def test_of_two_places_the_one_with_known_words_is_the_status() -> None:
    proposal = proposed(plain(docstatus=lambda n: n % 3, status_code=lambda n: n % 2))
    assert said(proposal)["fields"]["status"]["path"] == "status"


def test_words_in_many_records_are_a_status_by_themselves() -> None:
    proposal = proposed(plain(status=..., wo=lambda n: ("open", "done")[n % 2]))
    assert said(proposal)["fields"]["status"]["path"] == "wo"


def test_words_that_nobody_knows_in_a_place_of_another_name_are_none() -> None:
    assert no_status(colour=lambda n: ("red", "blue")[n % 2])


def no_status(**over: Any) -> bool:
    """Nothing of these records is taken for a status."""
    return bool(said(proposed(plain(status=..., **over)))["fields"]["status"] == {"path": "?"})


def test_texts_that_are_different_each_time_are_none() -> None:
    assert no_status(note=lambda n: f"open {n}")


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"state_kind": "abc"}, {"state": "abc"}),
        ({"state_name": "abc"}, {"state_x": "abc"}),
        ({"state_a": ["open", "done", None]}, {"state_b": ["open", "done", "open"]}),
        ({"state_a": ["open"] * 3}, {"state_b": ["open", "done", "open"]}),
        ({"state_a": ["open", "xyz", "abc"]}, {"state_b": ["open", "done", "abc"]}),
    ],
)
def test_of_two_places_the_likelier_one_is_the_status(worse: Any, better: Any) -> None:
    over = {
        name: (lambda n, words=words: words[n % 3]) for name, words in {**worse, **better}.items()
    }
    proposal = proposed(plain(status=..., **over))
    assert said(proposal)["fields"]["status"]["path"] == next(iter(better))


def test_records_without_a_status_are_told() -> None:
    proposal = proposed(plain(status=lambda n: None if n % 10 == 0 else "open"))
    assert "4 of 40 records say none of these" in why(proposal, "fields.status")


def test_codes_that_are_known_count_in_their_order() -> None:
    proposal = proposed(plain(status=lambda n: ("CRTD PRC", "REL CNF", "TECO REL CNF")[n % 3]))
    cases = said(proposal)["fields"]["status"]["cases"]
    assert [case["when"]["status"]["has"] for case in cases] == ["TECO", "CNF", "CRTD", "REL"]
    assert [case.get("only") for case in cases] == [None, "read", None, None]


def test_codes_that_nobody_knows_are_gaps_by_how_often_they_are_there() -> None:
    proposal = proposed(plain(status=lambda n: ("CRTD PRC", "XYZ ABC DLFL", "REL")[n % 3]))
    cases = said(proposal)["fields"]["status"]["cases"]
    assert [c["when"]["status"]["has"] for c in cases if c["is"] == "?"] == ["XYZ", "ABC"]


def test_two_opposite_bools_are_no_status() -> None:
    over = {"urgent": lambda n: n % 2 == 0, "isDone": lambda n: n % 2 == 1}
    assert no_status(**over)


def flags(*true: str, **over: Any) -> dict[str, Any]:
    """In each record another one of these is true."""
    each = {name: (lambda n, name=name: true[n % len(true)] == name) for name in true}
    return {**each, **over}


def test_bools_that_nobody_knows_are_no_status() -> None:
    assert no_status(**flags("urgent", "paid", "sent"))


def test_a_flag_that_was_never_true_counts_by_its_name() -> None:
    status = said(proposed(plain(status=..., **flags("isOpen", "isDone", isCanceled=False))))
    assert status["fields"]["status"]["flags"] == {
        "isOpen": "pending",
        "isDone": "completed",
        "isCanceled": "cancelled",
    }


def test_flags_of_which_two_are_true_at_once_are_no_status() -> None:
    assert no_status(isOpen=lambda n: n % 3 < 2, isDone=lambda n: n % 3 > 0)


def test_flags_that_may_be_null_are_no_status() -> None:
    over = flags("isOpen", "isDone", "isOnHold")
    assert not no_status(**over, isCanceled=lambda n: None if n == 5 else False)
    assert no_status(**{**over, "isOpen": lambda n: True if n % 3 == 0 else None})


def test_statuses_that_he_has_no_word_for_are_named() -> None:
    written = proposed(plain()).text()
    assert "# lacks: {in_progress: ...}" in written
    assert "# lacks: {on_hold: ...}" in written
    assert "lacks: {completed" not in written
