"""Edges of issuing: what a guard of the flow keeps from a person, each found by deleting or inverting it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.facts import Halt, Seen, Unread
from core.domain.others import DeskLimits, DeskView
from core.domain.ticket import LastGood
from core.ledger.post import post_cash
from core.ticketing.why import Told
from flows.books import StoreError
from flows.decide import NotReady
from flows.issue import draft, issue_ticket
from flows.setup import BookSetup
from tests.unit.flows.shop import Shop
from tests.unit.making import (
    DAY,
    NOW,
    SHORT,
    cash_fact,
    decision,
    frame,
    fx,
    issued,
    line,
    proposal,
    ruled,
    standing,
    ticket,
    worth,
)

LATER = (post_cash(cash_fact("DEPOSIT", "5")),)
BARE = Seen(standing(holdings=Unread("away")), worth(), None, "unknown", "unknown", is_synthetic=False)


def made(shop: Shop, **how: Any):
    """Issue the shop's ticket."""
    return issue_ticket(shop.run.run_id, shop.setup, shop.issuing, **how).ticket


def test_a_run_that_is_unknown_or_not_decided_has_no_ticket():
    """Each is not ready, whatever else is there."""
    decided = Shop().traded()
    unknown = replace(decided, known=False)

    for shop in (Shop(), unknown):
        with pytest.raises(NotReady, match="approve_trades comes first"):
            made(shop)


def test_a_trade_whose_approval_holds_is_issued_with_its_seal():
    """It names the approval; one that trades nothing has none to name."""
    trade, hold = Shop().traded(), Shop(halts=(Halt("main", "enough", NOW),)).traded()

    sold, still = made(trade), made(hold)

    assert (sold.kind, still.kind, still.reasons) == ("TRADE", "NO-TRADE", ("halt: halted (main): enough",))
    assert trade.approval is not None
    seal = trade.kept[0].seal
    told = (trade.approval.mandate.nonce, trade.approval.key_id, trade.approval.signature)
    assert (seal.nonce, seal.key_id, seal.signature) == told
    assert (hold.kept[0].seal.nonce, hold.kept[0].seal.key_id, hold.kept[0].seal.signature) == (None, None, None)


@pytest.mark.parametrize("venue", ["paper", "manual"])
def test_the_last_good_ticket_is_one_of_the_tickets_own_venue(venue):
    """What paper left is in no account, and what an account holds was not left by paper."""
    kept = {name: LastGood(f"TICKET-{name}", 1, DAY, "0123abcd", 2) for name in ("paper", "manual")}
    shop = Shop(policy=ruled(within=SHORT, execution={"venue": venue}), last_good=kept).traded()

    assert made(shop).last_good == kept[venue]


@pytest.mark.parametrize(("revision", "is_given"), [(0, False), (1, True), (2, True)])
def test_the_live_ticket_of_the_revision_or_a_later_one_is_given_again(revision, is_given):
    """One of an earlier revision is not: it is void."""
    shop = Shop().traded()
    shop.live = issued(ticket(revision=revision, reasons=("earlier",)))

    assert (made(shop).reasons == ("earlier",)) is is_given
    assert len(shop.kept) == (0 if is_given else 1)


def test_an_abandoned_run_becomes_no_trade_whatever_was_approved():
    """Its approval is not looked at, and stands in no seal."""
    shop = Shop().traded()

    told = made(shop, is_unfinished=True)

    assert told.kind == "NO-TRADE"
    assert told.reasons[0].startswith("run not finished: ")
    assert shop.kept[0].seal.nonce is None


MOVED: dict[str, tuple[dict[str, Any], str]] = {
    "no approval": ({"approval": None}, "no approval was kept with the decision"),
    "no proposal": ({"proposal": None}, "no approval was kept with the decision"),
    "a signature": ({"verifies": False}, "approval signature does not verify with key kkkkkkkkkkkkkkkk"),
    "a store": ({"phase": StoreError("away")}, "what the approval binds could not be looked up: away"),
    "the clock": (
        {"now": NOW - timedelta(microseconds=1)},
        "the clock was set back after the approval; nobody can say whether it expired",
    ),
    "facts": (
        {"unposted": (cash_fact("DEPOSIT", "7"),)},
        "known after the approval, and not in the books yet: deposit 2024-06-07-DEPOSIT-7",
    ),
    "answers": ({"unanswered": ("line 1",)}, "nobody answered, as was found after the approval: line 1"),
    "the phase": ({"phase": "0"}, "the rollout phase's share of the capital moved from 1 to 0 after the approval"),
    "a break": (
        {"breaks": ("cash differs",)},
        "found after the approval, as the books and the venue were compared: cash differs",
    ),
    "a halt": ({"halts": (Halt("main", "enough", NOW),)}, "halted after the approval: enough"),
}


@pytest.mark.parametrize("what", MOVED)
def test_what_moved_after_the_approval_voids_it_and_is_the_only_reason(what):
    """Before the ticket is made, and while it is stored: the slot ends in NO-TRADE, and nothing else is said."""
    changes, words = MOVED[what]
    before, while_stored = Shop().traded(), Shop().traded()

    def meanwhile() -> None:
        for name, value in changes.items():
            setattr(while_stored, name, value)
        while_stored.meanwhile = lambda: None

    while_stored.meanwhile = meanwhile
    told = [made(replace(before, **changes)), made(while_stored)]

    assert [(one.kind, one.reasons) for one in told] == [("NO-TRADE", (f"approval: {words}",))] * 2


