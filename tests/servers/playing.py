"""Playing the servers: the five of them over one workspace, called through the SDK's own client in memory."""

from __future__ import annotations

import asyncio
import importlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

from adapters.files.workspace import Workspace
from adapters.postgres.chain import Chain
from cli.wiring import Desk
from flows.ports import Clock
from servers.wiring import Place, WiredDoor
from tests.servers.market import MONDAY

SERVERS = ("market_data", "quant", "riskguard", "ticketing", "ledger")


@dataclass(frozen=True)
class Said:
    """What a tool said: its facts, or the code of its refusal."""

    facts: dict[str, Any]
    code: str | None

    def __getitem__(self, name: str) -> Any:
        """Give a fact; a refusal has none."""
        assert self.code is None, self.facts
        return self.facts[name]


class Five:
    """The five servers over one workspace, on a rehearsal's day or at a clock's instant."""

    def __init__(self, root: Path, *, on: date | None = MONDAY, clock: Clock | None = None, book: str = "main") -> None:
        self.root = root
        self._around: dict[str, Any] = {"on": on, "clock": clock, "book": book}
        self._open: dict[str, tuple[MCPServer, Place]] = {}

    def __enter__(self) -> Five:
        return self

    def __exit__(self, *_: object) -> None:
        for _server, place in self._open.values():
            place.close()
        self._open.clear()

    def __call__(self, tool: str, **arguments: Any) -> Said:
        """Call `SERVER.TOOL`."""
        server, _, name = tool.partition(".")
        return said(self.server(server), name, arguments)

    def server(self, name: str) -> MCPServer:
        """Give a server, wired as its process wires it."""
        if name not in self._open:
            entry = importlib.import_module(f"servers.{name}.__main__")
            place = Place(Workspace(self.root), entry.ROLE, **self._around)
            door: WiredDoor[Any] = WiredDoor(name, place, entry.wire)
            self._open[name] = (entry.build(door), place)
        return self._open[name][0]

    def decided(self) -> Said:
        """Play a run as far as its ticket, and give what `render_ticket_md` said."""
        run_id = self("quant.run_scoring", book="main")["run_id"]
        self("riskguard.build_target_portfolio", run_id=run_id)
        self("riskguard.approve_trades", run_id=run_id)
        return self("ticketing.render_ticket_md", run_id=run_id)

    def events(self) -> int:
        """Count the events: whatever is written adds one."""
        with Desk(Workspace(self.root)) as desk:
            return Chain(desk.session("reader")).head().seq


def said(server: MCPServer, tool: str, arguments: dict[str, Any]) -> Said:
    """Call a tool of a server in memory; holds that text and structure say the same."""

    async def called() -> CallToolResult:
        async with Client(server) as client:
            return await client.call_tool(tool, arguments)

    result = asyncio.run(called())
    (content,) = result.content
    assert isinstance(content, TextContent), content
    facts = result.structured_content
    assert facts is not None, content.text
    assert content.text == json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return Said(facts, facts["code"] if result.is_error else None)


def listed(server: MCPServer) -> list[dict[str, Any]]:
    """Give what tools/list gives, as JSON types it."""

    async def tools() -> list[dict[str, Any]]:
        async with Client(server) as client:
            found = await client.list_tools()
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in found.tools]

    return asyncio.run(tools())
