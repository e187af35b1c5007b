"""The commands of the rollout: phases, change windows."""

from __future__ import annotations

import argparse

from cli.command import Command, book

ROLLOUT = "cli.commands.rollout"


def _phase(parser: argparse.ArgumentParser) -> None:
    _said(parser)
    parser.add_argument("phase", choices=("0", "A", "B", "C"), help="the phase that begins")


def _said(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    parser.add_argument("--reason", required=True, metavar="WORDS", help="why")


COMMANDS: tuple[Command, ...] = (
    Command(
        "rollout",
        "the rollout phase of a book",
        children=(
            Command("advance", "a person sets the phase", ROLLOUT, "advance", _phase),
            Command("change-window", "a person lets what is frozen change", ROLLOUT, "change_window", _said),
        ),
    ),
)
