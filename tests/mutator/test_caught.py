"""Each guard of what judges money, deleted, inverted or moved by a step: the tests turn red, or it is no other guard at all."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.mutator.equivalent import EQUIVALENT
from tests.mutator.guards import Mutant, mutants_of
from tests.mutator.run import ROOT, SEED, Outcome, run

JUDGES = ("core/riskguard", "core/ticketing")
PURE = (
    *sorted(str(path.relative_to(ROOT)) for folder in JUDGES for path in (ROOT / folder).glob("[a-z]*.py")),
    "core/pipeline.py",
    "core/quant/health.py",
)
FLOWS = (
    "flows/decide.py",
    "flows/issue.py",
    "flows/confirm.py",
    "flows/resume.py",
    "flows/lifecycle.py",
    "flows/look.py",
    "flows/hindered.py",
)
# What only tests with a database reach, and those tests: each mutant in a process of its own.
DOORS = (
    "flows/daily.py",
    "adapters/postgres/tickets.py",
    "servers/riskguard/server.py",
    "servers/riskguard/answers.py",
    "servers/ticketing/server.py",
    "servers/ticketing/answers.py",
)
BEHIND = {
    "tests/bypass": ("forged", "order", "replay", "stale"),
    "tests/servers": ("answers", "day", "deliver", "ticket_answers", "ticket_life", "tools"),
    "tests/integration": (
        *(
            "beside",
            "cli",
            "edited_in_between",
            "guards_of_the_day",
            "hindered_tickets",
            "manual_venue",
            "resume",
            "revise",
            "ticket_lines",
        ),
        *("ticket_steps", "truthful_fills", "unposted"),
    ),
}
# The folders whose every mutant was tried, each with the tests that are near to it and quick.
NEAR = {
    "core/riskguard": ("tests/unit/riskguard",),
    "core/ticketing": ("tests/unit/ticketing", "tests/unit/flows/test_issue.py"),
    "flows": ("tests/unit/flows",),
}
UNITS = (
    "tests/unit/riskguard",
    "tests/unit/ticketing",
    "tests/unit/core",
    "tests/unit/flows",
    "tests/unit/quant/test_health.py",
)
# Properties over hundreds of books say nothing that a mutant's run of seconds could wait for.
LONG = (
    "test_plan_for_all.py",
    "test_weights.py",
    "test_plan.py",
    "test_freeze.py",
    "test_answers.py",
    "test_ticket_forms.py",
    "test_ticket_schema.py",
    "test_lookahead_of_backtests.py",
)
# Tried with those properties only, in the soak.
LATER = ("weights.py", "plan.py", "answers.py", "freeze.py")
SAMPLE, QUICK = 15, 1.0


@pytest.mark.slow
@pytest.mark.parametrize("folder", NEAR)
def test_the_tests_see_what_is_changed_in_the_files_of_the_last_change(folder):
    """Some mutants of the files that the working tree or the last commit changed, or of all where it changed none."""
    paths = [path for path in (*PURE, *FLOWS) if path.startswith(folder) and not path.endswith(LATER)]
    mutants = _mutants([path for path in paths if path in _changed()] or paths)
    drawn = random.Random(SEED).sample(mutants, min(SAMPLE, len(mutants)))

    outcome = run(drawn, _files(NEAR[folder], without=LONG), quick=QUICK)

    _tell(outcome)
    assert _missed(outcome) == []


@pytest.mark.soak
def test_the_tests_see_every_guard_of_the_riskguard_and_of_the_tickets():
    """All mutants of all that judges money without a database."""
    outcome = run(_mutants(PURE), _files(UNITS, without=("test_lookahead_of_backtests.py",)))

    _tell(outcome)
    assert _missed(outcome) == []


@pytest.mark.soak
def test_the_tests_see_every_guard_of_the_flows():
    """All mutants of looking up, deciding, issuing, confirming and resuming, by tests that need no database."""
    outcome = run(_mutants(FLOWS), _files(UNITS[3:4], without=LONG))

    _tell(outcome)
    assert _missed(outcome) == []


@pytest.mark.soak
def test_the_tests_see_every_guard_of_the_day_of_the_servers_and_of_what_keeps_tickets():
    """All mutants, by tests with databases."""
    tests = [f"{folder}/test_{name}.py" for folder, names in BEHIND.items() for name in names]

    outcome = run(_mutants(DOORS), [str(ROOT / path) for path in tests], is_apart=True)

    _tell(outcome)
    assert _missed(outcome) == []


def test_what_is_called_equivalent_is_there():
    """An entry whose guard is gone is taken out of the list."""
    keys = {mutant.key for mutant in _mutants((*PURE, *FLOWS, *DOORS))}

    assert sorted(EQUIVALENT.keys() - keys) == []


def _mutants(paths) -> list[Mutant]:
    return [one for path in paths for one in mutants_of(path, (ROOT / path).read_text(encoding="utf-8"))]


def _missed(outcome: Outcome) -> list[str]:
    return [one.name for one in (*outcome.survived, *outcome.unreached) if one.key not in EQUIVALENT]


def _tell(outcome: Outcome) -> None:
    lived = [one for one in (*outcome.survived, *outcome.unreached) if one.key in EQUIVALENT]
    count = len(outcome.caught) + len(outcome.survived) + len(outcome.unreached)
    missed = count - len(outcome.caught) - len(lived)
    sys.stdout.write(f"\n{count} mutants: {len(outcome.caught)} caught, {len(lived)} change nothing, {missed} missed\n")


def _files(places, *, without) -> list[str]:
    paths = [path for place in places for path in (sorted((ROOT / place).glob("test_*.py")) or [ROOT / place])]
    return [str(path) for path in paths if path.name not in without]


def _changed() -> set[str]:
    """Give the files that differ from the last commit's parent; none where git cannot say."""
    found: set[str] = set()
    for asked in (("diff", "--name-only", "HEAD~1"), ("ls-files", "--others", "--exclude-standard")):
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", *asked], cwd=ROOT, capture_output=True, text=True, check=False
        )
        found |= set(done.stdout.splitlines()) if done.returncode == 0 else set()
    return found
