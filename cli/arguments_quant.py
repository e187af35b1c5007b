"""The commands of quant: training, models, backtests."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.command import Command, book, book_on_slot, day

MODULE = "cli.commands.quant"
BACKTESTS = "cli.commands.backtest"
EXPORTS = "cli.commands.export"


def _pin(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("model", metavar="MODEL", help="the model, by the first digits of its hash, eight or more")
    _person(parser)


def _unpin(parser: argparse.ArgumentParser) -> None:
    book(parser)
    _person(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("model", metavar="MODEL", help="the model, by the first digits of its hash, eight or more")


def _backtest(parser: argparse.ArgumentParser) -> None:
    book(parser)
    words = "from the first decision on or after this day"
    parser.add_argument("--from", dest="first", type=day, required=True, metavar="YYYY-MM-DD", help=words)
    words = "to this session (default: the last bar)"
    parser.add_argument("--to", dest="last", type=day, metavar="YYYY-MM-DD", help=words)
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="seeds of random ranks (default: 1000)")
    words = "compute everything again with the future cut off, and with other futures; exit 1 if anything knew it"
    parser.add_argument("--check-lookahead", action="store_true", help=words)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder to make; it must not be there yet")
    parser.add_argument(
        "--from", dest="first", type=day, metavar="YYYY-MM-DD", help="from this day (default: the first)"
    )
    parser.add_argument("--to", dest="last", type=day, metavar="YYYY-MM-DD", help="to this day (default: the last bar)")
    book(parser)


def _person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    parser.add_argument("--reason", required=True, metavar="WORDS", help="why")


COMMANDS: tuple[Command, ...] = (
    Command("train", "train the book's strategy on what is known, and keep the model", MODULE, "train", book_on_slot),
    Command("score", "rank the universe as a slot would, and keep nothing", MODULE, "score", book_on_slot),
    Command(
        "backtest",
        "the book's strategy through the past, beside the benchmark, equal weight, momentum and chance",
        BACKTESTS,
        "backtest",
        _backtest,
    ),
    Command(
        "model",
        "models: list, show, pin one, or go back to the newest",
        children=(
            Command("list", "list the models of a book, newest first", MODULE, "listing", book),
            Command("show", "show what made a model and what it was worth", MODULE, "show", _show),
            Command("pin", "score with this model until somebody unpins it: the way back", MODULE, "pin", _pin),
            Command("unpin", "score with the newest model again", MODULE, "unpin", _unpin),
        ),
    ),
    Command(
        "export",
        "the current clean set in another tool's format",
        children=(
            Command(
                "qlib", "write the bars and the lists of members in Qlib's binary format", EXPORTS, "qlib", _export
            ),
        ),
    ),
)
