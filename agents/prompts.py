"""Prompts: what an agent is called, what it is for, which tools it may use, and how it works."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

KEYS = ("name", "description", "tools")
NAMES = ("explainer", "ops", "quant")
_FRONT = re.compile(r"---\n(.*?)\n---\n+(.+)", re.DOTALL)
_TOOL = re.compile(r"[a-z_]+\.[a-z_]+")
_CALLED = re.compile(r"`([a-z_]+)\(")
_NAMED = re.compile(r"`([a-z_]+)`")


class PromptError(ValueError):
    """A prompt cannot be used; says which file, what was found, and what would be right."""


@dataclass(frozen=True)
class Prompt:
    """An agent: its name, what it is for, its tools as `SERVER.TOOL`, and the text that it works by."""

    name: str
    description: str
    tools: tuple[str, ...]
    text: str


def read_prompts() -> tuple[Prompt, ...]:
    """Read every agent's prompt, in the order of their names."""
    return tuple(read_prompt(name) for name in NAMES)


def read_prompt(name: str) -> Prompt:
    """Read one agent's prompt; raises PromptError when there is no such agent or its file is wrong."""
    if name not in NAMES:
        raise PromptError(f"there is no agent {name!r}; there are {', '.join(NAMES)}")
    prompt = parse_prompt((resources.files("agents") / f"{name}.md").read_text(encoding="utf-8"), f"{name}.md")
    if prompt.name != name:
        raise PromptError(f"{name}.md: its name was {prompt.name!r}; it must be {name!r}")
    return prompt


def parse_prompt(text: str, where: str) -> Prompt:
    """Read a prompt from its file's text: front matter between two lines of ---, then the text."""
    found = _FRONT.fullmatch(text)
    if found is None:
        raise PromptError(f"{where}: it must begin with front matter between two lines of ---, and then say something")
    try:
        front = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise PromptError(f"{where}: the front matter is no YAML: {error}") from error
    if not isinstance(front, dict) or sorted(front) != sorted(KEYS):
        keys = sorted(str(key) for key in front) if isinstance(front, dict) else type(front).__name__
        raise PromptError(f"{where}: the front matter holds {keys}; it must hold {', '.join(KEYS)}")
    return Prompt(*_checked(front, where), text=found[2].strip() + "\n")


def unknown_tools(prompt: Prompt, known: Collection[str]) -> tuple[str, ...]:
    """Name what a prompt speaks of and may not: tools that no server has, and tools that it does not list itself."""
    own = {tool.partition(".")[2] for tool in prompt.tools}
    others = {tool.partition(".")[2] for tool in known} - own
    called = set(_CALLED.findall(prompt.text)) - own
    named = set(_NAMED.findall(prompt.text)) & others
    return (*(tool for tool in prompt.tools if tool not in known), *sorted(called | named))


def _checked(front: dict[str, Any], where: str) -> tuple[str, str, tuple[str, ...]]:
    name, description, tools = (front[key] for key in KEYS)
    if not isinstance(name, str) or not isinstance(description, str) or not description.strip():
        raise PromptError(f"{where}: name and description must be texts")
    if not isinstance(tools, list) or not tools or len(set(map(str, tools))) != len(tools):
        raise PromptError(f"{where}: tools must be a list of names, each once")
    wrong = [tool for tool in tools if not isinstance(tool, str) or not _TOOL.fullmatch(tool)]
    if wrong:
        raise PromptError(f"{where}: tools were {wrong}; write each as SERVER.TOOL")
    return name, description.strip(), tuple(tools)
