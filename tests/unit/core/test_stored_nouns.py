"""Stored nouns: whatever is written as canonical text is read back as the same value, with the same hash."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.canonical import canonical_json, sha256_of
from core.domain.confirmation import Confirmation, Executed
from core.domain.decision import Approval, Decision, Mandate
from core.domain.facts import Seen
from core.domain.order import OrderLine, Proposal
from core.domain.scores import ScoreSet
from core.domain.slot import Run
from core.domain.ticket import Seal, Ticket
from core.domain.venue import AccountSnapshot, CashReport, ExecutionReport
from tests.unit.making import executed, line, ticket, ticket_line

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STORED = (
    AccountSnapshot,
    Approval,
    CashReport,
    Confirmation,
    Decision,
    Executed,
    ExecutionReport,
    Mandate,
    OrderLine,
    Proposal,
    Run,
    ScoreSet,
    Seal,
    Seen,
    Ticket,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    int: st.integers(),
    bool: st.booleans(),
    type(None): st.none(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=8) | st.just(Decimal("1.50")),
    date: st.dates(date(1970, 1, 1), date(2199, 12, 31)),
    datetime: st.integers(0, 2**52).map(lambda number: EPOCH + timedelta(microseconds=number)),
}


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Give a strategy for all values of a noun's type, its parts included."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in (Union, types.UnionType):
        return st.one_of(*(values_of(part) for part in parts))
    if origin is tuple and parts[-1] is ...:
        return st.lists(values_of(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values_of(part) for part in parts))
    assert is_dataclass(kind), f"{kind} is no part of a noun that is stored"
    parts_by_name: dict[str, Any] = {name: values_of(hint) for name, hint in get_type_hints(kind).items()}
    make: Any = kind
    return st.builds(make, **parts_by_name)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_a_noun_comes_back_from_its_text(kind, data):
    """For all values of the type: equal, with equal parts of equal types, and the same hash."""
    value = data.draw(values_of(kind))
    text = canonical_json(value)

    again = TypeAdapter(kind).validate_json(text)

    assert again == value
    assert canonical_json(again) == text
    assert sha256_of(again) == sha256_of(value)


@pytest.mark.parametrize(("kind", "value"), [(OrderLine, line("buy", "AAA", "1")), (Executed, executed(1, "1", "125"))])
def test_every_field_of_a_noun_moves_its_hash(kind, value):
    """No field is left out of the text."""
    text = canonical_json(value)

    assert all(f'"{field.name}":' in text for field in fields(kind))


@pytest.mark.parametrize("text", ["{}", "[]", '{"line":1}', "null", '{"line":"x","quantity":"1"}'])
def test_a_text_of_another_kind_is_refused(text):
    """What lacks a field, or is something else, is not read as a noun."""
    with pytest.raises(ValidationError):
        TypeAdapter(Executed).validate_json(text)


def test_a_number_that_is_none_is_refused_when_read():
    """A stored text that holds NaN was not written by us."""
    text = canonical_json(executed(1, "1", "125")).replace('"125"', '"NaN"')

    with pytest.raises(ValidationError):
        TypeAdapter(Executed).validate_json(text)


def test_a_ticket_keeps_its_hash_through_its_text():
    """What a person confirms is what was stored."""
    issued = ticket(ticket_line(1, "buy", "AAA", "9.9998"))

    again = TypeAdapter(Ticket).validate_json(canonical_json(issued))

    assert (again.hash, again.short_hash) == (issued.hash, issued.short_hash)
    assert len(again.short_hash) == 8
    assert again.hash.startswith(again.short_hash)
