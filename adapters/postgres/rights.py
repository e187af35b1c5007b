"""Rights: which role may add rows to which table; the one table that the GRANTs are made from."""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["desk", "market_data", "quant", "riskguard", "ticketing", "confirm", "ledger", "person", "reader"]
ROLES: Final[tuple[Role, ...]] = (
    "desk",
    "market_data",
    "quant",
    "riskguard",
    "ticketing",
    "confirm",
    "ledger",
    "person",
    "reader",
)
OWNER: Final = "owner"

# One writer a table. `event`, `run`, `revision` and `halt` have none: rows come through functions that record who called.
WRITERS: Final[dict[str, Role | None]] = {
    "event": None,
    "run": None,
    "revision": None,
    "halt": None,
    "config_version": "desk",
    "clean_snapshot": "desk",
    "venue_report": "desk",
    "account_snapshot": "desk",
    "score_set": "quant",
    "model": "quant",
    "trial": "quant",
    "job": "quant",
    "job_step": "quant",
    "proposal": "riskguard",
    "decision": "riskguard",
    "approval": "riskguard",
    "approval_line": "riskguard",
    "ticket": "ticketing",
    "ticket_line": "ticketing",
    "ticket_step": "ticketing",
    "delivery": "ticketing",
    "manifest": "ticketing",
    "confirmation": "confirm",
    "confirmation_line": "confirm",
    "entry": "ledger",
    "posting": "ledger",
    "reconciliation": "ledger",
    "cash_movement": "person",
    "statement_file": "person",
    "booked_fact": "person",
    "resume": "person",
    "peak_restart": "person",
    "acknowledged_loss": "person",
    "rollout_step": "person",
    "change_window": "person",
    "frozen_hash": "person",
    "attestation": "person",
    "config_restore": "person",
    "model_pin": "person",
    "verification": "person",
}

# Who may call which function: opening a run and halting are for every door that decides, revising a slot is a person's.
CALLERS: Final[dict[str, tuple[Role, ...]]] = {
    "open_run(text, text, text, integer, text)": ("desk", "quant"),
    "revise_run(text, text, text, integer, text, text, text)": ("person",),
    "halt_trading(text, text)": ("desk", "quant", "riskguard", "ticketing", "confirm", "ledger", "person"),
}

FILLED_BY_DATABASE: Final[frozenset[str]] = frozenset({"id", "event_seq", "recorded_at"})
