"""Which order a record is of."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.declaring import RECORD, given_back, made, taken
from tracbridge.domain.errors import Reason, RecordError
from tracbridge.mapping.declared import LONGEST_KEY, Declared

# How fast they run says nothing here, least of all on a busy machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refusal(used: Declared, **changes: Any) -> Reason:
    with pytest.raises(RecordError) as caught:
        used.from_customer({**RECORD, **changes})
    return caught.value.why


def keyed(**key: Any) -> Declared:
    return made(key={"path": "no", **key})


@pytest.mark.parametrize(
    ("used", "raw", "ref"),
    [
        (keyed(), 7, "7"),
        (keyed(), 7.0, "7"),
        (keyed(strip="0"), "0000007", "7"),
        (keyed(strip="0"), " 007 ", "7"),
        (keyed(**{"as": "text"}), "WO-7", "WO-7"),
        (keyed(**{"as": "text"}), " 007 ", "007"),
        (keyed(**{"as": "text"}), 7, "7"),
        (keyed(**{"as": "text", "strip": "0"}), "007", "7"),
        (keyed(**{"as": "text", "strip": "0"}), "000", "000"),
        (keyed(**{"as": "text", "read": 'record.site + "-" + record.no'}), "7", "S-7"),
    ],
)
def test_a_key_is_the_number_or_a_text_of_his_own(used: Declared, raw: object, ref: str) -> None:
    body = {**RECORD, "site": "S", "no": raw}
    assert used.from_customer(body).ref == ref
    assert used.customer_ref(body) == ref


@pytest.mark.parametrize(
    ("used", "raw", "code"),
    [
        (keyed(), "7", "type"),
        (keyed(), None, "required"),
        (keyed(), 0, "out_of_range"),
        (keyed(strip="0"), "000", "type"),
        (keyed(strip="0"), "x7", "type"),
        (keyed(strip="0"), "\u0667", "type"),
        (keyed(strip="0"), "\u00b2", "type"),
        (keyed(strip="0"), "9" * 5000, "type"),
        (keyed(strip="0"), "9" * 30, "out_of_range"),
        (keyed(strip="0"), 7.5, "type"),
        (keyed(strip="0"), None, "required"),
        (keyed(**{"as": "text"}), None, "required"),
        (keyed(**{"as": "text"}), "  ", "type"),
        (keyed(**{"as": "text"}), True, "type"),
        (keyed(**{"as": "text"}), 7.5, "type"),
        (keyed(**{"as": "text"}), "x" * 121, "type"),
        (keyed(**{"as": "text"}), "a\tb", "type"),
    ],
)
def test_what_is_no_key_is_refused_at_its_place(used: Declared, raw: object, code: str) -> None:
    why = refusal(used, no=raw)
    assert (why.code, why.pointer) == (code, "/no")
    assert used.customer_ref({**RECORD, "no": raw}) is None


def test_a_key_counts_in_its_scope_and_both_are_written_for_a_new_order() -> None:
    used = keyed(**{"as": "text", "scope": "site", "ours": "their.ref"})
    order = taken(used, no="A-1", site="S1 ", their={"ref": " 42 "})
    assert (order.scope, order.ours) == ("S1", "42")
    assert used.customer_scope({"site": None}) == ""
    assert not used.numbered
    new = replace(order, extra="", key="", ref="42", scope="")
    assert used.to_customer(new)["their"] == {"ref": "42"}
    assert "no" not in used.to_customer(new)
    known = replace(order, extra="")
    assert used.to_customer(known)["no"] == "A-1"
    assert used.to_customer(known)["site"] == "S1"


@pytest.mark.parametrize(
    "ours", [None, "", "x", "-1", "4.2", 0, True, [], "\u00b2", "\u0667", "9" * 5000, "9" * 30]
)
def test_what_is_no_number_of_ours_is_none(ours: object) -> None:
    used = keyed(**{"as": "text", "ours": "ref"})
    assert taken(used, no="A-1", ref=ours).ours == ""


def test_his_own_spelling_of_the_key_stays() -> None:
    used = keyed(strip="0")
    assert given_back(used, taken(used, no="0000007"))["no"] == "0000007"
    assert used.to_customer(replace(taken(used, no="0000007"), extra=""))["no"] == "7"


PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_KEY)


@UNHURRIED
@given(PLAIN, st.text(" \t\n", max_size=2))
def test_a_text_that_can_be_printed_is_a_key_without_the_blanks_around_it(
    key: str, blanks: str
) -> None:
    used = keyed(**{"as": "text"})
    assert used.customer_ref({"no": blanks + key + blanks}) == key


@UNHURRIED
@given(st.integers(1, 2**63 - 1), st.integers(0, 5))
def test_a_number_is_a_key_with_and_without_leading_zeros(number: int, zeros: int) -> None:
    used = keyed(strip="0")
    order = taken(used, no="0" * zeros + str(number))
    assert order.ref == str(number)
    assert given_back(used, order)["no"] == "0" * zeros + str(number)
    assert keyed().customer_ref({"no": number}) == str(number)


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@UNHURRIED
@given(ODD | st.lists(ODD), ODD, ODD, st.sampled_from(["text", "number"]))
def test_asking_for_a_key_never_fails(no: object, site: object, ours: object, as_: str) -> None:
    more = {"scope": "site", "ours": "ref"} if as_ == "text" else {"strip": "0"}
    used = keyed(**{"as": as_, **more})
    body = {"no": no, "site": site, "ref": ours}
    ref = used.customer_ref(body)
    assert ref is None or ref == ref.strip() != ""
    assert used.customer_scope(body) == used.customer_scope(body).rstrip()
