"""Numbers as brokers write them: read in one way only, or not at all."""

from __future__ import annotations

import re
from decimal import Decimal

# As wide as the ledger's own numbers; what is wider is no amount of money.
_PLAIN = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_BODY = re.compile(r"(?P<minus>-?)(?P<symbol>[$€£]?)(?P<rest>[0-9].*)")
# Zero begins no group of thousands: 0,039 is no whole number.
_GROUPED = {
    ".": re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?"),
    ",": re.compile(r"[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]+)?"),
}
_SPACED = re.compile("[1-9][0-9]{0,2}([ \u00a0\u202f][0-9]{3})+([.,][0-9]+)?")
_SPACES = str.maketrans("", "", " \u00a0\u202f")
UNKNOWN = ""


def decimal_of(text: str, mark: str = ".") -> Decimal:
    """Read a number exactly; `mark` is what stands before its decimals: a point, a comma, or UNKNOWN.

    Where it is unknown 1,234 is refused, for it is 1234 in one country and 1.234 in another. Parentheses mean below zero.
    Raises ValueError.
    """
    found = readings(text, mark)
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(f"{text!r} is no number")
    raise ValueError(f"{text!r} may be {found[0]} or {found[1]}; which is meant the file does not say")


def readings(text: str, mark: str = UNKNOWN) -> tuple[Decimal, ...]:
    """Give every number that a text may mean: none, one, or two where a comma or a point may part thousands."""
    body, is_negative = text.strip(), False
    if body.startswith("(") and body.endswith(")"):
        body, is_negative = body[1:-1].strip(), True
    found = _BODY.fullmatch(body)
    if found is None or (is_negative and found["minus"]):
        return ()
    rest = found["rest"]
    if _SPACED.fullmatch(rest):
        rest = rest.translate(_SPACES)
    forms = (_plain(rest, one) for one in ((mark,) if mark else (".", ",")))
    sign = -1 if is_negative or found["minus"] else 1
    return tuple(dict.fromkeys(sign * Decimal(form) for form in forms if form))


def _plain(rest: str, mark: str) -> str:
    """Give an unsigned text with a point before its decimals and no other mark; empty where it cannot mean a number."""
    other = "," if mark == "." else "."
    if other in rest and not _GROUPED[mark].fullmatch(rest):
        return ""
    plain = rest.replace(other, "").replace(mark, ".")
    return plain if _PLAIN.fullmatch(plain) else ""
