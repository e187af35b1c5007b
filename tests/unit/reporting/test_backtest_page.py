"""The page of a backtest's report: well-formed, alone, the same in both forms, and plain about what cannot be told."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from adapters.render.backtest import backtest_html, backtest_markdown
from core.reporting.backtest_report import report_of
from core.reporting.measured import Absent, decimal, percent
from core.reporting.tracks import Span
from tests.unit.reporting.backtests import cut, made, track

BACKTEST = made(600, 24, edge=0.05)
REPORT = report_of(BACKTEST)
HTML, MARKDOWN = backtest_html(REPORT), backtest_markdown(REPORT)
SECTIONS = [
    *(
        "In short",
        "Equity, drawdown, rolling Sharpe ratio",
        "Returns by month",
        "Returns by year",
        "Information coefficients",
    ),
    *(
        "Quantile spread",
        "Turnover and cost",
        "Exposure by sector",
        "Worst weeks, and why",
        "Risk",
        "Beside random ranks",
    ),
    *("Is it luck?", "What was tried before", "Fits", "Importance of features", "Origin"),
]
VOID = {"meta", "path", "rect"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its turn, and what it says is kept by element."""

    def __init__(self, text):
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, int]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.said: list[tuple[str, list[str]]] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.attributes += [(tag, name, value) for name, value in attrs]
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"{tag} has an attribute twice"
        if tag not in VOID:
            self.open.append((tag, len(self.said)))
            self.said.append((tag, []))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        """Meet an element that closes itself, which only drawings have."""
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        """Close the element that was opened last."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}> at {self.getpos()} closes another element"

    def handle_data(self, data):
        """Keep the words."""
        if any(tag in ("th", "td") for tag, _ in self.open):
            self.tables[-1][-1][-1] += data
        if self.open:
            self.said[self.open[-1][1]][1].append(data)

    def texts(self, tag):
        """Give what each element of a name says, its numbers with plain blanks."""
        return ["".join(words).replace("\xa0", " ").strip() for name, words in self.said if name == tag]


def markdown_tables(text):
    """Read the tables of Markdown: rows of cells, without the line beneath the head."""
    found: list[list[list[str]]] = []
    is_in = False
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not is_in:
                found.append([])
            if not all(re.fullmatch(r"-+:?", cell) for cell in cells):
                found[-1].append(cells)
        is_in = line.startswith("|")
    return found


def html_tables(text):
    """Read the tables of a page with plain blanks."""
    return [[[cell.replace("\xa0", " ") for cell in row] for row in table] for table in Reader(text).tables]


def test_the_first_line_says_what_the_past_did_not_know():
    """Survivorship and knowledge stand first in both forms, then the title, then the verdict."""
    page, lines = Reader(HTML), MARKDOWN.splitlines()
    first = f"{BACKTEST.survivorship} {BACKTEST.knowledge}"

    assert (page.texts("p")[0], lines[0]) == (first, first)
    assert page.texts("h1")[0] == lines[2].removeprefix("# ") == "Backtest of main: ranker, 2019-01-04 to 2021-04-22"
    assert page.texts("p")[1] == lines[4].strip("*") == REPORT.verdict.sentence
    assert "The rule: distinguishable from luck when the deflated Sharpe ratio is 0.95 or more" in page.texts("p")[2]


def test_what_else_must_be_known_stands_above_the_numbers():
    """Each note of a backtest is a sentence before the first section, in both forms."""
    report = report_of(replace(BACKTEST, notes=("The book would have been halted on 2020-03-16.", "A second note")))

    page, text = Reader(backtest_html(report)), backtest_markdown(report)

    assert page.texts("p")[4:6] == ["The book would have been halted on 2020-03-16.", "A second note."]
    assert "\n\nThe book would have been halted on 2020-03-16.\n\nA second note.\n\n## In short" in text


def test_the_sections_stand_in_their_order():
    """The same in both forms."""
    assert Reader(HTML).texts("h2") == SECTIONS
    assert re.findall(r"^## (.*)$", MARKDOWN, re.MULTILINE) == SECTIONS


def test_both_forms_tell_the_same_numbers():
    """Every table of the page is one of the Markdown, cell by cell."""
    tables = html_tables(HTML)

    assert tables == markdown_tables(MARKDOWN)
    assert len(tables) == 18
    assert all(len(row) == len(table[0]) for table in tables for row in table)


def test_random_ranks_are_told_as_what_they_are():
    """Our own scores given to other names; and of losses no place by Sharpe ratio, with the reason beneath."""
    losing = replace(BACKTEST, luck=BACKTEST.luck - [0.0, 0.1])

    for text in (HTML, MARKDOWN):
        assert "Random ranks are our own scores given to other names" in text
        assert "Not computable (share by Sharpe ratio)" not in text
    found = [row for table in markdown_tables(backtest_markdown(report_of(losing))) for row in table]
    assert ["random ranks below ours, by Sharpe ratio", "not computable"] in found
    assert "Not computable (share by Sharpe ratio): the Sharpe ratio of a session is" in backtest_markdown(
        report_of(losing)
    )


def test_the_headline_tells_the_numbers_of_the_report():
    """Each cell is the report's number as it is told, a column a track, and the median of random ranks."""
    head, *rows = html_tables(HTML)[0]
    by_name = {row[0]: row[1:] for row in rows}

    assert head[1:] == ["ranker (ours)", "SPY", "Equal weight", "Momentum", "median of random ranks"]
    for at, told in enumerate(REPORT.tracks):
        assert not isinstance(told.drawdowns, Absent)
        assert isinstance(told.best, Span)
        assert isinstance(told.worst, Span)
        assert by_name["Whole return"][at] == percent(told.whole)
        assert by_name["Return a year (CAGR)"][at] == percent(told.a_year)
        assert by_name["Sharpe ratio"][at] == decimal(told.sharpe)
        assert by_name["Sortino ratio"][at] == decimal(told.sortino)
        assert by_name["Calmar ratio"][at] == decimal(told.calmar)
        assert by_name["Volatility a year"][at] == percent(told.volatility)
        assert by_name["Deepest drawdown"][at] == percent(float(told.drawdowns[0].depth))
        assert by_name["- from"][at] == str(told.drawdowns[0].peak)
        assert by_name["- lowest"][at] == str(told.drawdowns[0].trough)
        assert by_name["Turnover a year"][at] == percent(told.turnover)
        assert by_name["Cost drag a year"][at] == percent(told.cost_drag)
        assert by_name["Exposure, mean"][at] == percent(told.invested)
        assert by_name["Best week"][at] == f"{percent(told.best.value)}, {told.best.last}"
        assert by_name["Worst week"][at] == f"{percent(told.worst.value)}, {told.worst.last}"
    assert by_name["Whole return"][4] == percent(REPORT.random.whole)
    assert by_name["Sharpe ratio"][4] == decimal(REPORT.random.sharpe)


