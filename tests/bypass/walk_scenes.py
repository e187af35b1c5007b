"""The scenes of a hostile walk: short stories with an order, played between moves that have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.bypass.walk_faults import ALL_INSTRUMENTS, FORGERIES, SPOILERS

# A step of a scene: a tool or an act with its arguments, in which {day} stands for the day that it is when it is
# played, and {tomorrow} for the one after it.
Step = tuple[str, dict[str, Any]]

RUN, _R2, TICKET = {"run_id": "RUN-{day}-r1"}, {"run_id": "RUN-{day}-r2"}, {"ticket_id": "TICKET-{day}"}
MAIN = {"book": "main"}
SCORED: Step = ("quant.run_scoring", MAIN)
PROPOSED: Step = ("riskguard.build_target_portfolio", RUN)
DECIDED: Step = ("riskguard.approve_trades", RUN)
ISSUED: Step = ("ticketing.render_ticket_md", RUN)
SENT: Step = ("ticketing.send_ticket", TICKET)
RECEIVED: Step = ("ticketing.receive_confirmation", TICKET)
POSTED: Step = ("ledger.write_fills", TICKET)
OPEN_AGAIN: tuple[Step, ...] = (("mend", {}), ("restore policy", MAIN), ("edit universe", {"how": "as shipped"}))
WAY: tuple[Step, ...] = (SCORED, PROPOSED, DECIDED, ISSUED, SENT, RECEIVED, POSTED)
# The second revision of a day, as a revision cut short leaves it to be done.
SECOND: tuple[Step, ...] = (
    *(SCORED, ("riskguard.build_target_portfolio", _R2), ("riskguard.approve_trades", _R2)),
    *(("ticketing.render_ticket_md", _R2), SENT),
)
NIGHT: Step = ("night", {})
ALL = list(range(1, 61))


def answered(how: str) -> Step:
    """Give the step in which a person answers every line of the day's ticket."""
    return "confirm", {**TICKET, "lines": ALL, "how": how}


# What people do before the night: they answer, settle, compare, resume, and put everything right.
EVENING: tuple[Step, ...] = (
    *(*OPEN_AGAIN, ("change window", MAIN)),
    *(answered("as decided"), ("resume", {"scope": "*"}), ("resume", {"scope": "main"})),
)
# And in the morning, before the slot: a paper venue fills what it was asked for, and the books are compared.
MORNING: tuple[Step, ...] = (("settle", MAIN), ("snapshot", {**MAIN, "is_off": False}))


def overnight(rng: Random) -> list[Step]:
    """Give what people do before a night and after it; now and then they forget some of it."""
    kept = [[step for step in steps if rng.random() < 0.9] for steps in (EVENING, MORNING)]
    return [*kept[0], NIGHT, *kept[1]]


@dataclass
class Deck:
    """Every scene in an order of its own, dealt one by one and shuffled again when all were played."""

    rng: Random
    left: list[tuple[Step, ...]] = field(default_factory=list)

    def dealt(self) -> list[Step]:
        """Deal a scene for the day."""
        if not self.left:
            self.left = list(every_scene())
            self.left += [scene for count, scene in SCENES.values() for _ in range(count - 1)]
            self.rng.shuffle(self.left)
        return list(self.left.pop())


def every_scene() -> Iterator[tuple[Step, ...]]:
    """Give every scene once."""
    yield from (scene for _, scene in SCENES.values())
    yield from ((forged(how), *WAY[1:5]) for how in FORGERIES)
    yield from ((spoilt(what), *WAY[:5], ("mend", {}), *WAY) for what in SPOILERS)
    yield from ((SCORED, PROPOSED, spoilt(what), DECIDED, ("mend", {}), *WAY) for what in SPOILERS)
    yield from ((SCORED, PROPOSED, *edits(*keys), DECIDED, ISSUED, SENT) for keys in TIGHTENED)
    yield from ((*edits(*keys), forged(how), *WAY[1:5]) for keys, how in FORGED_UNDER)
    yield from ((*first, forged("ten times"), *WAY[1:5]) for first in FORGED_AFTER)


def forged(how: str) -> Step:
    """Give the step in which a proposal that nobody planned stands in the honest one's place."""
    return "forge", {**MAIN, **RUN, "how": how}


