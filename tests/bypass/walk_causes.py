"""Why a ticket says NO-TRADE: every cause that people, agents and mishaps can bring about, by the words of its reason.

Left out is what only a program in the middle of its own step could meet: a database that is gone between two reads of one
decision and back when it is kept, a stored gate that is neither open nor closed, a calendar that was computed anew. The unit
tests of the gates bring those about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CAUSES: dict[str, str] = {
    "the chain does not hold a head that was kept": r"audit: event \d+ is not the one",
    "the heads cannot be read": r"audit: could not be looked up",
    "a person halted the book": r"halt: halted \(main\): a test",
    "a person halted the desk": r"halt: halted \(\*\): a test",
    "an agent halted the book": r"halt: halted \(main\): DATA_SUSPECT",
    "the window is over": r"calendar: the execution window closed at",
    "the day has not come": r"calendar: by the clock .* has not come",
    "the policy is another than the run's": r"configuration: policy was \w+ when the run was opened",
    "the universe is another than the run's": r"configuration: universe was \w+ when the run was opened",
    "what is frozen changed": r"configuration: policy was \w+ when it was frozen",
    "nothing was ingested": r"data: could not be looked up: no market data was ingested",
    "the clean set is gone": r"data: could not be looked up: there is no clean set",
    "the bars are in doubt": r"data: (SPY fails the checks|left out: )",
    "the rate is too old": r"fx: the newest GBPUSD .* at most 0 are allowed",
    "there are no rates": r"fx: could not be looked up",
    "nobody answered": r"confirmations: \d+ unanswered",
    "nobody compared the books": r"reconciliation: never reconciled",
    "the comparison is old": r"reconciliation: last reconciled as of",
    "the venue holds something else": r"reconciliation: quantity \w+: our books hold",
    "the books lack what is known": r"reconciliation: the books lack",
    "there is no model": r"model: ",
    "nothing can be ranked": r"scores: 0 of \d+ instruments could be ranked",
    "a holding's bars are in doubt": r"marks: held \w+ is left out",
    "the kill switch fell": r"drawdown: drawdown is .* the kill switch is at",
    "the book lost too much in a day": r"daily_loss: the book lost",
    "there is nothing to invest": r"proposal: failed to run: equity was",
    "every line was refused": r"review: \w+ \S+: [A-Z_]+:",
    "the books moved after the proposal": r"review: the books moved from",
    "a line cannot be what anybody meant": r"ticket: line \d+",
    "the approval's policy moved": r"approval: policy hash moved",
    "the approval's universe moved": r"approval: universe hash moved",
    "the books moved after the approval": r"approval: ledger head moved",
    "the approval expired": r"approval: approval expired",
    "the approval is signed by a key that is not known": r"approval: approval signature does not verify",
    "the clock was set back": r"approval: the clock was set back",
    "something was known after the approval": r"approval: known after the approval",
    "the phase moved after the approval": r"approval: the rollout phase's share",
    "the venue holds something else, found after the approval": r"approval: found after the approval",
    "halted after the approval": r"approval: halted after the approval",
    "the run was abandoned": r"run not finished: ",
}
_WORDS = {name: re.compile(words) for name, words in CAUSES.items()}


def causes(reasons: Iterable[str]) -> set[str]:
    """Name the causes that a ticket's reasons give."""
    return {name for reason in reasons for name, words in _WORDS.items() if words.match(reason)}
