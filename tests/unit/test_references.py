"""References in configuration files: what they stand for, and what is never said of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config.files import configured
from tracbridge.config.references import LARGEST, Resolved, resolve
from tracbridge.config.yamlfile import YamlFile, parse
from tracbridge.domain.errors import SettingError

HUNTER = "hunter2"


def resolved(text: str, root: Path = Path(), **environ: str) -> Resolved:
    return resolve(parse(text, "f.yaml"), environ, root)


def of(value: Any, environ: Mapping[str, str]) -> Resolved:
    return resolve(YamlFile("f.yaml", value, {}), environ, Path())


# -- what they stand for -------------------------------------------------------------------------


def test_a_reference_is_replaced_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("hunter2\n", encoding="utf-8")
    text = "a: {b: ['${env:X}', plain]}\nuri: mongodb://u:${file:pass}@${env:X}/db\nn: 5\nt: true"
    found = resolved(text, tmp_path, X="host")
    assert found.value == {
        "a": {"b": ["host", "plain"]},
        "uri": "mongodb://u:hunter2@host/db",
        "n": 5,
        "t": True,
    }
    assert found.hidden == {("a", "b", 0), ("uri",)}
    assert found.wrong == ()


def test_without_references_nothing_changes() -> None:
    value = {"a": [1, None, {"b": "$HOME $ {} {env:X}"}], "c": True, 5: 0.5}
    assert of(value, {"X": "x"}) == Resolved(value, frozenset(), ())


def test_a_key_is_no_place_for_a_reference() -> None:
    found = of({"${env:X}": "a"}, {"X": "x"})
    assert (found.value, found.hidden) == ({"${env:X}": "a"}, frozenset())


def test_what_a_reference_stands_for_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("${env:B}\\1\\g<0>", encoding="utf-8")
    found = resolved("a: '${env:A}'\nf: '${file:f}'", tmp_path, A="${env:B} ${file:f}", B="no")
    assert found.value == {"a": "${env:B} ${file:f}", "f": "${env:B}\\1\\g<0>"}
    assert found.wrong == ()


@given(st.text(min_size=1), st.text(alphabet="abc$@:/ ", max_size=5), st.text("abc}", max_size=5))
def test_any_value_of_the_environment_comes_out_unchanged(
    value: str, before: str, after: str
) -> None:
    found = of([f"{before}${{env:X}}{after}"], {"X": value})
    assert found.value == [f"{before}{value}{after}"]
    assert found.hidden == {(0,)}
    assert found.wrong == ()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 \n", " hunter2 "),
        (b"", ""),
        ("pä$$".encode(), "pä$$"),
    ],
)
def test_of_a_file_only_the_end_of_its_last_line_is_left_out(
    tmp_path: Path, content: bytes, value: str
) -> None:
    (tmp_path / "pass").write_bytes(content)
    assert resolved("'${file:pass}'", tmp_path) == Resolved(value, frozenset({()}), ())


def test_files_are_looked_for_beside_the_configuration_or_where_they_say(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pass").write_text("hunter2", encoding="utf-8")
    assert resolved("'${file:secrets/pass}'", tmp_path).value == HUNTER
    assert resolved(f"'${{file:{tmp_path}/secrets/pass}}'").value == HUNTER


def test_a_file_as_large_as_a_secret_may_be_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "pass").write_bytes(b"x" * LARGEST)
    assert resolved("'${file:pass}'", tmp_path).value == "x" * LARGEST


def test_a_larger_one_is_not_cut_but_refused(tmp_path: Path) -> None:
    (tmp_path / "pass").write_bytes(b"x" * (LARGEST + 1))
    found = resolved("a: '${file:pass}'", tmp_path)
    assert found.wrong == ('f.yaml:1: a: "${file:pass}" is larger than 65,536 bytes.',)
    assert found.value == {"a": ""}


# -- what leads nowhere --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("${env:NONE}", "is not set in the environment"),
        ("${env:EMPTY}", "is not set in the environment"),
        ("${env:x}", "is not set in the environment"),
        ("${env: X}", "is not set in the environment"),
        ("${env:${env:X}", "is not set in the environment"),
        ("${file:none}", "cannot be read: No such file or directory"),
        ("${file:.}", "cannot be read: Is a directory"),
        ("${file:bytes}", "cannot be read: it is not UTF-8 text"),
        ("${file:a\0b}", "cannot be read: "),
        ("${env:X", "has a ${ that is not closed: write ${env:NAME}"),
        ("${", "has a ${ that is not closed: write ${env:NAME}"),
        ("${X}", "is neither ${env:NAME} nor ${file:PATH}"),
        ("${}", "is neither ${env:NAME} nor ${file:PATH}"),
        ("${env}", "is neither ${env:NAME} nor ${file:PATH}"),
        ("${env:}", "is neither ${env:NAME} nor ${file:PATH}"),
        ("${ENV:X}", "is neither ${env:NAME} nor ${file:PATH}"),
        ("${vault:X}", "is neither ${env:NAME} nor ${file:PATH}"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_line_and_place(
    tmp_path: Path, reference: str, why: str
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    file = YamlFile("f.yaml", {"t": {"k": f"a{reference}b"}}, {(): 1, ("t",): 3, ("t", "k"): 7})
    found = resolve(file, {"X": HUNTER, "EMPTY": ""}, tmp_path)
    assert found.value == {"t": {"k": "ab" if "}" in reference else ""}}
    (line,) = found.wrong
    assert line.startswith("f.yaml:7: t.k: ")
    assert why in line
    assert line.endswith(".")
    assert HUNTER not in line


def test_each_that_leads_nowhere_is_told_in_the_order_of_the_file() -> None:
    found = resolved("a: '${env:A}${env:B}'\nb:\n- ok\n- '${env:C}'\nc: '${env:D}'", D="x")
    assert found.wrong == (
        'f.yaml:1: a: "${env:A}" is not set in the environment.',
        'f.yaml:1: a: "${env:B}" is not set in the environment.',
        'f.yaml:4: b.1: "${env:C}" is not set in the environment.',
    )
    assert found.value == {"a": "", "b": ["ok", ""], "c": "x"}


@given(
    st.recursive(
        st.none() | st.integers() | st.text("${}env:fileX. /\0", max_size=20),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below),
        max_leaves=8,
    )
)
def test_nothing_that_stands_in_a_file_is_more_than_told(value: Any) -> None:
    found = of(value, {"X": HUNTER})
    assert all(line.startswith("f.yaml:1: ") for line in found.wrong)
    assert not any(HUNTER in line for line in found.wrong)


# -- secrets -------------------------------------------------------------------------------------

CUSTOMER = "customer: {inbound: in, outbound: out}\n"


def refusal(folder: Path, text: str, environ: Mapping[str, str]) -> str:
    (folder / "connections").mkdir()
    (folder / "connections" / "one.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        configured(environ, folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "tracos: {uri: '${env:X}'}",
        "tracos: {uri: 'http://u:${env:X}@host'}",
        "tracos: {database: '${env:X} ${env:X}'}",
        "zone: ${env:X}",
        "tenant: '${env:X} '",
        "create: ['${env:X}']",
        "enabled: ${env:X}",
        "every: ${env:X}",
        "retention: {archive_days: '${env:X}'}",
        "conflicts: {policy: '${env:X}'}",
        "fields: {status: {owner: '${env:X}'}}",
        "guards: '${env:X}'",
        "unknown: ${env:X}",
        "tracos: {transitions: {steps: {pending: ['${env:X}']}}}",
    ],
)
def test_a_refused_value_is_not_shown_where_a_reference_stood(tmp_path: Path, line: str) -> None:
    message = refusal(tmp_path, CUSTOMER + line, {"X": HUNTER})
    assert message.startswith("connections/one.yaml:2: connections.one.")
    assert HUNTER not in message


def test_a_refused_value_of_a_file_is_not_shown_either(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("hunter2\n", encoding="utf-8")
    message = refusal(tmp_path, CUSTOMER + "conflicts: {policy: '${file:pass}'}", {})
    assert "connections.one.conflicts.policy: is not accepted" in message
    assert HUNTER not in message


def test_a_refused_value_that_stands_in_the_file_itself_is_shown(tmp_path: Path) -> None:
    assert '"latest" is not accepted' in refusal(
        tmp_path, CUSTOMER + "conflicts: {policy: latest}", {}
    )


def test_a_password_in_the_file_itself_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = CUSTOMER + "tracos:\n  uri: mongodb://u:hunter2@db"
    assert refusal(tmp_path, text, {}) == (
        "connections/one.yaml:3: tracos.uri: holds a password; write ${env:NAME} or ${file:PATH} "
        "instead, and the value there."
    )


def test_a_secret_that_is_accepted_does_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    (tmp_path / "connections").mkdir()
    path = tmp_path / "connections" / "one.yaml"
    path.write_text(CUSTOMER + "tracos: {uri: 'mongodb://u:${env:X}@db'}", encoding="utf-8")
    found = configured({"X": HUNTER}, tmp_path)
    assert found.connections[0].mongo_uri == f"mongodb://u:{HUNTER}@db"
    assert HUNTER not in f"{found!r} {found.connections[0]} {found.state()}"
