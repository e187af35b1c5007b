"""`twokey`: the parser, the dispatch, and errors as clear words."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from cli.arguments import COMMANDS
from cli.command import Command

EXIT_ERROR, EXIT_USAGE = 1, 2


class UsageError(Exception):
    """What was asked cannot be done as asked; says what can."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 error, 2 usage, 3 a NO-TRADE ticket."""
    parsed = build_parser().parse_args(arguments)
    if parsed.module is None:
        build_parser().print_help()
        return EXIT_USAGE
    chosen = parsed.workspace or os.environ.get("TWOKEY_WORKSPACE") or parsed.default_workspace
    # The environment and the default folder hold for the next command too; what was typed must be typed again.
    parsed.is_placed = bool(parsed.workspace)
    parsed.workspace = Path(chosen).expanduser().absolute()
    handler: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(parsed.module), parsed.handler)
    try:
        return handler(parsed)
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except BrokenPipeError:
        # Somebody read only the first lines; python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RuntimeError, ValueError, OSError) as error:
        if _is_expected(error):
            return _fail(error, EXIT_ERROR)
        raise


# One parser a process: parsing leaves it as it was, and making forty commands takes longer than many a command does.
@lru_cache(maxsize=1)
def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands without importing what they do."""
    parser = argparse.ArgumentParser(
        prog="twokey",
        description="Two keys turn before money moves: the riskguard's signature, and a person's hand.",
    )
    _add_everywhere(parser, workspace=None, json=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    parser.set_defaults(module=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        _add(commands, command)
    return parser


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], command: Command) -> None:
    parser = commands.add_parser(command.name, help=command.help, description=command.help)
    # Without defaults of their own, which would replace what was said before the command.
    _add_everywhere(parser, workspace=argparse.SUPPRESS, json=argparse.SUPPRESS, default=command.workspace)
    if command.children:
        parser.set_defaults(module=None)
        below = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for child in command.children:
            _add(below, child)
        return
    command.configure(parser)
    parser.set_defaults(module=command.module, handler=command.handler, default_workspace=command.workspace)


def _add_everywhere(
    parser: argparse.ArgumentParser, *, workspace: str | None, json: bool | str, default: str = "workspace"
) -> None:
    """Add what every command takes, before its name and after it; what is said last counts."""
    parser.add_argument(
        "-w",
        "--workspace",
        metavar="DIR",
        default=workspace,
        help=f"the workspace's folder (default: $TWOKEY_WORKSPACE, else ./{default})",
    )
    parser.add_argument(
        "--json", action="store_true", default=json, help="print one JSON object and nothing else on stdout"
    )


class _Version(argparse.Action):
    """Prints the installed version; looked up only then, because nobody else waits for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"twokey {version('twokey')}")
        parser.exit()


def _is_expected(error: Exception) -> bool:
    # Imported only once something went wrong, so that `--help` stays cheap.
    from adapters.files.workspace import WorkspaceError
    from adapters.keys import KeyProblem
    from adapters.postgres.embedded import ServerError
    from core.settings_text import SettingsError
    from core.universe_text import UniverseError
    from flows.books import StoreError
    from flows.ports import SourceError

    kinds = (WorkspaceError, KeyProblem, ServerError, SettingsError, UniverseError, StoreError, SourceError)
    return isinstance(error, kinds)


def _fail(error: Exception, code: int) -> int:
    print(f"twokey: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    # By its name: as `python -m cli.main` this file is a second module, whose UsageError nobody raises.
    raise SystemExit(importlib.import_module("cli.main").main())
