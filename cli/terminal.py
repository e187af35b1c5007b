"""Asking a person at a terminal."""

from __future__ import annotations

import sys


def is_terminal() -> bool:
    """Say whether a person may sit there."""
    return sys.stdin.isatty()


def ask(question: str) -> str | None:
    """Ask, and give the line that was typed without the blanks around it; None where the input has ended."""
    # Not input(), which asks on stdout where that is no terminal, and there the one JSON object belongs.
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
