"""Drafting: a decision as a person reads it, and what must hold before it is shown."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.decision import Approved, Decision, GateReport, Objection, Refused
from core.domain.instrument import Universe
from core.domain.slot import Slot, Window
from core.domain.ticket import Guide, LastGood, Ticket, TicketLine, Why
from core.ticketing.draft import Surroundings, draft_ticket, ticket_objections, void_decision
from tests.unit.making import (
    ABCD,
    AS_OF,
    BASIS,
    CONFIRM_BY,
    DAY,
    NOW,
    WINDOW,
    decision,
    frame,
    issued,
    line,
    ruled,
    ticket,
    ticket_line,
)

WHY = Why(("Opens AAA.",), (), "momentum", 4, ())
LAST_GOOD = LastGood("TICKET-20240603", 1, AS_OF, "0123abcd", 2)
AROUND = Surroundings(
    equity=Decimal(10_000),
    cash=Decimal(1_000),
    fx="1.25 USD for 1 GBP, fixed 2024-06-07 (ecb)",
    fx_rate=Decimal("1.25"),
    basis=str(BASIS),
    knowledge="recorded",
    is_synthetic=False,
    expires_at=WINDOW.closes_at,
    confirm_by=CONFIRM_BY,
    left_undone=("buy CCC: 1.00 of 2.00 is beyond the turnover limit",),
    held={"BBB": Decimal(10)},
    why=WHY,
    last_good=LAST_GOOD,
)
SALE = line("sell", "BBB", "10", cost="3.24")
BUY = line("buy", "AAA", "9.9998", cost="8.10")


def drafted(of: Decision, *, around: Surroundings = AROUND, within: Any = None) -> Ticket:
    """Draft a decision with its own approved lines."""
    return draft_ticket(of, tuple(Approved(one) for one in of.approved), within or frame(), around=around)


def test_a_ticket_tells_all_that_was_decided():
    """Every field comes from the decision, the frame or what surrounds them."""
    refused = (Refused(BUY, (Objection("NO_BUY", "not on it", "AAA", "another"), Objection("X", "1", "2", "three"))),)
    reports = (GateReport("audit", "open", ()),)
    made = decision(SALE, refused=refused, gates=reports, notes=("first build",))

    drawn = drafted(made)

    assert drawn.guide is not None
    assert replace(drawn, lines=(), guide=None) == Ticket(
        ticket_id="TICKET-20240610",
        kind="TRADE",
        book="main",
        account="etoro",
        venue="paper",
        slot="20240610",
        revision=1,
        day=DAY,
        as_of=AS_OF,
        base="GBP",
        window=WINDOW,
        expires_at=WINDOW.closes_at,
        confirm_by=CONFIRM_BY,
        reasons=(),
        gates=reports,
        lines=(),
        refused=(
            "buy AAA: NO_BUY: AAA, where the rule asks for not on it; another would pass;"
            " X: 2 against the limit 1; three would pass",
        ),
        left_undone=AROUND.left_undone,
        notes=("first build",),
        equity=Decimal(10_000),
        cash=Decimal(1_000),
        fx=AROUND.fx,
        fx_rate=Decimal("1.25"),
        basis="split-adjusted as of 2024-06-07",
        knowledge="recorded",
        policy_hash="p" * 64,
        universe_hash="u" * 64,
        is_synthetic=False,
        is_rehearsal=False,
        voids=None,
        why=WHY,
        last_good=LAST_GOOD,
    )


def test_a_line_carries_what_the_venues_screen_asks_for():
    """Names and currency come from the universe, numbers from the approved line alone."""
    row = replace(ABCD.instruments[0], etoro_search_name="Triple A", verified_on=AS_OF)
    lists = Universe((row, *ABCD.instruments[1:]))
    limited = replace(BUY, order_type="limit", limit_price=Decimal("127.5"), stop_price=Decimal("1"))

    (drawn,) = drafted(decision(limited), within=frame(lists=lists)).lines

    assert drawn == TicketLine(
        line=1,
        instrument="AAA",
        search_name="Triple A",
        is_verified=True,
        side="buy",
        effect="open",
        quantity=Decimal("9.9998"),
        currency="USD",
        value=Decimal("999.98"),
        value_quote=Decimal("1249.98"),
        order_type="limit",
        limit_price=Decimal("127.5"),
        stop_price=Decimal("1"),
        decision_price=Decimal("125"),
        worst_price=Decimal("127.50"),
        expected_cost=Decimal("8.10"),
        expected_cash_after=Decimal("-8.08"),
        do=(
            "Buy Triple A for 1,249.98 USD (999.98 GBP), which is about 9.9998 units. Limit order at 127.5 USD."
            " Stop at 1 USD, no target."
        ),
        skip_if="the price is above 127.5 USD (2 % over 125)",
        if_it_fails="Leave it, its cash stays in the account. That was the last line.",
        set_by="value",
    )


def test_a_sale_is_set_by_its_units_and_a_buy_by_its_value_where_there_are_fractions():
    """The two that a venue asks for; whole units are set as units on both sides."""
    whole = ruled(sizing={"fractions": "whole_units"})

    told = [
        [one.set_by for one in drafted(decision(SALE, BUY), within=within).lines] for within in (frame(), frame(whole))
    ]

    assert told == [["units", "value"], ["units", "units"]]


def test_lines_are_numbered_anew_and_cash_runs_through_them():
    """Refused lines leave no gap; each line says what cash is expected after it, its costs paid."""
    lines = (replace(SALE, line=2), replace(BUY, line=5))

    drawn = drafted(decision(*lines)).lines

    assert [one.line for one in drawn] == [1, 2]
    assert [one.expected_cash_after for one in drawn] == [Decimal("1396.76"), Decimal("388.68")]
    assert not drawn[0].is_verified


@pytest.mark.parametrize(
    ("made", "approved"),
    [(decision(SALE), ()), (decision(), (Approved(SALE),)), (decision(kind="NO-TRADE"), (Approved(SALE),))],
)
def test_kind_and_lines_must_fit(made, approved):
    """A trade without lines and lines without a trade are broken promises."""
    with pytest.raises(ValueError, match=f"a {made.kind} decision came with {len(approved)} approved lines"):
        draft_ticket(made, approved, frame(), around=AROUND)


def test_a_revision_says_which_it_voids():
    """The second voids the first."""
    assert drafted(decision(), within=frame(revision=2)).voids == 1
    assert drafted(decision(), within=frame(revision=1)).voids is None


def test_a_ticket_of_another_book_carries_its_name_and_its_venue():
    """Revisions and books are told apart by id, rehearsals by their mark."""
    manual = ruled(execution={"venue": "manual"})
    other = frame(manual, slot=Slot("pilot", DAY, NOW), is_rehearsal=True)

    drawn = drafted(decision(), within=other)

    assert (drawn.ticket_id, drawn.book, drawn.venue) == ("TICKET-20240610-pilot", "pilot", "manual")
    assert drawn.is_rehearsal


def test_a_hold_is_drafted_without_knowing_cash():
    """What could not be looked up is told as absent."""
    drawn = drafted(decision(), around=replace(AROUND, equity=None, cash=None, fx=None, fx_rate=None))

    assert (drawn.kind, drawn.reasons, drawn.cash, drawn.lines) == ("HOLD", ("no rebalance due",), None, ())


def test_an_approval_that_no_longer_holds_makes_no_trade_and_says_why():
    """A closed report of the approval stands after the decision's gates, and nothing is left to trade."""
    reports = (GateReport("halt", "open", ()), GateReport("calendar", "open", ()), GateReport("data", "open", ()))
    made = decision(SALE, gates=reports, notes=("first build",), refused=(Refused(BUY, ()),))

    void = void_decision(made, ["revision moved", "halted"])

    assert void == Decision(
        kind="NO-TRADE",
        reasons=("approval: revision moved", "approval: halted"),
        gates=(*reports, GateReport("approval", "closed", ("revision moved", "halted"))),
        approved=(),
        refused=(),
        notes=("first build",),
    )


