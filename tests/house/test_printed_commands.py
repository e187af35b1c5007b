"""Every command that the code tells a person to type is one that the command line takes, with all that it requires."""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from functools import cache

import pytest

from cli.arguments import COMMANDS
from cli.main import build_parser
from tests.house.tree import ROOT, Source, assert_none, floor_sources, violations

# What a formatted value becomes: a word of its own, or nothing where it is glued to one, such as ` -w DIR` or none.
VALUE, GLUED = "\0", re.compile("(?<=[^\\s`'\"(=])\0+")
QUOTED = re.compile(r"`twokey ([^`]+)`")
# Without quotes a command goes up to the end of its line, to a comma, or to a gap.
BARE = re.compile(rf"\btwokey ((?:{'|'.join(one.name for one in COMMANDS)})\b(?!:)(?: ?[^\s,;:`]+)*)")
REST = "..."
# What a handler asks for beside an option, which the parser does not know.
TOGETHER = {"--revise": ("--by", "--reason")}


def told(text: str) -> Iterator[str]:
    """Give the commands that a text names."""
    plain = GLUED.sub("", text).replace(VALUE, "VALUE")
    yield from QUOTED.findall(plain)
    yield from BARE.findall(QUOTED.sub("", plain))


def texts(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Give every text of a module that is no docstring, with VALUE for what is formatted into it."""
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            left_out.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        if id(node) not in left_out and isinstance(node, ast.JoinedStr):
            yield node, "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
        elif id(node) not in left_out and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def wrong_commands(source: Source) -> Iterator[str]:
    """Find the commands of a file that would end in a usage error."""
    for node, text in texts(source.tree):
        for command in told(text):
            if problem := objection(command):
                yield source.at(node, f"`twokey {command}`: {problem}")


def objection(command: str) -> str | None:
    """Say why the command line would not take a command as it is told; three points at its end leave the rest to the reader."""
    words = shlex.split(command)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            _parser().parse_args([word for word in words if word != REST])
    except SystemExit:
        problem = said.getvalue().strip().rpartition("error: ")[2]
        return None if words[-1] == REST and "are required" in problem else problem
    lacking = [beside for word in words for beside in TOGETHER.get(word, ()) if beside not in words]
    return f"it needs {', '.join(lacking)} too" if lacking and words[-1] != REST else None


@cache
def _parser() -> argparse.ArgumentParser:
    """Give a parser of its own that takes any word as a value: NAME is nobody, and YYYY-MM-DD no day."""
    parser = build_parser.__wrapped__()
    _take_any(parser)
    return parser


def _take_any(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _take_any(below)
        else:
            action.type, action.choices = None, None


def test_every_printed_command_can_be_typed():
    """No message, ticket or hint leads to a usage error."""
    assert_none(violations(wrong_commands, floor_sources()))


def test_commands_are_found_at_all():
    """The search is not blind: the floors name dozens of them."""
    found = [command for source in floor_sources() for _, text in texts(source.tree) for command in told(text)]

    assert len(found) > 60
    assert len({command.split()[0] for command in found}) > 15


def test_every_command_of_a_block_of_the_readme_can_be_typed():
    """Those of the other pages too: what stands in a block is there to be copied."""
    wrong = []
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
        for block in re.findall(r"(?ms)^```(?:sh|bash)?\n(.*?)^```", page.read_text(encoding="utf-8")):
            for command in re.findall(r"(?m)^(?:\.venv/bin/)?twokey (.*?)(?: +#.*)?$", block):
                if problem := objection(command):
                    wrong.append(f"{page.name}: `twokey {command}`: {problem}")

    assert_none(wrong)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('f"look: `twokey universe verify {name}`"', "--by"),
        ('f"look: `twokey universe verify`"', "SYMBOL, --by"),
        ('"run " "`twokey keys " "rotate`"', "--by"),
        ('"Next: twokey simulate --from YYYY-MM-DD   then more"', "--to"),
        ('"`twokey nothing`"', "invalid choice: 'nothing'"),
        ('"`twokey run --revise`"', "it needs --by, --reason too"),
        ('"`twokey run --of main`"', "unrecognized arguments: --of"),
    ],
)
def test_sees_a_command_that_lacks_something(text, says):
    """What is required and was left out, what there is not, and what it does not take."""
    found = list(wrong_commands(Source("cli/planted.py", f"X = {text}\n")))

    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    "text",
    [
        'f"look: `twokey universe verify {name} --by NAME`"',
        'f"then `twokey confirm {ticket} --hash {short} ...`"',
        'f"then `twokey settle{place}`, or not"',
        '"twokey ingest -w DIR --archive PATH ..., twokey run -w DIR --on YYYY-MM-DD"',
        'f"twokey mcp {role}: {error}"',
        '"every other twokey command"',
        '"twokey: BACKUP FAILED"',
    ],
)
def test_lets_whole_commands_and_other_words_be(text):
    """Whatever the values are, wherever a command ends."""
    assert list(wrong_commands(Source("cli/planted.py", f"X = {text}\n"))) == []


def test_a_docstring_may_name_a_command_alone():
    """It is for readers of the code, who type nothing."""
    assert list(wrong_commands(Source("cli/planted.py", '"""As `twokey universe verify` does."""\n'))) == []