def test_the_curves_stand_in_a_table_at_the_ends_of_years():
    """Whoever sees no drawing reads each year's last close, of every track, and how far below its highest it was."""
    table = markdown_tables(MARKDOWN)[1]
    days, lines, names = BACKTEST.sessions, REPORT.lines, ["ranker (ours)", "SPY", "Equal weight", "Momentum"]
    at = [int(np.flatnonzero(days <= np.datetime64(f"{year}-12-31"))[-1]) for year in (2019, 2020, 2021)]

    assert table[0] == ["last close", *names, *(f"drawdown: {name}" for name in names[:2])]
    assert table[1:] == [
        [str(days[row]), *(decimal(float(one.growth[row]), 3) for one in lines)]
        + [percent(float(one.drawdown[row])) for one in lines[:2]]
        for row in at
    ]
    assert at[-1] == len(days) - 1


@pytest.mark.parametrize("sessions", [0, 1, 2, 600])
def test_no_heading_stands_above_nothing(sessions):
    """Where there is nothing to tell, that is told."""
    text = backtest_markdown(report_of(cut(BACKTEST, sessions)))

    assert not re.findall(r"^## [^\n]*\n+(?=## |\Z)", text, flags=re.MULTILINE)


def test_the_page_stands_alone():
    """No script, no address, no other file: nothing of it is fetched."""
    page = Reader(HTML)

    assert not {"script", "link", "img", "iframe", "a", "object", "base"} & {tag for tag, _, _ in page.attributes}
    assert not {"src", "href", "action", "onload"} & {name for _, name, _ in page.attributes}
    for word in ("://", "url(", "@import", "<script", "javascript:"):
        assert word not in HTML


