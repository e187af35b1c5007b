"""What the checking door is asked: accounts, a lot method, facts, prices, rates and a moment, strictly read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

# Wide enough for any account, narrow enough that no product of two loses a digit.
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")


class QuestionError(ValueError):
    """A question that cannot be answered as it stands; says which fact, which field, and what would be right."""


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ValueError(f'{value!r} is no decimal; write it as text, as "12.50", at most 12 decimals')
    return Decimal(value)


Number = Annotated[Decimal, BeforeValidator(_decimal)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Whole = Annotated[int, Field(gt=0, le=1_000_000)]
Days = Annotated[int, Field(ge=0, le=400)]
Method = Literal["FIFO", "LIFO", "HIFO", "AVERAGE", "SPECIFIC", "UK"]
Timing = Literal["start", "end", "mixed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(_Strict):
    """What every fact has: a key of its own, the day it counts from, and the instant we knew it."""

    key: Name
    effective: Day
    recorded: AwareDatetime
    seq: int = 0


class _OfAccount(Fact):
    account: Name


class Part(_Strict):
    """Units of one lot, named by the fact that made it."""

    lot: Name
    quantity: Positive


class _Quoted(_OfAccount):
    """What may be paid in another currency than the instrument's: that one, and the amount before the fee in it, too."""

    instrument: Name
    currency: Currency
    quote_currency: Currency | None = None
    quote_amount: NotNegative | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.quote_currency is None) != (self.quote_amount is None):
            raise ValueError(
                "give quote_currency and quote_amount, or neither: what is paid in the instrument's own currency"
            )
        return self

    @property
    def quote(self) -> str:
        """The currency of the instrument."""
        return self.quote_currency or self.currency


class _Trade(_Quoted):
    quantity: Positive
    price: NotNegative | None = None
    amount: NotNegative | None = None
    fee: NotNegative = Decimal(0)

    @model_validator(mode="after")
    def _one_price(self) -> _Trade:
        if (self.price is None) == (self.amount is None):
            raise ValueError("give the price of a unit or the amount before the fee, one of the two")
        return self

    @property
    def consideration(self) -> Decimal:
        """The amount before the fee."""
        return self.amount if self.amount is not None else self.quantity * (self.price or Decimal(0))


class Buy(_Trade):
    """Units bought; the fee belongs to their cost."""

    kind: Literal["BUY"]


class Sell(_Trade):
    """Units sold; the fee lowers what they gave. `lots` names them under the method SPECIFIC."""

    kind: Literal["SELL"]
    lots: tuple[Part, ...] = ()


class CashInLieu(_Quoted):
    """Cash for the fraction that a split or a spin-off left: a sale of all units above those kept."""

    kind: Literal["CASH_IN_LIEU"]
    kept: NotNegative
    amount: NotNegative


class Deposit(_OfAccount):
    """Cash paid in from outside."""

    kind: Literal["DEPOSIT"]
    currency: Currency
    amount: Positive


class Withdraw(_OfAccount):
    """Cash taken out."""

    kind: Literal["WITHDRAW"]
    currency: Currency
    amount: Positive


class Transfer(_OfAccount):
    """Cash, or units in kind, from one own account to another."""

    kind: Literal["TRANSFER"]
    to: Name
    currency: Currency | None = None
    amount: Positive | None = None
    instrument: Name | None = None
    quantity: Positive | None = None
    lots: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _cash_or_units(self) -> Transfer:
        cash, units = (self.currency, self.amount), (self.instrument, self.quantity)
        if (None in cash) == (None in units) or (any(cash) and any(units)):
            raise ValueError("give currency and amount, or instrument and quantity")
        if self.to == self.account:
            raise ValueError(f"to was {self.to!r}, the account that it comes from; name another account")
        return self


class Dividend(_OfAccount):
    """A dividend before tax, and the tax withheld from it."""

    kind: Literal["DIVIDEND"]
    instrument: Name
    currency: Currency
    amount: Positive
    withheld: NotNegative = Decimal(0)


class Interest(_OfAccount):
    """Interest on cash before tax (below zero: paid), and the tax withheld from it."""

    kind: Literal["INTEREST"]
    currency: Currency
    amount: Number
    withheld: Number = Decimal(0)


class ExcessIncome(_OfAccount):
    """Income that a fund reports and does not pay: it is income, and it adds to the cost of the units held."""

    kind: Literal["EXCESS_INCOME"]
    instrument: Name
    currency: Currency
    amount: Positive


class Fee(_OfAccount):
    """A fee that belongs to no trade."""

    kind: Literal["FEE"]
    currency: Currency
    amount: Positive


class Conversion(_OfAccount):
    """One currency exchanged for another; the fee is in the currency given."""

    kind: Literal["FX"]
    from_currency: Currency
    from_amount: Positive
    to_currency: Currency
    to_amount: Positive
    fee: NotNegative = Decimal(0)


class Opening(_OfAccount):
    """Units or cash held before the first fact, resting on a document (its SHA-256)."""

    kind: Literal["OPENING"]
    evidence: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    currency: Currency
    amount: Positive | None = None
    instrument: Name | None = None
    quantity: Positive | None = None
    cost: NotNegative | None = None
    acquired: Day | None = None

    @model_validator(mode="after")
    def _cash_or_units(self) -> Opening:
        units = (self.instrument, self.quantity, self.cost)
        if (self.amount is None) == (None in units) or (self.amount is not None and units != (None, None, None)):
            raise ValueError("give amount for cash, or instrument, quantity and cost for units")
        if self.acquired is not None and self.acquired > self.effective:
            raise ValueError(f"acquired was {self.acquired}, after effective {self.effective}; it must not be later")
        return self