TRADE = ticket(ticket_line(1, "sell", "BBB", "10"), ticket_line(2, "buy", "AAA", "1"))
OTHER: dict[str, Any] = {
    "kind": "HOLD",
    "venue": "paper",
    "day": DAY + timedelta(days=1),
    "as_of": AS_OF - timedelta(days=1),
    "window": Window(DAY, WINDOW.opens_at, WINDOW.closes_at + timedelta(minutes=1)),
    "expires_at": WINDOW.closes_at + timedelta(minutes=1),
    "confirm_by": CONFIRM_BY + timedelta(minutes=1),
    "revision": 2,
    "gates": (GateReport("audit", "open", ()),),
    "lines": TRADE.lines[:1],
    "equity": Decimal("10000.01"),
    "cash": None,
    "fx_rate": Decimal("1.250001"),
    "is_synthetic": True,
    "is_rehearsal": True,
    "voids": 1,
    "guide": Guide(("at noon",), (), (), (), Decimal(0)),
    "why": WHY,
    "last_good": LAST_GOOD,
}


@pytest.mark.parametrize("name", [field.name for field in fields(Ticket)])
def test_every_field_of_a_ticket_moves_its_hash(name):
    """Nothing that a person acts on can be changed under the same hash."""
    value = getattr(TRADE, name)
    changed = OTHER.get(name, (*value, "more") if isinstance(value, tuple) else f"{value}x")

    other = replace(TRADE, **{name: changed})

    assert other.hash != TRADE.hash
    assert other.short_hash != TRADE.short_hash


