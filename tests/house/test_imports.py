"""Imports go down and rooms do not know each other: the contracts of pyproject.toml, kept and complete."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.house.tree import ROOT, assert_none, floor_sources, tracked_paths

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
# With `-c` the working folder comes first on the path, before the checkout itself.
LINT = (sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache")


def broken_contracts(files: Mapping[str, str], folder: Path) -> str:
    """Lay files out in a folder and run import-linter there; give its report if a contract is broken, else nothing."""
    # A floor that is not built yet counts as an empty one.
    for path, text in {**{f"{root}/__init__.py": "" for root in CONTRACTS["root_packages"]}, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    done = subprocess.run(LINT, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def unwritten(container: str, paths: Iterable[str]) -> list[str]:
    """List the packages directly inside a container that no layer of its contract names."""
    contract = next(one for one in CONTRACTS["contracts"] if one.get("containers") == [container])
    named = {name.strip(" ()") for layer in contract["layers"] for name in layer.replace(":", "|").split("|")}
    found = {
        path.split("/")[1]
        for path in paths
        if path.startswith(f"{container}/") and path.count("/") > 1 and path.endswith(".py")
    }
    return sorted(found - named)


def test_contracts_are_kept(tmp_path):
    """The whole tree keeps every contract."""
    files = {source.path: source.text for source in floor_sources()}

    assert broken_contracts(files, tmp_path) == ""


@pytest.mark.parametrize("container", ["core", "adapters", "servers"])
def test_each_package_stands_in_its_contract(container):
    """A new room, adapter or server is one more name in pyproject.toml's contract of its floor."""
    assert_none(unwritten(container, tracked_paths()))


def test_each_floor_stands_in_the_contracts():
    """A floor with code is a root package of import-linter."""
    assert {source.floor for source in floor_sources()} <= set(CONTRACTS["root_packages"])


def test_sees_a_package_without_a_contract():
    """A package that no layer names is found; a single file beside the packages needs no name."""
    paths = ["adapters/fax/__init__.py", "adapters/clock.py", "adapters/venues/paper.py"]

    assert unwritten("adapters", paths) == ["fax"]


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("core/money.py", "import flows.ports", "Imports go down"),
        ("flows/score.py", "from adapters import clock", "Imports go down"),
        ("adapters/clock.py", "import servers.host", "Imports go down"),
        ("servers/host.py", "import cli.main", "Imports go down"),
        ("servers/host.py", "import agents.desk", "Imports go down"),
        ("core/quant/ranker.py", "from core.riskguard import plan", "Rooms of core"),
        ("core/domain/order.py", "import core.ledger.post", "Rooms of core"),
        ("core/ledger/post.py", "import core.pipeline", "Rooms of core"),
        ("adapters/postgres/books.py", "import adapters.venues.paper", "Adapters do not import"),
        ("servers/quant/server.py", "import servers.riskguard.server", "Servers do not import"),
        ("core/money.py", "def read():\n    import os.path", "The core opens no file"),
        ("core/money.py", "from sqlalchemy.orm import Session", "The core opens no file"),
    ],
)
def test_sees_each_import_that_goes_wrong(path, line, contract, tmp_path):
    """Every planted import breaks the contract that forbids it."""
    report = broken_contracts({**PLACES, path: line}, tmp_path)

    assert contract in report.partition("Broken contracts")[2]


# What the planted imports point at.
PLACES = dict.fromkeys(
    (
        *("core/pipeline.py", "core/money.py", "core/domain/__init__.py", "core/domain/order.py"),
        *("core/quant/__init__.py", "core/riskguard/__init__.py", "core/riskguard/plan.py"),
        *("core/ledger/__init__.py", "core/ledger/post.py", "flows/ports.py", "adapters/clock.py"),
        *("adapters/postgres/__init__.py", "adapters/venues/__init__.py", "adapters/venues/paper.py"),
        *("servers/host.py", "servers/quant/__init__.py", "servers/riskguard/__init__.py"),
        *("servers/riskguard/server.py", "agents/desk.py", "cli/main.py"),
    ),
    "",
)
