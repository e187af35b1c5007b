"""The paper venue: fills at the next open, pays dividends, splits what it holds, and keeps books of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from core.domain.confirmation import Answer, Executed, NotExecuted
from core.domain.holdings import Position
from core.domain.instrument import InstrumentId
from core.domain.panel import Dividend, Panel
from core.domain.ticket import Ticket, TicketLine
from core.domain.venue import AccountSnapshot, CashReport, ExecutionReport, SplitReport, VenueReport
from core.ledger.equity import Rates
from core.ledger.splits import split_key, splits_in
from core.money import BPS, price_of, round_price, split_units, to_pence
from core.settings import Policy

ZERO = Decimal(0)


@dataclass(frozen=True, eq=False)
class PaperVenue:
    """A simulated venue over a panel: what it assumes stands in the policy, what it did stands in its reports."""

    policy: Policy
    panel: Panel
    rates: Rates

    def opening(self, session: date) -> CashReport:
        """Give the report of the opening cash, on the session before the book's first slot."""
        return CashReport(
            f"OPENING-{self.policy.book}", "DEPOSIT", session, self.policy.opening_cash, note="paper money"
        )

    def executions(
        self, reports: Sequence[VenueReport], tickets: Iterable[Ticket], up_to: date
    ) -> tuple[ExecutionReport, ...]:
        """Answer every line of the tickets whose execution session is complete: the panel holds it, up to `up_to`.

        Sales come first, then the buys in their order, with the cash that is there: what it does not cover is not bought.
        """
        told: list[VenueReport] = list(reports)
        due = [ticket for ticket in tickets if ticket.window is not None and ticket.window.session <= up_to]
        answered: list[ExecutionReport] = []
        for ticket in due:
            if ticket.window is not None and self.panel.row(ticket.window.session) is not None:
                executed = self._executed(ticket, told)
                answered += executed
                told += executed
        return tuple(answered)

    def splits(self, reports: Sequence[VenueReport], after: date, up_to: date) -> tuple[SplitReport, ...]:
        """Split what was held the evening before an ex-date after `after`, up to `up_to`, where the bars are raw."""
        told: list[SplitReport] = []
        for split in splits_in(self.panel, after, up_to):
            held = _units([*reports, *told], split.session - timedelta(days=1)).get(split.instrument, ZERO)
            came = split_units(held, split.ratio, self.policy.sizing.quantity_step) - held
            if came:
                key = split_key(split, self.policy.book, "paper")
                told.append(SplitReport(key, split.session, split.instrument, split.ratio, came))
        return tuple(told)

    def dividends(self, reports: Sequence[VenueReport], after: date, up_to: date) -> tuple[CashReport, ...]:
        """Pay the dividends with an ex-date after `after`, up to `up_to`, on what was held the evening before.

        A split of the same day counts first: the amount is told in the units of the ex-date. What comes to less than half
        a penny is not paid.
        """
        due = [paid for paid in self.panel.dividends if after < paid.session <= up_to]
        held = {session: _units_at_open(reports, session) for session in {paid.session for paid in due}}
        payments = (self._payment(paid, held[paid.session].get(paid.instrument, ZERO)) for paid in due)
        return tuple(payment for payment in payments if payment.amount > 0)

    def snapshot(self, reports: Sequence[VenueReport], session: date) -> AccountSnapshot:
        """Say what the account holds at the close of a session, from the venue's own reports."""
        held = _units(reports, session)
        return AccountSnapshot(
            account=self.policy.account,
            book=self.policy.book,
            venue="paper",
            session=session,
            positions=tuple(Position(name, quantity) for name, quantity in sorted(held.items()) if quantity != 0),
            cash=sum((_cash(report) for report in reports if report.session <= session), ZERO),
        )

    def _executed(self, ticket: Ticket, reports: Sequence[VenueReport]) -> list[ExecutionReport]:
        own = (ticket.ticket_id, ticket.revision)
        # A settlement that was cut short may have told of this very ticket; then its lines are answered as they were.
        others = [
            one for one in reports if not isinstance(one, ExecutionReport) or (one.ticket_id, one.revision) != own
        ]
        assert ticket.window is not None, "only tickets with a window are answered"
        cash = sum((_cash(report) for report in others if report.session <= ticket.window.session), ZERO)
        executed: list[ExecutionReport] = []
        for line in sorted(ticket.lines, key=lambda line: line.side == "buy"):
            report = self._report(ticket, line)
            if line.side == "buy" and cash + _cash(report) < 0:
                words = f"cash does not cover it: {cash} was there, {-_cash(report)} was needed"
                report = replace(report, answer=NotExecuted(line.line, words))
            cash += _cash(report)
            executed.append(report)
        return executed

    def _report(self, ticket: Ticket, line: TicketLine) -> ExecutionReport:
        assert ticket.window is not None, "only tickets with a window are answered"
        return ExecutionReport(
            key=f"{ticket.ticket_id}-r{ticket.revision}-L{line.line}",
            ticket_id=ticket.ticket_id,
            revision=ticket.revision,
            session=ticket.window.session,
            instrument=line.instrument,
            side=line.side,
            answer=self._answer(line, ticket.window.session),
        )

    def _answer(self, line: TicketLine, session: date) -> Answer:
        row, column = self.panel.row(session), self.panel.column(line.instrument)
        number = float("nan") if row is None or column is None else float(self.panel.open[row, column])
        if number != number:
            return NotExecuted(line.line, f"no bar of {line.instrument} in {session}")
        opened, costs = price_of(number), self.policy.costs
        slip = (costs.slippage_bps + costs.spread_bps / 2) * BPS
        price = round_price(opened * (1 + slip if line.side == "buy" else 1 - slip))
        beyond = price > line.worst_price if line.side == "buy" else price < line.worst_price
        if beyond:
            return NotExecuted(line.line, f"the price was {price}, the worst accepted is {line.worst_price}")
        # The session's own fixing is published after the window, so a fill is converted at the one before.
        rate = self.rates.on(session - timedelta(days=1))
        value = to_pence(line.quantity * price / rate)
        bps = costs.fx_fee_bps if line.currency != self.policy.base_currency else ZERO
        fee = to_pence(value * bps * BPS) + costs.commission
        return Executed(line.line, line.quantity, price, fee, rate, is_partial=False)

    def _payment(self, paid: Dividend, held: Decimal) -> CashReport:
        gross = to_pence(held * paid.amount / self.rates.on(paid.session))
        return CashReport(
            key=f"DIVIDEND-{paid.session:%Y%m%d}-{paid.instrument}-{self.policy.book}",
            kind="DIVIDEND",
            session=paid.session,
            amount=gross,
            withheld=to_pence(gross * self.policy.costs.dividend_withholding),
            instrument=paid.instrument,
            note=f"{held} units at {paid.amount}",
        )


