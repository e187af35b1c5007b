"""`twokey audit why` at a real venue: under cash, positions and results stands what people said, with their names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.people import PgConfig
from cli.commands.why import figures_of_book
from core.audit.reports import BookFigures
from core.audit.tree import KeptRow, Node, nodes_of, verdict_of
from core.domain.bars import Basis
from core.domain.panel import Split
from tests.integration.workspaces import (
    DAY,
    ONE_DAY,
    Workspaces,
    desk_of,
    filled,
    held,
    make_manual,
    morning,
    the_time_is,
    twokey,
)

KEEPS_SERVERS = True
FEE = {"kind": "FEE", "key": "f1", "effective": str(DAY), "account": "main", "currency": "GBP", "amount": "2.50"}


@pytest.fixture(scope="module")
def figures(workspaces: Workspaces) -> Iterator[BookFigures]:
    """Give the figures of a book with a deposit, fills that a person confirmed, and a fee that a person booked."""
    root = workspaces.copy("people")
    make_manual(root)
    with held(root):
        with the_time_is(morning(DAY)):
            assert twokey(root, "run").code == 0
        confirm_first_line(root)
        (root / "fee.json").write_text(json.dumps(FEE))
        with the_time_is(morning(DAY + ONE_DAY)):
            words = ("--by", "ben", "--note", "custody")
            booked = twokey(root, "ledger", "add", str(root / "fee.json"), *words)
            assert booked.code == 0, booked.err
            with desk_of(root) as desk:
                yield figures_of_book(desk, "main", as_of=DAY)


def confirm_first_line(root: Path) -> None:
    """Say that the first line was filled as decided and the others were not executed."""
    ticket = f"TICKET-{DAY:%Y%m%d}"
    shown: dict[str, Any] = twokey(root, "ticket", "show", ticket).facts
    first, *others = shown["ticket"]["lines"]
    lines = ["--line", filled(first, fee="1.25")]
    for one in others:
        lines += ["--line", f"{one['line']} not executed: closed"]
    with the_time_is(morning(DAY).replace(hour=19)):
        done = twokey(root, "confirm", ticket, "--hash", shown["short_hash"], "--by", "ann", *lines)
    assert done.code == 0, done.err


def speakers(node: Node) -> set[tuple[str, str]]:
    """Give the tables in a tree with who said what stands there."""
    rows = [one for part in nodes_of(node) for one in part.origins if isinstance(one, KeptRow)]
    return {(row.table, row.said_by) for row in rows}


def test_cash_rests_on_what_people_said(figures):
    """The deposit, the answer with its confirmation and the booked fee each name the person; all of it comes out equal."""
    cash = figures.tree("cash")

    assert verdict_of(cash).problems == ()
    assert {
        ("cash_movement", "p"),
        ("confirmation", "ann"),
        ("confirmation_line", "role confirm"),
        ("booked_fact", "ben"),
        ("entry", "role ledger"),
    } <= speakers(cash)


def test_every_figure_is_computed_again(figures):
    """Positions, equity and results of a confirmed book: no figure is only told."""
    trees = {name: figures.tree(name) for name in figures.names()}

    assert {name: verdict_of(tree).problems for name, tree in trees.items()} == dict.fromkeys(trees, ())
    assert {name for name, tree in trees.items() if tree.again != tree.text} == set()
    assert trees["pnl fees"].text == "2.5"


def test_a_booked_fact_is_shown_as_it_is_kept(figures):
    """An entry of a kind that has words of its own is a fact with its row, and is not said to be computed."""
    (fee,) = [node for node in nodes_of(figures.tree("cash")) if "FEE" in node.text]

    assert (fee.again, fee.rule) == (None, "FEE, booked from booked_fact 1")
    assert [one.table for one in fee.under[0].origins if isinstance(one, KeptRow)] == ["booked_fact"]


def publish_with_split(root: Path, instrument: str) -> None:
    """Make a clean set current in which an instrument has raw prices and was split in two on the day after the ticket's."""
    with desk_of(root) as desk:
        before = desk.clean.current() or ""
        panel = desk.clean.panel(before)
        basis = tuple(
            Basis("raw") if name == instrument else one
            for name, one in zip(panel.instruments, panel.basis, strict=True)
        )
        split = Split(DAY + ONE_DAY, instrument, Decimal(2))
        made = replace(panel, basis=basis, splits=(split,))
        made_of = desk.clean.made_of(before)
        PgConfig(desk.session("desk")).add_snapshot(
            desk.clean.publish(made, desk.clean.fixings(before), made_of=made_of), "{}"
        )


def test_a_split_that_a_clean_set_told_is_made_again_of_what_was_held(workspaces):
    """Units that came in a split rest on the clean set that told it, and on what was held the evening before."""
    root = workspaces.copy("split")
    make_manual(root)
    with held(root):
        with the_time_is(morning(DAY)):
            assert twokey(root, "run").code == 0
        confirm_first_line(root)
        with desk_of(root) as desk:
            bought = next(one for one in desk.journal.entries("main", "manual") if one.kind == "BUY")
        publish_with_split(root, bought.instrument or "")
        with the_time_is(morning(DAY + 2 * ONE_DAY)):
            settled = twokey(root, "settle")
            with desk_of(root) as desk:
                units = figures_of_book(desk, "main", as_of=DAY + ONE_DAY).tree(f"position {bought.instrument}")

    assert settled.code == 0, settled.err
    (came,) = [node for node in nodes_of(units) if "SPLIT" in node.text]
    assert verdict_of(units).problems == ()
    assert (came.again, units.value) == (came.text, 2 * bought.postings[0].amount)
    assert "clean_snapshot" in {table for table, _ in speakers(came)}
