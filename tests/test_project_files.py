"""The files around the code: valid, and as safe as they promise."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from scripts import check_lock
from tests.conftest import LONG
from tests.harness import ROOT

SCHEMA = Path(__file__).parent / "data" / "compose_spec.json"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    return (ROOT / "Dockerfile").read_text().splitlines()


def test_the_compose_file_keeps_to_the_compose_schema(compose: Any) -> None:
    # That of docker-compose 1.29: what it accepts, every later one does.
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(compose)


def test_mongodb_is_version_8_as_a_replica_set(compose: Any) -> None:
    mongodb = compose["services"]["mongodb"]
    assert mongodb["image"].startswith("mongo:8.")
    assert mongodb["command"][:2] == ["--replSet", "rs0"]


def test_everything_is_reachable_from_this_machine_only(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:27017:27017", "127.0.0.1:8080:8080"]


def test_mongodb_keeps_its_data_in_a_named_volume(compose: Any) -> None:
    volumes = dict(entry.split(":") for entry in compose["services"]["mongodb"]["volumes"])
    assert volumes.keys() <= compose["volumes"].keys()
    assert "/data/db" in volumes.values()


def test_the_health_check_makes_the_replica_set(compose: Any) -> None:
    words = compose["services"]["mongodb"]["healthcheck"]["test"]
    assert words[:2] == ["CMD", "mongosh"]
    assert (
        'rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "localhost:27017" }] })' in words[-1]
    )


def test_the_service_waits_for_a_healthy_mongodb_and_is_asked_for(compose: Any) -> None:
    service = compose["services"]["tracbridge"]
    assert service["profiles"] == ["service"]
    assert service["depends_on"] == {"mongodb": {"condition": "service_healthy"}}
    assert "directConnection=true" in service["environment"]["MONGO_URI"]


def test_the_image_does_not_run_as_root(dockerfile: list[str]) -> None:
    users = [line.split()[1] for line in dockerfile if line.startswith("USER ")]
    assert users
    assert users[-1].split(":")[0] not in {"root", "0"}


def test_the_image_installs_by_hash_only(dockerfile: list[str]) -> None:
    installs = [line for line in dockerfile if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    beside_python = Path(sys.executable).parent
    hadolint = shutil.which("hadolint", path=beside_python) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [hadolint, str(ROOT / "Dockerfile")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pinned_requirements_equal_the_lock(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_lock.main() == 0, capsys.readouterr().out


def test_each_long_test_is_named_as_it_is_called() -> None:
    """A name that fits no test would leave one out of `make faults`, or bring it back."""
    named = [line for line in LONG.read_text(encoding="utf-8").splitlines() if line]
    assert named == sorted(set(named))
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-m", "faults"]
    words += ["-p", "no:cacheprovider", *sorted({name.partition("::")[0] for name in named})]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    there = {case for line in said.splitlines() for case in (line, line.partition("[")[0])}
    assert not set(named) - there
