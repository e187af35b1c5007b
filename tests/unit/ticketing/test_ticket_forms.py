"""The forms of a ticket: Markdown, HTML and PDF tell the same, and a reader who never saw the system can execute it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import pytest

from adapters.render.markdown import ticket_markdown
from adapters.render.ticket_html import ticket_html
from adapters.render.ticket_pdf import SIZES, _Page, shown, ticket_pdf
from core.domain.decision import Approved, GateReport
from core.domain.ticket import IssuedTicket, Ticket
from core.ticketing.answers import parse_answer
from core.ticketing.draft import draft_ticket
from core.ticketing.why import SHOWN_ONLY, why_of
from tests.unit.making import ABCD, decision, frame, issued, line, ruled, ticket
from tests.unit.ticketing.test_draft import AROUND
from tests.unit.ticketing.test_ticket_schema import OLD, WHOLE
from tests.unit.ticketing.test_why import WITHIN, in_shadow

MANUAL = ruled(execution={"venue": "manual"})
SALE, BUY = line("sell", "BBB", "10", cost="3.24"), line("buy", "AAA", "2", cost="8.10")


def trade(*lines: Any, policy: Any = MANUAL, **changes: Any) -> IssuedTicket:
    """Give a ticket for a person to execute, as it is drafted."""
    around = replace(AROUND, why=WHOLE.why, last_good=WHOLE.last_good)
    drawn = draft_ticket(
        decision(*lines, refused=(), gates=(GateReport("audit", "open", ()),)),
        tuple(Approved(one) for one in lines),
        frame(policy),
        around=around,
    )
    return issued(replace(drawn, **changes))


TRADE = trade(SALE, BUY)
HOLD = issued(replace(OLD, kind="HOLD", lines=(), reasons=("tiny deltas: 15 below 0.005 of equity, none above",)))
STOP = issued(ticket(kind="NO-TRADE", reasons=("halt: main: wait <for> me", "fx: too old"), equity=None, cash=None))


class Words(HTMLParser):
    """Gathers what a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Leave out what is no text."""
        self._hidden += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """Show again what comes after."""
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if not self._hidden:
            self.words.append(data)


@lru_cache
def html_words(of: IssuedTicket) -> str:
    """Give the words of the HTML page."""
    reader = Words()
    reader.feed(ticket_html(of))
    return " ".join(" ".join(reader.words).split())


@lru_cache
def pdf_words(of: IssuedTicket) -> str:
    """Give the words that the PDF is drawn of."""
    return " ".join(" ".join(_plain(_Page(of, SIZES[0], "").story())).split())


def _plain(part: Any) -> Iterator[str]:
    if isinstance(part, (list, tuple)):
        for inner in part:
            yield from _plain(inner)
    elif hasattr(part, "getPlainText"):
        yield part.getPlainText()
    elif hasattr(part, "_cellvalues"):
        yield from _plain(part._cellvalues)


@lru_cache
def md_words(of: IssuedTicket) -> str:
    """Give the words of the Markdown, without its marks."""
    return " ".join(re.sub(r"[*`|]|- \[ \]", " ", ticket_markdown(of)).split())


FORMS = pytest.mark.parametrize("words", [md_words, html_words, pdf_words], ids=["md", "html", "pdf"])


@FORMS
@pytest.mark.parametrize(
    "answer",
    [
        # What do I do, with what, how much of it, in which order, and how?
        "SELL",
        "BBB",
        "10",
        "BUY",
        "AAA",
        "250.00",
        "200.00",
        "market",
        "in this order",
        "A buy is set by its value, a sale by its units; the other number is for checking",
        "no CFD, no leverage (x1)",
        "Set no stop and no target",
        # When may I, and when not?
        "Monday 10 June 2024, 14:35 to 15:30 in London; that is 09:35 to 10:30 in New York",
        "Outside the window, do nothing",
        # How do I know that this is the right ticket, in the right account?
        "TICKET-20240610",
        "no newer revision of this ticket has reached you",
        "logged in to the account etoro",
        "This book's cash is about 1,000.00 GBP; the account may hold more",
        "The account holds what is to be sold: 10 BBB, or more",
        # What if it does not go as planned?
        "above 127.5",
        "(2 % over 125)",
        "below 49",
        "(2 % under 50)",
        # What will it cost?
        "3.24",
        "8.10",
        "no other line needs its cash. Go on with line 2.",
        "its cash stays in the account",
        "offered as a CFD only",
        "Only a part is filled",
        "The window closes before you are done",
        "skip the buy if it would leave less than 500.00 GBP",
        "Anything else is unclear: stop",
        # What do I do when I am done, by when, and what must it look like?
        "A sale fails: do what its line says of the buys. If more than one fails, or one is filled only in part, look",
        "Confirm every line, also the skipped ones, before the next run (else it is NO-TRADE), by Tue 11 Jun 2024"
        " 15:30 BST at the latest",
        "twokey confirm TICKET-20240610 --hash",
        '--line "1 filled price=PRICE fee=FEE fx=RATE"',
        '--line "2 filled quantity=UNITS price=PRICE fee=FEE fx=RATE"',
        "UNITS is what the venue shows as filled, PRICE is of one unit in USD, FEE what the venue charged in GBP, or 0",
        "RATE the USD for 1 GBP that the venue converted at.",
        "Where it shows none, leave fx=RATE out: 1.25 is booked, and the cash may differ by it.",
        '"N partial quantity=UNITS price=PRICE fee=FEE fx=RATE"',
        '"N not executed: REASON"',
        "This book's cash is about 1,188.66 GBP if every line was done; the account may hold more.",
        "no order is still open",
        # What is left alone, why all this, and what came before?
        "What this ticket does not name stays as it is",
        "Opens AAA.",
        "odd",
        "TICKET-20240603",
    ],
)
def test_a_reader_who_never_saw_the_system_finds_each_answer(words, answer):
    """The wording as a checklist: each question of somebody who executes it for the first time is answered on the page."""
    assert answer in words(TRADE)


@FORMS
@pytest.mark.parametrize("count", [1, 15])
@pytest.mark.parametrize("rate", [Decimal("1.25"), None])
def test_the_command_has_each_line_of_the_ticket_and_no_other(words, count, rate):
    """Filled in, each answer is read as it stands, and so are the two other forms; a rate may be left out if it is known."""
    of = trade(*(line("buy", "AAA", "2") for _ in range(count)), fx_rate=rate)

    told = words(of)

    answers = re.findall(r'--line "([^"]+)"', told)
    others = re.findall(r'"(N [^"]+)"', told)
    for number, answer in enumerate((*answers, *(other.replace("N ", "1 ", 1) for other in others)), start=1):
        filled = re.sub(r"=(PRICE|FEE|UNITS|RATE)", "=1.25", answer)
        assert parse_answer(filled, of.ticket).line == (number if number <= count else 1)
    assert (len(answers), len(others)) == (count, 2)
    assert "RATE the USD for 1 GBP that the venue converted at" in told
    assert ("leave fx=RATE out" in told) is (rate is not None)


@FORMS
def test_where_nothing_is_converted_no_rate_is_asked_for(words):
    """An instrument in the book's own currency costs what it costs."""
    at_home = trade(BUY)
    home = replace(
        at_home,
        ticket=replace(at_home.ticket, lines=tuple(replace(one, currency="GBP") for one in at_home.ticket.lines)),
    )

    told = words(home)

    assert '--line "1 filled quantity=UNITS price=PRICE fee=FEE"' in told
    assert "RATE" not in told


