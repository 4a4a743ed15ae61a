"""Settings: the defaults, what is refused and how, and whether the generated pages are current."""

import string
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracbridge.config import names
from tracbridge.config.settings import env_example, load, mask_uri, reference_table
from tracbridge.config.table import KNOWN, TABLE
from tracbridge.domain.errors import SettingError

ROOT = Path(__file__).resolve().parents[2]
LONG_NAMES = sorted(name for name in KNOWN if len(name) >= names.SHORT)


def refusal(environ: dict[str, str], dotenv: Path | None = None) -> str:
    with pytest.raises(SettingError) as caught:
        load(environ, dotenv)
    return str(caught.value)


def write(folder: Path, text: str) -> Path:
    file = folder / ".env"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_setting_the_defaults_of_the_table_hold() -> None:
    settings = load({}, None)
    assert settings.mongo_uri is None
    assert (settings.mongo_database, settings.mongo_collection) == ("tractian", "workorders")
    assert (settings.mongo_max_retries, settings.mongo_retry_delay) == (3, 1.0)
    assert settings.inbound_dir == Path("data/inbound")
    assert settings.archive_dir == Path("data/archive")
    assert settings.quarantine_dir == Path("data/quarantine")
    assert settings.file_mode == 0o640
    assert settings.acknowledge_inbound is True
    assert settings.zone is None
    assert settings.state_database is None


def test_archive_and_quarantine_follow_the_inbound_folder() -> None:
    settings = load({"DATA_INBOUND_DIR": "/srv/acme/in"}, None)
    assert settings.archive_dir == Path("/srv/acme/archive")
    assert settings.quarantine_dir == Path("/srv/acme/quarantine")


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "MONGO_DATABASE=of_file\nLOG_LEVEL=debug\n")
    settings = load({"MONGO_DATABASE": "of_environment"}, file)
    assert (settings.mongo_database, settings.log_level) == ("of_environment", "DEBUG")


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    file = write(tmp_path, "MONGO_DATABASE=of_file\nMONGO_COLLECTION=\n")
    settings = load({"MONGO_DATABASE": "  ", "DATA_TIMEZONE": ""}, file)
    assert (settings.mongo_database, settings.mongo_collection) == ("of_file", "workorders")


def test_a_file_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert load({}, tmp_path / ".env") == load({}, None)


def test_a_dollar_sign_in_the_file_stays_as_it_is(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufeffMONGO_URI=mongodb://u:pa${HOME}@db\r\n")
    assert load({"HOME": "/root"}, file).mongo_uri == "mongodb://u:pa${HOME}@db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGO_URI", "http://localhost"),
        ("MONGO_URI", "localhost:27017"),
        ("MONGO_DATABASE", "a b"),
        ("MONGO_DATABASE", "x" * 64),
        ("MONGO_COLLECTION", "system.users"),
        ("MONGO_COLLECTION", "tracbridge_links"),
        ("MONGO_MAX_RETRIES", "-1"),
        ("MONGO_MAX_RETRIES", "3.5"),
        ("MONGO_MAX_RETRIES", "٣"),
        ("MONGO_MAX_RETRIES", "1_000"),
        ("MONGO_RETRY_DELAY", "0"),
        ("MONGO_RETRY_DELAY", "nan"),
        ("MONGO_RETRY_DELAY", "1e400"),
        ("MONGO_RETRY_DELAY", "."),
        ("DATA_INBOUND_DIR", "in\tbound"),
        ("ARCHIVE_RETENTION_DAYS", "999999999"),
        ("DATA_INBOUND_MODE", "move"),
        ("DATA_SETTLE_SECONDS", "-1"),
        ("DATA_MAX_FILE_MB", "0"),
        ("DATA_FILE_MODE", "0642"),
        ("DATA_FILE_MODE", "0440"),
        ("DATA_FILE_MODE", "0689"),
        ("DATA_FILE_MODE", "4640"),
        ("DATA_TIMEZONE", "Mars/Olympus"),
        ("DATA_TIMEZONE", "../etc/passwd"),
        ("DATA_TIMEZONE", "America"),
        ("CONFLICT_POLICY", "oldest"),
        ("ACKNOWLEDGE_INBOUND", "maybe"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_what_is_accepted(name: str, value: str) -> None:
    message = refusal({name: value})
    assert message.startswith(name)
    assert KNOWN[name].accepts.replace("`", "") in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MONGO_URI", "Embedded", "embedded"),
        ("MONGO_MAX_RETRIES", "0", 0),
        ("DATA_SETTLE_SECONDS", "0", 0.0),
        ("DATA_MAX_FILE_MB", "0.5", 0.5),
        ("DATA_FILE_MODE", "660", 0o660),
        ("DATA_FILE_MODE", "0o600", 0o600),
        ("ACKNOWLEDGE_INBOUND", "Off", False),
        ("LOG_LEVEL", "trace", "TRACE"),
        ("CONFLICT_POLICY", "ASK", "ask"),
    ],
)
def test_values_are_read_in_every_spelling_that_is_accepted(
    name: str, value: str, expected: object
) -> None:
    assert getattr(load({name: value}, None), KNOWN[name].field) == expected