OTHER_LINE: dict[str, Any] = {
    "line": 3,
    "side": "buy",
    "effect": "open",
    "order_type": "limit",
    "is_verified": True,
    "limit_price": Decimal("1"),
    "stop_price": Decimal("1"),
}


@pytest.mark.parametrize("name", [field.name for field in fields(TicketLine)])
def test_every_field_of_a_line_moves_the_tickets_hash(name):
    """One tick of one number of one line is another ticket."""
    first, second = TRADE.lines
    value = getattr(first, name)
    tick = value + Decimal("0.0001") if isinstance(value, Decimal) else f"{value}x"

    other = replace(TRADE, lines=(replace(first, **{name: OTHER_LINE.get(name, tick)}), second))

    assert other.hash != TRADE.hash


def test_the_seal_does_not_move_the_hash():
    """Run, audit head, instant, nonce and signature bind a ticket without changing what a person does."""
    one, two = (
        issued(TRADE),
        issued(TRADE, run_id="RUN-2", audit_head="b", audit_seq=8, issued_at=CONFIRM_BY, nonce="x"),
    )

    assert one != two
    assert one.ticket.hash == two.ticket.hash


def test_trailing_zeros_do_not_move_the_hash():
    """The same number written longer is the same decision."""
    assert replace(TRADE, cash=Decimal("10000.00")).hash == TRADE.hash


@pytest.mark.parametrize(
    ("unfit", "problem"),
    [
        (replace(TRADE, lines=(TRADE.lines[0], replace(TRADE.lines[1], line=3))), "lines are numbered [1, 3]"),
        (replace(TRADE, window=None), "trades without an execution window"),
        (
            ticket(ticket_line(1, "buy", "AAA", "1"), ticket_line(2, "sell", "BBB", "1")),
            "a buy stands before a sale",
        ),
        (ticket(reasons=()), "a HOLD ticket without a reason"),
        (ticket(kind="NO-TRADE", reasons=()), "a NO-TRADE ticket without a reason"),
    ],
)
def test_an_unfit_ticket_is_objected_to(unfit, problem):
    """Each thing that would leave a person guessing is named."""
    assert ticket_objections(unfit) == (problem,)


@pytest.mark.parametrize("fit", [TRADE, ticket(), ticket(window=None)])
def test_a_fit_ticket_has_no_objection(fit):
    """A trade with sales first, and a hold with its reason, window or not."""
    assert ticket_objections(fit) == ()


def test_all_objections_are_told_at_once():
    """The first does not hide the others."""
    lines = (ticket_line(2, "buy", "AAA", "1"), ticket_line(1, "sell", "BBB", "1"))

    assert len(ticket_objections(ticket(*lines, window=None))) == 3


def test_account_and_base_currency_are_the_policys():
    """Another policy puts another account on the ticket."""
    moved = ruled(account="other", base_currency="EUR")

    drawn = drafted(decision(), within=frame(moved))

    assert (drawn.account, drawn.base) == ("other", "EUR")


@pytest.mark.parametrize("around", [replace(AROUND, cash=None), replace(AROUND, equity=None)], ids=["cash", "equity"])
def test_no_trade_is_drafted_for_a_book_of_which_nobody_knows_what_it_has(around):
    """The ticket would say that nothing is left; one that holds says that it is unknown."""
    with pytest.raises(ValueError, match="both must be known to say what it leaves"):
        drafted(decision(BUY), around=around)
    held_still = drafted(decision(), around=around)
    assert None in (held_still.cash, held_still.equity)
