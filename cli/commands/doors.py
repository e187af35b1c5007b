"""`mcp`: the doors for assistants."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence


def mcp(arguments: argparse.Namespace) -> int:
    """Serve one MCP server on stdio until its client goes away."""
    main: Callable[[Sequence[str]], int] = importlib.import_module(f"servers.{arguments.server}.__main__").main
    options = ["-w", str(arguments.workspace), "--book", arguments.book]
    return main([*options, "--on", arguments.on.isoformat()] if arguments.on else options)
