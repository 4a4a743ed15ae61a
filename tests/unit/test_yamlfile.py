"""YAML as people write it: which words are values, which lines they stand on, what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config.yamlfile import DEEPEST, LARGEST, YamlFile, parse, read
from tracbridge.domain.errors import SettingError


def value(text: str) -> Any:
    return parse(text, "f.yaml").value


def refusal(text: str) -> str:
    with pytest.raises(SettingError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    ["on", "off", "yes", "no", "y", "n", "ON", "No", "tRue", "FAlse", "nil", "none", "nULL"],
)
def test_only_true_and_false_are_bools_and_all_else_is_a_word(word: str) -> None:
    assert value(f"{word}: {word}") == {word: word}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *(("true", True), ("True", True), ("TRUE", True)),
        *(("false", False), ("False", False), ("FALSE", False)),
        *(("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None)),
    ],
)
def test_bools_and_null_are_known_in_the_spellings_of_yaml_1_2(word: str, meant: object) -> None:
    assert value(f"key: {word}")["key"] is meant


@pytest.mark.parametrize(
    "code", ["0640", "00", "007", "-01", "0o17", "0x1F", "0b1", "1_000", "1:30", "190:20:30"]
)
def test_codes_that_are_no_plain_numbers_stay_words(code: str) -> None:
    assert value(f"key: {code}") == {"key": code}


@pytest.mark.parametrize(
    "moment", ["2026-01-01", "2026-01-01T10:00:00Z", "2026-01-01 10:00:00 -03:00", "10:30"]
)
def test_dates_are_not_constructed(moment: str) -> None:
    assert value(f"key: {moment}") == {"key": moment}


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(("0", 0), ("-0", 0), ("12", 12), ("+7", 7), ("-40", -40)),
        *(("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63))),
        ("-1000000000000000000", -(10**18)),
    ],
)
def test_whole_numbers_are_ints(word: str, number: int) -> None:
    found = value(f"key: {word}")["key"]
    assert (found, type(found)) == (number, int)


@pytest.mark.parametrize("word", ["9223372036854775808", "-9223372036854775809", "1" * 400])
@pytest.mark.parametrize("text", ["a: 1\nb: {}", "a: 1\n{}: b", "a:\n - {}"])
def test_whole_numbers_beyond_64_bits_are_refused(word: str, text: str) -> None:
    message = refusal(text.format(word))
    assert message.startswith('f.yaml:2: "')
    assert message.endswith(" is beyond 64 bits: put it in quotes.")
    assert value(text.format(f"'{word}'"))


@pytest.mark.parametrize(
    ("text", "one", "other"),
    [
        ("true: a\n1: b", "1", "true"),
        ("1: a\n1.0: b", "1.0", "1"),
        ("0.0: a\nfalse: b", "false", "0.0"),
    ],
)
def test_keys_that_are_equal_although_they_are_of_two_kinds_are_refused(
    text: str, one: str, other: str
) -> None:
    assert refusal(text) == f'f.yaml:2: "{one}" and "{other}" count as one key: keep one of them.'


@pytest.mark.parametrize(
    ("word", "number"), [("0.5", 0.5), ("-1.25", -1.25), (".5", 0.5), ("1.5e3", 1500.0)]
)
def test_numbers_with_a_point_are_floats(word: str, number: float) -> None:
    found = value(f"key: {word}")["key"]
    assert (found, type(found)) == (number, float)


@pytest.mark.parametrize("word", [".nan", ".inf", "-.Inf", "1.2.3", "12a", "--1"])
def test_what_is_no_number_with_an_end_is_a_word(word: str) -> None:
    assert value(f"key: {word}") == {"key": word}


@pytest.mark.parametrize("word", ["true", "null", "12", "0.5", "", "no", "~"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_in_quotes_everything_is_a_word(word: str, quote: str) -> None:
    assert value(f"key: {quote}{word}{quote}") == {"key": word}


def test_a_block_of_text_is_a_word_whatever_stands_in_it() -> None:
    assert value("key: |\n  12\nother: >-\n  true\n") == {"key": "12\n", "other": "true"}


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "\n\n"])
def test_a_file_that_says_nothing_is_null(text: str) -> None:
    assert parse(text, "f.yaml") == YamlFile("f.yaml", None, {(): 1})


def test_keys_are_read_like_values() -> None:
    assert value("{12: a, '12': b, no: c, false: d}") == {12: "a", "12": "b", "no": "c", False: "d"}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.text(max_size=12),
    st.floats(0.0001, 1000),
)
TREES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=4), st.dictionaries(st.text(max_size=8), below, max_size=4)
    ),
    max_leaves=12,
)


@given(TREES, st.booleans())
def test_what_is_written_in_quotes_or_plain_comes_back(tree: Any, flow: bool) -> None:
    text = yaml.dump(quoted(tree), Dumper=_Dumper, default_flow_style=flow, allow_unicode=True)
    assert value(text) == tree


class Word(str):
    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    Word, lambda dumper, word: dumper.represent_scalar("tag:yaml.org,2002:str", word, style='"')
)


def quoted(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {Word(key): quoted(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [quoted(item) for item in tree]
    return Word(tree) if isinstance(tree, str) else tree


# -- lines ---------------------------------------------------------------------------------------

LINED = """\
# a comment
top: 1