def _units_at_open(reports: Sequence[VenueReport], session: date) -> dict[InstrumentId, Decimal]:
    """Give what was held before any trade of a session, its splits included."""
    evening = session - timedelta(days=1)
    return _units([one for one in reports if one.session <= evening or isinstance(one, SplitReport)], session)


def _units(reports: Sequence[VenueReport], up_to: date) -> dict[InstrumentId, Decimal]:
    held: dict[InstrumentId, Decimal] = {}
    for report in reports:
        if report.session > up_to or isinstance(report, CashReport):
            continue
        if isinstance(report, SplitReport):
            held[report.instrument] = held.get(report.instrument, ZERO) + report.units
        elif isinstance(report.answer, Executed):
            quantity = report.answer.quantity if report.side == "buy" else -report.answer.quantity
            held[report.instrument] = held.get(report.instrument, ZERO) + quantity
    return held


def _cash(report: VenueReport) -> Decimal:
    if isinstance(report, CashReport):
        came = report.amount - report.withheld
        return -came if report.kind == "WITHDRAW" else came
    if isinstance(report, SplitReport):
        return ZERO
    if not isinstance(report.answer, Executed):
        return ZERO
    value = to_pence(report.answer.quantity * report.answer.price / report.answer.fx_rate)
    return (-value if report.side == "buy" else value) - report.answer.fee