def test_a_time_zone_is_read_by_its_name() -> None:
    assert str(load({"DATA_TIMEZONE": "America/Sao_Paulo"}, None).zone) == "America/Sao_Paulo"


def test_all_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "LOG_LEVEL=LOUD\nACKK=auto\n")
    lines = refusal({"MONGO_MAX_RETRIES": "many", "MONGO_DATABSE": "x"}, file).splitlines()
    assert len(lines) == 4
    assert f'LOG_LEVEL="LOUD" in {file} is not accepted' in refusal({}, file)


def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    message = refusal({}, write(tmp_path, "INBOUND_DIR=x\n"))
    assert "INBOUND_DIR" in message
    assert "the nearest is DATA_INBOUND_DIR" in message


@pytest.mark.parametrize("line", ["mongodb://u:hunter2@db/?a=1", "hunter2", "A='hunter2"])
def test_a_line_that_is_no_assignment_is_named_by_number_and_not_quoted(
    tmp_path: Path, line: str
) -> None:
    message = refusal({}, write(tmp_path, f"# first\n\n{line}\n"))
    assert "line 3" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / ".env"
    file.mkdir() if content is None else file.write_bytes(content)
    assert f"{file} cannot be read" in refusal({}, file)


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("MONGO_URL", "MONGO_URI"),
        ("MONGODB_URI", "MONGO_URI"),
        ("mongo_uri", "MONGO_URI"),
        ("DATA_INBUOND_DIR", "DATA_INBOUND_DIR"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("CONFLICT_POLICIY", "CONFLICT_POLICY"),
    ],
)
def test_a_misspelt_name_in_the_environment_is_refused_with_the_nearest(
    found: str, meant: str
) -> None:
    assert refusal({found: "x"}).endswith(f"the nearest is {meant}.")


@pytest.mark.parametrize(
    "name",
    [
        "MONGO_PORT",
        "MONGO_HOST",
        "MONGO_SERVICE_HOST",
        "MONGO_SERVICE_PORT",
        "MONGO_SERVICE_PORT_MONGO",
        "MONGO_PORT_27017_TCP",
        "MONGO_PORT_27017_TCP_ADDR",
        "MONGO_PORT_27017_TCP_PORT",
        "MONGO_PORT_27017_TCP_PROTO",
        "DATA_PORT",
        "DATA_DIR",
        "LOG_PORT",
        "STATE_PORT",
        "ARCHIVE_PORT",
        "PACK",
        "AC",
        "ack",
        "PATH",
        "",
    ],
)
def test_names_of_others_in_the_environment_are_ignored(name: str) -> None:
    assert load({name: "tcp://10.0.0.1:27017"}, None) == load({}, None)


