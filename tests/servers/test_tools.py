"""The tools as agents see them: their schemas, their strictness, and what a call answers and logs."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer

from core.canonical import plain_decimal
from flows.books import StoreError
from servers.answers import Answer, Number
from servers.host import RESULT_BYTES_MAX, Host
from servers.references import BookName, Day, Page
from servers.refusals import EXPECTED, Code, Refused
from tests.servers.playing import SERVERS, listed, said

TOOLS_MAX = 25
TOKENS_MAX = 6_000
# Fewer than any tokenizer needs for JSON, so that the estimate errs on the side of too many tokens.
CHARACTERS_A_TOKEN = 3.5
NAMES = {
    "market_data": ["get_prices", "get_returns", "data_quality_report", "list_universe"],
    "quant": ["run_training", "run_scoring", "run_backtest", "get_job", "cancel_job"],
    "riskguard": ["build_target_portfolio", "approve_trades", "explain_decision", "halt_trading"],
    "ticketing": ["render_ticket_md", "send_ticket", "receive_confirmation", "get_ticket_status"],
    "ledger": ["read_positions", "write_fills", "compute_pnl", "list_events", "reconcile"],
}
FITTING: dict[str, Any] = {
    "book": "main",
    "run_id": "RUN-20240610-r1",
    "ticket_id": "TICKET-20240610",
    "job_id": "JOB-0123456789ab-1",
    "instruments": ["AAPL"],
    "first": "2024-06-03",
    "last": "2024-06-07",
    "sector": "Energy",
    "kind": "equity",
    "basis": "as_stored",
    "mode": "research",
    "as_of": "2024-06-07",
    "valid_on": "2024-06-07",
    "known_at": "2024-06-07T20:00:00Z",
    "page": 1,
    "after": 0,
    "reason_code": "DATA_SUSPECT",
}
MISFITS: dict[str, list[Any]] = {
    "book": ["Main", "", "a" * 33, "../main", 1, None, ["main"]],
    "run_id": ["RUN-20240610", "RUN-2024061-r1", "run-20240610-r1", "RUN-20240610-r1\n", "RUN-٢٠٢٤٠٦١٠-r1", " "],
    "ticket_id": ["TICKET-20240610-MAIN", "TICKET-20240610-r1x y", "TICKET-1", 20240610],
    "job_id": ["JOB-0123456789AB-1", "JOB-1", "JOB-0123456789ab-"],
    "instruments": [[], ["aapl"], ["A"] * 21, "AAPL", '["AAPL"]', [1]],
    "first": ["2024-6-3", "20240603", "2024-06-03T00:00:00", 19876, "2024-02-30", "1999-12-31"],
    "last": ["today", 19876.0, "2036-01-01", None],
    "sector": ["energy", "", 1, ["Energy"]],
    "kind": ["Equity", "stock", 0],
    "mode": ["paper", "", None, 1],
    "basis": ["raw", "adjusted", None, 1],
    "as_of": ["yesterday", 19876, "1999-12-31"],
    "valid_on": ["2024-13-01", 1.0, "2036-01-01"],
    "known_at": ["2024-06-07", "2024-06-07T20:00:00", 1717790400, "now", "1999-12-31T00:00:00Z"],
    "page": ["1", 1.0, 0, -1, True, None, 10_001],
    "after": ["0", 0.0, -1, False],
    "reason_code": ["data_suspect", "WHATEVER", "", 1],
}


class Nothing:
    """Doors that may not be opened: what is refused here is refused before anything is looked up."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.kept = self.looked = 0

    def __call__(self) -> Any:
        raise AssertionError("the doors were opened")

    def keep_head(self) -> None:
        self.kept += 1

    def look_again(self) -> None:
        self.looked += 1

    def record(self, call: Mapping[str, Any]) -> None:
        self.calls.append(dict(call))


class Amount(Answer):
    """An answer with a decimal."""

    amount: Number


