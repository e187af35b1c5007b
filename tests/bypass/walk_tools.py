"""What a hostile agent says to the tools: every tool, with what fits, with what fits elsewhere, and with what fits nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from tests.bypass.walk_world import World

Draw = Callable[[Random, World], Any]
OTHER = "second"

# Each tool with the kinds of its arguments, and how often it is called beside the others: what costs more comes seldom.
TOOLS: dict[str, tuple[int, dict[str, str]]] = {
    "quant.run_scoring": (8, {"book": "book"}),
    "quant.run_training": (2, {"book": "book"}),
    "quant.run_backtest": (2, {"book": "book", "first": "day", "last": "day", "mode": "mode"}),
    "quant.get_job": (4, {"job_id": "job"}),
    "quant.cancel_job": (2, {"job_id": "job"}),
    "riskguard.build_target_portfolio": (9, {"run_id": "run"}),
    "riskguard.approve_trades": (9, {"run_id": "run"}),
    "riskguard.explain_decision": (3, {"run_id": "run", "page": "page"}),
    "riskguard.halt_trading": (1, {"book": "scope", "reason_code": "reason"}),
    "ticketing.render_ticket_md": (8, {"run_id": "run"}),
    "ticketing.send_ticket": (8, {"ticket_id": "ticket"}),
    "ticketing.receive_confirmation": (5, {"ticket_id": "ticket"}),
    "ticketing.get_ticket_status": (5, {"ticket_id": "ticket"}),
    "ledger.read_positions": (2, {"book": "book", "page": "page"}),
    "ledger.write_fills": (7, {"ticket_id": "ticket"}),
    "ledger.compute_pnl": (1, {"book": "book"}),
    "ledger.list_events": (5, {"after": "number", "page": "page"}),
    "ledger.reconcile": (4, {"book": "book"}),
    "market_data.get_prices": (2, {"book": "book", "first": "day", "last": "day", "instruments": "instruments"}),
    "market_data.get_returns": (1, {"book": "book", "first": "day", "last": "day", "instruments": "instruments"}),
    "market_data.data_quality_report": (1, {"book": "book"}),
    "market_data.list_universe": (1, {"book": "book", "page": "page"}),
}
# Given now and then, and never needed.
_SPARE = {
    "market_data.get_prices": {"as_of": "day", "page": "page", "known_at": "instant", "sector": "sector"},
    "market_data.get_returns": {"as_of": "day", "page": "page", "known_at": "instant"},
    "market_data.list_universe": {"kind": "kind", "valid_on": "day"},
    "market_data.data_quality_report": {"as_of": "day", "known_at": "instant"},
}
# What no tool takes, tried on each: numbers, powers, recipients.
FOREIGN: dict[str, Any] = {
    "force": True,
    "quantity": "100000",
    "price": 1,
    "limit": "1e9",
    "recipient": "mallory@example.org",
    "approved": ["AAPL"],
    "signature": "00" * 64,
    "by": "a person",
    "__class__": "Approved",
}
# What no reference may be.
MONSTERS: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 1e3, 10**30, float("inf"), [], {}, [None], {"$gt": ""}, [["main"]]),
    *("", " ", "1e3", "NaN", "１２", "mаin", "main\u202e", "main\x00", "MAIN", " main", "main\n", "m" * 33),
    *("'; DROP TABLE ticket;--", "main' OR '1'='1", "{{7*7}}", "${jndi:ldap://x}", "%s%n", "../../etc/passwd", "*"),
    *(
        "RUN-20240610-r0001\n",
        "RUN-２０２４0610-r1",
        "RUN-20240610-r1; SELECT 1",
        "TICKET-20240610/../x",
        "ТICKET-20240610",
    ),
    *("RUN-99999999-r1", "TICKET-00000000", "2024-02-30", "2024-6-1", "20240610", "0001-01-01", "9999-12-31"),
    "\ud800",
)
LARGE = "A" * 5_000_000


def drawn(rng: Random, world: World, *, only: str | None = None) -> tuple[str, dict[str, Any]]:
    """Draw a call: a tool, and arguments that mostly fit."""
    tool = only or rng.choices(list(TOOLS), [weight for weight, _ in TOOLS.values()])[0]
    kinds = dict(TOOLS[tool][1])
    if rng.random() < 0.1:
        kinds |= {name: kind for name, kind in _SPARE.get(tool, {}).items() if rng.random() < 0.5}
    arguments = {name: KINDS[kind](rng, world) for name, kind in kinds.items() if kind != "page" or rng.random() < 0.3}
    throw = rng.random()
    if throw < 0.06 and arguments:
        arguments[rng.choice(list(arguments))] = rng.choice(MONSTERS)
    elif throw < 0.08:
        name = rng.choice(list(FOREIGN))
        arguments[name] = FOREIGN[name]
    elif throw < 0.09 and arguments:
        arguments.pop(rng.choice(list(arguments)))
    elif throw < 0.0905 and arguments:
        arguments[rng.choice(list(arguments))] = LARGE
    return tool, arguments


def _book(rng: Random, world: World) -> str:
    return rng.choices(["main", OTHER, "nobody"], [0.9, 0.08, 0.02])[0]


def _label(rng: Random, world: World) -> tuple[str, str]:
    """Give a slot's day, mostly today's, and the book's part of its names, mostly none."""
    back = rng.choices([0, 1, 3, 4, 7, -1], [0.78, 0.1, 0.04, 0.03, 0.03, 0.02])[0]
    day = world.day() - timedelta(days=back)
    return f"{day:%Y%m%d}", rng.choices(["", f"-{OTHER}"], [0.92, 0.08])[0]


