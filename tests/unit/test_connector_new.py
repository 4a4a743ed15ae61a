"""``tracbridge connector``: what it writes passes at once, and what is installed is listed."""

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.harness import ROOT
from tracbridge.cli.connector import FILES, LONGEST, TEMPLATES, app, refuse_name
from tracbridge.domain.errors import ConfigError


def called(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A connector just written."""
    folder = tmp_path_factory.mktemp("new") / "tracbridge-acme-erp"
    done = called("new", "acme-erp", "--folder", str(folder))
    assert done.exit_code == 0, done.output
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A tool of this interpreter's environment, in that folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MYPYPATH": str(ROOT / "src")}
    env.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", *words]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_new_connector_passes_the_contract(package: Path) -> None:
    done = run(package, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 55


@pytest.mark.parametrize(
    "words",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "--strict")],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_new_connector_is_in_order(package: Path, words: tuple[str, ...]) -> None:
    done = run(package, *words)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["x1", "abcdefghijklmnopqrstuvwxyz0123"])
def test_a_name_of_any_length_leaves_it_in_order(name: str, tmp_path: Path) -> None:
    assert len(name) <= LONGEST
    assert called("new", name, "--folder", str(tmp_path / name)).exit_code == 0
    for words in (("check", "."), ("format", "--check", ".")):
        done = run(tmp_path / name, "ruff", *words)
        assert done.returncode == 0, done.stdout


def test_the_entry_point_of_a_new_connector_names_its_class(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (package / "pyproject.toml").read_text(encoding="utf-8")
    points = tomllib.loads(text)["project"]["entry-points"]["tracbridge.connectors"]
    ((name, value),) = points.items()
    monkeypatch.syspath_prepend(package / "src")
    connector = EntryPoint(name, value, "tracbridge.connectors").load()
    settings = connector.Settings.model_validate({"connector": name, "file": "orders.jsonl"})
    assert (name, settings.connector) == ("acme-erp", "acme-erp")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = called("new", "acme", "--folder", str(tmp_path))
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f"{tmp_path} is there already; nothing was written."
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_a_folder_it_is_named_after_the_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called("new", "acme").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tracbridge-acme"]


@pytest.mark.parametrize(
    "name", ["Acme", "1acme", "acme erp", "acme-", "a--b", "../acme", "", "é", "a" * (LONGEST + 1)]
)
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    done = called("new", name, "--folder", str(tmp_path / "new"))
    assert done.exit_code == 2
    with pytest.raises(typer.BadParameter, match="a name begins with a small letter"):
        refuse_name(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("others")
def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match=r"'zz-good': .* in the package good 1\.2\."):
        refuse_name("zz-good")


def test_every_template_is_written_somewhere() -> None:
    assert sorted(FILES.values()) == sorted(path.name for path in TEMPLATES.iterdir())


def installed(folder: Path, package: str, points: str) -> None:
    """A package as installers leave it."""
    info = folder / f"{package}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[tracbridge.connectors]\n{points}\n")


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three packages of others, one of them in order."""
    installed(tmp_path, "good", "zz-good = zz_good:Good")
    installed(tmp_path, "gone", "zz-gone = zz_gone:Gone")
    installed(tmp_path, "bare", "zz-bare = zz_good:Bare")
    (tmp_path / "zz_good.py").write_text("class Good:\n    Settings = None\nclass Bare: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("others")
def test_what_is_installed_is_listed_with_its_package_and_what_is_wrong(tmp_path: Path) -> None:
    done = called("list", "--json")
    assert done.exit_code == 0, done.output
    found = {one["connector"]: one for one in json.loads(done.output)}
    assert found["zz-good"] == {
        "connector": "zz-good",
        "package": "good 1.2",
        "named": "zz_good:Good",
        "where": str(tmp_path / "zz_good.py"),
        "problem": "",
    }
    assert found["zz-gone"]["problem"] == "cannot be loaded: No module named 'zz_gone'"
    assert "Settings" in found["zz-bare"]["problem"]


@pytest.mark.usefixtures("others")
def test_the_list_for_people_says_where_each_is_from() -> None:
    done = called("list")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("zz-gone")]
    assert line.split(maxsplit=4)[:4] == ["zz-gone", "gone", "1.2", "zz_gone:Gone"]
    assert "cannot be loaded" in line
