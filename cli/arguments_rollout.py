"""The commands of the rollout: phases, what is attested, change windows, and the way back to an earlier configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.command import Command, book

ROLLOUT, POLICY = "cli.commands.rollout", "cli.commands.policy"


def _phase(parser: argparse.ArgumentParser) -> None:
    _said(parser)
    parser.add_argument("phase", choices=("0", "A", "B", "C"), help="the phase that begins")


def _attest(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("item", metavar="ITEM", help="what was checked; `twokey rollout status` names the items")
    parser.add_argument("--evidence", type=Path, required=True, metavar="FILE", help="the file that shows it")
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    parser.add_argument("--note", required=True, metavar="WORDS", help="how it was checked, and what was seen")
    parser.add_argument("--fails", action="store_true", help="it was checked, and it does not hold")


def _put_back(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("hash", metavar="HASH", help="of a policy or universe, its first digits, eight or more")
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")


def _said(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    parser.add_argument("--reason", required=True, metavar="WORDS", help="why")


COMMANDS: tuple[Command, ...] = (
    Command(
        "rollout",
        "the rollout phase of a book",
        children=(
            Command("status", "each exit criterion of each phase, computed from the facts", ROLLOUT, "status", book),
            Command("attest", "a person checked what nobody else can (at a terminal)", ROLLOUT, "attest", _attest),
            Command("advance", "a person sets the phase (at a terminal)", ROLLOUT, "advance", _phase),
            Command(
                "change-window", "a person lets what is frozen change (at a terminal)", ROLLOUT, "change_window", _said
            ),
        ),
    ),
    Command(
        "policy",
        "the policies and universes that a book was decided with",
        children=(
            Command("history", "list them, newest first", POLICY, "history", book),
            Command("restore", "put one back as it was kept (at a terminal)", POLICY, "restore", _put_back),
        ),
    ),
)
