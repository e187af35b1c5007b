"""The chapters of a hostile walk: every scene told in order, each in a kind of world in which it comes to what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bypass.walk_faults import FORGERIES
from tests.bypass.walk_scenes import (
    DECIDED,
    EVENING,
    ISSUED,
    LATER,
    MAIN,
    MORNING,
    NIGHT,
    OPEN_AGAIN,
    PROPOSED,
    RECEIVED,
    SCORED,
    SECOND,
    SENT,
    WAY,
    Step,
    answered,
    edits,
    every_scene,
    forged,
    spoilt,
)

# A world has bars for so many days; after them nothing can be decided in it.
SCENES_A_WORLD = 13
OF_TOMORROW: Step = ("riskguard.approve_trades", {"run_id": "RUN-{tomorrow}-r1"})
A_MINUTE: Step = ("wait", {"minutes": 1})
TO_TICKET, TO_SENT = WAY[:4], WAY[:5]
JOB: Step = ("quant.run_backtest", {**MAIN, "first": "2024-03-01", "last": "2024-05-31", "mode": "flow"})
OTHER_JOB: Step = ("quant.run_backtest", {**MAIN, "first": "2024-04-01", "last": "2024-05-31", "mode": "flow"})
PRICES = {**MAIN, "first": "2024-06-03", "last": "2024-06-07"}


def cash(key: str, amount: str, *, is_cut_short: bool = False) -> Step:
    """Give the step in which a person moves cash; cut short, it is kept and not posted."""
    return "cash", {**MAIN, "key": f"{key}-{{day}}", "amount": amount, "is_cut_short": is_cut_short}


def told_wrongly() -> Iterator[Step]:
    """Give calls of what is not there, a step each."""
    yield "quant.run_scoring", {"book": 5}
    yield "quant.run_scoring", {"book": "nobody"}
    yield "riskguard.approve_trades", {"run_id": "RUN-20200101-r1"}
    yield "ticketing.send_ticket", {"ticket_id": "TICKET-20200101"}
    yield "quant.get_job", {"job_id": "JOB-0123456789ab-1"}
    yield "market_data.get_prices", {**PRICES, "instruments": ["ZZZZ"]}
    yield "market_data.list_universe", {**MAIN, "page": 10_000}
    yield "quant.run_training", MAIN


# What a paper book can come to. The first scenes build it, so that there is something to lose.
PAPER: tuple[tuple[Step, ...], ...] = (
    (*told_wrongly(), ("riskguard.approve_trades", {"run_id": "RUN-{day}-r1"}), *WAY),
    (SCORED, DECIDED, ISSUED, PROPOSED, DECIDED, ISSUED, SENT),
    (("open run", MAIN), PROPOSED, DECIDED, ISSUED, *TO_SENT),
    (*edits(("daily_loss_max", "0.000001")), *TO_SENT),
    (*edits(("drawdown_max", "0.000001")), *TO_SENT),
    (*edits(("daily_loss_max", "0.000001")), *TO_SENT),
    (*edits(("losing_sessions_max", "1"), ("cooldown_sessions", "30")), forged("ten times"), *TO_SENT),
    (*edits(("lookback_sessions", "500")), *TO_SENT),
    (*edits(("jump_max", "1.0001"), ("news_jump_max", "1.0001")), *TO_SENT),
    (*edits(("jump_max", "1.05"), ("news_jump_max", "1.05"), ("excluded_max", "1")), *TO_SENT),
    (JOB, OTHER_JOB, ("finish job", {}), ("end job", {}), *TO_SENT),
)
# What comes between the steps of a day: too late, set back, halted, moved.
BETWEEN: tuple[tuple[Step, ...], ...] = (
    (SCORED, PROPOSED, DECIDED, ("edit universe", {"how": "fewer"}), ISSUED, SENT),
    (SCORED, PROPOSED, DECIDED, ("wait", {"minutes": -60}), ISSUED, SENT),
    (SCORED, PROPOSED, DECIDED, spoilt("public key missing"), ISSUED, SENT),
    (SCORED, PROPOSED, DECIDED, LATER, ISSUED, SENT),
    (SCORED, PROPOSED, ("wait", {"minutes": -1440}), SCORED, OF_TOMORROW, ("wait", {"minutes": 1440}), ISSUED),
    (SCORED, PROPOSED, ("night", {}), SCORED, *TO_SENT, ("wait", {"minutes": -2000}), SCORED),
    (SCORED, PROPOSED, spoilt("clean set spoilt"), DECIDED, ISSUED),
    (("weekend", {}), SCORED, ("market_data.get_prices", {**PRICES, "instruments": ["SPY"]})),
    (*TO_SENT, ("night", {}), ("quant.run_scoring", MAIN)),
)
HALTS: tuple[tuple[Step, ...], ...] = (
    (("halt", {"scope": "*", "reason": "a test"}), *TO_SENT),
    (SCORED, PROPOSED, DECIDED, ("halt", {"scope": "*", "reason": "a test"}), ISSUED),
    (*TO_TICKET, ("halt", {"scope": "main", "reason": "a test"}), SENT),
    (("halt", {"scope": "main", "reason": "a test"}), *TO_SENT),
    (SCORED, PROPOSED, ("riskguard.halt_trading", {**MAIN, "reason_code": "DATA_SUSPECT"}), DECIDED, ISSUED),
    (*TO_TICKET, LATER, SENT),
    (*TO_TICKET, ("revise", {**MAIN, "reason": "a test", "is_cut_short": True}), SENT, *SECOND),
    (*WAY[:2], cash("between", "250"), DECIDED, ISSUED),
    (("open run", MAIN), NIGHT, ("run", MAIN), SENT),
)
# What people are refused, each for its own reason, and then the day as it should be.
REFUSED: tuple[tuple[Step, ...], ...] = (
    (
        *(cash("no number", "NaN"), answered("as decided"), ("snapshot", {**MAIN, "is_off": False})),
        *(("revise", {**MAIN, "reason": "a test", "is_cut_short": False}), ("replay", {"run_id": "RUN-20200101-r1"})),
        *(spoilt("key missing"), ("run", MAIN), ("mend", {})),
        *(spoilt("policy unreadable"), ("run", MAIN), ("mend", {})),
        *(("edit universe", {"how": "no sense"}), ("run", MAIN), *OPEN_AGAIN),
        *(("edit policy", {**MAIN, "key": "account", "value": "nobody"}), ("run", MAIN), *OPEN_AGAIN),
        *(spoilt("heads unreadable"), ("halt", {"scope": "main", "reason": "a test"}), ("mend", {})),
        *(("resume", {"scope": "main"}), ("run", MAIN)),
    ),
)
# What needs a person who trades: money, answers, snapshots.
MANUAL: tuple[tuple[Step, ...], ...] = (
    (("ledger.reconcile", MAIN), cash("all", "-10000"), *TO_SENT, cash("back", "10000")),
    (SCORED, PROPOSED, DECIDED, cash("moved", "250"), ISSUED),
    (*TO_TICKET, ("ledger.write_fills", {"ticket_id": "TICKET-{day}"}), SENT),
    (cash("kept", "300", is_cut_short=True), *TO_SENT),
    (SCORED, PROPOSED, DECIDED, cash("late", "300", is_cut_short=True), ISSUED),
    (SCORED, PROPOSED, DECIDED, A_MINUTE, ("snapshot", {**MAIN, "is_off": True}), ISSUED),
    (A_MINUTE, ("snapshot", {**MAIN, "is_off": True}), *TO_SENT),
    (SCORED, PROPOSED, DECIDED, ("phase", {**MAIN, "name": "B"}), ISSUED, ("phase", {**MAIN, "name": "C"})),
    (*TO_TICKET, NIGHT, *TO_TICKET),
)
FORGOTTEN: tuple[tuple[Step, ...], ...] = (
    (*TO_TICKET, answered("as decided"), SENT, RECEIVED, NIGHT, *TO_TICKET),
    (*WAY[:2], *[NIGHT] * 11, *TO_TICKET),
    (("edit policy", {**MAIN, "key": "turnover_max", "value": "0.2"}), *TO_TICKET),
    # By now it is the day of the split.
    (forged("pending"), *TO_TICKET),
)
LEARNER: tuple[tuple[Step, ...], ...] = (
    (("quant.run_training", MAIN), *TO_SENT),
    (spoilt("clean set spoilt"), ("quant.run_training", MAIN)),
)
BARE: tuple[tuple[Step, ...], ...] = ((("market_data.get_prices", {**PRICES, "instruments": ["SPY"]}), *TO_SENT),)
PILOT: tuple[tuple[Step, ...], ...] = (WAY, (forged("honest"), *TO_SENT))
TWO_BOOKS: tuple[tuple[Step, ...], ...] = (
    (("run", {"book": "second"}), spoilt("desk gross"), forged("honest"), *TO_SENT),
    (spoilt("desk weight"), forged("honest"), *TO_SENT),
)


def forgeries() -> Iterator[tuple[Step, ...]]:
    """Give every forgery, brought before the riskguard on a day of its own."""
    for how in FORGERIES:
        yield forged(how), *TO_SENT


def chapters() -> Iterator[tuple[str, Sequence[Step]]]:
    """Give every scene, as the steps of one world after another, with the kind of each world."""
    for kind, scenes in (
        *(
            ("paper", PAPER),
            ("paper", BETWEEN),
            ("paper", HALTS),
            ("paper", REFUSED),
            ("manual", MANUAL),
            ("manual", FORGOTTEN),
        ),
        *(("learner", LEARNER), ("bare", BARE), ("pilot", PILOT), ("two books", TWO_BOOKS)),
    ):
        yield kind, steps_of(scenes)
    for kind, scenes in (("manual", tuple(forgeries())), ("paper", tuple(every_scene()))):
        for at in range(0, len(scenes), SCENES_A_WORLD):
            yield kind, steps_of(scenes[at : at + SCENES_A_WORLD])


def steps_of(scenes: Sequence[tuple[Step, ...]]) -> list[Step]:
    """Give scenes one after another: after each an evening on which everything is put right, and the night."""
    return [step for scene in scenes for step in (*scene, *EVENING, NIGHT, *MORNING)]