def server_of(name: str, door: Nothing | None = None) -> MCPServer:
    """Build a server whose doors may not be opened."""
    server: MCPServer = import_module(f"servers.{name}.server").build(door or Nothing())
    return server


def toy(function: Any, door: Nothing) -> MCPServer:
    """Build a server of one writing tool."""
    host = Host("toy", door)
    host.tool(function)
    return host.server("A toy.")


@pytest.mark.parametrize("name", SERVERS)
def test_the_schemas_are_the_golden_ones(name, golden):
    """What tools/list gives changes only by `make golden`."""
    tools = listed(server_of(name))

    assert [tool["name"] for tool in tools] == NAMES[name]
    golden(
        f"{name}.json",
        json.dumps({"server": name, "tools": tools}, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
    )


@pytest.mark.parametrize("name", SERVERS)
def test_the_answers_are_the_golden_ones(name, golden):
    """The shapes of answers change only by `make golden`: tools/list leaves them out, since agents read every token."""
    module = import_module(f"servers.{name}.answers")
    shapes = {
        found.__name__: found.model_json_schema(mode="serialization")
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Answer) and found.__module__ == module.__name__
    }

    golden(f"{name}.answers.json", json.dumps(shapes, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def test_the_definitions_are_few_and_short():
    """All tools of all servers together stay within what an agent can carry along."""
    tools = [tool for name in SERVERS for tool in listed(server_of(name))]

    characters = len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")))

    assert len(tools) <= TOOLS_MAX
    assert characters / CHARACTERS_A_TOKEN <= TOKENS_MAX


@pytest.mark.parametrize("name", SERVERS)
def test_every_tool_says_what_it_gives_and_whether_it_writes(name):
    """Nothing that writes calls itself read-only, and nothing is destructive."""
    readers = {"get", "list", "read", "compute", "explain", "data"}
    for tool in listed(server_of(name)):
        notes = tool["annotations"]
        assert tool["description"].endswith(".")
        assert notes.get("readOnlyHint", False) is (tool["name"].split("_")[0] in readers), tool["name"]
        assert notes.get("readOnlyHint") or notes["destructiveHint"] is False


@pytest.mark.parametrize("name", SERVERS)
def test_refuses_what_no_tool_takes(name):
    """An unknown argument is refused, named, and never repeated in the log with its value."""
    for tool in listed(server_of(name)):
        door = Nothing()
        arguments = {argument: FITTING[argument] for argument in tool["inputSchema"]["properties"]}

        refused = said(server_of(name, door), tool["name"], {**arguments, "force": "secret value"})

        assert refused.code == Code.BAD_ARGUMENT
        assert refused.facts["message"] == "force: Extra inputs are not permitted"
        assert door.calls[0]["arguments"] == [*arguments, "force"]
        assert "secret value" not in json.dumps(door.calls)


@pytest.mark.parametrize("name", SERVERS)
def test_refuses_every_argument_that_does_not_fit(name):
    """No argument is coerced: a text is no number, a float no whole number, a text of a list no list."""
    server = server_of(name)
    for tool in listed(server):
        fitting = {argument: FITTING[argument] for argument in tool["inputSchema"]["properties"]}
        for argument in fitting:
            for misfit in MISFITS[argument]:
                refused = said(server, tool["name"], {**fitting, argument: misfit})
                assert refused.code == Code.BAD_ARGUMENT, (tool["name"], argument, misfit)
                assert refused.facts["message"].startswith(argument)


@pytest.mark.parametrize("name", SERVERS)
def test_refuses_a_missing_argument(name):
    """What has no default must be said."""
    for tool in listed(server_of(name)):
        for argument in tool["inputSchema"].get("required", []):
            others = {one: FITTING[one] for one in tool["inputSchema"]["required"] if one != argument}
            refused = said(server_of(name), tool["name"], others)
            assert (refused.code, refused.facts["message"]) == (Code.BAD_ARGUMENT, f"{argument}: Field required")


def test_an_answer_is_logged_and_the_head_kept():
    """A call that wrote is one line of the log, with its references; the audit head is kept after it."""

    def add(book: BookName, day: Day, page: Page = 1) -> Amount:
        """Give an amount."""
        return Amount(amount=Decimal("1E+2"))

    door = Nothing()
    answer = said(toy(add, door), "add", {"book": "main", "day": "2024-06-10"})

    assert answer["amount"] == plain_decimal(Decimal(100)) == "100"
    (call,) = door.calls
    assert isinstance(call.pop("ms"), int)
    assert call == {"tool": "add", "outcome": "OK", "arguments": {"book": "main", "day": "2024-06-10", "page": 1}}
    assert (door.kept, door.looked) == (1, 0)


def test_a_failure_says_nothing_but_internal(caplog):
    """An error that nobody expected is told in one word, and logged with its traceback."""

    def fail() -> Amount:
        """Fail."""
        raise LookupError("the inner secret")

    door = Nothing()
    with caplog.at_level(logging.ERROR, "twokey.servers"):
        refused = said(toy(fail, door), "fail", {})

    assert refused.code == Code.INTERNAL
    assert "secret" not in json.dumps(refused.facts)
    assert "the inner secret" in caplog.text
    assert (door.calls[0]["outcome"], door.kept) == ("INTERNAL", 0)


def test_an_expected_error_keeps_its_words(caplog):
    """Errors of ours become refusals with a code; one of the database makes the server look at its connection."""

    def fail() -> Amount:
        """Fail."""
        raise StoreError("role quant could not log in")

    door = Nothing()
    refused = said(toy(fail, door), "fail", {})

    assert refused.facts == {"code": "DATABASE", "message": "role quant could not log in"}
    assert (door.kept, door.looked, caplog.text) == (0, 1, "")


def test_every_expected_error_exists():
    """The errors are named by text, so that nothing is imported for them; each name must still be one."""
    for name in EXPECTED:
        module, _, kind = name.partition(":")
        assert issubclass(getattr(import_module(module), kind), Exception), name


def test_calls_of_one_server_wait_for_each_other():
    """Two calls at once do not share a transaction: the second begins when the first has ended."""
    inside: list[int] = []
    most: list[int] = []

    def enter() -> Amount:
        """Give how many were inside at once."""
        inside.append(1)
        threading.Event().wait(0.02)
        most.append(len(inside))
        inside.pop()
        return Amount(amount=Decimal(len(inside)))

    async def both() -> None:
        async with Client(toy(enter, Nothing())) as client:
            await asyncio.gather(*(client.call_tool("enter", {}) for _ in range(4)))

    asyncio.run(both())

    assert most == [1, 1, 1, 1]


@pytest.mark.parametrize("spare", [0, 1])
def test_an_answer_too_large_is_refused(spare):
    """The limit itself is allowed, one byte more is refused and says what would pass."""
    around = len('{"text":""}')

    class Text(Answer):
        """An answer of a given length."""

        text: str

    def speak() -> Text:
        """Give a text."""
        return Text(text="x" * (RESULT_BYTES_MAX - around + spare))

    speak.__annotations__["return"] = Text
    answer = said(toy(speak, Nothing()), "speak", {})

    assert answer.code == (Code.TOO_LARGE if spare else None)
    if spare:
        assert answer.facts["limit"] == str(RESULT_BYTES_MAX)
        assert answer.facts["value"] == str(RESULT_BYTES_MAX + 1)


def test_a_refusal_carries_only_what_applies():
    """Limit, value and what would pass stand in a refusal where they were given."""

    def refuse() -> Amount:
        """Refuse."""
        raise Refused(Code.BUSY, "one at a time", value="JOB-1")

    assert said(toy(refuse, Nothing()), "refuse", {}).facts == {
        "code": "BUSY",
        "message": "one at a time",
        "value": "JOB-1",
    }