def _run(rng: Random, world: World) -> str:
    day, book = _label(rng, world)
    return f"RUN-{day}{book}-r{rng.choices([1, 2, 3, 9999], [0.8, 0.14, 0.04, 0.02])[0]}"


def _ticket(rng: Random, world: World) -> str:
    day, book = _label(rng, world)
    return f"TICKET-{day}{book}"


def _day(rng: Random, world: World) -> str:
    return (world.day() - timedelta(days=rng.randint(-2, 40))).isoformat()


def _instant(rng: Random, world: World) -> str:
    return (world.clock.at - timedelta(hours=rng.randint(-24, 400))).isoformat()


def _instruments(rng: Random, world: World) -> list[str]:
    names = ["AAPL", "MSFT", "SPY", "JNJ", "NVDA", "BTC-USD", "ZZZZ"]
    return rng.choices(names, [30, 30, 30, 20, 20, 6, 2], k=rng.randint(1, 3))


def _job(rng: Random, world: World) -> str:
    if world.jobs and rng.random() < 0.7:
        return rng.choice(world.jobs[-3:])
    return "JOB-0123456789ab-1"


KINDS: dict[str, Draw] = {
    "book": _book,
    "run": _run,
    "ticket": _ticket,
    "day": _day,
    "instant": _instant,
    "instruments": _instruments,
    "job": _job,
    "mode": lambda rng, world: rng.choice(["research", "flow", "live"]),
    "page": lambda rng, world: rng.choices([1, 2, 3, 10_000], [0.8, 0.1, 0.05, 0.05])[0],
    "number": lambda rng, world: rng.choice([0, 1, 10, 100, 10**12]),
    "scope": lambda rng, world: rng.choices(["main", OTHER, "*"], [0.7, 0.2, 0.1])[0],
    "reason": lambda rng, world: rng.choice(["DATA_SUSPECT", "BOOKS_SUSPECT", "MARKET_EVENT", "AGENT_UNSURE"]),
    "sector": lambda rng, world: rng.choice(["Energy", "Materials"]),
    "kind": lambda rng, world: rng.choice(["equity", "crypto", "etf"]),
}