def test_each_chart_is_drawn_within_its_frame():
    """Eight charts; no place is missing or outside, and each is named for who cannot see it."""
    page = Reader(HTML)
    drawn = [value or "" for tag, name, value in page.attributes if tag == "path" and name == "d"]
    points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", " ".join(drawn))

    assert len([1 for tag, name, _ in page.attributes if (tag, name) == ("svg", "aria-label")]) == 8
    assert len(points) > 1000
    assert all(-0.1 <= float(x) <= 1000.1 and -0.1 <= float(y) <= 400.1 for x, y in points)
    assert not re.search(r"nan|inf", " ".join(drawn))


def test_the_same_backtest_gives_the_same_bytes():
    """Made and rendered twice; no time of rendering is in it."""
    again = report_of(made(600, 24, edge=0.05))

    assert backtest_html(again) == HTML
    assert backtest_markdown(again) == MARKDOWN


def test_what_is_made_is_stamped():
    """A synthetic market is named in the first line and the title, in both forms; a real one is not."""
    report = report_of(replace(BACKTEST, is_synthetic=True))
    page = Reader(backtest_html(report))

    assert page.texts("p")[0].startswith(
        "SYNTHETIC market data: nothing here is a result of a real market. Survivorship"
    )
    assert page.texts("title")[0].startswith("SYNTHETIC ")
    assert backtest_markdown(report).startswith("SYNTHETIC market data")
    assert "SYNTHETIC" not in HTML + MARKDOWN


def test_names_cannot_break_the_page():
    """What a strategy, an instrument or a sector is called stays text in both forms."""
    name = '<b onload="x">A|B & "C"'
    named = replace(
        BACKTEST,
        strategy=name,
        instruments=tuple(f"{name}{at}" for at in range(24)),
        sectors=(name,) * 24,
        main=replace(BACKTEST.main, name=name),
        importance=((name, 1.0),),
    )

    report = report_of(named)
    page, text = backtest_html(report), backtest_markdown(report)

    assert "<b" not in page.replace("<body", "")
    assert html_tables(page) == markdown_tables(text)
    assert html_tables(page)[0][0][1] == f"{name} (ours)"


@pytest.mark.parametrize("sessions", [0, 1, 2, 30, 100])
def test_what_is_short_says_why(sessions):
    """A page is made of any length; no cell says nan or inf, and what is not computable has its reason beneath."""
    report = report_of(cut(BACKTEST, sessions))
    page, text = backtest_html(report), backtest_markdown(report)

    tables = html_tables(page)
    assert tables == markdown_tables(text)
    assert not [cell for table in tables for row in table for cell in row if re.search(r"\b(nan|inf|None)\b", cell)]
    assert "not computable" in tables[0][3]
    assert re.search(r"Not computable \([^)]*Return a year", text)
    assert Reader(page).texts("h2") == SECTIONS


def test_what_is_flat_or_owed_says_why():
    """Cash throughout, and a debt: pages with reasons, a named day, and no curve of what cannot be drawn."""
    owed = np.array(BACKTEST.main.equity)
    owed[300] = 0.0
    for equity, says in (
        (
            np.full(600, 1000.0),
            "Not computable (Sharpe ratio): the returns do not vary; there is no risk to divide by.",
        ),
        (owed, "ranker (ours) is not drawn: the equity was 0.00 on 2020-02-28; returns need more than zero."),
    ):
        report = report_of(replace(BACKTEST, main=track("ranker", equity)))

        page = Reader(backtest_html(report))

        assert says in page.texts("p")
        assert says in backtest_markdown(report)


def test_the_turnover_limit_stands_beneath_turnover_and_cost():
    """In both forms: how often it bound and what was not held; without a decision nothing is said of it."""
    limit = REPORT.turnover_limit
    words = (
        "The turnover limit bound in 40 of 120 decisions (33.3 %): an order was cut or left undone for it."
        f" On average {percent(limit.undone, 1)} of the wanted weight was not held after a decision's trades."
    )

    assert words in Reader(HTML).texts("p")
    assert words in MARKDOWN
    assert "turnover limit bound" not in backtest_markdown(report_of(cut(BACKTEST, 0)))


def test_nothing_trained_and_nothing_tried_are_said():
    """A strategy without models, and the first backtest of all."""
    text = backtest_markdown(report_of(replace(BACKTEST, fits=(), importance=(), trials=())))

    for words in ("Nothing was trained.", "None is told.", "Nothing: this is the first."):
        assert words in text
