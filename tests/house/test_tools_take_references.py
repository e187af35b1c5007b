"""Agents carry references, never numbers: what the golden schemas of the servers' tools may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.house.tree import ROOT, tracked_paths

REFUSED = re.compile(r"price|quantity|units|limit|amount|recipient|force|weight", re.IGNORECASE)
GOLDEN = re.compile(r"tests/servers/golden/.*\.json")
SCHEMA_KEYS = ("inputSchema", "input_schema")
# From this file on there must be golden schemas to judge.
FIRST_WRITER = "servers/ticketing/server.py"

Json = Any


def tools(golden: Json) -> Iterator[tuple[str, Mapping[str, Json], Mapping[str, Json]]]:
    """Walk a golden file and give each tool's name, input schema and annotations, however deep they stand."""
    if isinstance(golden, list):
        for item in golden:
            yield from tools(item)
    elif isinstance(golden, dict):
        for key in SCHEMA_KEYS:
            if key in golden:
                yield str(golden.get("name", "?")), golden[key], golden.get("annotations") or {}
        for value in golden.values():
            yield from tools(value)


def properties(schema: Json) -> Iterator[str]:
    """Give the name of each property of a schema, nested and referred ones too."""
    if isinstance(schema, list):
        for item in schema:
            yield from properties(item)
    elif isinstance(schema, dict):
        yield from (schema.get("properties") or {}).keys()
        for value in schema.values():
            yield from properties(value)


def writes(annotations: Mapping[str, Json]) -> bool:
    """Say whether a tool may write: every one does that is not marked read-only."""
    return annotations.get("readOnlyHint", annotations.get("read_only_hint")) is not True


def numbers_taken(golden: Json) -> list[str]:
    """List what a golden file lets an agent say that only a narrower role may."""
    found = []
    for name, schema, notes in tools(golden):
        if schema.get("additionalProperties") is not False:
            found.append(f"{name} takes unknown arguments")
        if writes(notes):
            found += [f"{name} takes {argument}" for argument in properties(schema) if REFUSED.search(argument)]
    return found


def golden_files() -> dict[str, Json]:
    """Read the golden schemas of the servers."""
    paths = [path for path in tracked_paths() if GOLDEN.fullmatch(path)]
    return {path: json.loads((ROOT / path).read_text(encoding="utf-8")) for path in paths}


def test_no_tool_takes_a_number_or_a_recipient():
    """The golden schemas are strict, and the writing ones hold references and reason codes alone."""
    assert {path: found for path, golden in golden_files().items() if (found := numbers_taken(golden))} == {}


def test_there_are_schemas_to_judge():
    """Once a server that writes exists, golden files hold at least one writing tool: the rule above is not empty."""
    if FIRST_WRITER not in tracked_paths():
        return
    writers = [name for golden in golden_files().values() for name, _, notes in tools(golden) if writes(notes)]

    assert writers, f"{FIRST_WRITER} exists, but tests/servers/golden/*.json holds no writing tool"


def _tool(**parts: Json) -> Json:
    return {"server": "ticketing", "tools": [{"name": "send_ticket", **parts}]}


@pytest.mark.parametrize(
    "argument", ["limit_price", "quantity", "units", "maxAmount", "recipient", "force", "target_weights", "price"]
)
def test_sees_each_number(argument):
    """Every refused argument of a writing tool is found, inside nested objects too."""
    flat = {"properties": {argument: {"type": "number"}}, "additionalProperties": False}
    nested = {"properties": {"line": {"$ref": "#/$defs/L"}}, "$defs": {"L": flat}, "additionalProperties": False}

    assert numbers_taken(_tool(inputSchema=flat)) == [f"send_ticket takes {argument}"]
    assert numbers_taken(_tool(input_schema=nested)) == [f"send_ticket takes {argument}"]


def test_sees_a_schema_that_is_not_strict():
    """A tool that lets unknown arguments through is found, read-only or not."""
    loose = _tool(inputSchema={"properties": {}}, annotations={"readOnlyHint": True})

    assert numbers_taken(loose) == ["send_ticket takes unknown arguments"]


def test_lets_readers_ask_for_a_page():
    """A read-only tool may say how much it wants to see, and a writer may name a ticket."""
    page = {"properties": {"limit": {"type": "integer"}}, "additionalProperties": False}
    ticket = {"properties": {"ticket_id": {"type": "string"}}, "additionalProperties": False}

    assert numbers_taken(_tool(inputSchema=page, annotations={"readOnlyHint": True})) == []
    assert numbers_taken(_tool(inputSchema=ticket)) == []