def spoilt(what: str) -> Step:
    """Give the step in which something of the workspace breaks."""
    return "spoil", {"what": what}


def edits(*keys: tuple[str, str]) -> list[Step]:
    """Give the edits of a policy, and the word that a frozen book may change; where nothing is frozen it is refused."""
    steps: list[Step] = [("edit policy", {**MAIN, "key": key, "value": value}) for key, value in keys]
    return [*steps, ("change window", MAIN)]


# What a person may tighten between the proposal and the decision: the one that was proposed is too much then.
TIGHTENED: tuple[tuple[tuple[str, str], ...], ...] = (
    (("positions_max", "1"), ("weight_max", "0.05")),
    (("weight_max", "0.001"),),
    (("cash_buffer_min", "0.95"),),
    (("turnover_max", "0.001"),),
    (("order_value_min", "4000"),),
    (("order_value_max", "26"),),
    (("trades_max", "1"),),
    (("value_traded_share_max", "0.0000001"),),
    (("sector_weight_max", "0.001"),),
    (("correlation_max", "0"), ("cluster_weight_max", "0.001")),
    (("price_move_max", "0.00001"),),
    (("losing_sessions_max", "1"), ("cooldown_sessions", "30")),
    (("daily_loss_max", "0.000001"),),
    (("drawdown_max", "0.000001"),),
    (("no_buy", ALL_INSTRUMENTS),),
    (("quantity_step", "1000"),),
    (("coverage_min", "1.0"),),
    (("fx_age_days_max", "0"),),
    (("market_volume_min", "1"),),
    (("required_every_days", "0"),),
)
# Under a policy so tight that what is forged is too much of one thing, however it was counted.
FORGED_UNDER: tuple[tuple[tuple[tuple[str, str], ...], str], ...] = (
    ((("buys_from", "settled"),), "ten times"),
    ((("phase_a", "0.05"), ("phase_b", "0.05"), ("phase_c", "0.05")), "ten times"),
    ((("sector_weight_max", "0.2"),), "ten times"),
    ((("correlation_max", "0"), ("cluster_weight_max", "0.3")), "ten times"),
    ((("price_move_max", "0.0001"),), "honest"),
    ((("losing_sessions_max", "1"), ("cooldown_sessions", "30")), "ten times"),
    ((("trades_max", "1"),), "twice"),
    ((("no_buy", "[SPY]"),), "index"),
    ((("value_traded_share_max", "0.0001"),), "ten times"),
)
FORGED_AFTER: tuple[tuple[Step, ...], ...] = (
    (("spoil", {"what": "desk gross"}),),
    (("spoil", {"what": "desk weight"}),),
    (("phase", {**MAIN, "name": "0"}),),
)
LATER: Step = ("wait", {"minutes": 600})
SCENES: dict[str, tuple[int, tuple[Step, ...]]] = {
    "an honest day": (10, WAY),
    "the operator's day": (3, (("run", MAIN), SENT)),
    "the key is gone": (1, (SCORED, PROPOSED, ("spoil", {"what": "key missing"}), DECIDED, ISSUED, ("mend", {}), *WAY)),
    "a key of no use": (1, (SCORED, PROPOSED, ("spoil", {"what": "key garbled"}), DECIDED, ("mend", {}), *WAY)),
    "bars gone in between": (
        2,
        (
            ("spoil", {"what": "clean set spoilt"}),
            ("market_data.data_quality_report", MAIN),
            SCORED,
            ("mend", {}),
            *WAY,
        ),
    ),
    "halted in between": (
        2,
        (
            SCORED,
            PROPOSED,
            DECIDED,
            ISSUED,
            ("halt", {"scope": "main", "reason": "a test"}),
            SENT,
            ("resume", {"scope": "main"}),
            SENT,
        ),
    ),
    "halted before the ticket": (
        1,
        (SCORED, PROPOSED, DECIDED, ("halt", {"scope": "*", "reason": "a test"}), ISSUED, SENT),
    ),
    "the cash moved": (
        2,
        (SCORED, PROPOSED, DECIDED, ("cash", {**MAIN, "key": "c-{day}", "amount": "250"}), ISSUED, SENT),
    ),
    "the policy moved": (
        2,
        (SCORED, PROPOSED, ("edit policy", {**MAIN, "key": "turnover_max", "value": "0.2"}), DECIDED, ISSUED, SENT),
    ),
    "the policy moved late": (
        1,
        (SCORED, PROPOSED, DECIDED, ("edit policy", {**MAIN, "key": "tiny_delta", "value": "0.1"}), ISSUED),
    ),
    "the phase moved": (
        1,
        (SCORED, PROPOSED, DECIDED, ("phase", {**MAIN, "name": "B"}), ISSUED, SENT, ("phase", {**MAIN, "name": "C"})),
    ),
    "too late to send": (2, (SCORED, PROPOSED, DECIDED, ISSUED, LATER, SENT)),
    "too late to sign": (1, (SCORED, PROPOSED, LATER, DECIDED, ISSUED)),
    "too late to issue": (1, (SCORED, PROPOSED, DECIDED, LATER, ISSUED)),
    "answered late": (2, (*WAY[:5], LATER, ("wait", {"minutes": 2000}), answered("as decided"), RECEIVED, POSTED)),
    "answered in part": (2, (*WAY[:5], answered("half"), RECEIVED, POSTED, answered("as decided"), POSTED)),
    "a revision": (2, (*WAY[:5], ("revise", {**MAIN, "reason": "a test", "is_cut_short": False}), SENT, POSTED)),
    "a revision cut short": (
        2,
        (
            *WAY[:4],
            ("revise", {**MAIN, "reason": "a test", "is_cut_short": True}),
            SENT,
            *SECOND,
        ),
    ),
    "a run left open": (1, (("open run", MAIN), PROPOSED, DECIDED, ISSUED, SCORED)),
    "nothing in between": (1, (SCORED, DECIDED, ISSUED, PROPOSED, ISSUED, DECIDED)),
    "no instrument of ours": (
        1,
        (
            ("edit universe", {"how": "a coin"}),
            (
                "market_data.get_prices",
                {**MAIN, "first": "2024-06-03", "last": "2024-06-07", "instruments": ["BTC-USD", "SPY"]},
            ),
            *OPEN_AGAIN,
        ),
    ),
    "long names": (1, (("edit universe", {"how": "long names"}), ("market_data.list_universe", MAIN), *OPEN_AGAIN)),
    "held, and gone from the universe": (1, (("edit universe", {"how": "fewer"}), *WAY[:5], *OPEN_AGAIN)),
    "a fall": (2, (("edit policy", {**MAIN, "key": "drawdown_max", "value": "0.0001"}), *WAY[:5])),
    "an old rate": (1, (("edit policy", {**MAIN, "key": "fx_age_days_max", "value": "0"}), *WAY[:5])),
    "a job that ends": (
        1,
        (
            ("quant.run_backtest", {**MAIN, "first": "2024-03-01", "last": "2024-05-31", "mode": "flow"}),
            ("finish job", {}),
            ("end job", {}),
        ),
    ),
    "another tongue": (
        1,
        (
            ("spoil", {"what": "policy unreadable"}),
            SCORED,
            ("riskguard.halt_trading", {**MAIN, "reason_code": "AGENT_UNSURE"}),
            ("mend", {}),
        ),
    ),
    "only as a CFD": (1, (SCORED, PROPOSED, ("edit universe", {"how": "cfd only"}), DECIDED, ISSUED, *OPEN_AGAIN)),
    "the index only as a CFD": (
        1,
        (("edit universe", {"how": "the index only as a CFD"}), forged("index"), *WAY[1:5]),
    ),
    "gone from the universe": (
        1,
        (SCORED, PROPOSED, ("edit universe", {"how": "fewer"}), DECIDED, ISSUED, *OPEN_AGAIN),
    ),
    "twice in two days": (2, (*WAY[:5], ("night", {}), forged("ten times"), *WAY[1:5])),
    "a stranger": (
        1,
        (("market_data.get_prices", {**MAIN, "first": "2024-06-03", "last": "2024-06-07", "instruments": ["ZZZZ"]}),),
    ),
    "a head that never was": (1, (("spoil", {"what": "heads"}), SCORED, PROPOSED, DECIDED, ISSUED, ("mend", {}))),
}