def test_a_page_on_which_it_does_not_fit_says_how_the_command_goes_on():
    """A printed command is typed anyway; the other forms, which are copied, have every line."""
    of = trade(*(line("buy", "AAA", "2") for _ in range(3)))

    told = " ".join(_plain(_Page(of, SIZES[0], "", is_short=True).story()))
    one = " ".join(_plain(_Page(trade(BUY), SIZES[0], "", is_short=True).story()))

    assert (
        '--line "1 filled quantity=UNITS price=PRICE fee=FEE fx=RATE" and so on, one --line for each of the 3 lines'
        in told
    )
    assert '"2 filled' not in told
    assert "and so on" not in one


@FORMS
def test_what_was_left_undone_stands_where_the_checks_point(words):
    """Each item, under the words that the check after the last line names."""
    items = tuple(f"buy {name}: 60.00 of 900.00 is beyond the turnover limit" for name in ("CCC", "DDD"))

    told = words(trade(SALE, BUY, left_undone=items))

    assert all(item in told for item in items)
    assert "Left undone, within the limits" in told
    assert "Left undone, within" not in words(trade(SALE, BUY, left_undone=()))


@pytest.mark.parametrize(("count", "things"), [(1, "1 thing"), (2, "2 things")])
def test_a_page_on_which_they_do_not_fit_counts_them_and_says_where_they_are(count, things):
    """One thing is not "1 things"."""
    of = trade(SALE, BUY, left_undone=("buy CCC: 60.00 of 900.00 is beyond the turnover limit",) * count)

    told = " ".join(_plain(_Page(of, SIZES[0], "", is_short=True).story()))

    assert f"Left undone, within the limits: {things}, told in the ticket's Markdown, HTML and JSON." in told
    assert "buy CCC" not in told


