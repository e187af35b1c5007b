"""PDF: a ticket on one page to print and tick off, of the same facts as its other forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from adapters.render.ticket_words import (
    banners_of,
    confirm_words,
    facts_of,
    money,
    other_answers_words,
    sealed_of,
    slippage_words,
)
from core.canonical import plain_decimal
from core.domain.hindrance import Hindrance
from core.domain.ticket import IssuedTicket, Ticket, TicketLine

if TYPE_CHECKING:
    from reportlab.platypus import Flowable, Paragraph, Table

# A4 in points, with margins that every printer can print.
WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 30.0
# The largest of these sizes that fits on one page is taken; below the smallest nobody reads it, and a second page follows.
SIZES = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0, 5.5)
FONT, BOLD = "Vera", "VeraBd"
INK, SOFT, LINE, BAND, BUY, SELL, WARN = "#1b1f24", "#57606a", "#c5ccd3", "#f1f3f5", "#1a7f37", "#b3261e", "#7a4f00"
HOW = (
    "Buy and sell the underlying share only: no CFD, no leverage (x1). A buy that cannot be done is left: its cash stays in"
    " the account."
)
# The columns of the lines, as shares of the page's width.
LINE_WIDTHS = (0.027, 0.029, 0.063, 0.116, 0.085, 0.092, 0.092, 0.082, 0.235, 0.072, 0.107)
UNVERIFIED = "* unverified: nobody has looked this name up at the venue; see that it is the instrument that is meant."
WHY_IN_FULL = "The whole why, with every weight and every gate, stands in the ticket's Markdown, HTML and JSON."


def ticket_pdf(issued: IssuedTicket, *, void: str = "", hindered: Sequence[Hindrance] = ()) -> bytes:
    """Render a ticket; the same ticket gives the same bytes. `void` says who made it void, and why.

    `hindered` is what makes it not to be executed now.
    """
    from reportlab.platypus import SimpleDocTemplate

    story = _fitting(issued, void, hindered)
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=(WIDTH, HEIGHT),
        # The frame keeps six points to itself on each side.
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN - 6),
        title=f"{issued.ticket.ticket_id}: {issued.ticket.kind}",
        author="Twokey",
        subject=f"hash {issued.ticket.hash}",
        # No clock and no random id in the file.
        invariant=1,
    )
    document.build(story)
    return buffer.getvalue()


def _fitting(issued: IssuedTicket, void: str, hindered: Sequence[Hindrance]) -> list[Flowable]:
    """Give the page in the largest letters that fit, shortened where it fits in none; whole on two where that is no help."""
    room = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    for is_short in (False, True):
        for size in SIZES:
            story = _Page(issued, size, void, is_short, hindered).story()
            if sum(_height(part, *room) for part in story) <= room[1]:
                return story
    return _Page(issued, SIZES[-1], void, hindered=hindered).story()


def _height(part: Flowable, width: float, height: float) -> float:
    return float(part.wrap(width, height)[1] + part.getSpaceBefore() + part.getSpaceAfter())


@dataclass(frozen=True)
class _Page:
    """The page of a ticket in one size of letters; a short one counts what was left undone, and what is confirmed."""

    issued: IssuedTicket
    size: float
    void: str
    is_short: bool = False
    hindered: Sequence[Hindrance] = ()

    @property
    def ticket(self) -> Ticket:
        """Give the ticket."""
        return self.issued.ticket

    def story(self) -> list[Flowable]:
        """Give the parts of the page from top to bottom."""
        ticket, said = self.ticket, banners_of(self.ticket, self.void, self.hindered)
        parts = [self._banner(words) for words in said]
        parts += [self._head(), self._facts()]
        if ticket.kind == "TRADE":
            parts += self._trade()
        else:
            title = "Do not trade. Why:" if ticket.kind == "NO-TRADE" else "Do nothing"
            parts += [self._title(title), *(self._item(words, is_bold=True) for words in ticket.reasons)]
            parts.append(self._text("Nothing is to be executed or confirmed."))
        return [*parts, *self._why(), *self._foot()]

    def _trade(self) -> list[Flowable]:
        ticket, guide = self.ticket, self.ticket.guide
        count = len(ticket.lines)
        what = "this line" if count == 1 else f"these {count} lines, in this order"
        parts: list[Flowable] = [self._title(f"Execute {what}. Outside the window, do nothing.")]
        parts += [self._text(words, is_bold=True) for words in (guide.hours if guide else ())]
        parts += [self._text(HOW), self._lines()]
        if not all(line.is_verified for line in ticket.lines):
            parts.append(self._text(UNVERIFIED, is_small=True))
        parts.append(self._columns())
        if ticket.venue != "paper":
            command = confirm_words(ticket, most=1 if self.is_short else None)
            parts.append(self._text(command.replace("\\\n", ""), is_small=True))
            parts.append(self._text(other_answers_words(ticket), is_small=True))
        if guide:
            blocked = [self._title("If something is blocked"), *(self._item(words) for words in guide.blocked)]
            parts += blocked
        return parts

    def _columns(self) -> Table:
        guide, ticket = self.ticket.guide, self.ticket
        before = [self._title("Before you start"), *(self._tick(words) for words in (guide.before if guide else ()))]
        after = [self._title("After the last line"), *(self._tick(words) for words in (guide.after if guide else ()))]
        if ticket.venue == "paper":
            after.append(self._tick("Nothing to confirm: the paper venue reports each line by itself."))
        else:
            told = dict(facts_of(ticket))["Confirm by"]
            after.append(
                self._tick(
                    "Confirm every line, also the skipped ones, before the next run (else it is NO-TRADE), by"
                    f" {told} at the latest, with the command below, each line as it went."
                )
            )
        table = self._table([[before, after]], [0.5, 0.5])
        table.spaceBefore = 0.6 * self.size
        return table

    def _lines(self) -> Table:
        ticket = self.ticket
        currency = ticket.lines[0].currency
        head = ["", "#", "Do", "Search for", "Units", f"Value {currency}", f"Value {ticket.base}", "Order"]
        head += ["Skip if price is", f"Cost, {ticket.base}", f"Cash after, {ticket.base}"]
        titles = [self._text(words, is_bold=True, is_number=at in (4, 5, 6, 9, 10)) for at, words in enumerate(head)]
        rows, under = [titles], []
        for line in ticket.lines:
            rows.append(self._line(line))
            if line.side == "sell" and line.if_it_fails:
                words = self._text(f"If line {line.line} cannot be done: {line.if_it_fails}", is_small=True)
                under.append(len(rows))
                rows.append(["", "", words, *[""] * (len(head) - 3)])
        table = self._table(rows, LINE_WIDTHS, is_ruled=True)
        for at in under:
            # The words go on under their line: no rule between, and the empty cells as low as they can be.
            whole = (0, at), (-1, at)
            table.setStyle([("SPAN", (2, at), (-1, at)), ("LEADING", *whole, 1), ("TOPPADDING", *whole, 0)])
            table.setStyle([("LINEABOVE", *whole, 0.4, "white")])
        return table

    def _line(self, line: TicketLine) -> list[Any]:
        order = (
            line.order_type if line.limit_price is None else f"{line.order_type} at {plain_decimal(line.limit_price)}"
        )
        order += "" if line.stop_price is None else f", stop at {plain_decimal(line.stop_price)}"
        name = f"{line.search_name}{'' if line.is_verified else ' *'}"
        return [
            self._box(),
            self._text(str(line.line)),
            self._text(line.side.upper(), is_bold=True, colour=BUY if line.side == "buy" else SELL),
            self._text(name, is_bold=True),
            self._text(plain_decimal(line.quantity), is_number=True),
            self._text(money(line.value_quote), is_number=True),
            self._text(money(line.value), is_number=True),
            self._text(order),
            self._skip(line),
            self._text(money(line.expected_cost), is_number=True),
            self._text(money(line.expected_cash_after), is_number=True),
        ]

    def _skip(self, line: TicketLine) -> Paragraph:
        """Give the price beyond which a line is skipped, and the slippage that this allows."""
        price = f"{'above' if line.side == 'buy' else 'below'} {plain_decimal(line.worst_price)}"
        far = f'<font size="{0.8 * self.size}">{escape(slippage_words(line))}</font>'
        return self._paragraph(f"<b>{price}</b> {far}", size=self.size)

    def _why(self) -> list[Flowable]:
        ticket, why = self.ticket, self.ticket.why
        words = [*why.changed, *(f"Odd: {odd}" for odd in why.anomalies)] if why else []
        words += [f"Refused: {item}" for item in ticket.refused]
        if ticket.left_undone and self.is_short:
            count = len(ticket.left_undone)
            things = f"{count} thing{'' if count == 1 else 's'}"
            words.append(f"Left undone, within the limits: {things}, told in the ticket's Markdown, HTML and JSON.")
        else:
            words += [f"Left undone, within the limits: {item}" for item in ticket.left_undone]
        return [self._title("Why"), *(self._item(item) for item in (*words, WHY_IN_FULL))]

    def _foot(self) -> list[Flowable]:
        words = " &nbsp; ".join(escape(shown(item)) for item in sealed_of(self.issued))
        return [self._spaced(self._paragraph(words, size=0.72 * self.size, colour=SOFT), before=0.8)]

    def _head(self) -> Table:
        ticket = self.ticket
        title = f"{ticket.ticket_id}{f' (revision {ticket.revision})' if ticket.revision > 1 else ''}: {ticket.kind}"
        code = self._paragraph(f"Short hash <b>{ticket.short_hash}</b>", size=1.25 * self.size)
        return self._table([[self._paragraph(f"<b>{escape(title)}</b>", size=1.8 * self.size), code]], [0.7, 0.3])

    def _facts(self) -> Table:
        cells = [
            self._paragraph(f'<font color="{SOFT}">{escape(name)}:</font> {escape(shown(value))}', size=self.size)
            for name, value in facts_of(self.ticket)
        ]
        cells += [self._text("")] * (len(cells) % 2)
        half = len(cells) // 2
        return self._table([list(pair) for pair in zip(cells[:half], cells[half:], strict=True)], [0.5, 0.5])

    def _banner(self, words: str) -> Table:
        table = self._table([[self._text(words, is_bold=True, colour=WARN)]], [1.0])
        table.setStyle([("BACKGROUND", (0, 0), (-1, -1), "#fff3d1"), ("BOX", (0, 0), (-1, -1), 0.8, WARN)])
        return table

    def _tick(self, words: str) -> Table:
        return self._table([[self._box(), self._text(words)]], [0.05, 0.95], within=0.47)

    def _box(self) -> Table:
        """Give an empty square to tick."""
        from reportlab.platypus import Table

        side = 0.95 * self.size
        return Table([[""]], [side], [side], style=[("BOX", (0, 0), (-1, -1), 0.6, INK)], hAlign="LEFT")

    def _table(
        self, rows: Sequence[Any], shares: Sequence[float], *, is_ruled: bool = False, within: float = 1.0
    ) -> Table:
        from reportlab.platypus import Table

        pad, whole = 0.22 * self.size, within * (WIDTH - 2 * MARGIN)
        style: list[Any] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), pad),
            ("RIGHTPADDING", (0, 0), (-1, -1), (3 if is_ruled else 1) * pad),
            ("TOPPADDING", (0, 0), (-1, -1), pad / 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), pad),
        ]
        if is_ruled:
            style += [("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE), ("BACKGROUND", (0, 0), (-1, 0), BAND)]
        return Table(rows, [share * whole for share in shares], style=style, repeatRows=int(is_ruled), hAlign="LEFT")

    def _title(self, words: str) -> Paragraph:
        return self._spaced(self._paragraph(f"<b>{escape(words)}</b>", size=1.15 * self.size), before=0.9, after=0.2)

    def _text(self, words: str, *, is_bold: bool = False, is_small: bool = False, **how: Any) -> Paragraph:
        told = escape(shown(words))
        size = self.size * (0.85 if is_small else 1.0)
        return self._paragraph(f"<b>{told}</b>" if is_bold else told, size=size, **how)

    def _item(self, words: str, *, is_bold: bool = False) -> Paragraph:
        return self._text(f"\N{BULLET} {words}", is_bold=is_bold, is_item=True)

    def _paragraph(
        self, marked: str, *, size: float, colour: str = INK, is_number: bool = False, is_item: bool = False
    ) -> Paragraph:
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph

        fonts()
        style = ParagraphStyle(
            "",
            fontName=FONT,
            fontSize=size,
            leading=1.25 * size,
            textColor=colour,
            splitLongWords=1,
            alignment=2 if is_number else 0,
            # What hangs is as far in as the letters after its bullet.
            leftIndent=0.95 * size if is_item else 0,
            firstLineIndent=-0.95 * size if is_item else 0,
            spaceAfter=0.15 * size if is_item else 0,
        )
        return Paragraph(marked, style)

    def _spaced(self, part: Paragraph, *, before: float, after: float = 0.0) -> Paragraph:
        part.style.spaceBefore, part.style.spaceAfter = before * self.size, after * self.size
        return part


def shown(words: str) -> str:
    """Give words as far as the page's letters reach: what they do not have is a question mark, never another letter."""
    known = fonts()
    return "".join(letter if ord(letter) in known else "?" for letter in words)


@lru_cache(maxsize=1)
def fonts() -> frozenset[int]:
    """Let the page use the letters that come with the library, whole in the file; give the characters that they have."""
    import reportlab
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    for is_bold in (0, 1):
        for is_italic in (0, 1):
            addMapping(FONT, is_bold, is_italic, BOLD if is_bold else FONT)
    faces = [set(pdfmetrics.getFont(name).face.charToGlyph) for name in (FONT, BOLD)]
    return frozenset(faces[0] & faces[1])
