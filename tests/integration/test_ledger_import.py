"""`twokey ledger import FILE...`: what it shows, its exit codes, and that it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.commands.importing import NOTHING_WRITTEN
from cli.main import main
from tests.unit.ledger.asking import answered, question
from tests.unit.statements import etoro_sheets, samples, wealthsimple_samples
from tests.unit.statements.test_generic import MAP, TABLE

Shown = tuple[int, str, str]
UNDERSTOOD = "\n".join(line for line in samples.FREETRADE.splitlines() if "TAX_PAPER" not in line) + "\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty working folder, so that names are short and whatever is written is seen."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shown(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """Write files and import them: gives the exit code, stdout and stderr."""

    def run(files: dict[str, str], *options: str) -> Shown:
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
        code = main(["ledger", "import", *(name for name in files if name.endswith(".csv")), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_person_sees_a_table_and_each_row_that_is_not_understood(shown):
    """The counts, the kinds, the line with its reason, and that nothing was written; exit 1, for a row needs a person."""
    code, words, _ = shown({"b.csv": samples.FREETRADE})

    lines = [line.split() for line in words.splitlines()]
    assert code == 1
    assert lines[2] == [
        "b.csv",
        "freetrade",
        "7",
        "6",
        "0",
        "0",
        "0",
        "1",
        "0",
        "2024-01-01",
        "2024-04-05",
        "GBP",
        "USD",
    ]
    assert "b.csv (freetrade, activity feed, CSV): deposit 1, dividend 1, gift 1, interest 1, trade 2" in words
    assert "  line 8: Type 'TAX_PAPER' is not known [Report, TAX_PAPER, 2024-04-06T00:00:00.000Z, GBP, 1.00]" in words
    assert words.splitlines()[-1] == NOTHING_WRITTEN


def test_files_that_are_wholly_understood_end_with_0_and_leave_no_trace(shown, place):
    """Not in the folder, and not in a workspace, for none is needed."""
    code, _, _ = shown({"b.csv": UNDERSTOOD})

    assert (code, sorted(path.name for path in place.iterdir())) == (0, ["b.csv"])


def test_a_file_that_overlaps_one_before_brings_only_what_is_new(shown):
    """The same file under another name is known by its rows."""
    code, words, _ = shown({"b.csv": UNDERSTOOD, "again.csv": UNDERSTOOD})

    rows = [line.split()[:5] for line in words.splitlines()[2:4]]
    assert (code, rows) == (0, [["b.csv", "freetrade", "6", "6", "0"], ["again.csv", "freetrade", "6", "0", "6"]])


def test_a_conflict_with_a_file_before_is_shown_and_ends_with_1(shown):
    """The broker's id is the same and its content is not."""
    code, words, _ = shown({"b.csv": UNDERSTOOD, "again.csv": UNDERSTOOD.replace("2024-03-04T10", "2024-03-03T10")})

    assert code == 1
    assert "line 2: the broker's id 'A1' stands in a file before with other content" in words


def test_a_program_gets_every_row_exactly(shown):
    """One JSON object: counts, rows with keys and lines, what is not understood, and the evidence's hash."""
    _, text, _ = shown({"b.csv": samples.FREETRADE}, "--json")

    told: dict[str, Any] = json.loads(text)
    (file,) = told["files"]
    first = file["understood"][0]
    assert told["written"] is False
    assert (file["rows"], len(file["understood"]), [one["line"] for one in file["not_understood"]]) == (7, 6, [8])
    assert (first["line"], first["kind"], first["event"]["quantity"], first["broker_id"]) == (2, "trade", "10", "A1")
    assert len(file["sha256"]) == len(first["key"]) == 64


def test_the_facts_can_be_asked_about_at_the_checking_door(shown):
    """What is printed is what `ledger eval` takes."""
    _, text, _ = shown({"b.csv": samples.FREETRADE}, "--json")

    (file,) = json.loads(text)["files"]
    answer = answered(question(file["facts"], accounts=[{"id": "freetrade"}]))

    assert answer["cash"][0]["amount"] == "157.53"