table:
  inner:
    - first
    - {a: 1,
       b: 2}
text: |
  two
  lines
last: end
"""


def test_each_key_and_item_has_its_line() -> None:
    assert parse(LINED, "f.yaml").lines == {
        (): 1,
        ("top",): 2,
        ("table",): 4,
        ("table", "inner"): 5,
        ("table", "inner", 0): 6,
        ("table", "inner", 1): 7,
        ("table", "inner", 1, "a"): 7,
        ("table", "inner", 1, "b"): 8,
        ("text",): 9,
        ("last",): 12,
    }


def test_what_is_not_there_is_placed_at_the_last_thing_on_the_way_that_is() -> None:
    file = parse(LINED, "f.yaml")
    assert file.place(("table", "inner", 1, "b")) == "f.yaml:8"
    assert file.place(("table", "inner", 1, "c", "d")) == "f.yaml:7"
    assert file.place(("table", "none", 0)) == "f.yaml:4"
    assert file.place(("nowhere",)) == "f.yaml:1"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_however_they_end(end: str) -> None:
    assert parse(f"a: 1{end}{end}b: 2{end}", "f.yaml").lines[("b",)] == 3


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3", 3, '"a"'),
        ("a: 1\n'a': 2", 2, '"a"'),
        ("t:\n  x: 1\n  y: 2\n  x: 1", 4, '"x"'),
        ("- {k: 1, k: 1}", 1, '"k"'),
        ("1: a\n1: b", 2, '"1"'),
        ("~: a\nnull: b", 2, '"null"'),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_the_line_of_the_second(
    text: str, line: int, word: str
) -> None:
    assert refusal(text) == f"f.yaml:{line}: {word} is there twice."


def test_the_same_key_in_two_tables_is_no_double() -> None:
    assert value("a: {k: 1}\nb: {k: 2}") == {"a": {"k": 1}, "b": {"k": 2}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x word\nb: *x", 2),
        ("a: &x {k: v}\nb: 1\nc:\n  - *x", 4),
        ("a: &x [*x]", 1),
        ("a: &x w\n*x : 2", 2),
        ("a: 1\nb: *gone", 2),
    ],
)
def test_an_alias_is_refused(text: str, line: int) -> None:
    assert refusal(text) == (
        f"f.yaml:{line}: an alias (*) is not used here: write the value itself."
    )


def test_an_anchor_that_nobody_uses_does_no_harm() -> None:
    assert value("a: &x word") == {"a": "word"}


def test_a_billion_laughs_are_refused_before_they_grow() -> None:
    laughs = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert "an alias (*) is not used here" in refusal("\n".join(laughs))


@pytest.mark.parametrize("text", ["<<: {a: 1}", "b:\n  <<: {k: 1}", "<<: null"])
def test_merge_keys_are_refused(text: str) -> None:
    assert refusal(text).endswith("is no key: write a word or a number.")


@pytest.mark.parametrize("text", ["? [a, b]\n: c", "? {a: b}\n: c", "{[a]: b}"])
def test_lists_and_tables_are_no_keys(text: str) -> None:
    assert refusal(text) == "f.yaml:1: is no key: write a word or a number."


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/name:os.system",
        "!!python/object/new:type",
        "!!str",
        "!!int",
        "!",
        "!!binary",
        "!!set",
        "!!omap",
        "!mine",
        "!<tag:example.com,2026:x>",
    ],
)
@pytest.mark.parametrize("what", ["['touch /tmp/harm']", "{a: b}", "word", "word: c"])
def test_a_tag_that_would_construct_something_is_refused(tag: str, what: str) -> None:
    message = refusal(f"a: 1\nb: {tag} {what}")
    assert message.startswith("f.yaml:2: the tag ")
    assert message.endswith("is not used here.")


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a:\n\tb: 1", "f.yaml:2, column 1", "'\\t'"),
        ("a: 1\nb: [1", "f.yaml:2, column 6", "expected"),
        ("a: 'x", "f.yaml:1, column 6", "unexpected end of stream"),
        ("a: b: c", "f.yaml:1, column 5", "mapping values are not allowed here"),
        ("---\na: 1\n---\nb: 2", "f.yaml:3, column 1", "another document"),
        ("%YAML 9.9\n---\na: 1", "f.yaml:1, column 1", "incompatible YAML document"),
        ("a: @x", "f.yaml:1, column 4", "cannot start any token"),
    ],
)
def test_what_is_no_yaml_is_refused_with_line_and_column(text: str, where: str, words: str) -> None:
    message = refusal(text)
    assert message.startswith(f"{where}: is no YAML: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\ud800", "\ufffe"])
def test_control_characters_are_refused(character: str) -> None:
    message = refusal(f"a: {character}")
    assert message.startswith("f.yaml: is no YAML: ")
    assert character not in message


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 90])
@pytest.mark.parametrize(("opens", "closes"), [("{a: ", "}"), ("[", "]"), ("- ", "")])
def test_depth_has_a_limit(opens: str, closes: str, depth: int) -> None:
    text = opens * depth + "1" + closes * depth
    if depth > DEEPEST:
        assert refusal(text) == f"f.yaml:1: is nested deeper than {DEEPEST} levels."
    else:
        assert value(text)


@pytest.mark.parametrize("opens", ["{a: ", "[", "- ", "? "])
def test_a_depth_that_no_stack_holds_is_refused_too(opens: str) -> None:
    assert f"is nested deeper than {DEEPEST} levels" in refusal(opens * 20_000)


def lines_or_refusal(text: str) -> str:
    """ "" where the text has values, else what is said of it."""
    try:
        file = parse(text, "f.yaml")
    except SettingError as error:
        return str(error)
    assert all(line >= 1 for line in file.lines.values())
    return ""


@given(st.text())
def test_any_text_is_values_or_a_setting_error(text: str) -> None:
    said = lines_or_refusal(text)
    assert not said or said.startswith("f.yaml:")


@given(st.text(alphabet="ab12:-?[]{},&*!|>'\"%@# \n\t.~<", max_size=60))
def test_any_text_of_yamls_own_signs_is_values_or_a_setting_error(text: str) -> None:
    said = lines_or_refusal(text)
    assert not said or said.startswith("f.yaml:")


# -- files ---------------------------------------------------------------------------------------


def test_a_file_is_called_by_the_name_that_people_use(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(path, "connections/one.yaml") == parse("a: 1\n", "connections/one.yaml")
    assert read(path).name == str(path)


@pytest.mark.parametrize(
    "content", [b"a: \xff", b"a: \xe4\n", "a: 1".encode("utf-16"), b"\xed\xa0\x80"]
)
def test_bytes_that_are_not_utf_8_are_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingError) as caught:
        read(path, "one.yaml")
    assert str(caught.value) == "one.yaml cannot be read: it is not UTF-8 text."


def test_a_file_that_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingError, match=f"^it cannot be read: {why}"):
            read(path, "it")


def test_a_file_that_nobody_wrote_by_hand_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(b"[" * (LARGEST + 1))
    with pytest.raises(SettingError, match=r"^one is larger than 4,000,000 bytes\.$"):
        read(path, "one")


def test_a_large_file_is_not_cut_inside_a_character(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(b"#" + "ü".encode() * (LARGEST // 2))
    with pytest.raises(SettingError, match="is larger than"):
        read(path, "one")
    path.write_bytes("#ü".encode() + b"-" * (LARGEST - 3))
    assert read(path).value is None


@pytest.mark.parametrize("name", ["a\0b.yaml", "a\ud800.yaml"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="cannot be read: a file's name has no NUL"):
        read(tmp_path / name, name)
