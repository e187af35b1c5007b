"""The architecture page fits on a page and says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.postgres.rights import ROLES, WRITERS
from core.pipeline import PIPELINE

PAGE = Path("docs/ARCHITECTURE.md")
LINES_MAX, WIDTH_MAX = 85, 160


def rows_of(head: str) -> list[list[str]]:
    """Give the rows of the page's table with this head, cell by cell."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(head) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_stage_table_is_the_pipeline():
    """Every stage stands there in order, with what it needs and gives."""
    stages = [[stage.name, ", ".join(stage.needs), stage.gives] for stage in PIPELINE]

    assert rows_of("| stage | needs | gives |") == stages


def test_the_rights_table_is_the_one_that_grants_are_made_from():
    """Every role stands there with exactly the tables that it may add to."""
    told: dict[str, set[str]] = {}
    for names, tables in rows_of("| role | adds to |"):
        for role in names.split(", "):
            told.setdefault(role, set()).update(() if tables == "nothing" else tables.split(", "))

    held = {role: {table for table, writer in WRITERS.items() if writer == role} for role in ROLES}

    assert told == held


def test_the_tables_without_a_writer_are_named():
    """The page names the tables that only functions write."""
    text = PAGE.read_text(encoding="utf-8")
    orphans = sorted(table for table, writer in WRITERS.items() if writer is None)

    assert re.search("`event`, `run`, `revision` and `halt` are written by functions", text)
    assert orphans == ["event", "halt", "revision", "run"]


def test_it_fits_on_one_page():
    """A reader sees the whole of it at once."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= LINES_MAX
    assert max(len(line) for line in lines) <= WIDTH_MAX
