"""The log: one line for each event, nothing secret in it, and no harm from a broken stderr."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from tracbridge.adapters.observe import log, redact

SRC = Path(__file__).resolve().parents[2] / "src"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def _no_log_is_left_behind() -> Iterator[None]:
    yield
    logger.remove()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def only(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (line,) = lines(capsys)
    event = json.loads(line)
    assert isinstance(event, dict)
    return event


def test_a_batch_is_one_json_line_with_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "json", "r1")
    log.LogObserver().batch("inbound", {"read": 3, "created": 2})
    event = only(capsys)
    time = event.pop("time")
    assert isinstance(time, str)
    assert time.endswith("Z")
    assert event == {
        "level": "INFO",
        "message": "batch.settled",
        "run": "r1",
        "flow": "inbound",
        "read": 3,
        "created": 2,
    }


def test_an_incident_is_a_warning_that_says_what_and_where(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("WARNING", "text", "r1")
    observer = log.LogObserver()
    observer.info("batch.begun")
    observer.incident("bad-date", "4711.json", "no time zone")
    (line,) = lines(capsys)
    assert line.endswith(
        'WARNING  incident.recorded run=r1 code=bad-date where=4711.json what="no time zone"'
    )


def test_the_last_configuration_counts(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "text", "r1")
    log.configure("INFO", "json", "r2")
    log.LogObserver().info("pass.ended")
    assert only(capsys)["run"] == "r2"


@pytest.mark.parametrize("log_format", ["text", "json"])
@given(message=st.text(), field=st.text())
def test_an_event_is_one_visible_line_whatever_is_in_it(
    log_format: str, message: str, field: str
) -> None:
    event: log.Event = {"time": "t", "level": "INFO", "message": message, "field": field}
    line = log.as_json(event) if log_format == "json" else log.as_text(event)
    assert line.endswith("\n")
    assert line[:-1].isprintable()


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_every_field_can_be_written_in_both_formats(fields: dict[str, object]) -> None:
    clean = {key: redact.value(key, given) for key, given in fields.items()}
    json.loads(log.as_json(clean), parse_constant=pytest.fail)
    assert log.as_text({**clean, "time": "t", "level": "INFO", "message": "m"}).count("\n") == 1


@given(st.text(max_size=10), st.text(max_size=10))
def test_credentials_in_a_mongodb_uri_never_show(before: str, after: str) -> None:
    said = f"no answer from mongodb://user:{before}hunter2{after}@db.example.com:27017/x"
    assert "hunter2" not in redact.text(said)
    assert redact.text(said).endswith("@db.example.com:27017/x")


@pytest.mark.parametrize(
    "said",
    [
        "https://user:hunter2@erp.example.com/orders",
        "password=hunter2",
        "db_password: hunter2, tls",
        '{"token": "hunter2 and more hunter2"}',
        "Authorization: Bearer hunter2",
        "sent Bearer hunter2 to it",
        "api_key=hunter2&x=1",
    ],
)
def test_credentials_in_a_message_never_show(said: str) -> None:
    assert "hunter2" not in redact.text(said)


@pytest.mark.parametrize(
    "key", ["password", "TOKEN", "clientSecret", "key", "api_key", "apiKey", "Authorization"]
)
def test_the_value_of_a_secret_field_never_shows(key: str) -> None:
    assert redact.value("settings", {"deep": [{key: ["hunter2"]}]}) == {"deep": [{key: "***"}]}


@pytest.mark.parametrize("said", ["order 4711 is held", "see https://example.com/a?b=c", "monkey"])
def test_harmless_words_stay_as_they_are(said: str) -> None:
    assert redact.text(said) == said
    assert redact.value("monkey", said) == said


def test_an_exception_is_told_without_the_values_of_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("INFO", "json", "r1")
    payload = {"summary": "nobody's business"}
    try:
        payload["missing"]
    except KeyError:
        logger.exception("pass.failed")
    event = only(capsys)
    assert event["error"] == "KeyError: 'missing'"
    assert "test_log.py" in str(event["frames"])
    assert "nobody's business" not in str(event)


def test_what_a_library_warns_of_is_one_line_like_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("INFO", "json", "r1")
    log.configure("INFO", "json", "r1")
    try:
        raise ConnectionError("mongodb://user:hunter2@host is away\n\x1b[31m")
    except ConnectionError:
        logging.getLogger("pymongo.client").exception("a background task: %s", "password=hunter2")
    event = only(capsys)
    assert (event["message"], event["library"]) == ("library.warned", "pymongo.client")
    assert "ConnectionError" in str(event["error"])
    assert "hunter2" not in str(event)


def test_a_field_cannot_take_the_place_of_the_head(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "json", "r1")
    log.LogObserver().info("pass.ended", level="none", time=0)
    assert only(capsys)["level"] == "INFO"


BROKEN = """
import sys
from tracbridge.adapters.observe import log
log.configure("INFO", "text", "r1")
{harm}
for _ in range(3):
    log.LogObserver().info("pass.ended")
print("went on")
"""


@pytest.mark.parametrize(
    "harm",
    [
        "sys.stdin.read()",
        "import os; os.close(2)",
        "sys.stderr.close()",
        "sys.stderr = None",
        "sys.stderr = open('/dev/full', 'w')",
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_broken_stderr_does_not_stop_the_work(harm: str) -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", BROKEN.format(harm=harm)],
        env={"PYTHONPATH": str(SRC)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
    ) as process:
        os.close(reader)
        os.close(writer)
        out, _ = process.communicate("", timeout=60)
    assert (process.returncode, out) == (0, "went on\n")


def test_loguru_is_not_loaded_by_the_import() -> None:
    code = "import sys, tracbridge.adapters.observe.log; print('loguru' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
