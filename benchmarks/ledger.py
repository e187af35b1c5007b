"""The ledger's computing: positions and lots, the UK's matching, a ten-year curve, and how cost grows with the fills."""

from __future__ import annotations

import gc
import json
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fills
from benchmarks.fills import Row
from benchmarks.timing import in_a_process, peak_mebibytes, seconds, table, told
from core.canonical import canonical_json
from core.domain.panel import Panel
from core.domain.posting import CashFact
from core.ledger.equity import Curve, Rates, extend_curve
from core.ledger.evaluate import DIGITS, evaluate
from core.ledger.matching_uk import match_uk
from core.ledger.performance import performance
from core.ledger.positions import holdings_of, open_lots
from core.ledger.post import post_cash
from core.ledger.question import read_question
from core.ledger.quotes import Quotes
from core.ledger.standing import standing_facts
from core.ledger.walk import Walk
from core.ledger.worth import Scope
from core.uncollected import uncollected

ASKED = 100_000
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
RUNS = 3
HELD, SESSIONS, CURVE_FILLS = 50, 2520, 2000
ZERO = Decimal(0)
JOBS = ("lots", "walk", "matching")


def report(folder: Path, peers: Path | None, *, largest: int) -> str:
    """Run every part and give what it measured, in Markdown."""
    lines = [
        "## The ledger's computing",
        "",
        f"Fills of {fills.INSTRUMENTS} instruments over ten years, half of them sales; all figures exact decimals.",
        f"Each run in a process of its own; medians of {RUNS}. Processor time is what a neighbour's work touches least.",
        "",
        _side_by_side(folder, peers),
        "",
        _curves(),
        "",
        _growth([size for size in SIZES if size <= largest]),
    ]
    return "\n".join(lines)


# --- a hundred thousand fills, beside the peers -----------------------------------------------------------------------


def _side_by_side(folder: Path, peers: Path | None) -> str:
    """Compute the same fills here and there, in turns, and hold that the answers are equal."""
    found = fills.rows(ASKED)
    fills.write_beancount(found, folder / "fills.beancount")
    fills.write_ledger(found, folder / "fills.ledger")
    (folder / "fifo.json").write_text(fills.question(found, "FIFO"), encoding="utf-8")
    (folder / "uk.json").write_text(fills.question(found, "UK"), encoding="utf-8")
    ours = [in_a_process("benchmarks.ledger", "fills", str(ASKED))]
    answers = {
        name: [in_a_process("benchmarks.ledger", "answer", str(folder / name))] for name in ("fifo.json", "uk.json")
    }
    beancount = [_beancount(folder, peers)] if peers else []
    for _ in range(RUNS - 1):
        ours.append(in_a_process("benchmarks.ledger", "fills", str(ASKED)))
        for name, runs in answers.items():
            runs.append(in_a_process("benchmarks.ledger", "answer", str(folder / name)))
        beancount += [_beancount(folder, peers)] if peers else []
    _hold_equal(ours[0]["figures"], answers["fifo.json"][0]["figures"])
    for theirs in beancount:
        _hold_equal(ours[0]["figures"], theirs)
    times = {
        "Twokey, from entries: positions and FIFO lots": [run["lots"] for run in ours],
        "Twokey, from facts: order, lots, cash, results of each": [run["walk"] for run in ours],
        "Twokey, from these: the UK's matching": [run["matching"] for run in ours],
        "Twokey, from JSON to JSON: the whole answer, FIFO": [run["answer"] for run in answers["fifo.json"]],
        "Twokey, from JSON to JSON: the whole answer, UK": [run["answer"] for run in answers["uk.json"]],
    }
    times |= {"beancount 3, from text: parse, book FIFO": [[run["seconds"], run["cpu"]] for run in beancount]}
    times |= {f"{name}, from text: positions, no lots": _command(name, folder) for name in ("hledger", "ledger")}
    first = _median(times["Twokey, from entries: positions and FIFO lots"])
    rows = [(job, *_row(runs, first)) for job, runs in times.items()]
    return table((f"{ASKED:,} fills", "wall", "processor", "times the first's"), rows)


def _row(runs: Sequence[Sequence[float]], first: Sequence[float]) -> tuple[str, ...]:
    if not runs:
        return ("not installed", "", "")
    wall, processor = _median(runs)
    return told(wall), told(processor), f"{processor / first[1]:.1f}"


def _median(runs: Sequence[Sequence[float]]) -> list[float]:
    """Give the median wall and processor time."""
    return [statistics.median(run[at] for run in runs) for at in range(2)]


def _beancount(folder: Path, peers: Path | None) -> Any:
    return in_a_process("benchmarks.peers.beancount_load", str(folder / "fills.beancount"), python=peers)


