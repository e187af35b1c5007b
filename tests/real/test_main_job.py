"""The main job on recorded data: one command decides a real day, says what it did, and does it only once."""

from __future__ import annotations

import json
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.checker.check_tickets import CHECKS, check
from tests.checker.derive_plan import wrong_plan
from tests.integration.workspaces import ROOT, as_program, twokey
from tests.real.conftest import MAIN_SET, Copy
from tests.real.market import world_of

pytestmark = [pytest.mark.shared, pytest.mark.slow]

# A Wednesday two days after NVIDIA's split of 10:1, and an ordinary session before it.
DAY, AS_OF = date(2024, 6, 12), date(2024, 6, 11)
TICKET, RUN = "TICKET-20240612", "RUN-20240612-r1"
PENNY, STEP = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True)
class Job:
    """The workspace after the job: its folder, exit code, what was printed, and the ticket file."""

    root: Path
    code: int
    facts: dict[str, Any]
    document: dict[str, Any]

    @property
    def ticket(self) -> dict[str, Any]:
        """Give the decision bytes."""
        ticket: dict[str, Any] = self.document["ticket"]
        return ticket


@pytest.fixture(scope="module")
def job(place: Path, recorded: Path, copy: Copy) -> Job:
    """Decide the day once, as a program of its own: exactly one JSON object on its output."""
    root = copy(recorded, place / "main-job")
    done = subprocess.run(
        as_program(root, "run", "--on", DAY.isoformat()), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return Job(
        root, done.returncode, json.loads(done.stdout), json.loads((root / f"tickets/{TICKET}.json").read_text())
    )


def test_the_job_says_what_it_did(job):
    """Exit 0 and the run, the ticket, its kind, as-of, hash, path and findings."""
    page = job.root / f"tickets/{TICKET}.md"

    assert job.code == 0
    assert {name: job.facts[name] for name in ("run_id", "ticket_id", "kind", "as_of", "findings", "is_rehearsal")} == {
        "run_id": RUN,
        "ticket_id": TICKET,
        "kind": "TRADE",
        "as_of": AS_OF.isoformat(),
        "findings": [],
        "is_rehearsal": True,
    }
    assert job.facts["hash"] == job.document["hash"]
    assert job.facts["ticket_path"] == str(page)
    assert job.facts["hash"] in page.read_text(encoding="utf-8")
    assert "REHEARSAL" in page.read_text(encoding="utf-8")


def test_prices_are_the_recorded_closes_in_units_after_the_split(job, shared):
    """NVIDIA closed at 120.91 and not at 1,209.10: the decision price is the split-adjusted close of as-of."""
    table = pq.read_table(shared / "data/eod/sp500_yahoo/prices_2024.parquet", filters=[("date", "==", AS_OF)])
    closes = dict(zip(table["symbol"].to_pylist(), table["close"].to_pylist(), strict=True))
    prices = {line["instrument"]: Decimal(line["decision_price"]) for line in job.ticket["lines"]}

    assert prices["NVDA"] == Decimal("120.91")
    assert all(abs(float(price) - closes[name]) < 0.0001 for name, price in prices.items())
    assert job.ticket["basis"] == "split-adjusted as of 2026-03-13"


def test_the_rate_is_the_fixing_of_the_day_before(job, shared):
    """Dollars for a pound through the euro, fixed in Frankfurt on the afternoon of 2024-06-11."""
    with zipfile.ZipFile(shared / "data/fx/ecb/eurofxref-hist.zip") as archive:
        head, *rows = archive.read("eurofxref-hist.csv").decode().splitlines()
    fixed = dict(
        zip(head.split(","), next(row for row in rows if row.startswith("2024-06-11")).split(","), strict=True)
    )
    rate = (Decimal(fixed["USD"]) / Decimal(fixed["GBP"])).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)

    assert Decimal(job.ticket["fx_rate"]) == rate == Decimal("1.274377")
    assert job.ticket["fx"] == f"{rate} USD for 1 GBP, fixed 2024-06-11 (ecb)"


def test_sizes_are_those_of_a_hand_calculation(job):
    """10,000 pounds, 95 % over fifteen names, each line cut to four decimals, until 60 % is traded (turnover 30 %)."""
    rate, left = Decimal(job.ticket["fx_rate"]), Decimal(6000)
    share = Decimal(10000) * Decimal("0.063333")
    for line in job.ticket["lines"]:
        price = Decimal(line["decision_price"])
        wanted = (min(share, left) - 2 * PENNY) * rate / price
        value = (Decimal(line["quantity"]) * price / rate).quantize(PENNY, ROUND_HALF_EVEN)
        assert Decimal(line["quantity"]) == wanted.quantize(STEP, ROUND_DOWN)
        assert Decimal(line["value"]) == value
        left -= value

    assert [line["side"] for line in job.ticket["lines"]] == ["buy"] * 10
    assert 0 <= left < 25
    assert (job.ticket["equity"], job.ticket["cash"]) == ("10000", "10000")
    assert job.ticket["notes"] == [
        "first build: it may begin on any session, and the turnover limit of 0.3 of equity holds for it too"
    ]


