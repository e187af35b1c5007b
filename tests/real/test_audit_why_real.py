"""`twokey audit why` on recorded data: every close of a real ticket and of restated evenings is cleaned again to the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from adapters.postgres.tickets import PgTickets
from cli.commands.trading import stored_setup
from cli.commands.why import figures_of_book, why_doors
from core.audit.market import Market, RawTelling, close_node
from core.audit.tree import KeptRow, verdict_of
from core.domain.bars import Days
from core.domain.instrument import Universe
from core.market_data.clean import clean_bars
from core.market_data.knowledge import as_known
from flows.why import ticket_why
from tests.integration.workspaces import desk_of, held, twokey
from tests.real.catalogue import Catalogue
from tests.real.conftest import Copy
from tests.unit.market_data.making import instrument, rules
from tests.unit.shipped import policy

pytestmark = [pytest.mark.shared, pytest.mark.slow]

FIRST, SECOND = date(2024, 6, 12), date(2024, 6, 17)
FOLDER = "eod/us_asof_2015_2017"
SEED, SAMPLES = 20150715, 40
ROW = KeptRow("clean_snapshot", 1, 1, "a" * 64, "role desk", datetime(2026, 3, 14, tzinfo=UTC))


@pytest.fixture(scope="module")
def decided(place: Path, recorded: Path, copy: Copy) -> Iterator[Path]:
    """Give a workspace with the recorded market and two decided days, the first one filled on paper."""
    root = copy(recorded, place / "why-real")
    with held(root):
        for day in (FIRST, SECOND):
            assert twokey(root, "run", "--on", str(day), "--no-ingest").code == 0
        yield root


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_every_figure_of_a_real_ticket_is_computed_again(decided, day):
    """Closes of the recorded Yahoo files in units of after later splits, rates of the European Central Bank: all equal."""
    with desk_of(decided) as desk:
        standing = PgTickets(desk.session("reader")).ticket(f"TICKET-{day:%Y%m%d}")
        assert standing is not None
        run_id = standing.issued.seal.run_id
        figures = ticket_why(run_id, stored_setup(run_id, desk), why_doors(desk))
        trees = {name: figures.tree(name) for name in figures.names()}

    assert len(trees) > 150
    assert {name: verdict_of(tree).problems for name, tree in trees.items()} == dict.fromkeys(trees, ())


def test_every_figure_of_a_real_book_is_computed_again(decided):
    """What the reports print of the fills at recorded bars comes out equal from the raw files."""
    with desk_of(decided) as desk:
        figures = figures_of_book(desk, "main", as_of=SECOND)
        trees = {name: figures.tree(name) for name in figures.names()}

    assert any(name.startswith("position ") for name in trees)
    assert {name: verdict_of(tree).problems for name, tree in trees.items()} == dict.fromkeys(trees, ())


def test_closes_of_restated_evenings_are_cleaned_again(shared: Path, new_york: Days):
    """As known on a random evening, a close told many times and in units of many splits comes out as the panel has it."""
    told = Catalogue(shared / "data").read(FOLDER)["sp500_members_asof.parquet"]
    bars = told.bars
    assert bars is not None
    universe = Universe(tuple(instrument(name) for name in sorted(set(bars.symbol.tolist()))))
    whole = clean_bars([told], universe, rules(), sessions=new_york.tolist()).value
    dice, found = random.Random(SEED), Counter[str]()
    days: list[date] = whole.sessions.astype(object).tolist()

    for _ in range(SAMPLES):
        at = dice.randrange(30, len(days) - 1)
        known_at = datetime.combine(days[at + 1], time(8), UTC) + timedelta(days=dice.randrange(0, 90))
        panel = as_known(whole, known_at)
        name = dice.choice(panel.instruments)
        market = Market(
            panel=panel,
            fixings=(),
            tellings=(RawTelling("asof.parquet", "0" * 64, bars.provider, told),),
            files=(),
            row=ROW,
            universe=universe,
            policy=policy(),
            policy_row=ROW,
            sessions=new_york.tolist(),
            known_at=known_at,
        )
        node = close_node(market, name, days[at])
        assert verdict_of(node).problems == (), (name, days[at], known_at)
        found["priced" if node.value is not None else "no bar"] += 1

    assert found["priced"] > SAMPLES / 2, found
    assert whole.versions is not None
    assert len(whole.versions.column) > 1000