def _command(name: str, folder: Path) -> list[list[float]]:
    """Time a program of the system, where it is installed."""
    if (found := shutil.which(name)) is None:
        return []
    command = [found, "-f", str(folder / "fills.ledger"), "balance", "Broker"]

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    # A minute and more, each time: once says it.
    return [_both(run, resource.RUSAGE_CHILDREN) for _ in range(1 if name == "ledger" else RUNS)]


def _hold_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name in ("units", "costs"):
        one, other = ({key: Decimal(value) for key, value in told[name].items()} for told in (ours, theirs))
        assert one == other, f"the {name} of two readers are not equal"
    assert Decimal(ours["gains"]) == Decimal(theirs["gains"]), f"gains are {ours['gains']} and {theirs['gains']}"


# --- in a process of its own ------------------------------------------------------------------------------------------


def _both(call: Callable[[], object], whose: int = resource.RUSAGE_SELF) -> list[float]:
    """Give the wall and the processor time of a call."""
    before = resource.getrusage(whose)
    wall = seconds(call)
    after = resource.getrusage(whose)
    return [wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]


def _fills(count: int) -> dict[str, Any]:
    """Rebuild positions and lots from entries, walk the same fills as facts, and match them for the UK."""
    found = fills.rows(count)
    entries = [fills.entry(row) for row in found]
    kept: list[Any] = []

    def rebuild() -> None:
        """Positions are what is left of the lots."""
        left, gains = open_lots(entries)
        kept.extend((gains, *_sums((lot.instrument, lot.quantity, lot.cost) for lot in left)))

    times = {"lots": _both(rebuild)}
    gains, units, costs = kept
    holdings = holdings_of(entries, base="GBP")
    assert units == {one.instrument: one.quantity for one in holdings.positions}, "lots are not positions"
    kept.clear()
    entries.clear()
    question = read_question(fills.question(found, "UK"))
    gc.collect()
    ask, methods = question.ask, {"a": question.method}
    walked: list[Any] = []

    def walk() -> None:
        facts = standing_facts(question.facts, ask)
        walked.extend((facts, Walk(facts, methods, Quotes((), (), facts, ask), ask.base)))

    with localcontext(prec=DIGITS), uncollected():
        times["walk"] = _both(walk)
        tax: list[Any] = []
        times["matching"] = _both(lambda: tax.append(match_uk(question, *walked)))
        lots_of = walked[1].lots.items()
        assert (units, costs) == _sums((at[1], lot.quantity, lot.cost) for at, of in lots_of for lot in of), (
            "two engines"
        )
        _hold_exact(found, tax[0])
    figures = {"units": _texts(units), "costs": _texts(costs), "gains": str(gains)}
    return {**times, "peak": peak_mebibytes(), "figures": figures}


