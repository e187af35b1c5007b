"""The why: each sentence comes from a stored fact, and none is there without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from core.domain.decision import Decision, Objection, Refused
from core.domain.facts import Seen, Unread
from core.domain.order import Target, TargetWeight
from core.domain.scores import Score, Scores, ScoreSet
from core.domain.ticket import Weighed
from core.gate import Finding
from core.ticketing.why import Told, why_of
from tests.unit.making import ABCD, AS_OF, decision, frame, fx, holdings, line, proposal, ruled, standing, worth

D = Decimal
BUY, TRIM, EXIT = line("buy", "AAA", "2", cost="1.50"), line("sell", "BBB", "4", cost="1.00"), line("sell", "DDD", "50")
MOVED = tuple((name, D(value)) for name, value in (("mom", "0.3"), ("vol", "-0.2"), ("size", "0.1"), ("age", "0.05")))
RANKED = (Score("AAA", 1, D("0.9"), MOVED), Score("BBB", 2, D("0.5")), Score("DDD", 3, D("-0.2")))
SCORES = ScoreSet(Scores("ranker", AS_OF, RANKED, (("CCC", "its history is too short"),)), ())
TARGET = Target((TargetWeight("AAA", D("0.1"), "rank 1"), TargetWeight("BBB", D("0.02"), "rank 2, kept")))
HELD = holdings({"BBB": "10", "CCC": "5", "DDD": "50"}, cash="1000")
# Everything looked up, so that nothing is odd unless a test makes it so.
SEEN_AT = replace(ABCD, instruments=tuple(replace(row, verified_on=AS_OF) for row in ABCD.instruments))
SEEN = Seen(standing(holdings=HELD), worth("-0.01"), fx(), "raw", "recorded", is_synthetic=False)
WITHIN = frame(lists=SEEN_AT)


def told(made: Decision | None = None, **changes: Any) -> Told:
    """Give a run's facts: it sells DDD and some of BBB, and buys AAA."""
    planned = proposal(EXIT, TRIM, BUY, equity=D(2000), target=TARGET)
    return replace(Told(SCORES, planned, made or decision(EXIT, TRIM, BUY), SEEN), **changes)


def test_it_says_what_changes_in_words_and_in_numbers():
    """What is opened, reduced, closed and left alone; the money, the turnover and the cash with their limits."""
    why = why_of(told(), WITHIN)

    assert why is not None
    assert why.changed == (
        "Opens AAA. Reduces BBB. Closes DDD. Leaves CCC as it is.",
        "Buys 200.00 and sells 560.00 GBP, at an expected cost of 2.50 GBP.",
        "Turnover, (buys + sells) / 2, is 19.00 % of equity; 30 % is allowed. Cash goes from 50.00 % of equity to 67.88 %;"
        " at least 5 % stays.",
    )
    assert (why.strategy, why.ranked) == ("ranker", 3)


def test_each_weight_has_its_rank_what_moved_its_score_and_what_shaped_it():
    """In the order of the target, then what is held and wanted no more; the three strongest contributions."""
    left = "buy AAA: 20.00 of 220.00 is beyond the turnover limit"

    why = why_of(told(proposal=proposal(EXIT, TRIM, BUY, target=TARGET, left_undone=(left,))), WITHIN)

    assert why is not None
    assert why.weights == (
        Weighed(
            "AAA",
            D("0.1"),
            1,
            D("0.9"),
            MOVED[:3],
            (
                "rank 1",
                "at the largest weight of one instrument (limits.weight_max 0.1)",
                "buy not done, or not whole: 20.00 of 220.00 is beyond the turnover limit",
            ),
        ),
        Weighed("BBB", D("0.02"), 2, D("0.5"), (), ("rank 2, kept",)),
        Weighed("CCC", D(0), None, None, (), ("no longer among the wanted: it is sold",)),
        Weighed("DDD", D(0), 3, D("-0.2"), (), ("no longer among the wanted: it is sold",)),
    )


def test_a_refused_line_is_named_with_its_codes():
    """What a rule took out of the plan stands with the weight that it would have made."""
    objections = (Objection("NO_BUY", "not on it", "AAA", "another"), Objection("OVER_WEIGHT", "1", "2", "3"))
    made = decision(EXIT, TRIM, refused=(Refused(BUY, objections),))

    why = why_of(told(made), WITHIN)

    assert why is not None
    assert why.weights[0].shaped_by[-1] == "buy refused: NO_BUY, OVER_WEIGHT"
    assert not any("refused" in words for row in why.weights[1:] for words in row.shaped_by)


