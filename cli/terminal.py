"""Asking a person at a terminal."""

from __future__ import annotations

import sys

from cli.main import UsageError


def is_terminal() -> bool:
    """Say whether a person may sit there."""
    return sys.stdin.isatty()


def ask(question: str) -> str | None:
    """Ask, and give the line that was typed without the blanks around it; None where the input has ended."""
    # Not input(), which asks on stdout where that is no terminal, and there the one JSON object belongs.
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip() if line else None


def need_terminal(command: str) -> None:
    """Hold that a person may sit there; raises UsageError where a command that asks one was called by a program."""
    if not is_terminal():
        raise UsageError(f"{command} asks a person: run it at a terminal")


def need_name(name: str, said: str, *, undone: str) -> None:
    """Say what is about to be done and have the person type a name for it; raises UsageError, saying what was not done."""
    if ask(f"{said}. Type the name {name!r} to do it: ") != name:
        raise UsageError(f"the name did not match; {undone}")
