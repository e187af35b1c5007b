"""What the attempts share: copies of a prepared workspace, as the tests of the whole have them, and the count at the end."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.bypass.walk_course import Shelf
from tests.integration.conftest import prepared, workspaces
from tests.integration.workspaces import make_folder

__all__ = ["prepared", "pytest_terminal_summary", "shelf", "workspaces"]
FOLDER = "tests/bypass/test_"
# Judged here is the oracle itself; the walk counts its own calls.
OTHERS = ("oracle", "walk")


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    """Give the workspaces that worlds are copied from, in memory where there is room; they are gone afterwards."""
    top = make_folder("walk-")
    logging.disable(logging.CRITICAL)
    yield Shelf.laid_out(top)
    logging.disable(logging.NOTSET)
    shutil.rmtree(top)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many attempts of each family were made, and how many of them came to nothing, as all should."""
    made: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if isinstance(report, pytest.TestReport) and report.when == "call" and report.nodeid.startswith(FOLDER):
            family = report.nodeid.removeprefix(FOLDER).partition(".py")[0]
            made[family] += not family.startswith(OTHERS)
            held[family] += report.passed and not family.startswith(OTHERS)
    families = ", ".join(f"{family} {count}" for family, count in sorted(made.items()) if count)
    if families:
        terminalreporter.line(f"bypass: {held.total()} of {made.total()} attempts and their twins held: {families}")
