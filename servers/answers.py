"""Answers: small typed models, the numbers as texts, long lists in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

from core.canonical import instant_text, plain_decimal
from servers.refusals import Code, Refused

T = TypeVar("T")
R = TypeVar("R")

# A decimal is a text: a number in JSON is a float to most who read it.
Number = Annotated[Decimal, PlainSerializer(plain_decimal, return_type=str)]
Instant = Annotated[datetime, PlainSerializer(instant_text, return_type=str)]

# Lengths and counts are such that what a writing tool answers always fits.
WORDS_LENGTH_MAX = 200
WORDS_MAX = 3


class Answer(BaseModel):
    """What a tool gives: facts that were stored or computed, never advice."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paging(Answer):
    """Which page this is, of how many, and how many rows there are in all."""

    page: int
    pages: int
    rows: int


def paged(items: Sequence[T], page: int, size: int) -> tuple[Sequence[T], Paging]:
    """Give one page of a list; raises Refused when there is no such page. An empty list has one empty page."""
    pages = max(1, -(-len(items) // size))
    if page > pages:
        raise Refused(
            Code.NO_SUCH_PAGE,
            f"there are {pages} pages of {size} rows",
            limit=str(pages),
            value=str(page),
            would_pass=f"a page from 1 to {pages}",
        )
    return items[(page - 1) * size : page * size], Paging(page=page, pages=pages, rows=len(items))


def first_of(items: Iterable[T], count: int, shape: Callable[[T], R]) -> tuple[R, ...]:
    """Give the first items of a list in their shape."""
    return tuple(shape(item) for _, item in zip(range(count), items, strict=False))


def words(messages: Sequence[str]) -> tuple[str, ...]:
    """Give the first messages, each cut to a length that is read, and say how many more there were."""
    shown = tuple(message[:WORDS_LENGTH_MAX] for message in messages[:WORDS_MAX])
    more = len(messages) - WORDS_MAX
    return (*shown, f"and {more} more") if more > 0 else shown