def test_the_books_that_moved_name_what_was_booked():
    """One deposit more."""
    shop = Shop().traded()
    shop.entries += LATER

    (said,) = made(shop).reasons

    assert said.endswith("after the approval: deposit 2024-06-07-DEPOSIT-5")


@pytest.mark.parametrize("name", ["policy", "universe"])
def test_a_run_opened_with_another_configuration_than_was_approved_is_void(name):
    """The ticket would name a policy or a universe that nobody approved."""
    shop = Shop().traded()
    changes: Any = {f"{name}_hash": "x" * 64}
    opened = replace(shop.run, **changes)
    doors: Any = shop.issuing
    doors.runs.run = lambda run_id: opened

    told = issue_ticket(opened.run_id, shop.setup, doors).ticket

    assert told.reasons == (f"approval: the run's {name} hash is {'x' * 64}, approved was another",)


def reread(shop: Shop, fresh: Callable[[], BookSetup]):
    """Issue the shop's ticket where what binds the book is read again."""
    return issue_ticket(shop.run.run_id, shop.setup, replace(shop.issuing, fresh=fresh)).ticket


def test_a_policy_that_was_edited_since_voids_the_approval_and_words_no_ticket():
    """The ticket names the venue that was decided for; unedited, it trades."""
    shop, left = Shop().traded(), Shop().traded()
    edited = ruled(within=SHORT, execution={"venue": "manual"})

    told = reread(shop, lambda: replace(shop.setup, policy=edited))

    assert (told.kind, told.venue, told.policy_hash) == ("NO-TRADE", "paper", shop.policy.hash)
    assert told.reasons == (f"approval: policy hash moved from {shop.policy.hash} to {edited.hash} after the approval",)
    assert reread(left, lambda: left.setup).kind == "TRADE"


@pytest.mark.parametrize("error", [ValueError("line 3"), StoreError("line 3"), OSError("line 3")])
def test_a_configuration_that_cannot_be_read_again_voids_the_approval(error):
    """A file that is half written ends in a ticket that says so; what trades nothing needs no reading."""
    trade, hold = Shop().traded(), Shop(halts=(Halt("main", "enough", NOW),)).traded()

    def unread() -> BookSetup:
        raise error

    told, still = reread(trade, unread), reread(hold, unread)

    assert (told.kind, told.reasons) == (
        "NO-TRADE",
        ("approval: what binds the book could not be read again: line 3",),
    )
    assert still.reasons == ("halt: halted (main): enough",)


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (("1", "0.2"), ("1", "0.2"), None),
        (("1", "0.2"), ("0.5", "0.2"), "the desk's gross_max moved from 1 to 0.5 after the approval"),
        (("1", "0.2"), ("1", "0.1"), "the desk's weight_max moved from 0.2 to 0.1 after the approval"),
        (("1", "0.2"), None, None),
        (None, ("0.5", "0.1"), None),
    ],
    ids=["as it was", "gross", "weight", "no desk now", "no desk then"],
)
def test_limits_of_the_desk_that_were_edited_since_void_the_approval(was, now, words):
    """Those that the decision met are what counts."""
    shop = Shop().traded()
    decision, seen = shop.decided[shop.run.run_id]
    view = None if was is None else DeskView(Decimal(was[0]), Decimal(was[1]))
    shop.decided[shop.run.run_id] = (decision, replace(seen, standing=replace(seen.standing, desk=view)))
    limits = None if now is None else DeskLimits(Decimal(now[0]), Decimal(now[1]))

    told = reread(shop, lambda: replace(shop.setup, desk=limits))

    assert told.reasons == (() if words is None else (f"approval: {words}",))


def test_what_was_not_seen_is_not_told():
    """No rate, no cash, no equity, nothing left undone; where they were seen, each stands on the ticket."""
    plan = proposal(equity=Decimal(10_000), left_undone=("buy AAA: 1 of 2 is beyond the turnover limit",))
    seen = Seen(standing(), worth(), fx(), "raw", "recorded", is_synthetic=False)

    bare, whole = draft(Told(None, None, decision(), BARE), frame()), draft(Told(None, plan, decision(), seen), frame())

    assert (bare.fx, bare.fx_rate, bare.cash, bare.equity, bare.left_undone) == (None, None, None, None, ())
    assert (whole.fx, whole.fx_rate) == ("1.25 USD for 1 GBP, fixed 2024-06-07 (ecb)", Decimal("1.25"))
    assert (whole.cash, whole.equity, whole.left_undone) == (Decimal(10_000), Decimal(10_000), plan.left_undone)


def test_a_ticket_that_no_person_could_act_on_is_not_shown():
    """A hold without a reason, and lines out of order."""
    seen = Seen(standing(), worth(), fx(), "raw", "recorded", is_synthetic=False)
    wrong = decision(line("buy", "AAA", "1"), line("sell", "BBB", "1"))

    with pytest.raises(ValueError, match="unfit to be shown: a HOLD ticket without a reason"):
        draft(Told(None, None, decision(reasons=()), seen), frame())
    with pytest.raises(ValueError, match="unfit to be shown: a buy stands before a sale"):
        draft(Told(None, proposal(), wrong, seen), frame())
