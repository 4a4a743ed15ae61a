"""Writes: what of a version is sent, and what an answer makes of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.unit.rest.saved import Answer, Saved, order, orders, reply, saved, system, writer
from tracbridge.adapters.connectors.rest.writing import Writer
from tracbridge.domain.errors import (
    BusyError,
    RecordError,
    RetryableError,
    StaleWriteError,
    UnknownOutcomeError,
)
from tracbridge.ports.connector import Receipt, Record, Write

KNOWN = Record(order(7, text="old", state="A"), "7", "1")
NOTHING = orders([])


def update(known: Record = KNOWN, *, state: str = "", **changes: Any) -> Write:
    return Write("key", {**(known.body or {}), **changes}, "88123", known, state=state)


def create(**body: Any) -> Write:
    return Write("key", {"text": "new", **body}, "88123")


async def written(write: Write, *answers: Answer, **over: Any) -> tuple[Receipt, Saved]:
    made, sender = writer(*answers, used=system(**over))
    receipt = await made.write(write)
    assert sender.answers == []
    return receipt, sender


async def refused(write: Write, *answers: Answer, **over: Any) -> Exception:
    made, sender = writer(*answers, used=system(**over))
    with pytest.raises(Exception) as caught:  # noqa: PT011 (its kind is what is asked)
        await made.write(write)
    assert sender.answers == []
    return caught.value


# -- what is sent ----------------------------------------------------------------------------------


async def test_only_what_differs_is_sent() -> None:
    receipt, sender = await written(update(text="newer"), reply(order(7, text="newer", v="2")))
    (call,) = sender.calls
    assert (call.method, call.path, call.body) == ("PATCH", "/orders/7", {"text": "newer"})
    assert call.headers == {"If-Match": "1"}
    assert call.writes
    assert (receipt.ref, receipt.version) == ("7", "2")
    assert receipt.body == order(7, text="newer", v="2")


async def test_where_nothing_differs_nobody_is_called() -> None:
    receipt, sender = await written(update())
    assert sender.calls == []
    assert receipt == Receipt("7", "1")


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (True, 1), (None, "")])
async def test_what_differs_in_kind_differs(before: Any, after: Any) -> None:
    known = Record({"flag": before}, "7", "1")
    _, sender = await written(update(known, flag=after), reply(order(7)))
    assert sender.calls[0].body == {"flag": after}


async def test_keys_that_are_his_own_are_never_sent() -> None:
    _, sender = await written(update(text="n", at="2027-01-01", v="9"), reply(order(7)))
    assert sender.calls[0].body == {"text": "n"}


async def test_a_key_that_only_an_action_changes_is_not_passed_over_in_silence() -> None:
    acted = {"update": {"by_action": ["state"]}}
    write = Write("key", {**(KNOWN.body or {}), "text": "n", "state": "B"}, "1", KNOWN)
    refusal = await refused(write, **acted)
    assert isinstance(refusal, RecordError)
    assert (refusal.why.code, refusal.why.pointer) == ("not_writable", "/state")
    _, sender = await written(update(text="n"), reply(order(7)), **acted)
    assert sender.calls[0].body == {"text": "n"}
    action = {"request": {"method": "POST", "path": "/b"}, "keys": ["state"]}
    by_action = Write("key", write.body, "1", KNOWN, state="B")
    _, sender = await written(
        by_action, reply(order(7)), reply(order(7)), actions={"B": action}, **acted
    )
    assert [call.body for call in sender.calls] == [{"text": "n"}, None]


async def test_keys_that_go_together_go_together() -> None:
    together = {"update": {"together": [["text", "state"]]}}
    _, sender = await written(update(text="n"), reply(order(7)), **together)
    assert sender.calls[0].body == {"text": "n", "state": "A"}


async def test_a_whole_record_keeps_what_only_he_knows() -> None:
    now = reply({**order(7), "text": "old", "secret": "his", "state": "A"})
    whole = {"update": {"send": "whole", "request": {"method": "PUT", "body": "{record}"}}}
    _, sender = await written(update(text="n"), now, reply(order(7)), **whole)
    assert sender.told == ["GET /orders/7", "PUT /orders/7"]
    assert sender.calls[1].body == {"no": "", "text": "n", "state": "A", "secret": "his"}


async def test_a_version_goes_where_he_wants_it() -> None:
    _, sender = await written(update(text="n"), reply(order(7)), lock={"header": ..., "body": "v"})
    assert sender.calls[0].body == {"text": "n", "v": "1"}


async def test_where_he_takes_no_version_the_record_is_looked_at_first() -> None:
    lock = {"header": ..., "compare": True}
    _, sender = await written(update(text="n"), reply(order(7)), reply(order(7)), lock=lock)
    assert sender.told == ["GET /orders/7", "PATCH /orders/7"]
    other = reply(order(7, v="2"))
    assert isinstance(await refused(update(text="n"), other, lock=lock), StaleWriteError)


async def test_without_a_known_version_what_is_written_over_must_be_as_it_was_known() -> None:
    known = Record(KNOWN.body, "7", "")
    same = reply(order(7, text="old", v="5"))
    _, sender = await written(update(known, text="n"), same, reply(order(7)))
    assert sender.calls[1].headers == {"If-Match": "5"}
    theirs = reply(order(7, text="theirs", v="5"))
    assert isinstance(await refused(update(known, text="n"), theirs), StaleWriteError)


async def test_a_record_without_a_known_id_is_found_by_our_number() -> None:
    known = Record({"text": "old"}, "", "1")
    _, sender = await written(
        update(known, text="n"), orders([order(7, no="88123")]), reply(order(7))
    )
    assert sender.calls[0].query == (("number", "88123"),)
    assert sender.told[1] == "PATCH /orders/7"
    error = await refused(update(known, text="n"), NOTHING)
    assert isinstance(error, RecordError)
    assert error.why.code == "no_id"


async def test_a_new_record_gets_our_number_and_none_of_his_keys() -> None:
    write = Write("key", {"text": "new", "id": 5}, "88123", extra='{"cost": "7-A", "id": 1}')
    receipt, sender = await written(write, NOTHING, reply(order(9, no="88123"), 201))
    assert sender.told == ["GET /orders", "POST /orders"]
    assert sender.calls[1].body == {"cost": "7-A", "text": "new", "no": "88123"}
    assert receipt.ref == "9"


async def test_the_mark_of_a_call_is_the_same_for_the_same_key_only() -> None:
    mark = {"idempotency": {"header": "transactionid"}}
    marks = []
    for key in ("a", "a", "b"):
        write = Write(key, {**(KNOWN.body or {}), "text": "n"}, "1", KNOWN)
        _, sender = await written(write, reply(order(7)), **mark)
        marks.append(sender.calls[0].headers["transactionid"])
    assert marks[0] == marks[1] != marks[2]
    assert UUID(marks[0]).version == 5


# -- what was there before -------------------------------------------------------------------------


async def test_an_order_that_is_there_already_is_not_made_twice() -> None:
    receipt, sender = await written(create(), orders([order(9, no="88123", text="new")]))
    assert (receipt.ref, receipt.version) == ("9", "1")
    assert len(sender.calls) == 1


async def test_an_order_that_is_there_and_says_something_else_is_looked_at_again() -> None:
    error = await refused(create(), orders([order(9, no="88123", text="theirs")]))
    assert isinstance(error, StaleWriteError)


@pytest.mark.parametrize("no", ["", "88124", "088123x", None, True, ["88123"]])
async def test_a_record_that_does_not_show_our_number_is_not_ours(no: Any) -> None:
    receipt, sender = await written(create(), orders([order(1, no=no)]), reply(order(9)))
    assert sender.told[1] == "POST /orders"
    assert receipt.ref == "9"


@pytest.mark.parametrize("no", ["88123", 88123, "000088123"])
async def test_our_number_is_known_in_its_spellings(no: Any) -> None:
    receipt, _ = await written(create(), orders([7, order(9, no=no, text="new")]))
    assert receipt.ref == "9"


async def test_a_repeated_create_is_found_out() -> None:
    rules = {"errors": [{"status": 409, "is": "repeated"}]}
    again = orders([order(9, no="88123", text="new")])
    receipt, _ = await written(create(), NOTHING, reply({}, 409), again, **rules)
    assert receipt.ref == "9"
    error = await refused(create(), NOTHING, reply({}, 409), NOTHING, **rules)
    assert isinstance(error, UnknownOutcomeError)
    error = await refused(create(), NOTHING, reply({}, 409), RetryableError("away"), **rules)
    assert isinstance(error, UnknownOutcomeError)


async def test_a_create_that_conflicts_is_looked_at_again() -> None:
    error = await refused(create(), NOTHING, reply({}, 409), NOTHING)
    assert isinstance(error, StaleWriteError)


@pytest.mark.parametrize("word", ["already", "repeated"])
async def test_already_so_is_success_where_all_of_it_is_so(word: str) -> None:
    rules = {"errors": [{"status": 400, "is": word}]}
    so = reply(order(7, text="n", state="B", v="4"))
    receipt, _ = await written(_two(), reply({}, 400), so, **rules)
    assert receipt.version == "4"
    half = reply(order(7, text="old", state="B", v="4"))
    error = await refused(_two(), reply({}, 400), half, **rules)
    assert isinstance(error, StaleWriteError)
    gone = await refused(_two(), reply({}, 400), reply({}, 404), **rules)
    assert isinstance(gone, StaleWriteError)


def _two() -> Write:
    return Write("key", {**(KNOWN.body or {}), "text": "n", "state": "B"}, "88123", KNOWN)


# -- what answers mean -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply({}, 400), RecordError),
        (reply({}, 422), RecordError),
        (reply({}, 404), StaleWriteError),
        (reply({}, 409), StaleWriteError),
        (reply({}, 412), StaleWriteError),
        (reply({}, 423), BusyError),
        (reply({}, 500), UnknownOutcomeError),
        (reply({}, 502), UnknownOutcomeError),
        (saved("bad_gateway"), UnknownOutcomeError),
        (saved("login_page"), UnknownOutcomeError),
        (reply(b""), UnknownOutcomeError),
        (reply(b'{"id": "7", '), UnknownOutcomeError),
        (UnknownOutcomeError("cut"), UnknownOutcomeError),
    ],
)
async def test_an_answer_is_about_this_write_alone(answer: Answer, kind: type) -> None:
    assert type(await refused(update(text="n"), answer)) is kind


@pytest.mark.parametrize(
    "answer",
    [
        reply({}, 401),
        reply({}, 403),
        reply({}, 408),
        reply({}, 425),
        reply({}, 429),
        reply({}, 503),
        RetryableError("away"),
    ],
)
async def test_an_answer_is_about_all_further_writes(answer: Answer) -> None:
    assert type(await refused(update(text="n"), answer)) is RetryableError


async def test_how_long_to_wait_comes_with_it() -> None:
    error = await refused(update(text="n"), reply({}, 429, retry_after="27"))
    assert isinstance(error, RetryableError)
    assert error.retry_after == timedelta(seconds=27)
    rules = {"errors": [{"code": "OPEN", "is": "busy", "after": 60}]}
    error = await refused(update(text="n"), reply({"code": "OPEN"}, 400), **rules)
    assert isinstance(error, BusyError)
    assert error.retry_after == timedelta(seconds=60)


async def test_a_refusal_says_what_he_said() -> None:
    words = "No duration.\n\x1b[31mTraceback (most recent call last):\n secret"
    error = await refused(update(text="n"), reply({"code": "X1", "message": words}, 400))
    assert isinstance(error, RecordError)
    assert error.why.code == "refused_by_customer"
    assert "No duration." in error.why.reason
    assert "X1" in error.why.value
    assert "secret" not in str(error)


async def test_a_rule_may_say_that_a_failure_did_nothing() -> None:
    rules = {"errors": [{"status": 500, "code": "deadlock", "is": "retry"}]}
    error = await refused(update(text="n"), reply({"code": "deadlock"}, 500), **rules)
    assert type(error) is RetryableError


async def test_an_answer_without_a_body_is_fine_where_its_status_says_so() -> None:
    receipt, _ = await written(update(text="n"), reply(b"", 204, etag='"2"'))
    assert receipt == Receipt("7")
    told = {"update": {"answer": {"record": ..., "version": {"header": "ETag"}}}}
    receipt, _ = await written(update(text="n"), reply(b"", 204, etag='"2"'), **told)
    assert receipt == Receipt("7", '"2"')


async def test_an_answer_that_tells_too_little_is_followed_by_a_look() -> None:
    told = {"update": {"answer": {"record": ..., "reread": True}}}
    now = order(7, text="n", v="8")
    receipt, _ = await written(update(text="n"), reply(True), reply(now), **told)
    assert receipt == Receipt("7", "8", now)
    for trouble in (reply({}, 500), reply({}, 404), RetryableError("away"), reply(order(8))):
        receipt, _ = await written(update(text="n"), reply(True), trouble, **told)
        assert receipt == Receipt("7")


async def test_the_id_of_a_new_record_may_stand_anywhere_in_the_answer() -> None:
    told = {"create": {"answer": {"record": ..., "ref": "{[0]}"}}}
    receipt, _ = await written(create(), NOTHING, reply([412]), **told)
    assert receipt.ref == "412"
    told = {"create": {"answer": {"record": ..., "ref": "{d.id}"}}}
    receipt, _ = await written(create(), NOTHING, reply({"d": {"id": 412}}), **told)
    assert receipt.ref == "412"


async def test_a_new_record_without_an_id_in_the_answer_is_found_by_our_number() -> None:
    told = {"create": {"answer": {"record": ...}}}
    again = orders([order(9, no="88123")])
    receipt, _ = await written(create(), NOTHING, reply({"ok": True}), again, **told)
    assert receipt.ref == "9"
    error = await refused(create(), NOTHING, reply({"ok": True}), NOTHING, **told)
    assert isinstance(error, UnknownOutcomeError)


async def test_a_look_before_that_finds_no_usable_answer_holds_up_this_record_only() -> None:
    for answer in (saved("login_page"), reply({}, 500), reply({}, 400)):
        assert isinstance(await refused(create(), answer), BusyError)


# -- states that need a call -----------------------------------------------------------------------

ACTIONS: dict[str, Any] = {
    "actions": {
        "DONE": {
            "request": {"method": "POST", "path": "/orders/{ref}/done", "body": {"v": "{version}"}},
            "answer": {"record": ""},
            "keys": ["codes"],
            "done": {"codes": {"has": "DONE"}},
        },
        "OPEN": {
            "keys": ["codes"],
            "done": {"codes": {"has": "OPEN", "hasnt": "LOCK"}},
            "calls": [
                {
                    "when": {"codes": {"has": "LOCK"}},
                    "request": {"method": "POST", "path": "/orders/{ref}/unlock"},
                    "answer": {"record": ""},
                },
                {
                    "when": {"codes": {"has": "DONE"}},
                    "request": {"method": "POST", "path": "/orders/{ref}/reopen"},
                    "answer": {"record": ""},
                },
            ],
        },
        "BLIND": {"request": {"method": "POST", "path": "/orders/{ref}/{state}"}},
    }
}


def coded(codes: str, **more: Any) -> Record:
    return Record(order(7, text="old", codes=codes, **more), "7", "1")


async def test_a_state_is_called_after_the_other_keys_are_written() -> None:
    write = update(coded("OPEN"), text="n", codes="DONE", state="DONE")
    receipt, sender = await written(
        write, reply(order(7, codes="OPEN", v="2")), reply(order(7, codes="DONE", v="3")), **ACTIONS
    )
    assert sender.told == ["PATCH /orders/7", "POST /orders/7/done"]
    assert sender.calls[0].body == {"text": "n"}
    assert sender.calls[1].body == {"v": "2"}
    assert sender.calls[1].headers == {"If-Match": "2"}
    assert receipt.version == "3"


async def test_the_two_calls_of_one_write_have_marks_of_their_own() -> None:
    write = update(coded("OPEN"), text="n", codes="DONE", state="DONE")
    mark = {"idempotency": {"header": "x-mark"}}
    _, sender = await written(
        write, reply(order(7, v="2")), reply(order(7, codes="DONE")), **mark, **ACTIONS
    )
    one, two = (call.headers["x-mark"] for call in sender.calls)
    assert one != two


async def test_a_state_without_other_changes_is_one_call() -> None:
    write = update(coded("OPEN"), codes="DONE", state="DONE")
    _, sender = await written(write, reply(order(7, codes="DONE", v="3")), **ACTIONS)
    assert sender.told == ["POST /orders/7/done"]


async def test_a_state_that_the_record_shows_already_is_no_call() -> None:
    _, sender = await written(update(coded("DONE X"), state="DONE"), **ACTIONS)
    assert sender.calls == []


@pytest.mark.parametrize(("codes", "path"), [("OPEN LOCK", "unlock"), ("DONE", "reopen")])
async def test_the_call_that_fits_leads_to_a_state(codes: str, path: str) -> None:
    made = reply(order(7, codes="OPEN"))
    _, sender = await written(update(coded(codes), state="OPEN"), made, **ACTIONS)
    assert sender.told == [f"POST /orders/7/{path}"]


async def test_a_call_after_which_the_record_shows_another_state_is_followed_by_the_next() -> None:
    write = update(coded("DONE LOCK"), state="OPEN")
    between, after = reply(order(7, codes="DONE", v="2")), reply(order(7, codes="OPEN", v="3"))
    receipt, sender = await written(write, between, after, **ACTIONS)
    assert sender.told == ["POST /orders/7/unlock", "POST /orders/7/reopen"]
    assert receipt.version == "3"


async def test_a_state_that_was_not_reached_is_not_called_reached() -> None:
    error = await refused(
        update(coded("OPEN"), state="DONE"), reply(order(7, codes="OTHER")), **ACTIONS
    )
    assert isinstance(error, RecordError)
    assert error.why.code == "no_way"


async def test_a_state_that_no_call_leads_to_is_refused() -> None:
    error = await refused(update(coded("NEW"), state="OPEN"), **ACTIONS)
    assert isinstance(error, RecordError)
    assert error.why.code == "no_way"


async def test_after_an_update_without_a_version_in_its_answer_the_record_is_read_for_it() -> None:
    write = update(coded("OPEN"), text="n", state="DONE")
    _, sender = await written(
        write,
        reply(b"", 204),
        reply(order(7, codes="OPEN", v="6")),
        reply(order(7, codes="DONE")),
        **ACTIONS,
    )
    assert sender.told == ["PATCH /orders/7", "GET /orders/7", "POST /orders/7/done"]
    assert sender.calls[2].headers == {"If-Match": "6"}


async def test_a_state_that_he_has_already_is_success() -> None:
    rules = {"errors": [{"status": 400, "is": "already"}], **ACTIONS}
    now = reply(order(7, codes="DONE X", v="9"))
    receipt, _ = await written(update(coded("OPEN"), state="DONE"), reply({}, 400), now, **rules)
    assert receipt.version == "9"


async def test_a_new_record_is_brought_to_its_state() -> None:
    write = Write("key", {"text": "new"}, "88123", state="DONE")
    made = reply(order(9, codes="NEW"))
    done = reply(order(9, codes="DONE", v="2"))
    receipt, sender = await written(write, NOTHING, made, done, **ACTIONS)
    assert sender.told[-1] == "POST /orders/9/done"
    assert receipt.version == "2"


# -- deletions -------------------------------------------------------------------------------------

DELETE = {"delete": {"request": {"method": "DELETE", "path": "/orders/{ref}"}}}


async def test_a_deletion_that_he_does_not_take_is_refused() -> None:
    error = await refused(Write("key", None, "88123", KNOWN))
    assert isinstance(error, RecordError)
    assert error.why.code == "undeletable"


@pytest.mark.parametrize("status", [200, 204, 404, 410])
async def test_a_record_that_is_gone_is_deleted(status: int) -> None:
    receipt, sender = await written(Write("k", None, "1", KNOWN), reply({}, status), **DELETE)
    assert receipt == Receipt("7")
    assert sender.calls[0].headers == {"If-Match": "1"}


async def test_a_deletion_may_be_refused_too() -> None:
    error = await refused(Write("k", None, "1", KNOWN), reply({}, 412), **DELETE)
    assert isinstance(error, StaleWriteError)


# -- afterwards ------------------------------------------------------------------------------------


async def probed(write: Write, *answers: Answer, **over: Any) -> Receipt | None:
    made, sender = writer(*answers, used=system(**over))
    found = await made.probe(write)
    assert sender.answers == []
    assert not any(call.writes for call in sender.calls)
    return found


async def test_a_new_order_is_found_by_our_number() -> None:
    found = await probed(create(), orders([order(9, no="88123", v="3")]))
    assert found is not None
    assert (found.ref, found.version) == ("9", "3")
    assert await probed(create(), NOTHING) is None


async def test_an_update_is_seen_where_every_key_of_it_is() -> None:
    assert await probed(_two(), reply(order(7, text="n", state="B"))) is not None
    assert await probed(_two(), reply(order(7, text="n", state="A"))) is None
    assert await probed(_two(), reply({}, 404)) is None


@pytest.mark.parametrize(
    ("wanted", "there"),
    [(None, False), (None, ""), (2, [2, "In Progress"]), ("", None), (None, []), (5, 5.0)],
)
async def test_a_value_is_known_in_his_spelling(wanted: Any, there: Any) -> None:
    write = update(Record({"x": "old"}, "7", "1"), x=wanted)
    assert await probed(write, reply(order(7, x=there))) is not None


@pytest.mark.parametrize(
    ("wanted", "there"), [(1, True), ("a", ["b", "a"]), (False, None), (0, "")]
)
async def test_another_value_is_not_taken_for_it(wanted: Any, there: Any) -> None:
    write = update(Record({"x": "old"}, "7", "1"), x=wanted)
    assert await probed(write, reply(order(7, x=there))) is None


async def test_a_state_is_seen_by_what_the_record_shows() -> None:
    write = update(coded("OPEN"), text="n", codes="DONE", state="DONE")
    assert await probed(write, reply(order(7, text="n", codes="X DONE")), **ACTIONS) is not None
    assert await probed(write, reply(order(7, text="n", codes="OPEN")), **ACTIONS) is None
    assert await probed(write, reply(order(7, text="old", codes="DONE")), **ACTIONS) is None
    blind = update(KNOWN, state="BLIND")
    assert await probed(blind, reply(order(7, text="old", state="A")), **ACTIONS) is None


async def test_a_deletion_is_seen_by_the_absence_of_the_record() -> None:
    write = Write("k", None, "1", KNOWN)
    assert await probed(write, reply({}, 404), **DELETE) == Receipt("7")
    assert await probed(write, reply(order(7)), **DELETE) is None


async def test_what_cannot_be_asked_for_was_never_sent() -> None:
    assert await probed(update(Record({"x": 1}, ""), x=2), NOTHING) is None


async def test_where_he_cannot_be_asked_that_is_said() -> None:
    made, _ = writer(reply({}, 503))
    with pytest.raises(RetryableError):
        await made.probe(_two())


async def test_a_writer_needs_requests_to_write() -> None:
    error = await refused(create(), create=...)
    assert isinstance(error, RecordError)
    error = await refused(update(text="n"), update=...)
    assert isinstance(error, RecordError)
    assert isinstance(writer()[0], Writer)
