"""Wording: how a rule says its numbers."""

from __future__ import annotations

from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.decision import Objection


def objection(code: str, limit: Decimal, value: Decimal, would_pass: str) -> Objection:
    """Give an objection whose limit and value are numbers."""
    return Objection(code, plain_decimal(limit), plain_decimal(value), would_pass)
