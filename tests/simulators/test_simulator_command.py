"""``tracbridge simulator``."""

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tracbridge.cli.simulator import LOGINS, System, loaded, simulator, told
from tracbridge.domain.errors import ConfigError
from tracbridge.testing.erp import SYSTEMS, serve_in_thread


def connection(system: System, address: str) -> dict[str, Any]:
    """The connection file among what is told."""
    text = told(system, address).partition(".yaml:\n")[2]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tracbridge", "simulator", "odoo", "--orders", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout
        first = process.stdout.readline()
        address = first.split()[2]
        records = httpx2.get(f"{address}/_simulator/records", verify=False, trust_env=False)
        assert len(records.json()) == 3
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read().endswith("Stopped; nothing is kept.\n")
    assert process.returncode == 0


def test_there_is_one_for_each_preset_that_has_an_interface() -> None:
    assert {system.value for system in System} == set(SYSTEMS)


@pytest.mark.parametrize("system", System)
def test_the_login_that_it_tells_is_the_right_one(system: System) -> None:
    login = LOGINS[system]
    sim = SYSTEMS[system.value]()
    secrets = str(vars(sim)) + str(vars(getattr(sim, "login", sim)))
    assert login.secret in secrets
    auth = connection(system, "http://127.0.0.1:1")["customer"]["auth"]
    assert f"${{env:{login.variable}}}" in auth.values()


@pytest.mark.parametrize("system", System)
def test_the_connection_that_it_tells_leads_to_it(system: System) -> None:
    customer = connection(system, "http://127.0.0.1:4711")["customer"]
    assert (customer["preset"], customer["url"]) == (system.value, "http://127.0.0.1:4711")


def test_a_port_that_is_taken_is_said() -> None:
    with serve_in_thread(SYSTEMS["odoo"]()) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(ConfigError, match=rf"127.0.0.1:{port} cannot be served"):
            simulator(System.ODOO, port=port, orders=0, latency_ms=0)


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in list(sys.modules):
        if re.match(rf"tracbridge\.testing\.erp|{missing}\b", name):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=rf"need {missing}.*pip install tracbridge\[simulators\]"):
        loaded()


def test_another_module_that_is_missing_is_no_question_of_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import_module("tracbridge.testing.erp")
    monkeypatch.setitem(sys.modules, "tracbridge.testing.erp", None)
    with pytest.raises(ModuleNotFoundError):
        loaded()
