"""`portfolio.json`: after each change it says what the books hold, and never falls behind them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.workspaces import (
    DAY,
    ONE_DAY,
    Workspaces,
    desk_of,
    filled,
    make_manual,
    morning,
    the_time_is,
    twokey,
)


@pytest.fixture(scope="module")
def root(workspaces: Workspaces) -> Path:
    """Give a book at a manual venue with 10,000 and no trade."""
    root = workspaces.copy("portfolio")
    make_manual(root)
    return root


def told(root: Path) -> Any:
    """Read the file."""
    return json.loads((root / "portfolio.json").read_text(encoding="utf-8"))


def test_after_each_change_the_file_says_what_the_books_hold(root: Path) -> None:
    """Cash, a confirmed fill, a booked fact, a run: each time the file is that of the newest event."""
    assert [(one["book"], one["cash"], one["positions"]) for one in told(root)["books"]] == [
        ("main", {"GBP": "10000"}, {})
    ]
    with the_time_is(morning(DAY)):
        issued = twokey(root, "run").facts
    ticket = twokey(root, "ticket", "show", issued["ticket_id"]).facts
    line = ticket["ticket"]["lines"][0]
    answer = filled(line)
    with the_time_is(morning(DAY) + timedelta(hours=11)):
        words = ("--hash", ticket["short_hash"], "--by", "ann", "--line", answer)
        assert twokey(root, "confirm", issued["ticket_id"], *words).code == 0
    instrument = line["instrument"]
    assert told(root)["books"][0]["positions"] == {instrument: line["quantity"]}
    fee = {"kind": "FEE", "key": "f1", "effective": str(DAY - ONE_DAY), "account": "etoro/unallocated"}
    (root / "fee.json").write_text(json.dumps(fee | {"currency": "USD", "amount": "2"}), encoding="utf-8")
    with the_time_is(morning(DAY)):
        done = twokey(root, "ledger", "add", str(root / "fee.json"), "--by", "ann", "--note", "custody")
    assert done.code == 0, done.err
    assert [(one["book"], one["cash"].get("USD")) for one in told(root)["books"]] == [
        ("etoro/unallocated", "-2"),
        ("main", None),
    ]
    with desk_of(root) as desk:
        assert told(root)["head"] == {"seq": desk.chain.head().seq, "hash": desk.chain.head().hash}
