"""The servers as processes: on stdio, each with its own secret, ready soon, ended cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from adapters.files.workspace import Workspace
from servers.refusals import Code
from tests.servers.market import MONDAY
from tests.servers.playing import SERVERS, Five
from tests.servers.test_tools import NAMES

HEAVY = ("pandas", "lightgbm", "exchange_calendars", "yfinance", "alembic", "sqlmodel", "numpy", "pyarrow", "psycopg")
READ_ONLY_CALL: dict[str, tuple[str, dict[str, Any]]] = {
    "market_data": ("list_universe", {"book": "main"}),
    "quant": ("get_job", {"job_id": "JOB-0123456789ab-1"}),
    "riskguard": ("explain_decision", {"run_id": "RUN-20240610-r1"}),
    "ticketing": ("get_ticket_status", {"ticket_id": "TICKET-20240610"}),
    "ledger": ("read_positions", {"book": "main"}),
}
WITHOUT_A_RUN = {"market_data": None, "quant": "NO_SUCH_JOB", "riskguard": "NO_SUCH_RUN", "ticketing": "NO_SUCH_TICKET"}


def keep_only(root: Path, role: str, *, with_key: bool) -> None:
    """Remove every secret of a workspace but one role's password."""
    secrets = Workspace(root).secrets
    for path in sorted((secrets / "db").iterdir()):
        if path.name != role:
            path.unlink()
    if not with_key:
        shutil.rmtree(secrets / "riskguard")


def command_of(name: str, root: Path) -> list[str]:
    """Give the command line of a server's process."""
    return ["-m", f"servers.{name}", "-w", str(root), "--on", MONDAY.isoformat()]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_speaks_on_stdio_with_its_own_secret_alone(name, fresh):
    """Started as a process, without any other role's password and without the key, it lists its tools and answers."""
    root = fresh()
    keep_only(root, name, with_key=False)

    async def played() -> tuple[list[str], dict[str, Any], bool]:
        parameters = StdioServerParameters(command=sys.executable, args=command_of(name, root), env=dict(os.environ))
        async with Client(parameters, mode="legacy") as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            tool, arguments = READ_ONLY_CALL[name]
            result = await client.call_tool(tool, arguments)
            assert result.structured_content is not None
            return tools, result.structured_content, bool(result.is_error)

    tools, facts, is_error = asyncio.run(played())

    assert tools == NAMES[name]
    assert (facts.get("code") if is_error else None) == WITHOUT_A_RUN.get(name)


def test_nothing_heavy_is_imported_to_be_ready():
    """What is only needed for an answer is imported by the first one, so that a server is ready soon."""
    entries = ", ".join(f"servers.{name}.__main__" for name in SERVERS)
    script = f"import sys, {entries}; print(*(module for module in {HEAVY} if module in sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


def test_a_day_goes_through_processes_that_hold_one_secret_each(fresh):
    """Each server plays its part with every other secret gone; only the riskguard's opens the private key."""
    root, hidden = fresh(), {}
    secrets = Workspace(root).secrets
    for path in [*(secrets / "db").iterdir(), secrets / "riskguard" / "ed25519.pem"]:
        hidden[path] = path.read_bytes()
        path.unlink()

    def call(name: str, tool: str, **arguments: Any) -> Any:
        own = [secrets / "db" / name, *([secrets / "riskguard" / "ed25519.pem"] if name == "riskguard" else [])]
        for path in own:
            path.touch(mode=0o600)
            path.write_bytes(hidden[path])
        with Five(root) as five:
            answer = five(f"{name}.{tool}", **arguments)
        for path in own:
            path.unlink()
        return answer

    run_id = call("quant", "run_scoring", book="main")["run_id"]
    assert call("riskguard", "build_target_portfolio", run_id=run_id)["gate"] == "open"
    assert call("riskguard", "approve_trades", run_id=run_id)["is_signed"] is True
    ticket = call("ticketing", "render_ticket_md", run_id=run_id)
    assert ticket["kind"] == "TRADE"
    assert call("ticketing", "send_ticket", ticket_id=ticket["ticket_id"])["is_sent"] is True
    assert call("ledger", "reconcile", book="main")["breaks"] == []
    assert call("market_data", "data_quality_report", book="main")["has_passed"] is True


def test_without_the_key_nothing_is_approved_and_halting_still_works(five):
    """The riskguard's server needs the key to sign, and for nothing else."""
    shutil.rmtree(Workspace(five.root).secrets / "riskguard")
    run_id = five("quant.run_scoring", book="main")["run_id"]
    five("riskguard.build_target_portfolio", run_id=run_id)
    before = five.events()

    assert five("riskguard.approve_trades", run_id=run_id).code == Code.KEY
    assert five.events() == before
    assert five("riskguard.explain_decision", run_id=run_id).code == Code.NOT_DECIDED
    assert five("riskguard.halt_trading", book="main", reason_code="AGENT_UNSURE")["was_halted"] is False


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_without_its_secret_does_not_start(name, tmp_path, capsys):
    """It says which file is missing, on stderr, and ends with 1."""
    (tmp_path / "config").mkdir()

    assert import_module(f"servers.{name}.__main__").main(["-w", str(tmp_path)]) == 1

    said = capsys.readouterr()
    assert (said.out, f"secrets/db/{name} is missing" in said.err) == ("", True)


def test_a_folder_that_is_no_workspace_is_told(tmp_path, capsys):
    """The message names the command that makes one."""
    assert import_module("servers.quant.__main__").main(["-w", str(tmp_path)]) == 1
    assert "twokey init" in capsys.readouterr().err


def test_the_command_line_serves_the_same(fresh):
    """`twokey mcp SERVER` is the same process, and lets go of the database when it is told to end."""
    root = fresh()
    command = [sys.executable, "-m", "cli.main", "mcp", "ledger", "-w", str(root), "--on", MONDAY.isoformat()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # Its input stays open: an assistant that hangs must not keep the database.
        assert process.stdin is not None
        assert process.stdout is not None
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}}
        for message in (
            {"id": 1, "method": "initialize", "params": hello},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": {"name": "read_positions", "arguments": {"book": "main"}}},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0

    assert answers[0]["result"]["serverInfo"]["name"] == "twokey-ledger"
    assert answers[1]["result"]["structuredContent"]["cash"] == "10000"
    assert not (Workspace(root).postgres / "data" / "postmaster.pid").exists()
