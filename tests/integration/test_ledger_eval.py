"""`twokey ledger eval FILE`: what it prints, its exit codes, and errors that say what would be right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.main import main
from tests.house.tree import ROOT
from tests.unit.ledger.asking import question, trade


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Give a file with a small question."""
    path = tmp_path / "question.json"
    path.write_text(json.dumps(question([trade("BUY", "2024-01-10", "5", "50", key="b")])), encoding="utf-8")
    return path


@pytest.mark.parametrize("arguments", [("ledger", "eval"), ("--json", "ledger", "eval")])
def test_prints_the_answer_as_json_with_and_without_asking_for_it(asked, capsys, arguments):
    """There is nothing else on the way out, and no workspace is needed."""
    code = main([*arguments, str(asked)])

    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["positions"][0]["quantity"], answer["breaks"]) == (0, "5", [])


def test_a_break_is_exit_code_1_and_the_answer_is_there(asked, capsys):
    """A script sees it without reading; a person reads what it is."""
    told = json.loads(asked.read_text(encoding="utf-8"))
    told["ask"]["statements"] = [{"account": "a", "units": {"X": "4"}, "cash": {"GBP": "-50"}}]
    asked.write_text(json.dumps(told), encoding="utf-8")

    code = main(["ledger", "eval", str(asked)])

    assert (code, json.loads(capsys.readouterr().out)["breaks"][0]["break"]) == (1, "quantity")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "the question: Invalid JSON"),
        (
            json.dumps(question([trade("SELL", "2024-01-10", "5", "50", key="s")])),
            "fact 's': quantity 5 is above the 0 held",
        ),
        (None, "No such file or directory; name a file with a question, see docs/LEDGER-EVAL.md"),
    ],
)
def test_what_cannot_be_answered_is_exit_code_2_with_the_file_and_the_fault(tmp_path, capsys, content, words):
    """Nothing is printed as an answer."""
    path = tmp_path / "wrong.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    code = main(["ledger", "eval", str(path)])

    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert f"{path}: {words}" in printed.err


def test_the_questions_in_the_manual_have_the_answers_in_the_manual(tmp_path, capsys):
    """Each question in docs/LEDGER-EVAL.md is asked, and each line of the answer below it is in what is printed."""
    manual = (ROOT / "docs" / "LEDGER-EVAL.md").read_text(encoding="utf-8")
    pairs = re.findall(r"```json\n(\{.*?\n\})\n```\n\n```text\n(.*?)```", manual, re.DOTALL)
    assert pairs

    for asked, lines in pairs:
        path = tmp_path / "question.json"
        path.write_text(asked, encoding="utf-8")
        main(["ledger", "eval", str(path)])
        printed = capsys.readouterr().out
        assert [line for line in lines.splitlines() if line not in printed] == []
