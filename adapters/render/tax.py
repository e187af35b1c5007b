"""Tax reports: the UK's matching of disposals as a person reads it in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.canonical import plain_decimal
from core.ledger.tax_report import Disposed, TaxReport

PRACTICE = "**PRACTICE: these are trades of a simulated book. There is nothing to report to anybody.**"
CONVENTIONS = (
    "Shares are matched with acquisitions of the same day, then of the next 30 days, then with the section 104 pool, over all",
    "taxable accounts (TCGA 1992, sections 104, 105 and 106A). What was paid and got in pounds counts as it was; other",
    "currencies at the rate of their day. Costs hold the fees of purchases and of disposals. A disposal younger than 30 days",
    "is provisional: units may still be bought back. No losses brought forward, no exempt amount, no elections.",
)


def tax_markdown(report: TaxReport) -> str:
    """Render a report as Markdown: the figures of each year, its disposals with their matches, and the pools."""
    of = f"of {report.year}" if report.year else "of all years"
    lines = [f"# UK capital gains {of}, {report.title}, as of {report.as_of}", ""]
    lines += [] if report.is_real else [PRACTICE, ""]
    lines += [*CONVENTIONS, "", f"Books: {', '.join(report.books)}.", ""]
    if not report.disposals:
        lines += ["No disposals.", ""]
    for year in report.years:
        lines += [f"## {year.name}", ""]
        head = ("disposals", "proceeds GBP", "allowable costs", "gains", "losses", "net", "provisional")
        figures = (year.disposals, year.proceeds, year.costs, year.gains, year.losses, year.net, year.provisional)
        lines += [*_table(head, [figures]), ""]
        mine = [one for one in report.disposals if one.tax_year == year.name]
        lines += [
            *_table(("day", "instrument", "units", "proceeds", "costs", "gain", "", "matched with"), map(_row, mine)),
            "",
        ]
    lines += [f"## Section 104 pools as of {report.as_of}", ""]
    pools = [(one.instrument, plain_decimal(one.quantity), one.cost) for one in report.pools]
    lines += _table(("instrument", "units", "cost GBP"), pools) if pools else ["There are none."]
    return "\n".join(lines) + "\n"


def _row(one: Disposed) -> tuple[object, ...]:
    matched = [
        f"{plain_decimal(match.quantity)} {match.rule}{f' {match.acquired}' if match.acquired else ''} at {match.cost}"
        for match in one.matches
    ]
    told = "provisional" if one.is_provisional else ""
    units = plain_decimal(one.quantity)
    return one.day, one.instrument, units, one.proceeds, one.costs, one.gain, told, "; ".join(matched)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    listed: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in row) + " |" for row in listed]