@given(st.text(string.ascii_letters + "_", max_size=12), st.text("ABC_", max_size=12))
def test_the_quick_comparison_agrees_with_the_distance(one: str, other: str) -> None:
    for edits in range(4):
        assert names.within(one, other, edits) == (names.distance(one, other) <= edits)


@given(st.sampled_from(LONG_NAMES), st.integers(0, 30), st.sampled_from(string.ascii_uppercase))
def test_every_name_with_one_wrong_letter_is_caught(name: str, place: int, letter: str) -> None:
    at = place % len(name)
    wrong = name[:at] + letter + name[at + 1 :]
    assert names.is_slip(wrong, KNOWN) == (wrong not in KNOWN)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATA_OUTBOUND_DIR", "data/../data/inbound", "same folder as DATA_INBOUND_DIR"),
        ("DATA_OUTBOUND_DIR", f"/{Path.cwd()}/data/inbound", "same folder as DATA_INBOUND_DIR"),
        ("DATA_OUTBOUND_DIR", "data/inbound/out", "lies inside DATA_INBOUND_DIR"),
        ("DATA_ARCHIVE_DIR", "data/quarantine", "same folder as DATA_ARCHIVE_DIR"),
    ],
)
def test_the_folders_are_kept_apart(name: str, value: str, said: str) -> None:
    assert said in refusal({name: value})


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["mongodb", "mongodb+srv", "x"]))
def test_a_refused_or_masked_uri_never_shows_the_password(
    before: str, after: str, scheme: str
) -> None:
    uri = f"{scheme}://user:{before}hunter2{after}@db.example.com:27017/tracos?tls=true"
    assert "hunter2" not in mask_uri(uri)
    if scheme == "x":
        assert "hunter2" not in refusal({"MONGO_URI": uri})
        assert "hunter2" not in refusal({"MONGO_DATABASE": uri})


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_masked_uri_keeps_scheme_hosts_and_database(user: str, password: str) -> None:
    secret = f"{quote(user, safe='')}:{quote(password, safe='')}"
    shown = "mongodb://one:27017,[::1]:27018/tracos"
    assert mask_uri(f"mongodb://{secret}@one:27017,[::1]:27018/tracos?w=1") == shown


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("embedded", "embedded"),
        ("mongodb://localhost:27017", "mongodb://localhost:27017"),
        ("mongodb+srv://u:p@cluster.example.net/?w=1", "mongodb+srv://cluster.example.net/"),
        ("mongodb://%2Ftmp%2Fmongodb-27017.sock", "mongodb://%2Ftmp%2Fmongodb-27017.sock"),
        ("mongodb://user:secret", "mongodb://***"),
        ("user:secret@host", "***"),
    ],
)
def test_what_a_masked_uri_shows(uri: str, shown: str) -> None:
    assert mask_uri(uri) == shown


def test_the_settings_do_not_print_the_uri() -> None:
    assert "hunter2" not in repr(load({"MONGO_URI": "mongodb://u:hunter2@db"}, None))


def test_the_example_file_is_current() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example()


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    assert reference_table() in page


def test_the_example_file_changes_nothing_as_it_is(tmp_path: Path) -> None:
    assert load({}, write(tmp_path, env_example())) == load({}, None)


def test_the_example_file_is_accepted_with_every_setting_switched_on(tmp_path: Path) -> None:
    lines = env_example().splitlines()
    active = [line[1:] for line in lines if line.startswith("#") and not line.startswith("# ")]
    settings = load({}, write(tmp_path, "\n".join(active)))
    assert len(active) == len(TABLE)
    assert settings.archive_dir == load({}, None).archive_dir


def test_importing_the_settings_loads_nothing_slow() -> None:
    code = (
        "import sys, tracbridge.config.settings as s; s.load({}, None);"
        "print([m for m in ('dotenv', 'zoneinfo', 'pydantic', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
