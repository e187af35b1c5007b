"""`ledger eval`: a question in JSON, its answer in JSON; needs no workspace."""

from __future__ import annotations

import argparse
import json

from cli.main import UsageError
from cli.output import emit
from core.canonical import plain
from core.ledger.evaluate import evaluate
from core.ledger.question import QuestionError, read_question


def evaluate_file(arguments: argparse.Namespace) -> int:
    """Answer the question that a file holds; exit 1 when there is a break against a broker's statement."""
    try:
        answer = evaluate(read_question(arguments.file.read_bytes()))
    except OSError as error:
        raise UsageError(
            f"{arguments.file}: {error.strerror}; name a file with a question, see docs/LEDGER-EVAL.md"
        ) from error
    except QuestionError as error:
        raise UsageError(f"{arguments.file}: {error}") from error
    emit(arguments, answer, json.dumps(plain(answer), indent=2, ensure_ascii=False))
    return 1 if answer["breaks"] else 0
