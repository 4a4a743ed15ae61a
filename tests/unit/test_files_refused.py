"""Connections from files: what is refused, and with which words."""

from pathlib import Path
from typing import Any

import pytest

from tracbridge.config.files import FilesError, configured
from tracbridge.config.table import TABLE
from tracbridge.domain.errors import SettingError

CUSTOMER = "customer: {inbound: in, outbound: out}\n"
OTHER = "customer: {inbound: in2, outbound: out2, archive: a2, quarantine: q2}\n"


def refused(folder: Path, files: dict[str, str], **environ: str) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        configured(environ, folder)
    return str(caught.value).splitlines()


def refusal(folder: Path, text: str) -> str:
    """The one line that is said of ``connections/one.yaml``."""
    (line,) = refused(folder, {"connections/one.yaml": text})
    return line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fielsd: {}", "2: connections.one.fielsd: is no key here. The nearest is fields."),
        (
            "retention:\n  histori_days: 1",
            "3: connections.one.retention.histori_days: is no key here. The nearest is "
            "history_days.",
        ),
        (
            "fields:\n  status:\n    ownr: x",
            "4: connections.one.fields.status.ownr: is no key here. The nearest is owner.",
        ),
        ("tenant: 5", "2: connections.one.tenant: 5 is not a text."),
        ("tenant: A b", "2: connections.one.tenant: "),
        ("enabled: maybe", '2: connections.one.enabled: "maybe" is not true or false.'),
        ("create: customer", '2: connections.one.create: "customer" is not a list.'),
        ("create:\n- tracos\n- me", '4: connections.one.create.1: "me" is not accepted'),
        ("conflicts: often", "2: connections.one.conflicts: "),
        ("conflicts: {policy: latest}", '2: connections.one.conflicts.policy: "latest" is not'),
        ("every: 0", "2: connections.one.every: 0 is not accepted; it takes a number of seconds"),
        ("zone: Mars/Olympus", '2: connections.one.zone: "Mars/Olympus" is not accepted'),
        ("guards: {removals: '200%'}", '2: connections.one.guards.removals: "200%" is not'),
        ("retries:\n  max: -1", "3: connections.one.retries.max: -1 is not accepted"),
        ("tracos: {collection: tracbridge_x}", "2: connections.one.tracos.collection: "),
        ("tracos: {uri: 'localhost'}", "2: connections.one.tracos.uri: is not accepted"),
        ("tracos: {filter: {$or: 1}}", "2: connections.one.tracos.filter.$or: "),
        ("tracos: {filter: {status: x}}", "2: tracos.filter.status: changes with the order"),
        ("tracos: {filter: {number: 4}}", "2: tracos.filter.number: changes with the order"),
        ("fields: {staus: {}}", "2: fields.staus: is no field here. The nearest is status."),
        ("tracos: {transitions: {steps: {done: []}}}", "2: connections.one.tracos.transitions."),
        *(
            (
                f"{key}: {value}",
                f"2: connections.one.{key}: {said}is not accepted; it takes {takes}",
            )
            for key, value, said, takes in (
                ("mapping", "5", "5 ", "a preset, a file or a table."),
                ("mapping", "''", "", "a preset, a file or a table."),
                ("mapping", "[a]", "", "a preset, a file or a table."),
                ("mapping", "null", "null ", "a preset, a file or a table."),
                ("rules", "5", "5 ", "a file or a list of files."),
                ("rules", "[5]", "", "a file or a list of files."),
                ("rules", "{a: b}", "", "a file or a list of files."),
                ("zone", "[UTC]", "", "an IANA time zone, such as America/Sao_Paulo."),
            )
        ),
        *(
            (
                f"{table}: {{{key}: {value}}}",
                f"2: connections.one.{table}.{key}: {said}is not accept",
            )
            for table, key, value, said in (
                ("tables", "a", "5", "5 "),
                ("tables", "a", "{b: [c]}", ""),
                ("guards", "removals", "null", "null "),
                ("retention", "archive_days", "null", "null "),
                ("retention", "archive_days", "", "null "),
                ("acknowledge", "receipts", "null", "null "),
                ("conflicts", "policy", "null", "null "),
            )
        ),
        ("tracos: {filter: {a: 1.5}}", "2: connections.one.tracos.filter.a: 1.5 is not accepted"),
        ("mapping: flag", '2: there is no preset "flag"; the nearest is flags.'),
        ("mapping:\n  use: flags\n  feelds: {}", "4: feelds: is no key here. The nearest is"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_place_and_cure(
    tmp_path: Path, text: str, line: str
) -> None:
    assert refusal(tmp_path, CUSTOMER + text).startswith(f"connections/one.yaml:{line}")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("inbound", "[a]", ""),
        ("inbound", "{a: b}", ""),
        ("inbound", "''", ""),
        ("outbound", "null", "null "),
        ("mode", "null", "null "),
        ("file_mode", "null", "null "),
    ],
)
def test_a_folder_is_a_path_and_nothing_is_no_value(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    customer = {"inbound": "in", "outbound": "out", key: value}
    text = f"customer: {{{', '.join(f'{k}: {v}' for k, v in customer.items())}}}"
    assert refusal(tmp_path, text).startswith(
        f"connections/one.yaml:1: connections.one.customer.{key}: {said}is not accepted; it takes "
    )


@pytest.mark.parametrize("text", ["connections: 5", "connections: [a]", "connections:"])
def test_connections_are_a_table(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, {"tracbridge.yaml": f"log: {{}}\n{text}"}) == [
        "tracbridge.yaml:2: connections: is not a table of keys and values."
    ]


def test_each_connection_is_a_table(tmp_path: Path) -> None:
    line, *_ = refused(tmp_path, {"tracbridge.yaml": "connections:\n  a: 5"})
    assert line == "tracbridge.yaml:2: connections.a: is not a table of keys and values."


def test_a_password_in_the_defaults_is_refused_too(tmp_path: Path) -> None:
    top = "defaults:\n  tracos:\n    uri: 'mongodb://u:hunter2@h'\n"
    assert refused(tmp_path, {"tracbridge.yaml": top, "connections/a.yaml": CUSTOMER}) == [
        "tracbridge.yaml:3: defaults.tracos.uri: holds a password; write ${env:NAME} or "
        "${file:PATH} instead, and the value there."
    ]
    path = tmp_path / "tracbridge.yaml"
    path.write_text(top.replace("hunter2", "${env:X}"), encoding="utf-8")
    assert len(configured({"X": "hunter2"}, tmp_path).connections) == 1


def test_a_wrong_value_of_the_environment_is_told_beside_files_too(tmp_path: Path) -> None:
    files = {"connections/one.yaml": CUSTOMER, ".env": "MONGO_MAX_RETRIES=many\n"}
    level, retries = refused(tmp_path, files, LOG_LEVEL="loud")[::-1]
    assert level.startswith('LOG_LEVEL="loud" is not accepted; it takes TRACE')
    assert retries.startswith(f'MONGO_MAX_RETRIES="many" in {tmp_path / ".env"} is not accepted')


@pytest.mark.parametrize("text", ["- a", "word", "5"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == "connections/one.yaml:1: is no table of keys and values."


def test_a_connection_without_folders_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "") == "connections/one.yaml:1: connections.one.customer: is missing."
    assert refusal(tmp_path, "zone: UTC\ncustomer: {inbound: in}").startswith(
        "connections/one.yaml:2: connections.one.customer.outbound: is missing."
    )


def test_all_that_is_wrong_in_all_files_is_told_at_once(tmp_path: Path) -> None:
    files = {
        "tracbridge.yaml": "log: {levle: x}\ndefaults: {retention: {days: 1}}\n",
        "connections/a.yaml": CUSTOMER + "zone: ${env:NONE}\nevery: often",
        "connections/b.yaml": "a: [",
        "connections/c.yaml": OTHER + "conflicts: {policy: x}",
    }
    lines = refused(tmp_path, files)
    for said in (
        "tracbridge.yaml:1: log.levle: is no key here. The nearest is level.",
        "connections/a.yaml:2: zone: ",
        "connections/a.yaml:3: connections.a.every: ",
        "connections/b.yaml:1, column ",
        "connections/c.yaml:2: connections.c.conflicts.policy: ",
    ):
        assert [line for line in lines if line.startswith(said)], said
    assert len(lines) == len(set(lines))


def test_what_the_defaults_say_wrongly_is_told_where_it_is_written(tmp_path: Path) -> None:
    top = "defaults:\n  retention:\n    archive_days: often\n"
    (line,) = refused(tmp_path, {"tracbridge.yaml": top, "connections/a.yaml": CUSTOMER})
    assert line.startswith('tracbridge.yaml:3: connections.a.retention.archive_days: "often"')


def test_a_name_is_given_once(tmp_path: Path) -> None:
    top = "tenants: {}\nconnections:\n  a: {customer: {inbound: i, outbound: o}}\n"
    assert refused(tmp_path, {"tracbridge.yaml": top, "connections/a.yaml": CUSTOMER}) == [
        'connections/a.yaml:1: connection "a" is also in tracbridge.yaml:3; give each its own name.'
    ]


@pytest.mark.parametrize("name", ["A", "a b", "-a", "ä", "a" * 64])
def test_a_connection_is_named_as_people_type_names(tmp_path: Path, name: str) -> None:
    (line,) = refused(tmp_path, {f"connections/{name}.yaml": CUSTOMER})
    assert "a name has small letters, digits, - and _" in line


def test_a_tenant_that_nobody_has_introduced_is_refused_with_the_nearest(tmp_path: Path) -> None:
    files = {
        "tracbridge.yaml": "tenants: {acme: {}, zeta: {}}",
        "connections/one.yaml": CUSTOMER + "tenant: acne",
    }
    assert refused(tmp_path, files) == [
        'connections/one.yaml:2: connections.one.tenant: "acne" is not among the tenants; the '
        "nearest is acme."
    ]


@pytest.mark.parametrize("passes", ["0", "65", "x", "-1"])
def test_a_tenant_has_one_to_64_passes(tmp_path: Path, passes: str) -> None:
    (line,) = refused(tmp_path, {"tracbridge.yaml": f"tenants:\n  a: {{passes: {passes}}}"})
    assert line.startswith("tracbridge.yaml:2: tenants.a.passes: ")


def test_connections_that_get_into_each_others_way_are_refused(tmp_path: Path) -> None:
    files = {
        "connections/a.yaml": CUSTOMER,
        "connections/b.yaml": OTHER.replace("in2", "x/../in"),
    }
    folders, orders = refused(tmp_path, files)
    assert folders.startswith('connections/b.yaml:1: b.customer.inbound ("x/../in") is the same')
    assert orders.startswith("connections/b.yaml:1: connections a and b work on the same orders")


@pytest.mark.parametrize("row", [row for row in TABLE if row.key], ids=lambda row: str(row.name))
@pytest.mark.parametrize("dotenv", [False, True])
def test_what_a_file_has_to_say_is_refused_in_the_environment(
    tmp_path: Path, row: Any, dotenv: bool
) -> None:
    files = {"connections/one.yaml": CUSTOMER}
    value = row.default or row.example or "x"
    environ = {} if dotenv else {row.name: value}
    files |= {".env": f"{row.name}={value}\n"} if dotenv else {}
    (line,) = refused(tmp_path, files, **environ)
    where = tmp_path / ".env" if dotenv else "the environment"
    assert line == (
        f"{row.name} in {where} has no effect beside one.yaml: remove it, and say {row.key} in "
        "the connection."
    )


def test_a_misspelt_name_in_the_environment_is_refused_beside_files_too(tmp_path: Path) -> None:
    files = {"connections/one.yaml": CUSTOMER, ".env": "MONGO_DATABSE=x\n"}
    environ, dotenv = sorted(refused(tmp_path, files, MONGO_COLECTION="y"))
    assert "the nearest is MONGO_COLLECTION" in environ
    assert "the nearest is MONGO_DATABASE" in dotenv


@pytest.mark.parametrize("where", ["here", "cfg"])
def test_a_file_with_nearly_the_right_name_is_refused(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "cfg" if where == "cfg" else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "tracbridge.yml").write_text("log: {}", encoding="utf-8")
    with pytest.raises(FilesError, match=r"tracbridge\.yml is not read: call it tra") as caught:
        configured({"TRACBRIDGE_CONFIG": "cfg"} if where == "cfg" else {}, tmp_path)
    before = caught.value.looked.state()
    (folder / "tracbridge.yml").unlink()
    assert caught.value.looked.state() != before


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_that_is_named_holds_files(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "cfg").mkdir()
    with pytest.raises(FilesError) as caught:
        configured({"TRACBRIDGE_CONFIG": "cfg"}, tmp_path)
    assert str(caught.value) == (
        'TRACBRIDGE_CONFIG="cfg": there is neither tracbridge.yaml nor connections/NAME.yaml in '
        "that folder; name the right one, or remove the variable."
    )


# -- mappings, rules and tables --------------------------------------------------------------------

MINE = """\
mapping: mine
key: {path: id}
fields:
  status: {path: state, values: {open: pending}}
  titel: {path: name}
"""


def test_what_does_not_compile_is_told_where_it_is_written(tmp_path: Path) -> None:
    one = CUSTOMER + "mapping:\n  use: m.yaml\n  fields:\n    ext.n:\n      path: n\n"
    lines = refused(tmp_path, {"connections/one.yaml": one, "m.yaml": MINE})
    assert sorted(line.partition("; ")[0] for line in lines) == [
        "connections/one.yaml:5: fields.ext.n: tracos is missing: the field of TracOS that holds "
        "it.",
        "m.yaml:5: fields.titel: 'titel' is none of status, title, description, deleted",
    ]


def test_what_the_connection_expects_is_told_where_it_is_written(tmp_path: Path) -> None:
    one = "customer:\n  inbound: in\n  outbound: out\n  expect:\n    'a[': x\n"
    line = refusal(tmp_path, one)
    assert line.startswith("connections/one.yaml:5: expect.a[: ")


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"a.yaml": "use: a.yaml"}, "a.yaml:1: use: a.yaml is circular: it is in use already."),
        (
            {"a.yaml": "use: b.yaml", "b.yaml": "\nuse: a.yaml"},
            "b.yaml:2: use: a.yaml is circular: it is in use already.",
        ),
    ],
)
def test_mappings_that_use_each_other_are_refused(
    tmp_path: Path, files: dict[str, str], line: str
) -> None:
    assert refused(tmp_path, {"connections/one.yaml": CUSTOMER + "mapping: a.yaml", **files}) == [
        line
    ]


