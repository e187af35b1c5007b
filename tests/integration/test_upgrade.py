"""Upgrades: what an earlier version made is either gone on with, or one line says what to do."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.workspaces import DAY, Workspaces, superuser, twokey


def older(root: Path) -> None:
    """Give a workspace the policy of an earlier version, which knew fewer keys."""
    path = root / "config" / "policy.yml"
    text = path.read_text(encoding="utf-8")
    for key in ("weight_max", "turnover_max", "order_value_min", "tiny_delta"):
        text, count = re.subn(rf"(?m)^ +{key}: .*\n", "", text)
        assert count == 1, key
    path.write_text(text, encoding="utf-8")


def test_a_policy_of_an_earlier_version_is_one_clear_line(workspaces: Workspaces):
    """Every key that it lacks, the file that holds them with their defaults, and where the decisions are."""
    root = workspaces.copy("older-policy")
    older(root)

    refused = twokey(root, "run", "--on", str(DAY))

    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "config/policy.yml: 4 keys are missing (" in refused.err
    for word in ("limits.weight_max", "limits.turnover_max", "written for an earlier version", "docs/decisions"):
        assert word in refused.err
    named = re.search(r"from (\S+policy\.yml),", refused.err)
    assert named is not None
    assert "weight_max" in Path(named[1]).read_text(encoding="utf-8")


def test_a_key_that_somebody_dropped_keeps_its_line(workspaces: Workspaces):
    """One missing key is a slip, told with file, line and what would be right."""
    root = workspaces.copy("one-key")
    path = root / "config" / "policy.yml"
    path.write_text(re.sub(r"(?m)^ +weight_max: .*\n", "", path.read_text(encoding="utf-8")), encoding="utf-8")

    refused = twokey(root, "run", "--on", str(DAY))

    assert re.search(r"config/policy\.yml:\d+: limits\.weight_max is missing; it must be", refused.err)


def test_a_demonstration_of_an_earlier_version_says_in_one_line_what_to_do(workspaces: Workspaces):
    """Nothing in it is touched."""
    root = workspaces.copy("older-demo")
    older(root)
    before = {path: path.stat().st_mtime_ns for path in (root / "config").iterdir()}

    refused = twokey(root, "demo")

    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert f"{root} was made by another version of twokey" in refused.err
    assert f"(rm -r {root}) and run this again" in refused.err
    assert {path: path.stat().st_mtime_ns for path in (root / "config").iterdir()} == before


def test_a_database_of_an_earlier_version_names_the_command_that_brings_it_up_to_date(workspaces: Workspaces):
    """A table that is not there yet is no mystery: nothing is decided, and the reason says what to do."""
    root = workspaces.copy("older-database")
    with superuser(root) as connection:
        connection.execute("DROP TABLE peak_restart CASCADE")

    refused = twokey(root, "run", "--on", str(DAY))

    assert refused.code == 3
    assert (
        "the database was made by another version; `twokey init DIR` brings it up to date"
        in refused.facts["reasons"][0]
    )
