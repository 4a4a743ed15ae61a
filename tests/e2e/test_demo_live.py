"""``tracbridge demo --live``: three customers who change things, and a service that keeps up."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from tests.harness import ROOT

PATIENCE = 90.0


def test_the_service_keeps_three_customers_in_sync_until_it_is_stopped(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT / "src"),
    }
    folder, said = tmp_path / "play", tmp_path / "said"
    words = [sys.executable, "-m", "tracbridge", "demo", "--live", "--port", "0"]
    with said.open("w") as out:
        process = subprocess.Popen(
            [*words, "--folder", str(folder)],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            address, key = told(process, said)
            until_all_worked(process, address, key)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0, said.read_text()
    log = [json.loads(line) for line in (folder / "serve.log").read_text().splitlines()]
    assert not [line for line in log if line["level"] == "ERROR"], log
    assert "Ended." in said.read_text()


def told(process: subprocess.Popen[bytes], said: Path) -> tuple[str, str]:
    """Address and key, once they are printed."""
    deadline = time.monotonic() + PATIENCE
    while "Ctrl-C" not in said.read_text():
        alive(process, deadline, said.read_text())
    text = said.read_text()
    address, key = re.search(r"http://[0-9.:]+", text), re.search(r"tb_\S+", text)
    assert address
    assert key
    return address.group(), key.group()


def until_all_worked(process: subprocess.Popen[bytes], address: str, key: str) -> None:
    """Until each of the three has orders that both sides agree on."""
    deadline = time.monotonic() + PATIENCE
    headers = {"authorization": f"Bearer {key}"}
    while True:
        answer = httpx2.get(f"{address}/api/v1/connections", headers=headers, timeout=30).json()
        agreed = {one["connection"]: one["status"]["in_sync"] for one in answer["items"]}
        assert set(agreed) == {"folder", "odoo", "sap-pm"}
        if all(agreed.values()):
            return
        alive(process, deadline, str(agreed))


def alive(process: subprocess.Popen[bytes], deadline: float, told: str) -> None:
    """It still runs a moment later."""
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        assert time.monotonic() < deadline, told
        return
    raise AssertionError(told)