RULE = "- name: a\n  on: inbound\n  when: 'true'\n  then:\n    set:\n      {field}: '\"x\"'\n"


def test_a_rule_sets_only_fields_of_the_mapping(tmp_path: Path) -> None:
    one = (
        CUSTOMER + "rules: r.yaml\nmapping: {use: flags, fields: {ext.area: {path: a, tracos: a}}}"
    )
    files = {"connections/one.yaml": one, "r.yaml": RULE.replace("{field}", "ext.aera")}
    assert refused(tmp_path, files) == [
        "r.yaml:6: rule 'a': set.ext.aera: is no field of the mapping. The nearest is ext.area."
    ]
    for field in ("ext.area", "title", "status"):
        (tmp_path / "r.yaml").write_text(RULE.replace("{field}", field), encoding="utf-8")
        assert configured({}, tmp_path).connections


@pytest.mark.parametrize("line", ['mapping: "a\\0b.yaml"', 'rules: "a\\0"', 'tables: {t: "a\\0"}'])
def test_a_name_with_nul_is_no_files(tmp_path: Path, line: str) -> None:
    assert "cannot be read: a file's name has no NUL" in refusal(tmp_path, CUSTOMER + line)


HUNTER = "hunter2"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mapping: ${env:X}", "2: there is no preset of the name that is given there."),
        ("mapping: {use: '${env:X}'}", "2: there is no preset of the name that is given there."),
        ("mapping: ${env:X}.yaml", "2: the file that is named there cannot be read: No such file"),
        ("rules: ${env:X}", "2: the file that is named there cannot be read: No such file"),
        ("rules: ['${env:X}']", "2: the file that is named there cannot be read: No such file"),
        ("tables: {t: '${env:X}'}", "2: the file that is named there cannot be read: No such file"),
        (
            "mapping: {use: flags, fields: {title: {path: a, table: '${env:X}'}}}",
            "2: fields.title: is not accepted, and not shown.",
        ),
        (
            "mapping: {use: flags, fields: {title: {path: a, as: '${env:X}'}}}",
            "2: fields.title.as: ",
        ),
        ("mapping: {use: flags, fields: {title: {path: a, only: '${env:X}'}}}", "2: fields.title."),
        ("mapping: {use: flags, zone: '${env:X}'}", ""),
    ],
)
def test_what_came_by_reference_stands_in_no_message(tmp_path: Path, line: str, said: str) -> None:
    lines = refused(tmp_path, {"connections/one.yaml": CUSTOMER + line}, X=HUNTER)
    start = f"connections/one.yaml:{said}" if said else "preset flags:"
    assert all(one.startswith(start) for one in lines)
    assert HUNTER not in "\n".join(lines)