@FORMS
def test_a_buy_of_whole_units_is_told_by_its_units_on_every_form(words):
    """No form says of its own that a buy is set by its value: the guide knows the policy."""
    told = words(trade(SALE, BUY, policy=ruled(within=MANUAL, sizing={"fractions": "whole_units"})))

    assert "A buy is set by its units, and so is a sale; the values are for checking." in told
    assert "set by its value" not in told
    assert "filled price=PRICE fee=FEE fx=RATE" in told
    assert "UNITS is what" not in told


@FORMS
def test_the_hash_that_is_quoted_stands_on_every_form(words):
    """Short for people, whole for programs; and the approval that it rests on."""
    told = words(TRADE)

    assert TRADE.ticket.short_hash in told
    assert TRADE.ticket.hash in told
    assert TRADE.seal.signature is not None
    assert TRADE.seal.signature in told


@FORMS
def test_what_is_executed_is_told_without_words_of_the_house(words):
    """Between the title and the why a reader meets no noun that only Twokey knows."""
    told = words(TRADE)
    inside = told[told.index("Execute these 2 lines") : told.index("Opens AAA.")]

    assert not re.search(r"\b(slot|gate|riskguard|proposal|mandate|ledger|universe|target weight)\b", inside)


@FORMS
@pytest.mark.parametrize(("of", "what"), [(HOLD, "Do nothing"), (STOP, "Do not trade. Why:")])
def test_a_ticket_without_trades_says_so_and_why(words, of, what):
    """There is nothing to execute, and nothing that looks as if."""
    told = words(of)

    assert what in told
    assert "Nothing is to be executed or confirmed." in told
    assert all(reason in told for reason in of.ticket.reasons)
    assert "twokey confirm" not in told


@FORMS
def test_a_hold_that_shows_a_book_at_full_size_says_that_nothing_of_it_is_to_be_done(words):
    """It stands before the weights, and no holding reads as if it were sold."""
    hold = issued(replace(HOLD.ticket, why=why_of(in_shadow(made=decision()), WITHIN)))

    told = words(hold)

    assert "Do nothing" in told
    assert told.count(SHOWN_ONLY) == 1
    assert "it is sold" not in told
    if words is not pdf_words:
        assert told.index(SHOWN_ONLY) < told.index("Wanted") < told.index("it would be sold at full size")


@FORMS
def test_a_ticket_of_before_the_guide_is_still_shown(words):
    """Its lines and its hash are there; what it never had is not."""
    told = words(issued(OLD))

    assert "AAA" in told
    assert OLD.short_hash in told


