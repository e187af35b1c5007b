"""Answers: what a person writes about a line of a ticket, read strictly."""

from __future__ import annotations

import re
from decimal import Decimal

from core.canonical import plain_decimal
from core.domain.confirmation import Answer, Executed, NotExecuted, PartFill, executed_in_parts
from core.domain.ticket import Ticket, TicketLine

FORMS = (
    '"LINE filled price=P fee=F", "LINE partial quantity=Q price=P fee=F", or "LINE not executed: REASON"'
    " (fx=RATE may be added, the ticket's rate otherwise; where filled, quantity=Q too, the ticket's count otherwise: a buy"
    " that is set by its value needs it; several fills of a line stand with + between, each with its quantity:"
    ' "LINE filled quantity=Q price=P fee=F + quantity=Q price=P fee=F"; at the end note:'
    " WORDS, and acknowledged: WORDS where a fill outside the bounds truly happened)"
)
_ANSWER = re.compile(r"([1-9][0-9]{0,3}) +(filled|partial)((?: +(?:[a-z]+=\S+|\+))*) *(?:note: *(.{0,500}))?", re.ASCII)
# Between the fills of one line.
_PLUS = re.compile(r"(?<!\S)\+(?!\S)")
_REFUSED = re.compile(r"([1-9][0-9]{0,3}) +not executed: *(.{1,500})")
# A person's word for what is outside the bounds; it stands last.
_ACKNOWLEDGED = re.compile(r"(.*?) acknowledged: *(\S.{0,499})")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,8})?", re.ASCII)
# No answer is as long. Beyond it the patterns above would take minutes over a text of blanks.
_LENGTH_MAX = 2000


class AnswerError(ValueError):
    """An answer could not be read; says which, what was found, and what would be right."""


def parse_answer(text: str, ticket: Ticket) -> Answer:
    """Read one answer; raises AnswerError when it has none of the known forms or a number is not plain digits."""
    if len(text) > _LENGTH_MAX:
        raise AnswerError(f"the answer has {len(text)} characters, at most {_LENGTH_MAX} are read; write {FORMS}")
    refused = _REFUSED.fullmatch(text.strip())
    if refused:
        return NotExecuted(int(refused[1]), refused[2].strip())
    worded = _ACKNOWLEDGED.fullmatch(text.strip())
    found = _ANSWER.fullmatch(worded[1].rstrip() if worded else text.strip())
    if not found:
        raise AnswerError(f"{text.strip()[:80]!r} is no answer; write {FORMS}")
    number, is_partial = int(found[1]), found[2] == "partial"
    line = next((line for line in ticket.lines if line.line == number), None)
    if line is None:
        raise AnswerError(f"line {number} is not on {ticket.ticket_id}; it has lines 1 to {len(ticket.lines)}")
    told = _PLUS.split(found[3])
    is_several = len(told) > 1
    pieces = tuple(
        _piece(_fields(words, text, is_partial=is_partial or is_several), line, ticket.fx_rate) for words in told
    )
    note, acknowledged = (found[4] or "").strip(), worded[2].strip() if worded else ""
    if is_several:
        try:
            return executed_in_parts(number, pieces, is_partial=is_partial, note=note, acknowledged=acknowledged)
        except ValueError as error:
            raise AnswerError(f"{text.strip()[:80]!r}: {error}") from error
    one = pieces[0]
    return Executed(
        line=number,
        quantity=one.quantity,
        price=one.price,
        fee=one.fee,
        fx_rate=one.fx_rate,
        is_partial=is_partial,
        note=note,
        acknowledged=acknowledged,
    )


def _piece(fields: dict[str, Decimal], line: TicketLine, told: Decimal | None) -> PartFill:
    """Give one fill as it was written; the ticket's rate, and its count where units were ordered, if they are not said."""
    rate = fields.get("fx", told)
    if rate is None:
        raise AnswerError(f"line {line.line}: the ticket names no exchange rate; add fx=RATE")
    if line.is_by_value and "quantity" not in fields:
        raise AnswerError(
            f"line {line.line}: a buy that is set by its value gets as many units as its price gives, not the"
            f" {plain_decimal(line.quantity)} of the ticket; add quantity=Q, the units that the venue shows"
        )
    return PartFill(fields.get("quantity", line.quantity), fields["price"], fields["fee"], rate)


def _fields(words: str, text: str, *, is_partial: bool) -> dict[str, Decimal]:
    needed = {"price", "fee"} | ({"quantity"} if is_partial else set())
    fields: dict[str, Decimal] = {}
    for word in words.split():
        name, _, number = word.partition("=")
        if name in fields or name not in needed | {"quantity", "fx"}:
            raise AnswerError(f"{text.strip()[:80]!r}: {name!r} stands twice or does not belong; write {FORMS}")
        if not _NUMBER.fullmatch(number):
            raise AnswerError(
                f"{text.strip()[:80]!r}: {name} was {number!r}; write plain digits with a point, as 12.34"
            )
        fields[name] = Decimal(number)
    missing = sorted(needed - fields.keys())
    if missing:
        raise AnswerError(f"{text.strip()[:80]!r}: {', '.join(missing)} is missing; write {FORMS}")
    return fields
