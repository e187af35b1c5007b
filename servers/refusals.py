"""Refusals: what a tool answers when it does not do what was asked, each with a code that never changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from pydantic import ValidationError

MESSAGE_LENGTH_MAX = 1_500
_PROBLEMS_MAX = 5


class Code(StrEnum):
    """Why a tool refused; agents go by these, so none is ever renamed."""

    BAD_ARGUMENT = "BAD_ARGUMENT"
    NO_SUCH_BOOK = "NO_SUCH_BOOK"
    NO_SUCH_RUN = "NO_SUCH_RUN"
    NO_SUCH_TICKET = "NO_SUCH_TICKET"
    NO_SUCH_JOB = "NO_SUCH_JOB"
    NO_SUCH_INSTRUMENT = "NO_SUCH_INSTRUMENT"
    OTHER_CALENDAR = "OTHER_CALENDAR"
    NO_SUCH_PAGE = "NO_SUCH_PAGE"
    NO_SLOT = "NO_SLOT"
    SLOT_PASSED = "SLOT_PASSED"
    NO_DATA = "NO_DATA"
    NO_SNAPSHOT = "NO_SNAPSHOT"
    NO_TRAINABLE_STRATEGY = "NO_TRAINABLE_STRATEGY"
    TOO_LITTLE_DATA = "TOO_LITTLE_DATA"
    JOB_IS_OVER = "JOB_IS_OVER"
    NOT_SCORED = "NOT_SCORED"
    NOT_PROPOSED = "NOT_PROPOSED"
    NOT_DECIDED = "NOT_DECIDED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    REFUSED = "REFUSED"
    HALTED = "HALTED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"
    BUSY = "BUSY"
    TOO_LARGE = "TOO_LARGE"
    CONFIGURATION = "CONFIGURATION"
    DATABASE = "DATABASE"
    DATA_UNREADABLE = "DATA_UNREADABLE"
    KEY = "KEY"
    INTERNAL = "INTERNAL"


class Refused(Exception):
    """A tool does not do what was asked: code and message, and where they apply the limit, the value, what would pass."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        limit: str | None = None,
        value: str | None = None,
        would_pass: str | None = None,
    ) -> None:
        """Keep the parts; a message too long to read is cut."""
        super().__init__(message)
        self.code = code
        self.facts = {
            "code": str(code),
            "message": message[:MESSAGE_LENGTH_MAX],
            **{
                name: text
                for name, text in (("limit", limit), ("value", value), ("would_pass", would_pass))
                if text is not None
            },
        }


# Named, not imported: what was raised was imported by whoever raised it, and a server starts without the rest.
EXPECTED: dict[str, Code] = {
    "flows.books:StoreError": Code.DATABASE,
    "adapters.postgres.embedded:ServerError": Code.DATABASE,
    "flows.ports:SourceError": Code.DATA_UNREADABLE,
    "flows.value:NothingToValue": Code.NO_DATA,
    "core.ledger.asked_of_books:BooksDiffer": Code.DATABASE,
    "core.settings_text:SettingsError": Code.CONFIGURATION,
    "core.universe_text:UniverseError": Code.CONFIGURATION,
    "adapters.files.workspace:WorkspaceError": Code.CONFIGURATION,
    "adapters.keys:KeyProblem": Code.KEY,
}


def expected_refusal(error: BaseException) -> Refused | None:
    """Give the refusal that an error of ours stands for, or None when nobody expected it."""
    for kind in type(error).__mro__:
        code = EXPECTED.get(f"{kind.__module__}:{kind.__qualname__}")
        if code is not None:
            return Refused(code, str(error))
    return None


def argument_refusal(error: ValidationError) -> Refused:
    """Say which arguments do not fit and what would; what was sent is not repeated."""
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'])[:80] or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f"; and {len(problems) - _PROBLEMS_MAX} more" if len(problems) > _PROBLEMS_MAX else ""
    return Refused(Code.BAD_ARGUMENT, "; ".join(problems[:_PROBLEMS_MAX]) + more)


@contextmanager
def refusing(kind: type[Exception], code: Code) -> Iterator[None]:
    """Turn one kind of error into a refusal with a code."""
    try:
        yield
    except kind as error:
        raise Refused(code, str(error)) from error
