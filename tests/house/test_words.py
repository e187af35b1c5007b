"""No promise, no machine and no package index stands in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.house.tree import ROOT, assert_none, tracked_paths

# Spelled in pieces, so that this file keeps its own rule.
FORBIDDEN = {
    "a promise": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b"),
    "a path of one machine": re.compile(r"(?<![\w.})$-])/(wo" + r"rk|ro" + r"ot)/"),
    "an index address": re.compile(r"py" + r"pi\.org/simple|files\.python" + r"hosted\.org"),
}


def forbidden_words(path: str, text: str) -> Iterator[str]:
    """Find the words that may not be committed, with their lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in FORBIDDEN.items():
            if match := pattern.search(line):
                yield f"{path}:{number} {what}: {match.group()}"


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Read every tracked file that is text."""
    for path in tracked_paths():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8", errors="replace")


def test_no_forbidden_word_is_tracked():
    """No text file of the tree, golden files and locks included, holds a forbidden word."""
    assert_none([found for path, text in tracked_texts() for found in forbidden_words(path, text)])


@pytest.mark.parametrize(
    "line",
    [
        "# TO" + "DO: later",
        "FIX" + "ME",
        "cd /wo" + "rk/main",
        'HOME = "/ro' + 'ot/x"',
        "--index-url https://py" + "pi.org/simple",
        "https://files.python" + "hosted.org/x.whl",
    ],
)
def test_sees_each_forbidden_word(line):
    """Every planted word is found."""
    assert list(forbidden_words("docs/planted.md", line))


@pytest.mark.parametrize(
    "line", ["docs/wo" + "rk/plan.md", "TO" + "DOs are not kept", "https://example.org/ro" + "ot/"]
)
def test_lets_other_words_be(line):
    """Words and paths that only look alike are left alone."""
    assert list(forbidden_words("docs/planted.md", line)) == []