def test_a_workbook_is_read_beside_tables_and_refused_by_a_map(shown, place, capsys):
    """The two forms of eToro's statement tell the same events; a column map is for tables of text."""
    (place / "a.xlsx").write_bytes(etoro_sheets.statement(paid=None))
    (place / "map.yml").write_text(MAP, encoding="utf-8")

    code = main(["ledger", "import", "a.xlsx", "a.xlsx"])
    words = capsys.readouterr().out
    refused = main(["ledger", "import", "a.xlsx", "--map", "map.yml"])

    rows = [line.split()[:5] for line in words.splitlines()[2:4]]
    assert (code, rows) == (1, [["a.xlsx", "etoro", "17", "8", "0"], ["a.xlsx", "etoro", "17", "0", "8"]])
    assert (
        "a.xlsx (etoro, account statement, XLSX): deposit 1, dividend 1, fee 1, split 1, trade 3, withdraw 1" in words
    )
    assert "  line 11: Asset type was 'CFD': a contract with the broker" in words
    assert (refused, "a.xlsx: a column map reads tables of text" in capsys.readouterr().err) == (2, True)


def test_the_forms_of_wealthsimple_are_known_by_their_headings(shown):
    """The table says which form each file has; an amount in two currencies shows both."""
    files = {"activities.csv": wealthsimple_samples.ACTIVITIES, "april.csv": wealthsimple_samples.STATEMENT}

    code, words, _ = shown(files)

    rows = [line.split() for line in words.splitlines()[2:4]]
    assert (code, rows[0][1:9], rows[0][-2:]) == (
        1,
        ["wealthsimple", "27", "16", "0", "0", "5", "6", "1"],
        ["CAD", "USD"],
    )
    assert rows[1][1:9] == ["wealthsimple", "18", "11", "0", "0", "2", "5", "0"]
    assert "activities.csv (wealthsimple, activities export, CSV): " in words
    assert "april.csv (wealthsimple, monthly statement, CSV): " in words
    assert "  line 12: tax that does not say on which dividend it is; book it with that dividend [2026-02-05" in words


def test_a_table_of_any_other_broker_is_read_by_a_map(shown):
    """The map's name for the broker stands in the table."""
    code, words, _ = shown({"bank.yml": MAP, "bank.csv": TABLE}, "--map", "bank.yml")

    assert (code, words.splitlines()[2].split()[:4]) == (1, ["bank.csv", "small", "bank", "6"])


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        ({"a.csv": "A,B\n1,2\n"}, [], "a.csv: no importer knows a file that begins with: A, B; see docs/IMPORTERS.md"),
        (
            {"a.csv": UNDERSTOOD},
            ["--broker", "etoro"],
            "a.csv: no importer of etoro knows a file that begins with: Title",
        ),
        ({"a.csv": UNDERSTOOD}, ["--broker", "bank"], "--broker bank is not known; known are degiro, etoro, freetrade"),
        ({"a.csv": UNDERSTOOD}, ["--map", "none.yml"], "none.yml: No such file or directory"),
        ({"a.csv": UNDERSTOOD, "b.csv": '"open'}, [], "b.csv: "),
        ({"a.csv": "\x1b[31m,B\n"}, [], "begins with: ?[31m, B;"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_and_shows_nothing(shown, files, options, words):
    """Not even the other files: a preview of half of what was named could be taken for the whole."""
    code, out, err = shown(files, *options)

    assert (code, out) == (2, "")
    assert words in err


def test_what_a_file_holds_does_not_steer_the_terminal(shown):
    """A row is shown with its control letters taken out."""
    _, words, _ = shown({"b.csv": samples.FREETRADE.replace("Report,TAX_PAPER", "Re\x1b[2Jport,TAX_PAPER")})

    assert "Re?[2Jport" in words
    assert "\x1b" not in words
