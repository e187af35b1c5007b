"""`positions`, `pnl`, `returns` and `tax`: what books hold, made, returned, and what of it the UK taxes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from adapters.clock import SystemClock
from adapters.files.artefacts import Artefacts
from adapters.files.configuration import read_scope
from adapters.files.workspace import Workspace
from adapters.postgres.people import PgPeople
from adapters.postgres.recorded import PgRecorded
from adapters.render.tax import tax_markdown
from adapters.slot_time import when
from cli.main import UsageError
from cli.output import emit, table
from cli.wiring import Desk
from core.canonical import plain_decimal
from core.ledger.asked_of_books import BooksDiffer
from core.ledger.figures import balances_told, cash_in, figures_of, holdings_told, not_computed
from core.ledger.question import Method
from core.ledger.tax_report import tax_report
from flows.books import StoreError
from flows.look import ledger_head
from flows.results import Moment, Results, Scope, drawdown_of, results_of, warnings_of
from flows.value import NothingToValue

HUNDRED = Decimal(100)


def positions(arguments: argparse.Namespace) -> int:
    """Show positions at marks, with their cost, and cash by currency; with --lots every lot."""
    found = _results(arguments)
    held, cash = holdings_told(found.answer), balances_told(found.answer)
    result, base = figures_of(found.answer["pnl"]), found.scope.base
    facts = _about(found) | {
        "cash": cash_in(cash, base),
        "cash_by_currency": [asdict(one) for one in cash],
        "positions": [asdict(one) for one in held],
        "equity": result.equity,
        "not_computable": result.missing,
        "ledger_head": ledger_head(found.entries) if len(found.scope.asked) == 1 else None,
    }
    head = ("book", "instrument", "units", "lots", "cost", "value", "", "of", f"cost {base}", f"value {base}")
    rows = [
        (
            *(one.book, one.instrument, one.quantity, one.lots, one.cost, _or_dash(one.value_own), one.currency),
            *(_or_dash(one.price_date), one.cost_base, _or_dash(one.value)),
        )
        for one in held
    ]
    words = [table(head, rows)]
    if arguments.lots:
        facts["lots"] = found.answer["lots"]
        words += ["", _lots(found)]
    balances = [
        (
            one.book,
            one.amount,
            one.currency,
            _or_dash(one.value),
            _or_dash(one.rate),
            _or_dash(one.rate_date),
            one.rate_source or "-",
        )
        for one in cash
    ]
    words += ["", table(("book", "cash", "", f"value {base}", "rate", "of", "source"), balances)]
    told = f"equity {_or_dash(result.equity)} {base}, {_closes(found)}"
    words += ["", told if result.missing is None else f"{told}; not computable: {result.missing}"]
    lines = words if found.entries else [_nothing(found)]
    emit(arguments, facts, "\n".join([*lines, *_warned(facts)]))
    return 0


def pnl(arguments: argparse.Namespace) -> int:
    """Show where money was made and lost, by cause, and the fall from the highest."""
    found = _results(arguments)
    result, worth = figures_of(found.answer["pnl"]), drawdown_of(found)
    figures = {name: getattr(result, name) for name in ("capital", "realised", "unrealised", "income", "fees", "total")}
    facts = (
        _about(found)
        | figures
        | {
            "equity": result.equity,
            "drawdown": worth.drawdown if worth else None,
            "split": {
                "realised": {"price": result.realised_price, "fx": result.realised_fx},
                "unrealised": {"price": result.unrealised_price, "fx": result.unrealised_fx},
                "income": {"gross": result.gross, "withheld": result.withheld},
            },
            "not_computable": result.missing,
        }
    )
    rows = [
        ("capital", result.capital, ""),
        ("realised", result.realised, f"price {result.realised_price}, fx {result.realised_fx}"),
        (
            "unrealised",
            result.unrealised,
            f"price {_or_dash(result.unrealised_price)}, fx {_or_dash(result.unrealised_fx)}",
        ),
        ("income", result.income, f"gross {result.gross}, withheld {result.withheld}"),
        ("fees", result.fees, "of no trade; those of trades are in their cost and proceeds"),
        ("total", result.total, "realised + unrealised + income - fees"),
        ("equity", result.equity, "capital + total"),
        ("drawdown", plain_decimal(worth.drawdown) if worth else None, "from the highest, as tickets have it"),
    ]
    words = table(("figure", found.scope.base, ""), [(name, _or_dash(one), told) for name, one, told in rows])
    told = "" if result.missing is None else f"\nnot computable: {result.missing}"
    lines = [words, f"{found.scope.title}, {_closes(found)}{told}"] if found.entries else [_nothing(found)]
    emit(arguments, facts, "\n".join([*lines, *_warned(facts)]))
    return 0


def returns(arguments: argparse.Namespace) -> int:
    """Show what the money returned in each window, next to the benchmark, and the risk that was taken."""
    found = _results(arguments, with_returns=True)
    answer, benchmark = found.answer["returns"], found.answer["benchmark"]
    windows = answer["windows"]
    reason = not_computed(windows)
    joined = (
        {}
        if reason
        else {
            name: one | ({"benchmark": benchmark[name]} if name in benchmark else {}) for name, one in windows.items()
        }
    )
    facts = _about(found) | {
        "benchmark": found.scope.benchmark,
        "windows": {"not_computable": reason} if reason else joined,
        "risk": answer["risk"],
        "curve": answer["curve"],
    }
    names = ("time_weighted", "time_weighted_a_year", "modified_dietz", "xirr", "benchmark")
    head = ("window", "from", "days", "time-weighted", "a year", "modified Dietz", "XIRR", found.scope.benchmark)
    rows = [
        (name, one.get("from", "-"), one.get("days", "-"), *(_percent(one.get(figure)) for figure in names))
        for name, one in joined.items()
    ]
    why = [f"{name}: {words}" for name, one in joined.items() for words in _reasons(one)]
    words = [table(head, rows), "", *_risk(answer["risk"]), "", *why]
    told = [f"not computable: {reason}"] if reason else words
    lines = [*told, f"{found.scope.title} in {found.scope.base}, {_closes(found)}"]
    emit(arguments, facts, "\n".join([*(lines if found.entries else [_nothing(found)]), *_warned(facts)]))
    return 0


def tax(arguments: argparse.Namespace) -> int:
    """Show the UK's matching of disposals over all taxable accounts, and write the report of it."""
    found = _results(arguments, method="UK")
    scope = found.scope
    report = tax_report(
        found.answer["tax"],
        title=scope.title,
        is_real=scope.venue == "manual",
        as_of=found.ask.as_of,
        books=[part.name for part in scope.world if part.is_taxable],
        year=arguments.year,
    )
    text = tax_markdown(report)
    name = "-".join(["reports/tax", *([report.year] if report.year else []), *([] if report.is_real else scope.asked)])
    Artefacts(arguments.workspace).write(f"{name}.md", text)
    path = arguments.workspace / f"{name}.md"
    emit(arguments, report.facts() | {"report": str(path)}, f"{text}\nwritten to {path}")
    return 0