def test_a_tenant_and_a_folder_that_came_by_reference_stand_in_no_message(tmp_path: Path) -> None:
    files = {
        "tracbridge.yaml": "tenants: {acme: {}}",
        "connections/a.yaml": CUSTOMER.replace("in,", "'${env:X}',") + "tenant: ${env:X}",
        "connections/b.yaml": OTHER.replace("in2", "hunter2") + "tenant: acme\n",
    }
    lines = refused(tmp_path, files, X=HUNTER)
    assert "connections/a.yaml:2: connections.a.tenant: is not among the tenants." in lines
    assert not [line for line in lines if "a.customer.inbound (" in line]


def test_a_mistake_says_which_files_were_looked_at(tmp_path: Path) -> None:
    one = CUSTOMER + "mapping: m.yaml\nrules: [r.yaml]\ntables: {t: t.csv}"
    files = {"connections/one.yaml": one, "m.yaml": "use: flags", "t.csv": "a,b\n"}
    refused(tmp_path, {**files, "r.yaml": "rules: [5]"})
    with pytest.raises(FilesError) as caught:
        configured({}, tmp_path)
    looked = caught.value.looked
    before = looked.state()
    for name in ("m.yaml", "r.yaml", "t.csv", "connections/one.yaml"):
        path = tmp_path / name
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert looked.state() != before, name
        before = looked.state()
