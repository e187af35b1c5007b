"""The commands: name, help, arguments, and where each is done; cheap to import."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.arguments_quant import COMMANDS as QUANT
from cli.arguments_rollout import COMMANDS as ROLLOUT
from cli.command import Command, amount, book, book_on, book_on_slot, day, instant, tax_year


def _results(parser: argparse.ArgumentParser) -> None:
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--book", metavar="NAME", help="the book, or ACCOUNT/unallocated (default: main)")
    whose.add_argument("--account", metavar="NAME", help="all of an account of config/desk.yml, what is in no book too")
    whose.add_argument("--desk", action="store_true", help="all accounts")
    _moment(parser)


def _moment(parser: argparse.ArgumentParser) -> None:
    words = "what counted on this day, at the newest closes up to it (default: today)"
    parser.add_argument("--as-of", "--on", dest="as_of", type=day, metavar="YYYY-MM-DD", help=words)
    words = "as it was known at this instant: what was booked later does not count (default: now)"
    parser.add_argument("--known-at", type=instant, metavar="YYYY-MM-DDTHH:MM:SSZ", help=words)


def _positions(parser: argparse.ArgumentParser) -> None:
    _results(parser)
    parser.add_argument("--lots", action="store_true", help="each lot too, by the book's method")


def _returns(parser: argparse.ArgumentParser) -> None:
    _results(parser)
    parser.add_argument("--since", type=day, metavar="YYYY-MM-DD", help="a window too that begins at this day's end")


def _tax(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=tax_year, metavar="YYYY-YY", help="one tax year, as 2024-25 (default: all)")
    parser.add_argument(
        "--book", metavar="NAME", help="of a book on paper, for practice (default: all taxable accounts)"
    )
    _moment(parser)


def _quality(parser: argparse.ArgumentParser) -> None:
    book(parser)
    days = parser.add_mutually_exclusive_group()
    days.add_argument(
        "--on",
        type=day,
        metavar="YYYY-MM-DD",
        help="as a slot of this day would judge (default: today, or the next slot)",
    )
    days.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="as of this session")
    words = "as it was known at this instant (default: at the slot; of a session: at that of the session after it)"
    parser.add_argument("--known-at", type=instant, metavar="YYYY-MM-DDTHH:MM:SSZ", help=words)


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--synthetic", action="store_true", help="for a synthetic market: its bars come from nowhere else"
    )
    parser.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="the folder to make (default: the workspace)")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="the seed of the synthetic market (default: 1)")


def _ingest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--archive",
        action="extend",
        nargs="+",
        type=Path,
        metavar="PATH",
        default=[],
        help="folders and files of the archive",
    )
    parser.add_argument(
        "--fetch",
        action="extend",
        nargs="+",
        choices=("stooq", "yahoo", "ecb"),
        metavar="SOURCE",
        default=[],
        help="ask stooq, yahoo or ecb over the network (default: what config/sources.yml names, where nothing else is named)",
    )
    parser.add_argument("--synthetic", type=int, metavar="SEED", help="make a synthetic market with this seed")
    parser.add_argument("--from", dest="first", type=day, metavar="YYYY-MM-DD", help="its first day")
    parser.add_argument("--to", dest="last", type=day, metavar="YYYY-MM-DD", help="its last day")


def _run(parser: argparse.ArgumentParser) -> None:
    book_on(parser)
    parser.add_argument("--no-ingest", action="store_true", help="decide on what is stored; fetch nothing first")
    parser.add_argument(
        "--revise",
        action="store_true",
        help="decide a slot again that has a ticket, which is then void; a person's act",
    )
    parser.add_argument("--by", metavar="NAME", help="with --revise: who says so")
    parser.add_argument(
        "--reason", metavar="WORDS", help="with --revise: why; the same words again give the same revision"
    )


def _simulate(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument(
        "--from", dest="first", type=day, required=True, metavar="YYYY-MM-DD", help="the first slot's day"
    )
    parser.add_argument("--to", dest="last", type=day, required=True, metavar="YYYY-MM-DD", help="the last slot's day")
    parser.add_argument("--report", action="store_true", help="write the report of a backtest, of this very book")


def _ticket(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ticket_id", metavar="TICKET", help="the ticket's id, as TICKET-20240612")


def _show(parser: argparse.ArgumentParser) -> None:
    _ticket(parser)
    words = "print the ticket alone as md or json, or write its html or pdf (one page) beside it"
    parser.add_argument("--as", dest="form", choices=("md", "json", "html", "pdf"), help=words)


def _confirm(parser: argparse.ArgumentParser) -> None:
    _ticket(parser)
    parser.add_argument("--hash", required=True, help="the short hash that the ticket shows")
    parser.add_argument("--by", required=True, help="who says so")
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="ANSWER",
        help='"1 filled quantity=0.4127 price=121.30 fee=0.40 fx=1.2840", "2 partial quantity=1.5 price=99.1 fee=0.2",'
        ' or "3 not executed: market closed"; once a line',
    )
    parser.add_argument("--file", type=Path, metavar="PATH", help="a file with one such answer a line")
    parser.add_argument(
        "--acknowledge",
        metavar="WORDS",
        help="how you know that a fill outside the bounds truly happened; the same as `acknowledged: WORDS` in the answer",
    )


def _cash(parser: argparse.ArgumentParser) -> None:
    book_on(parser)
    parser.add_argument("amount", type=amount, metavar="AMOUNT", help="in the base currency, positive")
    parser.add_argument("--key", required=True, help="a name for this movement that is used once")
    parser.add_argument("--by", required=True, help="who says so")
    parser.add_argument("--note", default="", help="what it was")


def _run_id(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("run_id", metavar="RUN_ID", help="the run's id, as RUN-20240612-r1")


def _halt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--book", default="*", help="the book (default: the whole desk)")
    parser.add_argument("reason", metavar="REASON", help="why")


def _resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--book", default="*", help="the book (default: the halts of the whole desk)")
    parser.add_argument("--by", required=True, help="who says so")


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, help="who says so")


def _restore(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the dump, with its manifest beside it")
    which.add_argument("--latest", action="store_true", help="the newest good backup of the workspace")
    parser.add_argument("--by", metavar="NAME", help="who says so, where events would be lost")


def _universe(parser: argparse.ArgumentParser) -> None:
    book(parser)
    parser.add_argument("--on", type=day, metavar="YYYY-MM-DD", help="another day than today")
    parser.add_argument(
        "--within", type=int, metavar="DAYS", help="what was not looked up at the broker within so many days blocks"
    )


def _verify_instrument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instrument", metavar="SYMBOL", help="the internal symbol")
    parser.add_argument("--by", required=True, help="who looked it up at the venue")
    parser.add_argument("--note", default="", help="what was seen")


def _reconcile(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--book", default="main", help="the book whose account is compared (default: main)")
    which.add_argument("--account", metavar="NAME", help="the account, as config/desk.yml names it: all of its books")
    parser.add_argument(
        "--snapshot",
        metavar="FILE",
        help="what the broker says it holds, in CSV or JSON (docs/RECONCILING.md); - for standard input, typed at a terminal"
        " (default: the newest kept; at a terminal of a manual venue, typed)",
    )


def _question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the question in JSON; docs/LEDGER-EVAL.md has its form"
    )


def _add_facts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="one fact or a list in JSON, as docs/LEDGER-EVAL.md has them; - for stdin"
    )
    _booked(parser)
    parser.add_argument("--note", required=True, metavar="WORDS", help="what they rest on, in a few words")


def _booked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, metavar="NAME", help="who books")
    parser.add_argument("--preview", action="store_true", help="show what would be posted, and write nothing")


def _statements(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what a broker exported; docs/IMPORTERS.md")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--broker", metavar="NAME", help="whose files they are (default: told by how each begins)")
    which.add_argument("--map", type=Path, metavar="FILE", help="the column map of any other broker's table, in YAML")


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="TICKET|BOOK", help="a ticket's id, as TICKET-20240612, or a book, as main")
    parser.add_argument(
        "figure",
        nargs="*",
        metavar="FIGURE",
        help='as the page has it: "line 1 quantity", "cash after line 2", equity, "position NVDA" (default: name all)',
    )
    words = "of a book: as its reports have it on this day (default: today)"
    parser.add_argument("--as-of", "--on", dest="as_of", type=day, metavar="YYYY-MM-DD", help=words)


def _import(parser: argparse.ArgumentParser) -> None:
    _statements(parser)
    parser.add_argument(
        "--account", required=True, metavar="NAME", help="whose files they are, as config/desk.yml names it"
    )
    parser.add_argument("--book", metavar="NAME", help="the book of the account (default: the part that is in no book)")
    parser.add_argument(
        "--names",
        type=Path,
        metavar="FILE",
        help="a CSV of name,instrument: which instrument the broker means by a name",
    )
    parser.add_argument("--of", metavar="ID", help="the broker's own account number, where a file tells of several")
    parser.add_argument("--leave", action="store_true", help="book the rest where rows are left to a person")
    _booked(parser)


def _mcp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "server", choices=("market_data", "quant", "riskguard", "ticketing", "ledger"), help="which server"
    )
    book_on(parser)


COMMANDS: tuple[Command, ...] = (
    Command(
        "init", "make a workspace: folders, configuration, keys, database", "cli.commands.workspace", "init", _init
    ),
    Command("doctor", "check everything that a workspace needs", "cli.commands.workspace", "doctor"),
    Command(
        "demo", "the whole loop on a synthetic market", "cli.commands.demo", "demo", _demo, workspace="workspace-demo"
    ),
    Command("ingest", "store raw files and make the clean set", "cli.commands.ingest", "ingest", _ingest),
    Command(
        "data",
        "market data: quality, verification",
        children=(
            Command("quality", "judge the bars as of a day", "cli.commands.quality", "quality", _quality),
            Command("verify", "find any change of a stored raw file", "cli.commands.quality", "verify"),
        ),
    ),
    Command(
        "universe",
        "the universe: check it, verify an instrument",
        children=(
            Command(
                "check",
                "check every row of config/universe.csv as of a day",
                "cli.commands.universe",
                "check",
                _universe,
            ),
            Command(
                "verify",
                "a person looked an instrument up at the venue",
                "cli.commands.universe",
                "verify",
                _verify_instrument,
            ),
        ),
    ),
    Command("run", "decide a slot: exactly one ticket", "cli.commands.trading", "run", _run),
    Command(
        "settle",
        "post what was reported; let a paper venue fill what is due",
        "cli.commands.trading",
        "settle",
        book_on_slot,
    ),
    *QUANT,
    Command(
        "simulate", "decide every slot of a range on the paper venue", "cli.commands.trading", "simulate", _simulate
    ),
    Command(
        "ticket",
        "tickets: show, list",
        children=(
            Command("show", "show a ticket as it stands", "cli.commands.trading", "show", _show),
            Command("list", "list the tickets of a book", "cli.commands.trading", "listing", book),
        ),
    ),
    Command("confirm", "say what happened to the lines of a ticket", "cli.commands.people", "confirm", _confirm),
    Command(
        "cash",
        "cash of a book: a person's fact",
        children=(
            Command("deposit", "cash was paid in", "cli.commands.people", "deposit", _cash),
            Command("withdraw", "cash was taken out", "cli.commands.people", "withdraw", _cash),
        ),
    ),
    Command("positions", "positions, lots and cash", "cli.commands.results", "positions", _positions),
    Command("pnl", "profit and loss, by cause", "cli.commands.results", "pnl", _results),
    Command("returns", "returns next to the benchmark, and risk", "cli.commands.results", "returns", _returns),
    Command("tax", "the UK's report of disposals, over all taxable accounts", "cli.commands.results", "tax", _tax),
    Command(
        "reconcile",
        "compare an account with what the venue or a file says of it",
        "cli.commands.reconciling",
        "reconcile",
        _reconcile,
    ),
    Command(
        "import",
        "book what brokers' statements say to an account, less what the books know from elsewhere",
        "cli.commands.import_books",
        "import_files",
        _import,
    ),
    Command(
        "ledger",
        "the ledger's checking door, and a look at brokers' statements",
        children=(
            Command(
                "eval",
                "positions, lots, disposals, profit and breaks of the facts in a file",
                "cli.commands.checking",
                "evaluate_file",
                _question,
            ),
            Command(
                "add",
                "book facts beside fills and cash: openings, transfers, fees, spin-offs, corrections ...",
                "cli.commands.booking",
                "add",
                _add_facts,
            ),
            Command("facts", "what was booked, and what of it was taken back", "cli.commands.booking", "facts"),
            Command(
                "import",
                "show what brokers' statements say; a preview, which writes nothing",
                "cli.commands.importing",
                "preview",
                _statements,
            ),
        ),
    ),
    Command(
        "audit",
        "the audit chain",
        children=(
            Command("verify", "verify the chain and every row from the start", "cli.commands.ledger", "audit"),
            Command("why", "from a figure down to the facts under it", "cli.commands.why", "why", _why),
        ),
    ),
    Command("replay", "compute a run again and compare every stage", "cli.commands.trading", "replay", _run_id),
    Command("backup", "dump the database, and prove that the dump can be restored", "cli.commands.backup", "backup"),
    Command("restore", "put a backup in the place of the database", "cli.commands.backup", "restore", _restore),
    Command("halt", "no trade ticket until a person resumes", "cli.commands.people", "halt", _halt),
    Command("resume", "lift a halt (at a terminal)", "cli.commands.people", "resume", _resume),
    *ROLLOUT,
    Command(
        "keys",
        "the riskguard's keys",
        children=(
            Command("list", "which there are, and which were rotated away", "cli.commands.keys", "keys"),
            Command(
                "rotate", "put a new key in the old one's place (at a terminal)", "cli.commands.keys", "rotate", _by
            ),
        ),
    ),
    Command("mcp", "serve one MCP server on stdio", "cli.commands.doors", "mcp", _mcp),
)