def test_a_ticket_without_trades_tells_no_change_and_one_that_trades_nothing_no_weights():
    """A hold tells the weights that it keeps; a closed gate wants nothing."""
    hold, stop = why_of(told(decision()), WITHIN), why_of(told(decision(kind="NO-TRADE")), WITHIN)

    assert hold is not None
    assert stop is not None
    assert (hold.changed, len(hold.weights)) == ((), 4)
    assert (stop.changed, stop.weights) == ((), ())


def in_shadow(**changes: Any) -> Told:
    """Give the facts of a run in a phase without capital: its target is only shown."""
    return told(seen=replace(SEEN, standing=replace(SEEN.standing, capital_fraction=D(0))), **changes)


def test_the_weights_of_a_phase_without_capital_are_headed_as_nothing_to_be_done():
    """A reader of a HOLD that shows the book at full size sells nothing of it."""
    shadow, hold = why_of(in_shadow(made=decision()), WITHIN), why_of(told(decision()), WITHIN)

    assert shadow is not None
    assert hold is not None
    assert shadow.changed == (
        "The weights are only what the book would want at full size, and nothing of them is to be done:"
        " the rollout phase allows no capital, so buy nothing and sell nothing.",
    )
    assert [row.shaped_by[0] for row in shadow.weights[2:]] == [
        "no longer among the wanted: it would be sold at full size"
    ] * 2
    assert shadow.weights[:2] == hold.weights[:2]
    assert hold.changed == ()
    assert hold.weights[2].shaped_by == ("no longer among the wanted: it is sold",)


def test_only_a_hold_that_shows_weights_is_headed_so():
    """Without a target nothing could be mistaken; a closed gate wants nothing; a trade is done."""
    empty, stop, trade = (
        why_of(in_shadow(made=made, proposal=planned), WITHIN)
        for made, planned in (
            (decision(), proposal()),
            (decision(kind="NO-TRADE"), proposal(target=TARGET)),
            (decision(EXIT, TRIM, BUY), proposal(EXIT, TRIM, BUY, equity=D(2000), target=TARGET)),
        )
    )

    assert empty is not None
    assert stop is not None
    assert trade is not None
    assert (empty.changed, empty.weights) == ((), ())
    assert (stop.changed, stop.weights) == ((), ())
    assert trade.changed[0] == "Opens AAA. Reduces BBB. Closes DDD. Leaves CCC as it is."
    assert len(trade.changed) == 3
    assert trade.weights[2].shaped_by == ("no longer among the wanted: it is sold",)


def test_there_is_no_why_where_there_is_nothing_to_tell():
    """Not scored, not proposed, nothing odd: the reasons of the ticket are all there is."""
    assert why_of(told(decision(kind="NO-TRADE"), scores=None, proposal=None), WITHIN) is None
    assert why_of(told(decision(), scores=None, proposal=None), WITHIN) is None


def test_warnings_of_the_data_are_odd_and_notes_are_not():
    """Each once, in the order in which they were found."""
    left_out = Finding("data", "x", "left out", "warn")
    found = (left_out, Finding("data", "x", "fine", "note"), left_out)

    why = why_of(told(scores=ScoreSet(Scores("momentum", AS_OF, RANKED), found)), WITHIN)

    assert why is not None
    assert why.anomalies == ("left out",)


def test_what_has_no_score_is_named_and_many_are_counted():
    """Five by name."""
    unranked = tuple((f"X{number}", "a gap") for number in range(7))

    five = why_of(told(scores=ScoreSet(Scores("momentum", AS_OF, RANKED, unranked[:5]), ())), WITHIN)
    seven = why_of(told(scores=ScoreSet(Scores("momentum", AS_OF, RANKED, unranked), ())), WITHIN)

    assert five is not None
    assert seven is not None
    assert five.anomalies == ("without a score: " + "; ".join(f"X{number} (a gap)" for number in range(5)),)
    assert seven.anomalies == (five.anomalies[0] + ", and 2 more",)


NO_GAPS = ScoreSet(Scores("momentum", AS_OF, RANKED), ())


def odd(seen: Seen = SEEN, within: Any = WITHIN) -> tuple[str, ...]:
    """Give what is odd of a run whose scores are whole."""
    why = why_of(told(scores=NO_GAPS, seen=seen), within)
    assert why is not None
    return why.anomalies


def test_a_name_that_nobody_looked_up_is_odd():
    """Of what is traded alone."""
    rows = tuple(replace(row, verified_on=None) if row.id in ("AAA", "CCC") else row for row in SEEN_AT.instruments)

    assert odd() == ()
    assert odd(within=frame(lists=replace(SEEN_AT, instruments=rows))) == (
        "never looked up at the broker by anybody: AAA; the search name may be another instrument's",
    )