def test_the_names_are_the_strongest_of_the_year(job, shared):
    """The lines stand in the order of momentum, computed here straight from the Parquet files."""
    tables = [pq.read_table(shared / f"data/eod/sp500_yahoo/prices_{year}.parquet") for year in (2023, 2024)]
    days = sorted({day for table in tables for day in pc.unique(table["date"]).to_pylist() if day <= AS_OF})
    ends = {}
    for back in (21, 252):
        rows = [table.filter(pc.field("date") == days[-1 - back]) for table in tables]
        ends[back] = {
            name: value
            for one in rows
            for name, value in zip(one["symbol"].to_pylist(), one["adj_close"].to_pylist(), strict=True)
        }
    names = [row.split(",")[0] for row in (job.root / "config/universe.csv").read_text().splitlines()[1:]]
    ranked = sorted(
        (name for name in names if name not in ("SPY", "QQQ")), key=lambda name: -ends[21][name] / ends[252][name]
    )

    assert [line["instrument"] for line in job.ticket["lines"]] == ranked[:10]


def test_the_checker_agrees(job, shared):
    """The independent checker finds nothing, and derives the same plan."""
    world = world_of(shared, job.root / "config", range(2022, 2025))
    texts = {f"{TICKET}.json": (job.root / f"tickets/{TICKET}.json").read_text(encoding="utf-8")}

    assert check(texts, world, DAY, DAY, checks=(*CHECKS, wrong_plan)) == []


def test_a_replay_is_equal_everywhere(job):
    """Every stage is computed again from what was stored, and has the same hash; the first build too."""
    done = twokey(job.root, "replay", RUN)

    assert (done.code, done.facts["equal"]) == (0, True)
    assert [stage["stage"] for stage in done.facts["stages"]] == [
        *("calendar", "policy", "scores", "seen", "proposal", "decision", "ticket", "approval", "signature")
    ]


def test_running_again_gives_the_same_bytes(job):
    """The same ticket, page and manifest, also when the files were deleted; nothing is decided twice."""
    names = (
        f"tickets/{TICKET}.md",
        f"tickets/{TICKET}.json",
        "trades/approved_2024-06-12.json",
        f"runs/{RUN}/manifest.json",
    )
    before = {name: (job.root / name).read_bytes() for name in names}

    again = twokey(job.root, "run", "--on", DAY.isoformat())
    kept = {name: (job.root / name).read_bytes() for name in names}
    for name in names:
        (job.root / name).unlink()
    once_more = twokey(job.root, "run", "--on", DAY.isoformat())

    assert (again.code, again.facts) == (once_more.code, once_more.facts) == (0, job.facts)
    assert kept == before
    assert {name: (job.root / name).read_bytes() for name in names} == before


def test_another_workspace_comes_to_the_same_hash(job, place, shared):
    """The same inputs give the same decision with other keys, another database, and the archive read in other steps."""
    root = place / "main-job-again"
    assert twokey(root, "init").code == 0
    bars, funds, rates = MAIN_SET
    for name in (bars, rates, funds):
        assert twokey(root, "ingest", "--archive", str(shared / "data" / name)).code == 0

    again = twokey(root, "run", "--on", DAY.isoformat()).facts

    assert again["hash"] == job.facts["hash"]
    assert _seal(root)["key_id"] != _seal(job.root)["key_id"]


def test_stooq_alone_is_not_enough(place, fresh, copy, shared):
    """Fourteen symbols of a hundred and two: the data gate says so with its numbers, and the ticket is NO-TRADE."""
    root = copy(fresh, place / "stooq")
    ingested = twokey(root, "ingest", "--archive", *(str(shared / f"data/stooq/{name}") for name in ("bulk", "csv")))
    done = twokey(root, "run", "--on", DAY.isoformat())
    said = [finding["message"] for finding in done.facts["findings"] if finding["check"] == "data"]

    assert ingested.code == 0, ingested.err
    assert (done.code, done.facts["kind"], done.facts["as_of"]) == (3, "NO-TRADE", AS_OF.isoformat())
    assert any("of 102 instruments" in message and "at least 98 % are needed" in message for message in said), said


def _seal(root: Path) -> dict[str, Any]:
    seal: dict[str, Any] = json.loads((root / f"tickets/{TICKET}.json").read_text(encoding="utf-8"))["seal"]
    return seal
