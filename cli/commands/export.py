"""`export`: the current clean set in another tool's format."""

from __future__ import annotations

import argparse

from adapters.files.configuration import read_configuration
from adapters.files.qlib import QlibFolder
from adapters.files.workspace import Workspace
from cli.main import UsageError
from cli.output import emit
from cli.wiring import Desk
from flows.export import ExportDoors, Exported, NotExported, export_qlib

SHOWN = 12


def qlib(arguments: argparse.Namespace) -> int:
    """Write the current clean set in Qlib's binary format into a folder that is not there yet."""
    first, last = arguments.first, arguments.last
    if first is not None and last is not None and last < first:
        raise UsageError(f"--to {last} is before --from {first}")
    folder = arguments.dir.expanduser().absolute()
    with Desk(Workspace(arguments.workspace)) as desk:
        # What people verified counts for trading alone, so that no database is asked.
        setup = read_configuration(desk.workspace, arguments.book, {}).setup
        try:
            exported = export_qlib(setup, ExportDoors(desk.clean, QlibFolder(folder)), first, last)
        except NotExported as error:
            raise UsageError(str(error)) from error
    facts = {"folder": str(folder), **vars(exported)}
    emit(arguments, facts, _words(exported, str(folder)))
    return 0


def _words(exported: Exported, folder: str) -> str:
    done = f"{len(exported.instruments)} instruments, {exported.sessions} sessions, {exported.first} to {exported.last}"
    lines = ["SYNTHETIC"] if exported.is_synthetic else []
    lines += [f"{done}, clean set {exported.snapshot[:12]}, knowledge {exported.knowledge}"]
    lines += [f"{name} is called {told}" for name, told in exported.renamed]
    lines += [f"left out: {name}: {why}" for name, why in exported.left_out[:SHOWN]]
    if len(exported.left_out) > SHOWN:
        lines.append(f"and {len(exported.left_out) - SHOWN} more, which README.txt names")
    lines.append(f"written to {folder}" if exported.is_new else f"{folder} holds just this already")
    return "\n".join(lines)
