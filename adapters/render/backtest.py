"""The report of a backtest as one HTML file that needs nothing else, and as Markdown; the same report gives the same bytes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.render.backtest_page import page_of
from core.reporting.backtest_report import BacktestReport

if TYPE_CHECKING:
    from jinja2 import Environment


def backtest_html(report: BacktestReport) -> str:
    """Render a report as an HTML page with its charts inside: no script, no other file, no network."""
    return _environment(is_html=True).get_template("backtest.html.j2").render(page=page_of(report))


def backtest_markdown(report: BacktestReport) -> str:
    """Render a report as Markdown: the page's sentences and tables, without its charts."""
    return _environment(is_html=False).get_template("backtest.md.j2").render(page=page_of(report))


def _cell(words: str) -> str:
    """Keep a cell within its cell."""
    return words.replace("|", "\\|").replace("\n", " ")


def _whole(words: str) -> str:
    """Keep a number and its percent sign on one line, and so a product."""
    for one in (" %", " x ", " = "):
        words = words.replace(one, one.replace(" ", "\N{NO-BREAK SPACE}"))
    return words


@lru_cache(maxsize=2)
def _environment(*, is_html: bool) -> Environment:
    # Imported only when something is rendered.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=is_html,
    )
    environment.filters |= {"cell": _cell, "whole": _whole}
    return environment
