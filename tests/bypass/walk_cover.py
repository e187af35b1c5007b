"""What a hostile walk came through: states read from the final database, and every code that was answered or stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from core.pipeline import PIPELINE
from core.riskguard import rules
from servers.refusals import Code
from tests.bypass.walk_causes import CAUSES, causes

CODES: tuple[str, ...] = getattr(rules, "CODES", ())
# Why a person's flow does not do what was asked: the kinds of its refusals.
REFUSED = (
    *("CashRefused", "NotReady", "Refusal", "RolloutRefused", "SettingsError", "SlotRefused"),
    *("SnapshotRefused", "StoreError", "UniverseError", "UsageError", "WorkspaceError"),
)
# How many of each there are; of a gate its two states.
DECLARED = {
    "codes of tools": len(Code),
    "rules": len(CODES),
    "gates": 2 * len(PIPELINE),
    "causes of a NO-TRADE": len(CAUSES),
    "refusals of people's flows": len(REFUSED),
}
Read = Callable[[str], Sequence[dict[str, Any]]]
_COUNTS = {
    "decision": "SELECT kind AS name FROM decision",
    "ticket": "SELECT kind AS name FROM ticket",
    "step": "SELECT step AS name FROM ticket_step",
    "answer": "SELECT outcome AS name FROM confirmation_line",
    "late": "SELECT is_late::text AS name FROM confirmation",
    "entry": "SELECT kind AS name FROM entry",
    "halted by": "SELECT replace(role, 'twokey_', '') AS name FROM halt",
    "phase": "SELECT phase AS name FROM rollout_step",
    "resumed": "SELECT 'a halt' AS name FROM resume",
    "peak": "SELECT 'restarted' AS name FROM peak_restart",
    "revision": "SELECT revision::text AS name FROM run WHERE revision > 1",
    "reconciled": "SELECT CASE WHEN breaks = '[]' THEN 'whole' ELSE 'broken' END AS name FROM reconciliation",
    "job": "SELECT state AS name FROM job_step",
}


def states(read: Read) -> Counter[str]:
    """Count the states that a final database tells of: kinds, steps, answers, gates and the codes of refused lines."""
    found: Counter[str] = Counter()
    for what, query in _COUNTS.items():
        found.update(f"{what} {row['name']}" for row in read(query))
    for row in read("SELECT body FROM decision"):
        body = json.loads(row["body"])
        found.update(f"gate {gate['gate']} {gate['state']}" for gate in body["gates"])
        # Where every line was refused the review closed, and its words name the codes.
        found.update(f"rule {code}" for code in CODES if f"{code}:" in row["body"] or f'"{code}"' in row["body"])
    for row in read("SELECT body FROM ticket WHERE kind = 'NO-TRADE'"):
        found.update(f"cause {name}" for name in causes(json.loads(row["body"])["reasons"]))
    return found


def codes(answers: Counter[str]) -> Counter[str]:
    """Count the codes of tools among answers."""
    found: Counter[str] = Counter()
    for answer, number in answers.items():
        code = answer.rpartition(": ")[2]
        if code in Code.__members__:
            found[code] += number
    return found


def missed(answers: Counter[str]) -> list[str]:
    """Name the declared codes of tools that no call was answered with."""
    return sorted(set(Code.__members__) - set(codes(answers)))


def gates_missed(found: Counter[str]) -> list[str]:
    """Name the gates that were never seen open, or never closed."""
    wanted = [f"gate {stage.name} {state}" for stage in PIPELINE for state in ("open", "closed")]
    return [name for name in wanted if name not in found]


def refusals_missed(answers: Counter[str]) -> list[str]:
    """Name the kinds of refusals that no person's flow gave."""
    return sorted(set(REFUSED) - {answer.rpartition(": ")[2] for answer in answers})


def causes_missed(found: Counter[str]) -> list[str]:
    """Name the causes of a NO-TRADE that no ticket gave."""
    return [name for name in CAUSES if f"cause {name}" not in found]


def table(found: Counter[str]) -> str:
    """Give counts as lines of words."""
    return "\n".join(f"  {name}: {number}" for name, number in sorted(found.items()))


def rules_missed(found: Counter[str]) -> list[str]:
    """Name the declared codes of rules that refused no line."""
    return sorted(code for code in CODES if f"rule {code}" not in found)
