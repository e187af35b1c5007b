"""What every family of tests shares: golden files, the shared folder, and the time each family takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
# The family whose every test reads the shared folder.
REAL = ROOT / "tests" / "real"

# Seeds are written down: a property finds the same examples on every machine, or fails on none.
settings.register_profile("written-down", derandomize=True, deadline=None)
settings.load_profile("written-down")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take `--golden`, which `make golden` gives."""
    parser.addoption("--golden", action="store_true", help="write the golden files instead of comparing with them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, and under `--golden` what writes no golden file."""
    absent = pytest.mark.skip(reason="../shared does not stand beside this checkout")
    for item in items:
        if item.path.is_relative_to(REAL):
            item.add_marker("shared")
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(absent)
    if config.getoption("--golden"):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each family took, summed over its tests (over all workers, so more than the wall clock says)."""
    seconds: defaultdict[str, float] = defaultdict(float)
    count: Counter[str] = Counter()
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if isinstance(report, pytest.TestReport):
            family = _family(report.nodeid)
            seconds[family] += report.duration
            count[family] += report.when == "call"
    terminalreporter.section("minutes per family")
    for family, spent in sorted(seconds.items()):
        terminalreporter.line(f"{family:<12} {spent / 60:6.2f} min {spent:8.1f} s {count[family]:6} tests")


def _family(nodeid: str) -> str:
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if len(parts) > 2 else parts[0]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file `golden/NAME` beside the test; `make golden` writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = request.path.parent / "golden" / name
        if request.config.getoption("--golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path.relative_to(ROOT)} is not there yet: make golden"
        assert text == path.read_text(encoding="utf-8"), f"{path.relative_to(ROOT)} differs: a change? make golden"

    return compare


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real data beside this checkout; a test that takes it carries the mark `shared`."""
    return SHARED
