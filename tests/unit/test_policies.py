"""Single settings: from text to value, and what the engine makes of them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracbridge.config import parse
from tracbridge.config.policies import guards, policies, rule_of, version_of_words, words_of
from tracbridge.config.rules import rule_source
from tracbridge.config.settings import FieldRule, Settings, load
from tracbridge.config.translations import translation_of
from tracbridge.domain.workorder import Side
from tracbridge.sync.guard import Grave, Limit
from tracbridge.sync.policy import Ack, DeletePolicy, FirstContact, Policy

PLAIN = load({}, None)
CHOSEN = replace(
    PLAIN,
    create=frozenset({"customer"}),
    conflict_policy="ask",
    delete_conflict="edit_wins",
    first_contact="hold",
    ack="content",
    mass_removals=(5, 0.01),
    mass_completions=None,
    mass_acknowledgements=(7, 0.07),
    fields={
        "status": FieldRule(owner="tracos"),
        "description": FieldRule(direction="inbound", conflict="newest"),
    },
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("20,5%", (20, 0.05)), ("0 , 0 %", (0, 0.0)), ("7,12.5%", (7, 0.125)), ("OFF", None)],
)
def test_a_limit_is_a_number_and_a_share_or_off(text: str, value: object) -> None:
    assert parse.limit(text) == value


@pytest.mark.parametrize("text", ["20", "20,5", "20,101%", "-1,5%", "a,b%", "1,,5%", "1,5%%", "on"])
def test_any_other_limit_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse.limit(text)


READERS = (
    parse.choice("Ask", "newest"),
    parse.whole(1000),
    parse.number(10.0, zero=True),
    parse.number(10.0, zero=False),
    parse.limit,
    parse.boolean,
    parse.path,
    parse.file_mode,
    parse.zone,
    parse.database,
    parse.collection,
    parse.uri,
)


@given(st.sampled_from(READERS), st.text(min_size=1) | st.text("0123456789.,eE+-%o/ ", min_size=1))
def test_any_text_is_a_value_or_a_value_error(reader: parse.Parse, text: str) -> None:
    try:
        reader(text.strip() or "x")
    except ValueError:
        return


@given(st.integers(0, 2000) | st.integers(0, 10**12))
@example(1000)
@example(1001)
def test_a_whole_number_has_an_upper_end(number: int) -> None:
    try:
        assert parse.whole(1000)(str(number)) == number <= 1000
    except ValueError:
        assert number > 1000


@given(st.integers(0, 0o7777))
def test_a_file_mode_lets_the_owner_work_and_nobody_else_write(mode: int) -> None:
    try:
        assert parse.file_mode(f"{mode:03o}") == mode
    except ValueError:
        assert mode > 0o777 or mode & 0o600 != 0o600 or mode & 0o002
    else:
        assert mode & 0o602 == 0o600


def test_the_policies_are_those_of_the_connection() -> None:
    made_of = policies(CHOSEN, translation_of(CHOSEN))
    assert (made_of.conflict, made_of.delete) == (Policy.ASK, DeletePolicy.EDIT_WINS)
    assert (made_of.first_contact, made_of.ack) == (FirstContact.HOLD, Ack.CONTENT)
    assert made_of.creators == {Side.CUSTOMER}
    assert made_of.receipts is True
    assert made_of.rules["status"].into == {Side.CUSTOMER}
    assert made_of.rules["status"].corrects
    assert made_of.rules["description"].into == {Side.TRACOS}
    assert (made_of.rules["description"].corrects, made_of.rules["description"].policy) == (
        False,
        "newest",
    )


def test_a_guard_that_is_off_guards_nothing() -> None:
    assert guards(CHOSEN) == {
        Grave.REMOVAL: Limit(5, 0.01),
        Grave.ACKNOWLEDGEMENT: Limit(7, 0.07),
    }


@pytest.mark.parametrize(
    ("said", "into"),
    [
        (None, {Side.TRACOS, Side.CUSTOMER}),
        (FieldRule(owner="customer"), {Side.TRACOS}),
        (FieldRule(owner="tracos"), {Side.CUSTOMER}),
        (FieldRule(direction="inbound"), {Side.TRACOS}),
        (FieldRule(direction="outbound"), {Side.CUSTOMER}),
        (FieldRule(owner="tracos", direction="inbound"), {Side.TRACOS}),
    ],
)
def test_an_owner_or_a_direction_closes_the_other_way(
    said: FieldRule | None, into: set[Side]
) -> None:
    rule = rule_of(said, "status", translation_of(PLAIN))
    assert rule.into == into
    assert rule.corrects == (said is not None and said.owner != "both")


def test_a_field_that_he_has_no_place_for_never_goes_to_him() -> None:
    assert rule_of(FieldRule(owner="tracos"), "ext.asset", translation_of(PLAIN)).into == {
        Side.TRACOS
    }


def ruled(folder: Path, text: str) -> Settings:
    (folder / "r.yaml").write_text(text, encoding="utf-8")
    return replace(PLAIN, rules=rule_source(["r.yaml"], folder))


def test_the_version_of_the_words_tells_mapping_and_rules(tmp_path: Path) -> None:
    rule = "- {name: a, on: inbound, when: 'true', then: {warn: x}}"
    with_rules = ruled(tmp_path, rule)
    assert version_of_words(PLAIN) == PLAIN.mapping.digest
    assert version_of_words(with_rules).startswith(f"{PLAIN.mapping.digest}+")
    assert version_of_words(with_rules) == version_of_words(ruled(tmp_path, f"# same\n{rule}\n"))
    other = ruled(tmp_path, rule.replace("warn", "hold"))
    assert version_of_words(with_rules) != version_of_words(other)
    assert version_of_words(ruled(tmp_path, "[]")) == PLAIN.mapping.digest


def test_the_words_are_kept_by_each_part_of_their_version(tmp_path: Path) -> None:
    with_rules = ruled(tmp_path, "- {name: a, on: inbound, when: 'true', then: {warn: x}}")
    assert set(words_of(with_rules)) == set(version_of_words(with_rules).split("+"))
    assert words_of(PLAIN) == {PLAIN.mapping.digest: PLAIN.mapping.words}