class Split(Fact):
    """A split before the open of its day, in all accounts: `new` units for each `old`."""

    kind: Literal["SPLIT"]
    instrument: Name
    new: Whole
    old: Whole


class SpinOff(Fact):
    """A spin-off before the open: `new` units of the child for each `old` of the parent, and its share of the cost."""

    kind: Literal["SPIN_OFF"]
    instrument: Name
    child: Name
    new: Whole
    old: Whole
    cost_share: Annotated[Number, Field(ge=0, lt=1)]


class SymbolChange(Fact):
    """An instrument goes on under another name from the open of its day."""

    kind: Literal["SYMBOL_CHANGE"]
    instrument: Name
    to: Name


Ordinary = Annotated[
    Buy
    | Sell
    | CashInLieu
    | Deposit
    | Withdraw
    | Transfer
    | Dividend
    | Interest
    | ExcessIncome
    | Fee
    | Conversion
    | Opening
    | Split
    | SpinOff
    | SymbolChange,
    Field(discriminator="kind"),
]


class Correction(Fact):
    """A fact is taken back, and another may stand in its place; nothing is edited."""

    kind: Literal["CORRECTION"]
    reverses: Name
    reason: Name
    replacement: Ordinary | None = None


AnyFact = Annotated[Ordinary | Correction, Field(discriminator="kind")]


class Account(_Strict):
    """An account; what is not taxable stands outside the tax matching. A method of its own counts before the question's."""

    id: Name
    taxable: bool = True
    method: Literal["FIFO", "LIFO", "HIFO", "AVERAGE", "SPECIFIC"] | None = None


class Price(_Strict):
    """The raw close of one unit on a day."""

    date: Day
    instrument: Name
    price: NotNegative
    currency: Currency


class Rate(_Strict):
    """What one unit of a currency was worth in another on a day, and who says so."""

    date: Day
    from_currency: Currency
    to_currency: Currency
    rate: Positive
    source: Name


class Statement(_Strict):
    """What a broker says that an account holds at the end of `as_of`: every position and every balance."""

    account: Name
    units: dict[Name, Number]
    cash: dict[Currency, Number]


class Ask(_Strict):
    """The moment that is asked about, the base currency, and the conventions of the answer."""

    as_of: Day
    known_at: AwareDatetime
    base: Currency
    accounts: tuple[Name, ...] | None = None
    since: Day | None = None
    statements: tuple[Statement, ...] = ()
    price_days_max: Days = 7
    rate_days_max: Days = 7
    cash_tolerance: NotNegative = Decimal("0.01")
    flow_timing: Timing = "mixed"
    large_flow: NotNegative = Decimal("0.10")
    risk_free: Number = Decimal(0)
    periods_per_year: Whole = 252
    returns_min: Annotated[int, Field(ge=2, le=10_000)] = 20


class Question(_Strict):
    """One whole question to the ledger, resting on nothing outside itself."""

    accounts: Annotated[tuple[Account, ...], Field(min_length=1)]
    method: Method
    facts: tuple[AnyFact, ...]
    prices: tuple[Price, ...] = ()
    fx: tuple[Rate, ...] = ()
    ask: Ask


def read_question(text: str | bytes) -> Question:
    """Read a question; raises QuestionError with every fault, each with its fact, its field and what would be right."""
    try:
        question = Question.model_validate_json(text, strict=True)
    except ValidationError as error:
        raw = _raw(text)
        raise QuestionError("\n".join(_fault(one, raw) for one in error.errors(include_url=False))) from error
    _check_names(question)
    return question


def _check_names(question: Question) -> None:
    known = [one.id for one in question.accounts]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise QuestionError(f"accounts: {twice[0]!r} stands there twice; each account has an id of its own")
    for fact in [one for found in question.facts for one in (found, getattr(found, "replacement", None)) if one]:
        for field in ("account", "to"):
            name = getattr(fact, field, None)
            if isinstance(fact, SymbolChange) or name is None or name in known:
                continue
            raise QuestionError(f"fact {fact.key!r}, {field}: {name!r} is no account; accounts are {', '.join(known)}")
    asked = [*(question.ask.accounts or ()), *(one.account for one in question.ask.statements)]
    for name in asked:
        if name not in known:
            raise QuestionError(f"ask: {name!r} is no account; accounts are {', '.join(known)}")


def _raw(text: str | bytes) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None


def _fault(error: Mapping[str, Any], raw: Any) -> str:
    """Say one fault with the key of its fact, for a number in a list names nothing to a person."""
    path = [str(part) for part in error["loc"]]
    message = str(error["msg"]).removeprefix("Value error, ")
    said = f"; it was {error['input']!r}" if isinstance(error["input"], str | int | float | bool) else ""
    if path[:1] == ["facts"] and len(path) > 1 and isinstance(raw, dict):
        found = raw["facts"][int(path[1])]
        key = found.get("key") if isinstance(found, dict) else None
        rest = [part for part in path[2:] if not part.isupper()]
        return f"fact {key!r} (number {int(path[1]) + 1}), {'.'.join(rest) or 'the whole'}: {message}{said}"
    return f"{'.'.join(path) or 'the question'}: {message}{said}"