def test_a_rate_carried_over_more_than_a_weekend_is_odd():
    """Three days are Friday to Monday; the fourth is told."""
    on_friday, on_thursday = fx(), replace(fx(), fixed_on=date(2024, 6, 6))

    assert odd(replace(SEEN, fx=on_friday)) == ()
    assert odd(replace(SEEN, fx=None)) == ()
    assert odd(replace(SEEN, fx=on_thursday)) == (
        "the exchange rate is of 2024-06-06, 4 days before this ticket's day",
    )


def test_half_the_way_to_the_kill_switch_is_odd():
    """From exactly half of the limit on."""
    within = replace(WITHIN, policy=ruled(limits={"drawdown_max": "0.20"}))

    assert odd(replace(SEEN, worth=worth("-0.099999")), within) == ()
    assert odd(replace(SEEN, worth=worth("-0.10")), within) == (
        "the book stands 10.00 % below its highest; at 20 % it is halted",
    )
    assert odd(replace(SEEN, worth=Unread("no bars")), within) == ()


def test_half_the_way_to_the_kill_switch_of_a_pilot_is_odd():
    """Its switch is a share of what its phase may use."""
    within = replace(WITHIN, policy=ruled(limits={"drawdown_max": "0.20"}))
    pilot = replace(SEEN, standing=replace(SEEN.standing, capital_fraction=Decimal("0.1")))

    assert odd(replace(pilot, worth=worth("-0.0099")), within) == ()
    assert odd(replace(pilot, worth=worth("-0.01")), within) == (
        "the book stands 1.00 % below its highest; at 2 % it is halted",
    )


def test_holdings_that_could_not_be_read_make_no_share_of_cash():
    """What is not known is not told."""
    unread = replace(SEEN, standing=standing(holdings=Unread("the database was away")))

    why = why_of(told(decision(BUY), seen=unread), WITHIN)

    assert why is not None
    assert why.changed == ("Opens AAA.", "Buys 200.00 and sells 0.00 GBP, at an expected cost of 1.50 GBP.")


def test_a_cap_that_the_target_names_is_not_told_twice():
    """The words of the target say which cap it was."""
    capped = Target((TargetWeight("AAA", D("0.1"), "rank 1; capped by limits.weight_max"),))

    why = why_of(told(proposal=proposal(BUY, target=capped)), WITHIN)

    assert why is not None
    assert why.weights[0].shaped_by == ("rank 1; capped by limits.weight_max",)


def test_what_is_left_alone_is_told_in_the_singular_and_the_plural():
    """One holding as it is, several as they are."""
    of_two = replace(SEEN, standing=standing(holdings=holdings({"BBB": "1", "CCC": "5"}, cash="1000")))

    why = why_of(told(decision(BUY), seen=of_two), WITHIN)

    assert why is not None
    assert why.changed[0] == "Opens AAA. Leaves BBB, CCC as they are."


def test_weights_are_told_without_a_ranking():
    """A run whose scores are gone, or whose gate was closed, still wants what its target says; nothing has a rank."""
    for scores in (None, ScoreSet(None, ())):
        why = why_of(told(decision(), scores=scores), WITHIN)

        assert why is not None
        assert (why.strategy, why.ranked, why.anomalies) == ("", 0, ())
        assert [(row.instrument, row.rank) for row in why.weights] == [
            (name, None) for name in ("AAA", "BBB", "CCC", "DDD")
        ]


def test_weights_alone_and_changes_alone_are_told():
    """Nothing odd: a hold tells what it keeps, and a trade without a target what it changes."""
    hold = why_of(told(decision(), scores=NO_GAPS), WITHIN)
    trade = why_of(told(decision(BUY), scores=None, proposal=proposal(BUY)), WITHIN)

    assert hold is not None
    assert trade is not None
    assert (hold.changed, len(hold.weights), hold.anomalies) == ((), 4, ())
    assert (len(trade.changed), trade.weights, trade.anomalies) == (3, (), ())
    assert why_of(told(decision(BUY), scores=None, proposal=None), WITHIN) is None


def test_a_purchase_of_what_is_held_adds_to_it():
    """It opens nothing; and as many as are held, bought, close nothing."""
    bought = why_of(told(decision(line("buy", "BBB", "10"))), WITHIN)

    assert bought is not None
    assert bought.changed[0] == "Adds to BBB. Leaves CCC, DDD as they are."


def test_a_sale_opens_nothing_though_nobody_knows_what_is_held():
    """The ticket says that something is reduced."""
    why = why_of(told(decision(TRIM, BUY), seen=replace(SEEN, standing=standing(holdings=Unread("away")))), WITHIN)

    assert why is not None
    assert why.changed[0] == "Opens AAA. Reduces BBB."