@pytest.mark.parametrize(
    ("changes", "banner"),
    [
        ({"is_synthetic": True}, "SYNTHETIC market data"),
        ({"is_rehearsal": True}, "REHEARSAL for 2024-06-10. Do not execute anything."),
        ({"venue": "paper"}, "PAPER venue"),
    ],
)
@FORMS
def test_what_is_not_for_real_says_so_first(words, changes, banner):
    """Before the ticket's own name on the pages, and directly after it in Markdown."""
    told = words(trade(SALE, BUY, **changes))

    assert told.index(banner) < told.index("Date")


def test_a_void_ticket_says_so_first():
    """On both pages, whoever asks for it."""
    void = "Revision 2 stands in the place of this ticket: Ada said 'a wrong name'."

    assert f"VOID. {void}" in ticket_html(TRADE, void=void).replace("&#39;", "'")
    assert next(iter(_plain(_Page(TRADE, SIZES[0], void).story()))) == f"VOID. {void} Do not execute anything of it."
    assert "VOID" not in ticket_html(TRADE)


@pytest.mark.parametrize(
    "of", [TRADE, HOLD, STOP, issued(WHOLE), issued(OLD)], ids=["trade", "hold", "stop", "whole", "old"]
)
def test_the_same_ticket_gives_the_same_bytes(of):
    """No clock and no chance in either page, and each is one page of A4."""
    assert ticket_html(of) == ticket_html(of)
    first = ticket_pdf(of)

    assert first == ticket_pdf(of)
    assert first.startswith(b"%PDF-")
    assert pages(first) == 1


def pages(pdf: bytes) -> int:
    """Count the pages of a PDF."""
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


@pytest.mark.parametrize(("count", "undone", "most"), [(40, 0, 1), (40, 12, 1), (50, 0, 1), (150, 0, 4)])
def test_forty_lines_fit_on_one_page_and_more_go_on(count, undone, most):
    """The letters become smaller, as far as anybody can read them; and no line is left off."""
    names = ("AAA", "BBB", "CCC", "DDD")
    costly: dict[str, str] = {"price": "1234.56", "worst_price": "1259.25", "cost": "12.10"}
    lines = [line("buy", names[at % 4], "12.3456", **costly) for at in range(count)]

    made = trade(*lines, left_undone=("buy AAA: 60.00 of 900.00 is beyond the turnover limit",) * undone)

    assert pages(ticket_pdf(made)) <= most
    assert pdf_words(made).count("BUY") == count


def test_nothing_of_a_name_is_taken_for_markup():
    """What stands in a universe or a reason is text on every page."""
    row = replace(ABCD.instruments[0], etoro_search_name="<b>AAA</b> & Söhne")
    odd: Ticket = replace(
        TRADE.ticket, lines=tuple(replace(one, search_name=row.etoro_search_name) for one in TRADE.ticket.lines)
    )

    assert "<b>AAA</b> & Söhne" in html_words(issued(odd))
    assert "<b>AAA</b> & Söhne *" in pdf_words(issued(odd))
    assert "&lt;b&gt;AAA&lt;/b&gt; &amp; Söhne" in ticket_html(issued(odd))


def test_a_letter_that_the_page_does_not_have_is_a_question_mark():
    """It is never shown as another letter, nor left out."""
    assert shown("Nestlé Łódź 日本") == "Nestlé Łód? ??"


def test_limits_and_stops_are_told_on_every_form():
    """Where the order has them, they stand with its line."""
    limited = replace(BUY, order_type="limit", limit_price=Decimal("127.5"), stop_price=Decimal(99))

    of = trade(limited)

    for words in (md_words, html_words, pdf_words):
        assert "limit at 127.5" in words(of)
    assert "Stop at 99 USD" in md_words(of)
    assert "Stop at 99 USD" in html_words(of)
    assert "stop at 99" in pdf_words(of)