def _check_taxed(scope: Scope, book: str | None) -> None:
    """Refuse what the UK's report is not of: another currency, no taxable account, simulated books that nobody named."""
    if scope.base != "GBP":
        raise UsageError(f"the report is the UK's, in GBP; {scope.title} counts in {scope.base}")
    if not any(part.is_taxable for part in scope.world):
        raise UsageError("no account is taxable: config/desk.yml says `taxable: false` of all of them")
    if scope.venue == "paper" and book is None:
        raise UsageError("all books are on paper: there is nothing to report; --book NAME shows what one would report")


def _results(arguments: argparse.Namespace, *, with_returns: bool = False, method: Method = "FIFO") -> Results:
    workspace = Workspace(arguments.workspace)
    with Desk(workspace) as desk:
        reader = desk.session("reader")
        book, account = arguments.book, getattr(arguments, "account", None)
        if book is None and account is None and method != "UK" and not arguments.desk:
            book = "main"
        apart = PgRecorded(reader).books_with_entries("manual")
        verified = PgPeople(reader).verifications()
        scope, setup = read_scope(workspace, verified, book=book, account=account, booked=apart)
        if method == "UK":
            _check_taxed(scope, book)
        clock = SystemClock()
        today = when(setup.policy, None, clock).today
        moment = Moment(
            as_of=arguments.as_of or today,
            now=clock.now(),
            known_at=arguments.known_at,
            since=getattr(arguments, "since", None),
        )
        if moment.known_at is not None and moment.known_at > moment.now:
            raise UsageError(
                f"--known-at {moment.known_at.isoformat()} is to come; nobody knows yet what will be known then"
            )
        try:
            return results_of(scope, desk.result_doors, moment, with_returns=with_returns, method=method)
        except NothingToValue as error:
            raise UsageError(str(error)) from error
        except BooksDiffer as error:
            raise StoreError(str(error)) from error


