"""What stands in deploy/: accepted by the programs that read it, and about metrics that exist."""

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from tests.harness import ROOT
from tracbridge.adapters.observe.metrics import Metrics, Process, Reading, Spread

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "tracbridge.rules.yml"
NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
NAME = re.compile(r"\b(?:tracbridge|process)_[a-z_]+\b")
MATTER = (
    *("freshness_seconds", "backlog_orders", "records_total", "pass_seconds_bucket", "up"),
    *("conflicts_waiting", "echoes_total", "quarantine_open", "breaker_state", "retries_total"),
    *("inbound_freshness_seconds", "latency_seconds_bucket"),
)
"""What an operator has to see."""


class _Deaf:
    def batch(self, flow: str, counts: object) -> None: ...

    def incident(self, code: str, where: str, message: str) -> None: ...


def existing() -> set[str]:
    """The names of all samples that a page can hold."""
    metrics = Metrics()
    told = metrics.observer(_Deaf(), "t", "c")
    told.batch("inbound", {"unchanged": 1})
    told.incident("hints_lost", "tracos", "")
    told.incident("outage", "", "")
    metrics.passed(("t", "c"), 0.1, "ok")
    metrics.alerted("mail", taken=True)
    whole = Reading("t", "c", NOW, 1, NOW, {"held": 1}, 1, {"type": 1}, {"action FINISH": "open"})
    page = metrics.page([whole], Process(), NOW).decode()
    spread = Spread()
    spread.add(0.2)
    run = Reading("t", "c", NOW, succeeded=NOW, inbound=3.0, latency={"inbound": spread})
    page += metrics.page([run], Process(), NOW).decode()
    return {line.partition("{")[0].partition(" ")[0] for line in page.splitlines()} - {"#"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*words: str) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    place = DEPLOY / "prometheus"
    done = subprocess.run([tool, *words], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", RULES.name)


def test_the_rules_fire_when_they_should_and_not_before() -> None:
    promtool("test", "rules", "tracbridge.rules.test.yml")


def test_promtool_accepts_the_example_configuration() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_every_rule_has_a_unit_test_and_says_what_to_do() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus/tracbridge.rules.test.yml").read_text())["tests"]
    tested = {
        one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]
    }
    assert tested == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    named = set(NAME.findall(rule["expr"]))
    assert named or "up{" in rule["expr"]
    assert named <= existing()


def expressions(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                if key in ("expr", "query") and isinstance(inner, str):
                    yield inner
                yield from expressions(inner)
        case list():
            for inner in value:
                yield from expressions(inner)


def test_the_dashboard_shows_metrics_that_exist_and_all_that_matter() -> None:
    board = json.loads((DEPLOY / "grafana" / "tracbridge.json").read_text(encoding="utf-8"))
    named = {name for text in expressions(board) for name in NAME.findall(text)}
    assert named <= existing(), named - existing()
    assert {f"tracbridge_{name}" for name in MATTER} <= named


def test_panels_do_not_lie_on_each_other() -> None:
    board = json.loads((DEPLOY / "grafana" / "tracbridge.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_metric_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for name in existing():
        base = re.sub(r"_(bucket|sum|count|created)$", "", name)
        if base.startswith("tracbridge_") and not name.endswith("_created"):
            assert f"`{base}`" in page, base


def test_the_unit_starts_serve_as_a_user_of_its_own() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((DEPLOY / "tracbridge.service").read_text(encoding="utf-8"))
    service = unit["Service"]
    assert service["User"] not in ("root", "0", "")
    assert " serve " in service["ExecStart"]
    assert "--allow-root" not in service["ExecStart"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["UMask"] == "0027"
    assert int(service["TimeoutStopSec"]) >= 10
    assert service["RestartPreventExitStatus"] == "2"


def test_systemd_accepts_the_unit() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    place = str(DEPLOY / "tracbridge.service")
    done = subprocess.run([tool, "verify", place], capture_output=True, text=True, check=False)
    wrong = [line for line in done.stderr.splitlines() if "not executable" not in line]
    assert not wrong, done.stderr
