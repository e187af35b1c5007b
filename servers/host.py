"""The host of a server: strict tools, compact answers, stable refusals, and a log of every call."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from core.canonical import canonical_json, plain
from servers.answers import Answer
from servers.refusals import Code, Refused, argument_refusal, expected_refusal

RESULT_BYTES_MAX = 24_000
READS = ToolAnnotations(read_only_hint=True)
# Nothing that a tool writes replaces anything, and doing it again is the same as once.
WRITES = ToolAnnotations(destructive_hint=False, idempotent_hint=True)
_NAME_LENGTH_MAX = 40
_NAMES_MAX = 20

Function = TypeVar("Function", bound=Callable[..., Answer])
T_co = TypeVar("T_co", covariant=True)
log = logging.getLogger("twokey.servers")


class Door(Protocol[T_co]):
    """What stands behind a server: its doors, made at the first call, and what is done around each call."""

    def __call__(self) -> T_co:
        """Give the doors."""
        ...

    def keep_head(self) -> None:
        """Keep the audit head outside the database, after something was written."""
        ...

    def look_again(self) -> None:
        """Let go of a connection that broke, so that the next call makes a new one."""
        ...

    def record(self, call: Mapping[str, Any]) -> None:
        """Log a call."""
        ...


class StrictTool(Tool):
    """A tool that takes exactly its arguments, as JSON types them, and gives facts or a refusal."""

    _host: Host = PrivateAttr()

    async def run(self, arguments: dict[str, Any], context: Any, convert_result: bool = False) -> CallToolResult:
        """Run the tool in a thread of its own; calls of one server wait for each other."""
        return await anyio.to_thread.run_sync(self._host.call, self, arguments)

    def taken(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read the arguments; raises Refused when one is unknown, missing, or not exactly of its type."""
        try:
            # Read as JSON text: there a day is a text, and neither "1" nor 1.0 is a whole number.
            model = self.fn_metadata.arg_model.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            raise argument_refusal(error) from error
        except (TypeError, ValueError) as error:
            raise Refused(Code.BAD_ARGUMENT, "the arguments are no JSON object") from error
        return model.model_dump_one_level()


class Host:
    """Makes the tools of one server and answers their calls, one at a time."""

    def __init__(self, name: str, door: Door[Any]) -> None:
        self.name = name
        self._door = door
        self._tools: list[Tool] = []
        # One connection a server: what one call does in a transaction must not mix with another's.
        self._alone = threading.Lock()

    def tool(self, function: Function) -> Function:
        """Add a tool that writes: a function of references, its docstring what the agent reads."""
        self._tools.append(self._strict(function, WRITES))
        return function

    def reader(self, function: Function) -> Function:
        """Add a tool that only reads."""
        self._tools.append(self._strict(function, READS))
        return function

    def server(self, instructions: str) -> MCPServer:
        """Give the server with the tools added so far."""
        return MCPServer(f"twokey-{self.name}", instructions=instructions, tools=self._tools, log_level="WARNING")

    def call(self, tool: StrictTool, arguments: dict[str, Any]) -> CallToolResult:
        """Answer one call and log it."""
        with self._alone:
            began = time.monotonic()
            outcome, code = self._outcome(tool, arguments)
            record = {"tool": tool.name, "outcome": code, "ms": int((time.monotonic() - began) * 1000)}
            try:
                self._door.record({**record, "arguments": _logged(tool, arguments)})
            except OSError:
                log.exception("the call of %s could not be logged", tool.name)
        return outcome

    def _outcome(self, tool: StrictTool, arguments: dict[str, Any]) -> tuple[CallToolResult, str]:
        try:
            answer = tool.fn(**tool.taken(arguments))
            if tool.annotations is not READS:
                self._door.keep_head()
            return _result(answer.model_dump(mode="json"), is_error=False), "OK"
        except Refused as refused:
            return _result(refused.facts, is_error=True), refused.code
        except Exception as error:
            refusal = expected_refusal(error)
            if refusal is None:
                log.exception("%s of %s failed", tool.name, self.name)
                refusal = Refused(Code.INTERNAL, "the server failed; a person finds the reason in its log")
            if refusal.code is Code.DATABASE:
                self._door.look_again()
            return _result(refusal.facts, is_error=True), refusal.code

    def _strict(self, function: Callable[..., Answer], annotations: ToolAnnotations) -> StrictTool:
        tool = StrictTool.from_function(
            function, description=_described(function), annotations=annotations, structured_output=False
        )
        assert isinstance(tool, StrictTool), "the class method gives its own class"
        loose = tool.fn_metadata.arg_model
        strict: Any = type(loose.__name__, (loose,), {"model_config": ConfigDict(extra="forbid", strict=True)})
        tool.fn_metadata.arg_model = strict
        tool.parameters = _schema_of(strict)
        tool._host = self
        return tool


class CallLog:
    """A file of one line of canonical JSON a call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a line in one write, so that lines of two processes do not mix."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            file.write(f"{canonical_json(dict(record))}\n".encode())


def _result(facts: dict[str, Any], *, is_error: bool) -> CallToolResult:
    """Put the same facts into the text, compactly, and into the structure."""
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > RESULT_BYTES_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"the answer has {size} bytes",
            limit=str(RESULT_BYTES_MAX),
            value=str(size),
            would_pass="fewer instruments, a shorter range, or a page",
        )
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=facts, is_error=is_error)


def _logged(tool: StrictTool, arguments: dict[str, Any]) -> Any:
    """Give what the log holds of the arguments: references that passed, of anything else only the names."""
    try:
        return plain(tool.taken(arguments))
    except Refused:
        return [str(name)[:_NAME_LENGTH_MAX] for name in list(arguments)[:_NAMES_MAX]]


def _described(function: Callable[..., Answer]) -> str:
    """Give a function's docstring as one paragraph: line breaks cost an agent tokens and tell it nothing."""
    return " ".join((function.__doc__ or "").split())


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Give a model's schema without the titles that repeat each name."""
    schema = model.model_json_schema(by_alias=True)
    return {
        **{key: value for key, value in schema.items() if key != "title"},
        "properties": {
            name: {key: value for key, value in field.items() if key != "title"}
            for name, field in schema.get("properties", {}).items()
        },
    }