def _sums(lots: Iterable[tuple[str, Decimal, Decimal]]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Give units and cost of each instrument."""
    units: dict[str, Decimal] = {}
    costs: dict[str, Decimal] = {}
    for name, quantity, cost in lots:
        units[name], costs[name] = units.get(name, ZERO) + quantity, costs.get(name, ZERO) + cost
    return units, costs


def _hold_exact(found: Sequence[Row], tax: dict[str, Any]) -> None:
    """Hold that every unit sold is matched, and that what was paid is in matches and pools, to the last digit."""
    matches = [match for one in tax["disposals"] for match in one["matches"]]
    sold = sum(row.units for row in found if not row.is_buy)
    assert sum((match["quantity"] for match in matches), ZERO) == sold, "not every unit sold is matched"
    paid = sum((row.cents + fills.COMMISSION) * row.units for row in found if row.is_buy)
    cost = sum((one["cost"] for one in (*matches, *tax["pools"])), ZERO)
    assert cost == fills.cents(paid), f"{fills.cents(paid)} was paid, and {cost} is matched or pooled"


def _texts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _answer(path: Path) -> dict[str, Any]:
    """Answer a question as `twokey ledger eval` does, from text to text."""
    text = path.read_text(encoding="utf-8")
    answers: list[Any] = []
    texts: list[str] = []

    def answer() -> None:
        answers.append(evaluate(read_question(text)))
        texts.append(canonical_json(answers[0]))

    times = _both(answer)
    rows = answers[0]["positions"]
    figures = {
        "units": {row["instrument"]: str(row["quantity"]) for row in rows},
        "costs": {row["instrument"]: str(row["cost"]) for row in rows},
        "gains": str(answers[0]["pnl"]["realised"]["total"]),
    }
    return {"answer": times, "figures": figures}


# --- a ten-year curve -------------------------------------------------------------------------------------------------


def _curves() -> str:
    runs = [in_a_process("benchmarks.ledger", "curve") for _ in range(RUNS)]
    rows = []
    for name, said in (
        ("books", "equity and index at each close, from entries"),
        ("door", "value, index, risk, from facts"),
    ):
        wall, processor = _median([run[name] for run in runs])
        rows.append((said, told(wall), told(processor)))
    return table((f"a daily curve: {HELD} instruments, {SESSIONS:,} sessions", "wall", "processor"), rows)


def _curve() -> dict[str, Any]:
    """Value a book at every close of ten years, as the books do and as the checking door does."""
    panel = _panel()
    sessions: list[date] = panel.sessions.astype(object).tolist()
    on = {day: sessions[min(at * SESSIONS // fills.DAYS, SESSIONS - 1)] for at, day in enumerate(_days())}
    found = [row._replace(day=on[row.day]) for row in fills.rows(CURVE_FILLS, HELD)]
    paid_in = CashFact("D", "DEPOSIT", "main", "manual", sessions[0], "GBP", Decimal(10**7), "bench")
    entries = [post_cash(paid_in), *(fills.entry(row) for row in found)]
    rates = Rates("GBP", (date.min,), (Decimal(1),))
    curves: list[Any] = []
    times = {"books": _both(lambda: curves.append(extend_curve(Curve(), entries, panel, rates=rates)))}
    asked = json.loads(fills.question(found, "FIFO", _prices(panel)))
    deposit = {"kind": "DEPOSIT", "key": "D", "effective": str(sessions[0]), "recorded": "2025-01-01T00:00:00Z"}
    asked["facts"].append(deposit | {"account": "a", "currency": "GBP", "amount": str(10**7)})
    asked["ask"]["as_of"] = str(sessions[-1])
    question = read_question(json.dumps(asked))
    told_of: list[Any] = []
    with localcontext(prec=DIGITS):
        facts = standing_facts(question.facts, question.ask)
        quotes = Quotes(question.prices, (), facts, question.ask)
        walk = Walk(facts, {"a": "FIFO"}, quotes, "GBP")
        scope = Scope(frozenset("a"), question.ask.as_of, "GBP")
        times["door"] = _both(lambda: told_of.append(performance(walk, quotes, scope, question.ask)["curve"]))
    values = {row["date"]: row["value"] for row in told_of[0]}
    off = [point for point in curves[0].points if values[point.session] != point.equity]
    assert not off, f"two curves of one book differ: {off[0]} and {values[off[0].session]}"
    return times


def _days() -> list[date]:
    return [fills.FIRST + timedelta(days=day) for day in range(fills.DAYS)]


def _panel() -> Panel:
    """Give ten years of closes in cents, Monday to Friday."""
    sessions = np.array([day for day in _days() if day.weekday() < 5][:SESSIONS], dtype="datetime64[D]")
    steps = np.random.Generator(np.random.PCG64(fills.SEED)).normal(0, 0.01, (SESSIONS, HELD))
    close = np.round(30 * np.exp(np.cumsum(steps, axis=0)), 2)
    names = tuple(f"S{at:03}" for at in range(HELD))
    return Panel(
        sessions=sessions,
        instruments=names,
        open=close,
        high=close,
        low=close,
        close=close,
        adj_close=close,
        volume=np.ones_like(close),
        basis=(None,) * HELD,
        provider=("synthetic",) * HELD,
        knowledge="assumed",
        snapshot="0" * 64,
    )


def _prices(panel: Panel) -> list[dict[str, str]]:
    return [
        {"date": str(day), "instrument": name, "price": f"{close:.2f}", "currency": "GBP"}
        for day, closes in zip(panel.sessions.tolist(), panel.close.tolist(), strict=True)
        for name, close in zip(panel.instruments, closes, strict=True)
    ]


# --- how cost grows ---------------------------------------------------------------------------------------------------


def _growth(sizes: Sequence[int]) -> str:
    rows = []
    for size in sizes:
        runs = [in_a_process("benchmarks.ledger", "fills", str(size)) for _ in range(RUNS if size <= ASKED else 1)]
        times = [_median([run[job] for run in runs])[1] for job in JOBS]
        peak = statistics.median(run["peak"] for run in runs)
        each = (f"{1e6 * taken / size:.2f} us" for taken in times)
        rows.append((f"{size:,}", *map(told, times), *each, f"{peak:,.0f} MiB"))
    head = ("fills", *JOBS, *(f"{job}, a fill" for job in JOBS), "peak memory")
    return "Processor time.\n\n" + table(head, rows)


if __name__ == "__main__":
    part, *rest = sys.argv[1:]
    parts: dict[str, Callable[[], Any]] = {
        "fills": lambda: _fills(int(rest[0])),
        "answer": lambda: _answer(Path(rest[0])),
        "curve": _curve,
    }
    print(json.dumps(parts[part]()))