def _closes(found: Results) -> str:
    return f"closes of {found.session}" if found.session else f"no closes up to {found.ask.as_of}"


def _nothing(found: Results) -> str:
    """Say of a scope without any entry that it had nothing by then, and since when it has."""
    first = min((one.session for one, _ in found.known.entries if one.book in found.scope.asked), default=None)
    had = f"{found.scope.title} had nothing by {found.ask.as_of}"
    if first is None:
        return f"{had}: nothing was booked in it yet"
    if first > found.ask.as_of:
        return f"{had}: its first entry is of {first}"
    return f"{had}, as it was known at {found.ask.known_at.isoformat()}: what was booked by then became known later"


def _warned(facts: Mapping[str, Any]) -> list[str]:
    return [f"WARNING: {words}" for words in facts["warnings"]]


def _about(found: Results) -> dict[str, Any]:
    scope = found.scope
    about: dict[str, Any] = {"scope": scope.title, "base": scope.base, "venue": scope.venue}
    about |= {"as_of": found.session, "on": found.ask.as_of, "known_at": found.ask.known_at}
    about |= {"warnings": list(warnings_of(found))}
    about |= {"lot_methods": {part.name: part.lots for part in scope.world if part.name in scope.asked}}
    return about | ({"book": scope.asked[0]} if len(scope.asked) == 1 else {"books": list(scope.asked)})


def _lots(found: Results) -> str:
    base = found.scope.base
    head = ("book", "instrument", "acquired", "units", "cost", "", f"cost {base}", "lot")
    rows = [
        (
            *(one["account"], one["instrument"], one["acquired"], one["quantity"]),
            *(_cents(one["cost"]), one["currency"], _cents(one["cost_base"]), one["lot"]),
        )
        for one in found.answer["lots"]
    ]
    return table(head, rows)


def _risk(risk: Mapping[str, Any]) -> list[str]:
    reason = not_computed(risk)
    if reason is not None:
        return [f"risk: not computable: {reason}"]
    fall = risk["drawdown"]
    until = f"made good on {fall['recovered']}" if fall["recovered"] else "not made good yet"
    lines = [f"deepest drawdown {_percent(fall['depth'])} from {fall['peak']} to {fall['trough']}, {until}"]
    for name in ("volatility", "sharpe", "sortino", "calmar"):
        missing = not_computed(risk[name])
        shown = _percent(risk[name]) if name == "volatility" else _cents(risk[name]) if missing is None else "-"
        lines.append(f"{name} {shown}" if missing is None else f"{name} not computable: {missing}")
    return lines


def _reasons(window: Mapping[str, Any]) -> list[str]:
    """Give each reason of a window once."""
    found = [not_computed(window), *(not_computed(one) for one in window.values())]
    return [f"not computable: {words}" for words in dict.fromkeys(found) if words is not None]


def _percent(figure: Any) -> str:
    return f"{figure * HUNDRED:.2f} %" if isinstance(figure, Decimal) else "-"


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _or_dash(figure: object) -> object:
    return "-" if figure is None else figure
